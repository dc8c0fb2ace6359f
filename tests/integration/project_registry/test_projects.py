"""Projects at the edge: entering, changing, seeing, and what is published."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
import sqlalchemy as sa
from kaigong.project_registry.v1 import project_registry_pb2 as pb

from chassis.identity import Principal
from project_registry.store import Registry
from project_registry.usecases import following
from support.registry import (
    CITY,
    CITY_TEAM,
    COMPANY,
    CONFIGURER,
    DANBEI,
    DANYANG,
    JURONG,
    NAVIGATOR,
    NOON,
    OTHER_COMPANY,
    REVIEWER,
    SYSTEM,
    VICE_MAYOR,
    Client,
    described,
)
from support.waiting import eventually

DISTRICT = {"level": pb.PROJECT_LEVEL_DISTRICT}
CODE = "2603-321181-89-01-123456"


@pytest.mark.article("A10.1", "A10.6")
def test_a_registered_project_is_read_back_as_it_was_told(call: Client) -> None:
    project_id = call.register(
        CITY, code=CODE, attributes={"eia_class": '"report"', "land_area_ha": "4.6"}
    )

    project = call(CITY, "GetProject", project_id=project_id).project
    assert (project.version, project.details.code, project.region_path) == (
        1,
        CODE,
        "321100/321181/321181113",
    )
    assert project.details.attributes["eia_class"] == '"report"'
    assert project.details.attributes["total_investment_wan"] == "80000"
    assert (project.stage, project.status, project.pool) == (
        "S1",
        pb.PROJECT_STATUS_ACTIVE,
        pb.POOL_SIGNED,
    )
    ((kind, data),) = call.facts()
    assert kind == "project_registered.v1"
    assert data["project"]["project_id"] == project_id


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"name": ""}, ["details.name"]),
        ({"uscc": "913211810000000271"}, ["details.uscc"]),
        ({"code": "2603-110101-89-01-123456"}, ["details.code"]),
        ({"total_investment_wan": "-1"}, ["details.total_investment_wan"]),
        ({"planned_start": "2026-02-30"}, ["details.planned_start"]),
        ({"attributes": {"colour": '"red"'}}, ["details.attributes.colour"]),
        (
            {"attributes": {"total_investment_wan": "1"}},
            ["details.attributes.total_investment_wan"],
        ),
        ({"managing_region": "Z9"}, ["details.managing_region"]),
        ({"name": "", "year": 0}, ["details.name", "details.year"]),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_registered(
    call: Client, said: dict[str, Any], fields: list[str]
) -> None:
    status, _, named = call.refused(CITY, "RegisterProject", details=described(**said))

    assert (status, named) == ("INVALID_ARGUMENT", fields)
    assert call.facts() == []


def test_a_code_or_a_name_belongs_to_one_project(call: Client) -> None:
    call.register(CITY, code=CODE)

    assert call.refused(CITY, "RegisterProject", details=described(code=CODE, name="另一个")) == (
        "ALREADY_EXISTS",
        "CODE_TAKEN",
        ["details.code"],
    )
    assert call.refused(CITY, "RegisterProject", details=described())[1] == "NAME_TAKEN"
    call.register(CITY, year=2027)


def test_the_same_key_registers_once_and_answers_alike(call: Client) -> None:
    key = str(uuid4())
    first = call(CITY, "RegisterProject", key, details=described())
    again = call(CITY, "RegisterProject", key, details=described())

    assert first == again
    assert len(call.facts()) == 1


@pytest.mark.article("A10.2", "A02.2")
@pytest.mark.parametrize(
    ("who", "said", "reason"),
    [
        pytest.param(CITY, DISTRICT, "LEVEL_NOT_YOURS", id="the city, a district project"),
        pytest.param(DANYANG, {}, "LEVEL_NOT_YOURS", id="a district, a city project"),
        pytest.param(JURONG, DISTRICT, "OUT_OF_SCOPE", id="a neighbour"),
        pytest.param(COMPANY, DISTRICT, "ENTERPRISE_MAY_ONLY_APPLY", id="a company"),
        pytest.param(REVIEWER, DISTRICT, "NOT_YOUR_ROLE", id="a reviewer"),
        pytest.param(SYSTEM, DISTRICT, "NOT_YOUR_ROLE", id="the system administrator"),
    ],
)
def test_who_may_not_enter_a_project(
    call: Client, who: Principal, said: dict[str, Any], reason: str
) -> None:
    status, found, _ = call.refused(who, "RegisterProject", details=described(**said))

    assert (status, found) == ("PERMISSION_DENIED", reason)
    assert call.facts() == []


@pytest.mark.article("A10.2", "A02.2")
def test_who_sees_a_city_project_and_who_a_district_one(call: Client) -> None:
    of_city, of_district = call.register(CITY), call.register(DANYANG, name="区级的", **DISTRICT)

    def sees(who: Principal) -> set[str]:
        rows = call(who, "ListProjects").projects
        listed = {each.project_id for each in rows}
        for project_id in (of_city, of_district):
            if project_id in listed:
                call(who, "GetProject", project_id=project_id)
            else:
                assert call.refused(who, "GetProject", project_id=project_id)[:2] == (
                    "PERMISSION_DENIED",
                    "OUT_OF_SCOPE",
                )
        return listed

    both = {of_city, of_district}
    assert sees(CITY) == sees(VICE_MAYOR) == {of_city}
    assert sees(CITY_TEAM) == sees(DANYANG) == sees(DANBEI) == sees(REVIEWER) == both
    assert sees(JURONG) == sees(OTHER_COMPANY) == sees(NAVIGATOR) == set()
    assert sees(COMPANY) == both
    assert call.refused(SYSTEM, "ListProjects")[1] == "NOT_YOUR_ROLE"


@pytest.mark.article("A10.2")
def test_the_city_counts_what_it_may_not_read(call: Client) -> None:
    call.register(CITY)
    call.register(DANYANG, name="区级的", **DISTRICT)

    counts = call(CITY, "ListPools").counts
    assert {each.level: each.projects for each in counts if each.pool == pb.POOL_SIGNED} == {
        pb.PROJECT_LEVEL_PROVINCE: 0,
        pb.PROJECT_LEVEL_CITY: 1,
        pb.PROJECT_LEVEL_DISTRICT: 1,
    }
    assert sum(each.projects for each in call(JURONG, "ListPools").counts) == 0
    assert len(counts) == 12


def test_what_a_navigator_enters_early_is_his_own(call: Client) -> None:
    project_id = call.register(
        NAVIGATOR, category=pb.PROJECT_CATEGORY_RESERVE, planned_start="", **DISTRICT
    )

    project = call(NAVIGATOR, "GetProject", project_id=project_id).project
    assert (list(project.agents), project.status) == (
        [NAVIGATOR.account_id],
        pb.PROJECT_STATUS_RESERVE,
    )


def test_an_unknown_project_is_not_found(call: Client) -> None:
    nobody = str(uuid4())
    for method, more in (
        ("GetProject", {}),
        ("GetProjectHistory", {}),
        ("SetActualStart", {"on": "2026-09-01"}),
        ("WithdrawProject", {"reason": "x"}),
        ("UpdateProject", {"details": {"industry": "x"}, "fields": ["industry"]}),
    ):
        refused = call.refused(CITY, method, project_id=nobody, **more)
        assert refused == ("NOT_FOUND", "PROJECT_NOT_FOUND", ["project_id"])


def update(call: Client, who: Principal, project_id: str, **fields: Any) -> Any:
    more = {name: fields.pop(name) for name in ("reason", "expected_version") if name in fields}
    named = list(fields)
    if "attributes" in fields:
        named = [f"attributes.{name}" for name in fields["attributes"]]
    return call(
        who, "UpdateProject", project_id=project_id, details=fields, fields=named, **more
    ).project


@pytest.mark.article("A09.4")
def test_an_update_touches_what_it_names_and_the_history_says_who_and_what(call: Client) -> None:
    project_id = call.register(CITY)
    changed = update(call, DANYANG, project_id, industry="高端装备")

    assert (changed.version, changed.details.industry) == (2, "高端装备")
    assert changed.details.enterprise_name == "示例装备(丹阳)有限公司"
    line, registered = call(CITY, "GetProjectHistory", project_id=project_id).changes
    assert (line.by, line.field, line.old, line.new, line.version) == (
        "d1.danyang",
        "industry",
        "",
        "高端装备",
        2,
    )
    assert registered.field == "registered"
    assert call.facts()[-1][1]["changed"] == ["industry"]


def test_an_attribute_is_changed_by_itself(call: Client) -> None:
    project_id = call.register(CITY, attributes={"eia_class": '"report"', "floor_area_m2": "10"})
    changed = update(call, CITY, project_id, attributes={"eia_class": '"form"'})

    assert changed.details.attributes["eia_class"] == '"form"'
    assert changed.details.attributes["floor_area_m2"] == "10"


def test_an_update_that_changes_nothing_leaves_no_trace(call: Client) -> None:
    project_id = call.register(CITY)
    same = update(call, CITY, project_id, industry="", total_investment_wan="80000.00")

    assert same.version == 1
    assert len(call.facts()) == 1


def test_an_update_of_another_version_is_stale(call: Client) -> None:
    project_id = call.register(CITY)
    update(call, CITY, project_id, industry="甲", expected_version=1)

    refused = call.refused(
        CITY,
        "UpdateProject",
        project_id=project_id,
        details={"industry": "乙"},
        fields=["industry"],
        expected_version=1,
    )
    assert refused[:2] == ("ABORTED", "STALE")


@pytest.mark.parametrize(
    ("who", "details", "fields", "reason", "expected"),
    [
        (CITY, {}, ["colour"], "", "FIELD_INVALID"),
        (CITY, {"name": "新名"}, ["name"], "", "REASON_MISSING"),
        (DANYANG, {"name": "新名"}, ["name"], "更名", "ENTRY_NOT_YOURS"),
        (COMPANY, {"year": 2027}, ["year"], "结转", "ENTRY_NOT_YOURS"),
        (COMPANY, {"uscc": "913211710000000199"}, ["uscc"], "转让", "ENTRY_NOT_YOURS"),
        (JURONG, {"industry": "x"}, ["industry"], "", "OUT_OF_SCOPE"),
        (VICE_MAYOR, {"industry": "x"}, ["industry"], "", "NOT_YOUR_ROLE"),
        (CITY, {"planned_start": ""}, ["planned_start"], "", "FIELDS_INVALID"),
    ],
)
def test_an_update_that_may_not_be_is_refused_and_changes_nothing(
    call: Client,
    who: Principal,
    details: dict[str, Any],
    fields: list[str],
    reason: str,
    expected: str,
) -> None:
    project_id = call.register(CITY)
    refused = call.refused(
        who, "UpdateProject", project_id=project_id, details=details, fields=fields, reason=reason
    )

    assert refused[1] == expected
    assert call(CITY, "GetProject", project_id=project_id).project.version == 1


@pytest.mark.article("A10.2")
def test_the_city_team_reads_a_district_project_and_changes_nothing(call: Client) -> None:
    project_id = call.register(DANYANG, **DISTRICT)

    call(CITY_TEAM, "GetProject", project_id=project_id)
    refused = call.refused(
        CITY_TEAM,
        "UpdateProject",
        project_id=project_id,
        details={"industry": "x"},
        fields=["industry"],
    )
    assert refused[1] == "LEVEL_NOT_YOURS"


def test_a_project_taken_out_stays_readable_with_its_reason(call: Client) -> None:
    project_id = call.register(CITY)
    assert call.refused(DANYANG, "WithdrawProject", project_id=project_id, reason="x")[1] == (
        "LEVEL_NOT_YOURS"
    )
    gone = call(CITY, "WithdrawProject", project_id=project_id, reason="企业放弃投资").project

    assert (gone.status, gone.withdrawn_on, gone.withdrawn_reason) == (
        pb.PROJECT_STATUS_WITHDRAWN,
        "2026-11-23",
        "企业放弃投资",
    )
    again = call.refused(CITY, "WithdrawProject", project_id=project_id, reason="x")
    assert again[:2] == ("FAILED_PRECONDITION", "PROJECT_WITHDRAWN")
    assert sum(each.projects for each in call(CITY, "ListPools").counts) == 0


def test_the_actual_start_moves_the_project_to_the_started_pool(call: Client) -> None:
    project_id = call.register(CITY)
    assert call.refused(CITY, "SetActualStart", project_id=project_id, on="2026-11-24")[2] == ["on"]
    started = call(DANYANG, "SetActualStart", project_id=project_id, on="2026-09-28").project

    assert (started.pool, started.actual_start) == (pb.POOL_STARTED, "2026-09-28")
    rows = call(CITY, "ListProjects", pool=pb.POOL_STARTED).projects
    assert [each.project_id for each in rows] == [project_id]


@pytest.mark.article("A26.1")
def test_past_decisions_are_recorded_once_and_marked_when_older_than_the_measures(
    call: Client,
) -> None:
    project_id = call.register(CITY, sign_date="2022-01-01")
    told = [
        {"item_code": "S1-01", "accepted_on": "2023-02-01", "decided_on": "2023-02-22"},
        {
            "item_code": "S2-02",
            "accepted_on": "2023-03-01",
            "decided_on": "2023-03-02",
            "late": True,
        },
    ]
    first = call(CITY, "RecordPastDecisions", project_id=project_id, decisions=told)
    again = call(CITY, "RecordPastDecisions", project_id=project_id, decisions=told)

    assert (first.recorded, first.already, first.historical) == (2, 0, 1)
    assert (again.recorded, again.already) == (0, 2)
    assert again.project.version == first.project.version
    kind, data = call.facts()[-1]
    assert kind == "past_decisions_recorded.v1"
    assert [each["historical"] for each in data["decisions"]] == [True, False]
    assert len(call.facts()) == 2


@pytest.mark.parametrize(
    ("told", "status", "field"),
    [
        (("S1-99", "2026-01-01", "2026-01-01"), "INVALID_ARGUMENT", "decisions[0].item_code"),
        (("S9-01", "2026-01-01", "2026-01-01"), "INVALID_ARGUMENT", "decisions[0].item_code"),
        (("S1-01", "2026-01-02", "2026-01-01"), "INVALID_ARGUMENT", "decisions[0].decided_on"),
        (("S1-01", "2026-01-02", "2026-12-01"), "INVALID_ARGUMENT", "decisions[0].decided_on"),
        (("S1-01", "2026-02-30", "2026-12-01"), "INVALID_ARGUMENT", "decisions[0].accepted_on"),
    ],
)
def test_a_past_decision_that_cannot_be_is_refused(
    call: Client, told: tuple[str, str, str], status: str, field: str
) -> None:
    project_id = call.register(CITY)
    decision = dict(zip(("item_code", "accepted_on", "decided_on"), told, strict=True))
    refused = call.refused(CITY, "RecordPastDecisions", project_id=project_id, decisions=[decision])

    assert (refused[0], refused[2]) == (status, [field])


# --- lists -----------------------------------------------------------------------------------------


def names(answer: Any) -> list[str]:
    return [each.details.name for each in answer.projects]


def test_a_list_goes_on_where_the_last_page_ended(call: Client) -> None:
    for number in range(5):
        call.register(CITY, name=f"项目{number}", year=2025 + number % 2)

    first = call(CITY, "ListProjects", page_size=2)
    second = call(CITY, "ListProjects", page_size=2, page_token=first.next_page_token)
    third = call(CITY, "ListProjects", page_size=2, page_token=second.next_page_token)
    assert names(first) + names(second) + names(third) == [
        "项目1",
        "项目3",
        "项目0",
        "项目2",
        "项目4",
    ]
    assert (first.total_size, third.next_page_token) == (5, "")
    assert call.refused(CITY, "ListProjects", page_token="bm9wZQ==")[1] == "PAGE_TOKEN_INVALID"


def test_a_list_is_filtered_by_text_level_region_and_company(call: Client) -> None:
    call.register(CITY, name="甲_厂", code=CODE)
    call.register(
        CITY, name="乙厂", level=pb.PROJECT_LEVEL_PROVINCE, managing_region="321183102", uscc=""
    )

    assert names(call(CITY, "ListProjects", q="甲_")) == ["甲_厂"]
    assert names(call(CITY, "ListProjects", q="321181-89")) == ["甲_厂"]
    assert names(call(CITY, "ListProjects", q="%")) == []
    assert names(call(CITY, "ListProjects", level=pb.PROJECT_LEVEL_PROVINCE)) == ["乙厂"]
    assert names(call(CITY, "ListProjects", region="321183")) == ["乙厂"]
    assert names(call(CITY, "ListProjects", uscc="91321181000000027K")) == ["甲_厂"]
    assert len(names(call(CITY, "ListProjects", stage="S1", year=2026))) == 2
    assert call.refused(CITY, "ListProjects", region="999")[2] == ["region"]


def test_the_history_cannot_be_changed_or_removed(call: Client) -> None:
    call.register(CITY)
    for statement in (
        "delete from project_history",
        "update project_history set new = ''",
        "truncate project_history",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), call.db.begin() as tx:
            tx.execute(sa.text(statement))


@pytest.mark.article("A10.4")
def test_the_other_stage_scheme_derives_every_stage_anew(call: Client) -> None:
    project_id = call.register(CITY)
    assert call.refused(DANYANG, "ChooseStageScheme", scheme="gongai_1_4_1")[1] == (
        "NOT_THE_ADMINISTRATOR"
    )
    assert call.refused(CONFIGURER, "ChooseStageScheme", scheme="five")[0] == "NOT_FOUND"
    chosen = call(CONFIGURER, "ChooseStageScheme", scheme="gongai_1_4_1")

    assert (chosen.moved, chosen.scheme.in_use) == (1, True)
    assert call(CITY, "GetProject", project_id=project_id).project.stage == "G1"
    assert call(CONFIGURER, "ChooseStageScheme", scheme="gongai_1_4_1").moved == 0
    later = call.register(CITY, name="之后的")
    assert call(CITY, "GetProject", project_id=later).project.stage == "G1"
    kinds = [kind for kind, _ in call.facts()]
    assert kinds.count("project_stage_changed.v1") == 1


# --- reference data ---------------------------------------------------------------------------------


@pytest.mark.article("A02.2")
def test_all_regions_are_listed_parents_first(call: Client) -> None:
    regions = call(COMPANY, "ListRegions").regions

    assert len(regions) == 81
    seen = {""}
    for each in regions:
        assert each.parent in seen
        seen.add(each.code)


def test_a_body_is_called_as_it_was_on_the_day(call: Client) -> None:
    def called(on: str) -> list[str]:
        found = call(CITY, "ListOrganisations", region="321100", department="政务服务", on=on)
        return [each.name for each in found.organisations if each.region == "321100"]

    assert called("2023-12-31") == ["镇江市政务服务管理办公室"]
    assert called("2024-01-01") == called("") == ["镇江市数据局"]


def test_bodies_are_listed_by_region_kind_and_page(call: Client) -> None:
    first = call(CITY, "ListOrganisations", region="321181", kind="department", page_size=10)
    rest = call(
        CITY,
        "ListOrganisations",
        region="321181",
        kind="department",
        page_size=200,
        page_token=first.next_page_token,
    )

    found = [*first.organisations, *rest.organisations]
    assert len(found) == first.total_size == len({each.org for each in found})
    assert {each.region for each in found} == {"321181"}
    assert "321181:发改" in {each.org for each in found}


def test_a_territory_sees_its_own_navigators(call: Client) -> None:
    def seen(who: Principal) -> list[str]:
        return sorted(each.username for each in call(who, "ListAgents").agents)

    assert seen(CITY) == ["b1.danyang", "b1.jurong", "b1.xinqu"]
    assert seen(DANYANG) == seen(NAVIGATOR) == ["b1.danyang"]
    assert seen(COMPANY) == []


def test_attributes_come_with_their_words(call: Client) -> None:
    found = {each.name: each for each in call(COMPANY, "ListProjectAttributes").attributes}

    assert len(found) == 52 or len(found) > 40
    assert found["eia_class"].default_value == '"form"'
    assert [each.label for each in found["eia_class"].choices][:2] == ["报告书", "报告表"]


# --- at once ----------------------------------------------------------------------------------------


def test_of_two_who_enter_the_same_project_at_once_one_is_refused(call: Client) -> None:
    def enter(_: int) -> str:
        try:
            return str(call(CITY, "RegisterProject", details=described(code=CODE)).project.stage)
        except grpc.RpcError as error:
            return str(error.code().name)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(enter, range(4)))

    assert answers == ["ALREADY_EXISTS"] * 3 + ["S1"]
    assert len(call.facts()) == 1


def test_progress_that_comes_during_an_update_is_not_written_over(call: Client) -> None:
    project_id = call.register(CITY)
    news = {
        "project_id": project_id,
        "version": 7,
        "items": [{"item_code": "S1-01", "stage": "S1", "state": "in_progress", "done_on": ""}],
    }
    with call.db.begin() as tx:
        following.follow_progress(Registry(tx), news, now=NOON)
        with ThreadPoolExecutor(1) as pool:
            changing = pool.submit(update, call, CITY, project_id, industry="高端装备")
            # Not a wait for a result: the update must have reached the lock.
            eventually(lambda: waiting_for_locks(call) == 1)
            tx.commit()
            assert changing.result(10).version == 2
    with call.db.begin() as tx:
        assert Registry(tx).projects.get(UUID(project_id)).progress_version == 7


def waiting_for_locks(call: Client) -> int:
    with call.db.read() as connection:
        return int(
            connection.scalar(
                sa.text(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and wait_event_type = 'Lock'"
                )
            )
            or 0
        )
