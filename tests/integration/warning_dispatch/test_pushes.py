"""Visits over gRPC: planned about something, finished with orders that follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf import timestamp_pb2
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.identity import Principal
from support import desk as people
from support.clocks import case_state, project_state
from support.desk import Desk
from support.links import alone, witness
from support.servicers import Client, serving
from warning_dispatch.api import WarningDispatch

EVERYBODY = [each for each in vars(people).values() if isinstance(each, Principal)]
PROJECT = str(UUID(int=7))
NOBODYS = str(UUID(int=8))


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
        desk.project(project_state(project_id=UUID(int=7)))
        yield client


def stamp(moment: datetime) -> timestamp_pb2.Timestamp:
    made = timestamp_pb2.Timestamp()
    made.FromDatetime(moment)
    return made


def wish(desk: Desk, **about: str) -> dict[str, Any]:
    return {
        "subject": "接电方案",
        "place": "丹北镇项目现场",
        "bodies": ["321181:发改"],
        "people": "张三",
        "planned_at": stamp(desk.now + timedelta(hours=20)),
        **(about or {"project_id": PROJECT}),
    }


def test_a_visit_is_finished_and_its_tasks_go_out_as_orders(desk: Desk, call: Client) -> None:
    push = call(people.D4, "PlanPush", **wish(desk)).push
    desk.now += timedelta(days=1)
    done = call(
        people.D4,
        "FinishPush",
        push_id=push.push_id,
        expected_version=push.version,
        outcome="各方到场",
        agreed="月底前接电",
        tasks=[{"lead_org": "321181:发改", "requirement": "出具接电意见", "due_on": "2026-10-20"}],
    ).push
    (order,) = desk.orders
    (told,) = [each for each in desk.notices if each.kind == "push_planned"]

    assert push.number == "TB-321100-2026-000001"
    assert (done.status, done.agreed, list(done.orders)) == (
        pb.PUSH_STATUS_DONE,
        "月底前接电",
        [str(order.id)],
    )
    assert (order.source, order.lead_org) == ("meeting", "321181:发改")
    assert order.requirement == "出具接电意见 (2026-10-20 前完成)"
    assert told.orgs == ["321181:发改"]
    assert "push_done.v1" in {each.type for each in desk.published()}
    again = call.refused(people.D4, "FinishPush", push_id=push.push_id, outcome="再去")
    assert again.reason == "PUSH_NOT_PLANNED"
    assert len(desk.orders) == 1


def test_the_order_that_was_visited_says_so(desk: Desk, call: Client) -> None:
    desk.case(case_state(case_id=UUID(int=11)))
    desk.sweep("2026-10-22 00:30")
    desk.now += timedelta(hours=10)
    order = next(each for each in desk.orders if each.case_id == UUID(int=11))
    push = call(people.D1, "PlanPush", **wish(desk, order_id=str(order.id))).push
    call(people.D1, "FinishPush", push_id=push.push_id, outcome="已现场核实")
    (listed,) = call(people.D4, "ListPushes", order_id=str(order.id)).pushes
    steps = call(people.D1, "GetWorkOrder", order_id=str(order.id)).order.steps

    assert (push.case_id, listed.status) == (str(UUID(int=11)), pb.PUSH_STATUS_DONE)
    assert (steps[-1].step, steps[-1].note) == ("visited", f"{push.number}: 已现场核实")


def test_a_visit_about_a_matter_is_for_those_who_see_the_matter(desk: Desk, call: Client) -> None:
    matter = call(
        people.D1, "OpenEscalation", project_id=PROJECT, subject="跨市道路", problem="用地手续"
    ).escalation
    push = call(people.D1, "PlanPush", **wish(desk, escalation_id=matter.escalation_id)).push
    other = call(people.D1, "PlanPush", **wish(desk, escalation_id=matter.escalation_id)).push
    call(people.D1, "FinishPush", push_id=other.push_id, outcome="已到场", agreed="下周会签")
    seen = call(people.D1, "GetEscalation", escalation_id=matter.escalation_id).escalation
    off = call(people.B3, "CancelPush", push_id=push.push_id, reason="改线上会商").push

    assert off.escalation_id == matter.escalation_id
    assert (seen.steps[-1].step, seen.steps[-1].note) == ("visited", f"{other.number}: 下周会签")
    assert not seen.tried
    assert (off.status, off.steps[-1].note) == (pb.PUSH_STATUS_CANCELLED, "改线上会商")
    assert call(people.D4, "GetPush", push_id=push.push_id).push == off
    assert call.refused(people.OTHER_D1, "GetPush", push_id=push.push_id).reason == "OUT_OF_SCOPE"
    assert not call(people.OTHER_D1, "ListPushes").pushes


@pytest.mark.parametrize(
    ("who", "change", "reason"),
    [
        (people.OTHER_D1, {}, "OUT_OF_SCOPE"),
        (people.A4, {}, "NOT_YOUR_ROLE"),
        (people.E1, {}, "NOT_YOUR_ROLE"),
        (people.D4, {"project_id": ""}, "ORDER_SUBJECT_MISSING"),
        (people.D4, {"project_id": NOBODYS}, "PROJECT_NOT_FOUND"),
        (people.D4, {"project_id": "", "order_id": NOBODYS}, "WORK_ORDER_NOT_FOUND"),
        (people.D4, {"project_id": "", "escalation_id": NOBODYS}, "ESCALATION_NOT_FOUND"),
    ],
    ids=lambda value: value.username if isinstance(value, Principal) else str(value),
)
def test_a_visit_that_cannot_be_planned_is_refused(
    desk: Desk, call: Client, who: Principal, change: dict[str, str], reason: str
) -> None:
    assert call.refused(who, "PlanPush", **{**wish(desk), **change}).reason == reason


def test_visits_are_listed_page_by_page(desk: Desk, call: Client) -> None:
    made = [call(people.D1, "PlanPush", **wish(desk)).push.push_id for _ in range(3)]
    first = call(people.D1, "ListPushes", page_size=2)
    rest = call(people.D1, "ListPushes", page_size=2, page_token=first.next_page_token)
    seen = [each.push_id for each in (*first.pushes, *rest.pushes)]

    assert sorted(seen) == sorted(made)
    assert (len(first.pushes), rest.next_page_token) == (2, "")
