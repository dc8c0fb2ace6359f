"""A plan of one's own: edited, forecast with its own nodes, kept as a template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from support.approvals import (
    BUREAU,
    CARRIER,
    COMPANY,
    DISPATCHER,
    ELSEWHERE,
    NATURE_REVIEWER,
    NAVIGATOR,
    REVIEWER,
    STRANGER,
    shanghai,
)
from support.servicers import Client

AUCTION = {
    "kind": pb.PLAN_EDIT_KIND_ADD,
    "name": "招拍挂准备会",
    "stage": "S5",
    "days": 90,
    "before": ["S5-09"],
}


def edit(call: Client, project_id: str, *edits: Any, who: Any = COMPANY, **more: Any) -> Any:
    return call(who, "EditPlan", project_id=project_id, edits=edits, reason="项目实际需要", **more)


def plan(call: Client, project_id: str) -> Any:
    return call(COMPANY, "GetPlan", project_id=project_id).plan


def node(plan: Any, code: str) -> Any:
    return next(each for each in plan.nodes if each.item_code == code)


def test_a_node_of_ones_own_moves_the_plan_and_the_forecast(call: Client, project_id: str) -> None:
    before = plan(call, project_id)
    past = call(COMPANY, "GetForecast", project_id=project_id).forecast

    answer = edit(call, project_id, AUCTION)

    after = plan(call, project_id)
    assert after == answer.plan
    assert [each.code for each in answer.own_nodes] == ["N-01"]
    own = node(after, "N-01")
    assert (own.own, own.duration_days) == (True, 90)
    assert "N-01" in node(after, "S5-09").after
    assert not node(after, "S5-09").own
    assert after.earliest_start > before.earliest_start
    assert "N-01" in after.critical_path
    now = call(COMPANY, "GetForecast", project_id=project_id).forecast
    assert now.p50 > past.p50
    assert next(each.item_name for each in now.items if each.item_code == "N-01") == "招拍挂准备会"


def test_a_node_that_is_done_holds_up_nothing(call: Client, project_id: str, watch: Any) -> None:
    before = plan(call, project_id)
    edit(call, project_id, {**AUCTION, "carrier": "321181:自然资源和规划"})
    done = {"kind": pb.PLAN_EDIT_KIND_DONE, "code": "N-01"}

    refusal = call.refused(
        COMPANY, "EditPlan", project_id=project_id, edits=[done], reason="已开会"
    )
    answer = edit(call, project_id, done, who=NATURE_REVIEWER)

    assert refusal.reason == "NOT_THE_CARRIER"
    assert answer.own_nodes[0].done_on == "2026-03-02"
    assert answer.plan.earliest_start == before.earliest_start


def test_a_what_if_takes_own_nodes_too(call: Client, project_id: str) -> None:
    edit(call, project_id, AUCTION)
    change = {"kind": pb.WHAT_IF_KIND_SHORTEN, "item_code": "N-01", "days": 1}

    found = call(COMPANY, "WhatIf", project_id=project_id, changes=[change])

    assert found.days_gained > 0


def test_edits_are_made_together_or_not_at_all(call: Client, project_id: str) -> None:
    wrong = {"kind": pb.PLAN_EDIT_KIND_REMOVE, "code": "S5-09"}

    refusal = call.refused(
        COMPANY, "EditPlan", project_id=project_id, edits=[AUCTION, wrong], reason="x"
    )

    assert refusal == ("FAILED_PRECONDITION", "PLAN_EDIT_FORBIDDEN", ["edits[1].code"])
    listed = call(COMPANY, "ListPlanEdits", project_id=project_id)
    assert (list(listed.own_nodes), list(listed.edits)) == ([], [])


def test_every_edit_is_on_record_with_its_reason(call: Client, project_id: str) -> None:
    edit(call, project_id, AUCTION)
    edit(
        call, project_id, {"kind": pb.PLAN_EDIT_KIND_DAYS, "code": "N-01", "days": 5}, who=NAVIGATOR
    )

    edits = call(COMPANY, "ListPlanEdits", project_id=project_id).edits
    stale = call.refused(
        COMPANY, "EditPlan", project_id=project_id, edits=[AUCTION], reason="x", expected_edits=1
    )

    assert [(each.number, each.by, each.reason) for each in edits] == [
        (2, "navigator", "项目实际需要"),
        (1, "company", "项目实际需要"),
    ]
    assert edits[1].edit.code == "N-01"
    assert stale.reason == "STALE"


def test_a_frozen_baseline_stays_when_the_draft_is_edited(call: Client, project_id: str) -> None:
    call(NAVIGATOR, "ProposePlan", project_id=project_id)
    for who in (COMPANY, CARRIER, BUREAU):
        call(who, "SignPlan", project_id=project_id)
    call(DISPATCHER, "BaselinePlan", project_id=project_id)
    frozen = call(COMPANY, "GetPlan", project_id=project_id, baseline=1).plan

    edit(call, project_id, AUCTION)

    assert call(COMPANY, "GetPlan", project_id=project_id, baseline=1).plan == frozen
    deviations = call(COMPANY, "ComparePlan", project_id=project_id).deviations
    added = next(each for each in deviations if each.item_code == "N-01")
    assert (added.baseline_finish, added.item_name) == ("", "招拍挂准备会")


def test_a_template_of_the_district_serves_its_other_projects(
    call: Client, project_id: str, new_project: Callable[[], str]
) -> None:
    second = {**AUCTION, "name": "交地踏勘", "after": ["N-01"], "before": []}
    edit(call, project_id, AUCTION, second)
    name = f"模板{uuid4().hex[:6]}"
    template = call(NAVIGATOR, "SavePlanTemplate", project_id=project_id, name=name).template
    other = new_project()

    made = call(
        NAVIGATOR, "ApplyPlanTemplate", project_id=other, template_id=template.template_id,
        reason="同类项目",
    )  # fmt: skip

    assert template.region == "321181"
    assert [(each.name, list(each.after)) for each in made.own_nodes] == [
        ("招拍挂准备会", []),
        ("交地踏勘", ["N-01"]),
    ]
    mine = [each.name for each in call(NAVIGATOR, "ListPlanTemplates").templates]
    assert name in mine
    assert name not in [each.name for each in call(ELSEWHERE, "ListPlanTemplates").templates]
    again = call.refused(NAVIGATOR, "SavePlanTemplate", project_id=project_id, name=name)
    assert again == ("ALREADY_EXISTS", "TEMPLATE_NAME_TAKEN", ["name"])
    nothing = call.refused(NAVIGATOR, "SavePlanTemplate", project_id=new_project(), name="空")
    assert nothing.reason == "NOTHING_OF_ITS_OWN"


def test_only_who_may_change_the_draft_edits_it(call: Client, project_id: str) -> None:
    wanted: dict[str, Any] = {"project_id": project_id, "edits": [AUCTION], "reason": "x"}

    assert call.refused(STRANGER, "EditPlan", **wanted).reason == "OUT_OF_SCOPE"
    assert call.refused(ELSEWHERE, "EditPlan", **wanted).reason == "OUT_OF_SCOPE"
    assert edit(call, project_id, AUCTION, who=REVIEWER).edits == 1


def test_the_plan_is_laid_with_its_own_nodes_every_day(
    call: Client, project_id: str, watch: Any
) -> None:
    edit(call, project_id, AUCTION)
    watch.now = shanghai("2026-03-10T09:00:00")

    laid = call(NAVIGATOR, "LayPlan", project_id=project_id).plan

    assert node(laid, "N-01").early_start == "2026-03-10"
