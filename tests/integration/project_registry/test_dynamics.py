"""Changes of the library: asked for by one, decided by another, done whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from kaigong.project_registry.v1 import project_registry_pb2 as pb

from support.registry import (
    CITY,
    CITY_HEAD,
    COMPANY,
    DANBEI,
    DANYANG,
    DANYANG_SECOND,
    JURONG,
    NAVIGATOR,
    OTHER_COMPANY,
    Client,
    described,
)

KIND = {
    name.removeprefix("PROJECT_CHANGE_KIND_").lower(): value
    for name, value in pb.ProjectChangeKind.items()
}
CODE = "2603-321181-89-01-123456"


def ask(call: Client, kind: str, who: Any = CITY, **more: Any) -> Any:
    return call(who, "AskProjectChange", kind=KIND[kind], reason="项目实际需要", **more).change


def decide(call: Client, change: Any, who: Any = CITY_HEAD, **more: Any) -> Any:
    wanted = {"approved": True, **more}
    return call(who, "DecideProjectChange", change_id=change.change_id, **wanted).change


def read(call: Client, project_id: str) -> Any:
    return call(CITY, "GetProject", project_id=project_id).project


def history(call: Client, project_id: str) -> list[Any]:
    return list(call(CITY, "GetProjectHistory", project_id=project_id).changes)


# --- the six kinds -----------------------------------------------------------------------------------


def test_an_addition_enters_the_project_once_it_is_approved(call: Client) -> None:
    change = ask(call, "add", details=described(name="增补项目"))

    assert (change.project_id, change.status) == ("", pb.PROJECT_CHANGE_STATUS_ASKED)
    assert call(CITY, "ListProjects").projects == []
    approved = decide(call, change)
    (made,) = approved.made
    project = read(call, made)
    assert project.details.name == "增补项目"
    listed = call(CITY, "ListProjectChanges", project_id=made).changes
    assert [each.change_id for each in listed] == [change.change_id]
    told = [data for kind, data in call.facts() if kind == "project_registered.v1"]
    assert [each["project"]["project_id"] for each in told] == [made]


def test_an_adjustment_and_a_renaming_change_what_they_name(call: Client) -> None:
    project_id = call.register(CITY)
    adjust = ask(
        call, "adjust", project_id=project_id, fields=["total_investment_wan"],
        details={"total_investment_wan": "90000"},
    )  # fmt: skip
    assert read(call, project_id).details.total_investment_wan == "80000.00"
    decide(call, adjust)
    rename = ask(
        call, "rename", project_id=project_id, fields=["name", "code"],
        details={"name": "新名称", "code": CODE},
    )  # fmt: skip
    decide(call, rename)

    details = read(call, project_id).details
    assert (details.name, details.code, details.total_investment_wan) == (
        "新名称",
        CODE,
        "90000.00",
    )
    line = next(each for each in history(call, project_id) if each.field == "name")
    assert (line.by_name, line.reason) == ("d5.city", "变更名称代码: 项目实际需要")
    changed = [data for kind, data in call.facts() if kind == "project_changed.v1"]
    assert changed[-1]["project"]["name"] == "新名称"


def test_a_removal_takes_the_project_out(call: Client) -> None:
    project_id = call.register(CITY)
    decide(call, ask(call, "remove", project_id=project_id))

    project = read(call, project_id)
    assert project.status == pb.PROJECT_STATUS_WITHDRAWN
    assert project.withdrawn_reason == "调出: 项目实际需要"


def test_a_merger_points_both_ways(call: Client) -> None:
    whole = call.register(CITY, name="主项目")
    parts = [call.register(CITY, name=f"并入{number}") for number in range(2)]
    change = ask(call, "merge", project_id=whole, other_ids=parts)
    decide(call, change)

    assert list(read(call, whole).predecessors) == parts
    for part in parts:
        project = read(call, part)
        assert list(project.successors) == [whole]
        assert project.status == pb.PROJECT_STATUS_WITHDRAWN
    told = [data for kind, data in call.facts() if kind == "project_changed.v1"]
    assert {each["project"]["project_id"] for each in told} == {whole, *parts}
    assert told[-1]["project"]["predecessors"] == parts


def test_a_split_makes_its_parts_with_the_navigators_of_the_whole(call: Client) -> None:
    whole = call.register(NAVIGATOR, level=pb.PROJECT_LEVEL_DISTRICT)
    level = {"level": pb.PROJECT_LEVEL_DISTRICT}
    parts = [described(name=f"{number}期项目", **level) for number in "一二"]
    change = ask(call, "split", DANYANG, project_id=whole, parts=parts)
    made = decide(call, change, DANYANG_SECOND).made

    def seen(project_id: str) -> Any:
        return call(DANYANG, "GetProject", project_id=project_id).project

    assert list(seen(whole).successors) == list(made)
    assert [seen(each).details.name for each in made] == ["一期项目", "二期项目"]
    for each in made:
        assert list(seen(each).predecessors) == [whole]
        assert list(seen(each).agents) == ["b1.danyang"]


# --- who, and what is refused ------------------------------------------------------------------------


def test_nobody_approves_what_he_asked_for_or_what_is_not_his_level(call: Client) -> None:
    project_id = call.register(CITY)
    change = ask(call, "remove", DANBEI, project_id=project_id)
    own = ask(call, "add", details=described(name="另一项目"))

    wanted = {"change_id": change.change_id, "approved": True}
    assert call.refused(DANYANG, "DecideProjectChange", **wanted).reason == "LEVEL_NOT_YOURS"
    assert call.refused(JURONG, "DecideProjectChange", **wanted).reason == "OUT_OF_SCOPE"
    mine = call.refused(CITY, "DecideProjectChange", change_id=own.change_id, approved=True)
    assert (mine.code, mine.reason) == ("PERMISSION_DENIED", "OWN_CHANGE")
    decide(call, change)
    assert call.refused(CITY, "DecideProjectChange", **wanted).reason == "CHANGE_DECIDED"


def test_what_is_turned_down_says_why_and_changes_nothing(call: Client) -> None:
    project_id = call.register(CITY)
    change = ask(call, "remove", project_id=project_id)
    silent = call.refused(
        CITY_HEAD, "DecideProjectChange", change_id=change.change_id, approved=False
    )
    turned = decide(call, change, approved=False, note="仍在推进")

    assert silent.fields == ["note"]
    assert (turned.status, turned.note) == (pb.PROJECT_CHANGE_STATUS_TURNED_DOWN, "仍在推进")
    assert read(call, project_id).version == 1
    assert ask(call, "remove", project_id=project_id)


def test_one_change_of_a_project_waits_at_a_time(call: Client) -> None:
    project_id = call.register(CITY)
    ask(call, "remove", project_id=project_id)

    again = call.refused(
        DANBEI, "AskProjectChange", kind=KIND["remove"], project_id=project_id, reason="x"
    )

    assert again == ("ALREADY_EXISTS", "CHANGE_ALREADY_ASKED", ["project_id"])


def test_a_company_asks_to_be_taken_in_and_nothing_else(call: Client) -> None:
    change = ask(call, "add", COMPANY, details=described(name="企业申报项目"))
    other = call.refused(
        OTHER_COMPANY, "AskProjectChange", kind=KIND["add"], details=described(), reason="x"
    )
    (made,) = decide(call, change, CITY).made
    removal = call.refused(
        COMPANY, "AskProjectChange", kind=KIND["remove"], project_id=made, reason="x"
    )

    assert other.reason == "NOT_YOUR_COMPANY"
    assert removal.reason == "COMPANY_MAY_ONLY_BE_ADDED"
    mine = [each.change_id for each in call(COMPANY, "ListProjectChanges").changes]
    assert mine == [change.change_id]
    assert call(OTHER_COMPANY, "ListProjectChanges").changes == []


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        ("add", {"details": {**described(), "uscc": "1"}}, "details.uscc"),
        ("adjust", {"fields": ["level"], "details": {}}, "details.level"),
        ("adjust", {"fields": ["nothing"], "details": {}}, "fields[0]"),
        ("split", {"parts": [described(), {**described(), "uscc": "1"}]}, "parts[1].uscc"),
        ("merge", {"other_ids": ["00000000-0000-0000-0000-000000000001"]}, "other_ids[0]"),
    ],
)
def test_what_could_never_be_done_is_refused_when_it_is_asked(
    call: Client, kind: str, more: dict[str, Any], field: str
) -> None:
    if kind != "add":
        more = {**more, "project_id": call.register(CITY)}

    refusal = call.refused(CITY, "AskProjectChange", kind=KIND[kind], reason="x", **more)

    assert field in refusal.fields
    assert call(CITY, "ListProjectChanges").changes == []


def test_a_merger_that_fails_leaves_everything_as_it_was(call: Client) -> None:
    whole, part = call.register(CITY, name="主项目"), call.register(CITY, name="并入")
    change = ask(call, "merge", project_id=whole, other_ids=[part])
    call(CITY, "WithdrawProject", project_id=part, reason="已调出")

    refusal = call.refused(
        CITY_HEAD, "DecideProjectChange", change_id=change.change_id, approved=True
    )

    assert refusal.reason == "PROJECT_WITHDRAWN"
    assert read(call, whole).version == 1
    (waiting,) = call(
        CITY, "ListProjectChanges", status=pb.PROJECT_CHANGE_STATUS_ASKED
    ).changes  # fmt: skip
    assert waiting.change_id == change.change_id


# --- the turn of the year ----------------------------------------------------------------------------


def test_the_unfinished_projects_of_a_year_go_into_the_next(call: Client) -> None:
    going = call.register(CITY, name="在建项目")
    call.register(CITY, name="同名项目")
    call.register(CITY, name="同名项目", year=2027)
    gone = call.register(CITY, name="调出项目")
    call(CITY, "WithdrawProject", project_id=gone, reason="不再实施")
    district = call.register(DANYANG, name="区级项目", level=pb.PROJECT_LEVEL_DISTRICT)
    wanted: dict[str, Any] = {"year": 2026, "reason": "年度结转"}

    would = call(CITY, "CarryOverProjects", **wanted, dry_run=True)
    assert read(call, going).details.year == 2026
    did = call(CITY, "CarryOverProjects", **wanted)

    assert [each.name for each in would.carried] == ["在建项目"]
    assert would.carried == did.carried
    assert [(each.name, each.left) for each in did.left] == [("同名项目", "2027 年已有同名项目")]
    assert read(call, going).details.year == 2027
    line = next(each for each in history(call, going) if each.field == "year")
    assert (line.old, line.new, line.reason, line.source) == (
        "2026",
        "2027",
        "年度结转",
        "carry_over",
    )
    assert call(DANYANG, "GetProject", project_id=district).project.details.year == 2026
    assert list(call(CITY, "CarryOverProjects", **wanted).carried) == []
    carried = call(DANYANG, "CarryOverProjects", **wanted).carried
    assert [each.project_id for each in carried] == [district]


def test_only_the_year_that_ends_is_carried_over(call: Client) -> None:
    refusal = call.refused(CITY, "CarryOverProjects", year=2020, reason="x")

    assert refusal.fields == ["year"]
