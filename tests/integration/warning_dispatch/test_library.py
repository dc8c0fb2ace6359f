"""Dispatch records that give rise to orders, and the library of problems over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.identity import Principal
from support import desk as people
from support.clocks import case_state, project_state
from support.desk import Desk, person
from support.links import alone, witness
from support.servicers import Client, serving
from warning_dispatch.api import WarningDispatch

D2 = person("d2.danyang", "D2")
EVERYBODY = [*(each for each in vars(people).values() if isinstance(each, Principal)), D2]
PROJECT, CASE = UUID(int=7), UUID(int=11)
FAGAI, ZHUJIAN = "321181:发改", "321181:住建"


@pytest.fixture
def call(desk: Desk) -> Iterator[Client]:
    servicer = WarningDispatch(
        desk.db, lambda: desk.now, links=alone("321100"), witness=witness("321100")
    )
    with serving(
        lambda server: pb_grpc.add_WarningDispatchServiceServicer_to_server(servicer, server),
        pb_grpc.WarningDispatchServiceStub,
        pb,
        EVERYBODY,
    ) as client:
        desk.project(project_state(project_id=PROJECT))
        desk.case(case_state(case_id=CASE))
        yield client


@pytest.fixture
def one(call: Client) -> dict[str, str]:
    """A matter of the district's, about a case."""
    made = call(
        people.D1, "OpenEscalation", case_id=str(CASE), subject="用地手续", problem="指标不足"
    )
    return {"escalation_id": made.escalation.escalation_id}


def listed(call: Client, who: Principal = people.D1, **more: Any) -> int:
    found = call(who, "ListEscalations", **more)
    assert len(found.escalations) == found.total_size
    return int(found.total_size)


MEETING: dict[str, Any] = {
    "text": "召集会商",
    "kind": pb.RECORD_KIND_MEETING,
    "participants": [FAGAI, ZHUJIAN],
    "conclusion": "由发改出具意见",
    "responsible": FAGAI,
    "in_charge": "李四",
    "due_on": "2026-10-20",
}


def test_who_is_responsible_until_a_day_gets_an_order_and_the_record_shows_it(
    desk: Desk, call: Client, one: dict[str, str]
) -> None:
    (tried,) = call(people.D1, "RecordTried", **one, **MEETING).escalation.tried
    (order,) = [each for each in desk.orders if each.case_id == CASE]

    assert tried.order_id == str(order.id)
    assert (order.lead_org, order.source, order.co_orgs) == (FAGAI, "meeting", [ZHUJIAN])
    assert order.requirement == "由发改出具意见 (会议议定, 2026-10-20 前完成, 责任人 李四)"
    assert list(tried.participant_names) == ["丹阳市发改", "丹阳市住建"]


@pytest.mark.parametrize(
    "less",
    [{"kind": 0}, {"responsible": ""}, {"due_on": ""}],
    ids=["words only", "nobody responsible", "no day"],
)
def test_a_record_without_body_or_day_gives_no_order(
    desk: Desk, call: Client, one: dict[str, str], less: dict[str, Any]
) -> None:
    (tried,) = call(people.D1, "RecordTried", **one, **{**MEETING, **less}).escalation.tried

    assert tried.text == "召集会商"
    assert not tried.order_id
    assert not [each for each in desk.orders if each.case_id == CASE]


def test_a_refused_record_leaves_no_order(desk: Desk, call: Client, one: dict[str, str]) -> None:
    past = call.refused(people.D1, "RecordTried", **one, **{**MEETING, "due_on": "2026-10-07"})
    call(people.D1, "CloseEscalation", conclusion="办结", cause=pb.CAUSE_POLICY, **one)
    over = call.refused(people.D1, "RecordTried", **one, **MEETING)

    assert (past.reason, past.fields) == ("DUE_IN_PAST", ["due_on"])
    assert over.reason == "ESCALATION_NOT_IN_STATE"
    assert not [each for each in desk.orders if each.case_id == CASE]


def test_a_matter_goes_from_its_class_to_being_struck_off(
    desk: Desk, call: Client, one: dict[str, str]
) -> None:
    call(people.D1, "ClassifyEscalation", cause=pb.CAUSE_RESOURCES, lead_org=FAGAI, **one)
    planned = call(people.D1, "PlanMeasure", text="落实指标", due_on="2026-10-09", **one).escalation
    early = call.refused(people.D1, "CloseEscalation", conclusion="办结", **one)
    desk.now += timedelta(days=3)
    late = listed(call, measures_overdue=True)
    shown = call(people.D1, "GetEscalation", **one).escalation.measures[0].overdue
    call(people.D1, "FinishMeasure", measure=1, result="指标已落实", **one)
    after = listed(call, measures_overdue=True)
    closed = call(people.D1, "CloseEscalation", conclusion="已解决", **one).escalation

    assert planned.measures[0].org == FAGAI
    assert early.reason == "MEASURES_OPEN"
    assert (late, shown, after) == (1, True, 0)
    assert (closed.status, closed.cause) == (pb.ESCALATION_STATUS_CLOSED, pb.CAUSE_RESOURCES)
    assert closed.lead_org_name == "丹阳市发改"


def test_the_class_that_nobody_gave_is_that_of_the_answer_to_its_order(
    call: Client, one: dict[str, str]
) -> None:
    (tried,) = call(people.D1, "RecordTried", **one, **MEETING).escalation.tried
    unclassed = call.refused(people.D1, "CloseEscalation", conclusion="办结", **one)
    order = {"order_id": tried.order_id}
    call(people.A4, "SignWorkOrder", **order)
    call(
        people.A4,
        "AnswerWorkOrder",
        cause=pb.CAUSE_UTILITY,
        measures="已出具",
        completion_date="2026-10-09",
        evidence="意见函",
        signer_name="示例",
        **order,
    )
    closed = call(people.D1, "CloseEscalation", conclusion="办结", **one).escalation

    assert unclassed.reason == "CLASS_MISSING"
    assert closed.cause == pb.CAUSE_UTILITY


def test_matters_are_found_by_class_lead_case_and_project_and_counted(
    call: Client, one: dict[str, str]
) -> None:
    call(people.D1, "ClassifyEscalation", cause=pb.CAUSE_RESOURCES, lead_org=FAGAI, **one)
    other = call(
        people.D1,
        "OpenEscalation",
        project_id=str(PROJECT),
        subject="接电",
        problem="容量",
        cause=pb.CAUSE_UTILITY,
    ).escalation
    call(people.D1, "CloseEscalation", escalation_id=other.escalation_id, conclusion="已接电")
    counts = call(people.D1, "CountEscalations", region="321181")
    found = {(each.cause, each.status): each.count for each in counts.counts}

    assert listed(call, project_id=str(PROJECT)) == 2
    assert listed(call, case_id=str(CASE)) == 1
    assert listed(call, cause=pb.CAUSE_RESOURCES) == 1
    assert listed(call, lead_org=FAGAI) == 1
    assert listed(call, lead_org=ZHUJIAN) == 0
    assert listed(call, cause=pb.CAUSE_UTILITY, open=True) == 0
    assert listed(call, people.OTHER_D1) == 0
    assert found == {
        (pb.CAUSE_RESOURCES, pb.ESCALATION_STATUS_HANDLING): 1,
        (pb.CAUSE_UTILITY, pb.ESCALATION_STATUS_CLOSED): 1,
    }
    assert call(people.D4, "CountEscalations", region="321183").total_size == 0
    assert call(people.OTHER_D1, "CountEscalations", region="321181").total_size == 0


@pytest.mark.parametrize(
    ("who", "reason"),
    [(people.D4, "NOT_YOUR_RUNG"), (people.OTHER_D1, "OUT_OF_SCOPE"), (people.A2, "NOT_YOUR_ROLE")],
    ids=lambda value: value.username if isinstance(value, Principal) else str(value),
)
def test_only_those_who_deal_with_it_class_it(
    call: Client, one: dict[str, str], who: Principal, reason: str
) -> None:
    refused = call.refused(who, "ClassifyEscalation", cause=pb.CAUSE_POLICY, **one)

    assert refused.reason == reason
