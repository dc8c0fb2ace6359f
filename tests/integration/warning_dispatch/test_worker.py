"""The worker as a process: events in through the broker, cards out, whatever dies in between."""

from __future__ import annotations

import json
import os
import signal
from typing import Any
from uuid import UUID

import redis

from chassis.live import STREAM
from support import services
from support.clocks import at, case_state, project_state
from support.house import CASE, House
from support.waiting import eventually


def test_a_case_walks_from_green_to_red_as_the_clock_is_moved(house: House) -> None:
    house.move_clock("2026-10-08 11:00", 1)
    with services.running("warning_dispatch", "worker", **house.settings()):
        house.calendar()
        house.case("case_accepted.v1")
        eventually(lambda: len(house.desk.dues) == 4)
        assert house.cards() == []

        house.move_clock("2026-10-19 00:31", 2)
        eventually(lambda: house.cards() == [("W-01", "yellow", "open")])
        house.move_clock("2026-10-22 00:31", 3)
        eventually(lambda: ("W-01", "red", "open") in house.cards())
        decided = at("2026-10-22 00:31")
        house.case(
            "case_decided.v1", "2026-10-22 00:31", version=2, status="decided", decided=decided
        )
        eventually(lambda: {status for _, _, status in house.cards()} == {"closed", "rectified"})
    (order,) = house.desk.orders
    assert order.number == "ZJDB-321100-2026-000001"


def test_a_fact_that_comes_twice_or_late_changes_nothing_more(house: House) -> None:
    house.move_clock("2026-10-22 00:31", 1)
    with services.running("warning_dispatch", "worker", **house.settings()):
        house.calendar()
        newer = house.case(version=3)
        eventually(lambda: len(house.cards()) == 2)
        house.publish_again("approval_tracking", newer)
        house.case(version=2, status="decided", decided=at("2026-10-09 10:00"))
        house.publish(
            "project_registry",
            "project_registered.v1",
            1,
            "2026-10-20 10:00",
            project=project_state(sign_date=""),
        )
        eventually(lambda: any(row.subject_type == "log" for row in house.desk.dues))

    assert house.cards() == [("W-01", "yellow", "open"), ("W-01", "red", "open")]
    assert len(house.desk.orders) == 1
    assert [row.kind for row in house.desk.notices] == [
        "card_issued",
        "card_issued",
        "order_issued",
    ]


def test_each_task_of_a_joint_review_becomes_one_order(house: House) -> None:
    house.move_clock("2026-10-08 11:00", 1)
    with services.running("warning_dispatch", "worker", **house.settings()):
        house.calendar()
        house.case("case_accepted.v1")
        eventually(lambda: len(house.desk.dues) == 4)
        task = {"org": "321181:水利", "org_name": "丹阳市水利", "due_on": "2026-10-20"}
        concluded = house.publish(
            "approval_tracking",
            "joint_review_concluded.v1",
            3,
            "2026-10-08 10:30",
            review_id=str(UUID(int=31)),
            project_id=str(case_state()["project_id"]),
            project_name="示例项目",
            region_path="321100/321181",
            level="市级",
            agents=["b1"],
            subject="取水与环评会办",
            by="示例主任",
            conclusions=[
                {
                    "case_id": str(CASE),
                    "item_code": "S2-08",
                    "outcome": "proceed_with_conditions",
                    "text": "补充取水论证",
                    "tasks": [{**task, "text": "出具取水意见"}, {**task, "text": "复核水量"}],
                }
            ],
        )
        eventually(lambda: len(house.desk.orders) == 2)
        house.publish_again("approval_tracking", concluded)
        house.move_clock("2026-10-19 00:31", 2)
        eventually(lambda: ("W-01", "yellow", "open") in house.cards())

    orders = house.desk.orders
    assert [order.number for order in orders] == [
        "ZJDB-321100-2026-000001",
        "ZJDB-321100-2026-000002",
    ]
    assert {(order.source, order.lead_org, order.case_id) for order in orders} == {
        ("meeting", "321181:水利", CASE)
    }


def test_invited_bodies_are_told_and_those_that_owe_an_opinion_reminded_once(
    house: House,
) -> None:
    house.move_clock("2026-10-08 11:00", 1)
    review: dict[str, Any] = {
        "review_id": str(UUID(int=32)),
        "project_id": str(case_state()["project_id"]),
        "project_name": "示例项目",
        "region_path": "321100/321181",
        "level": "市级",
        "subject": "取水与环评会办",
    }
    body = {"org": "321181:水利", "org_name": "丹阳市水利", "opinion_due": "2026-10-12"}
    with services.running("warning_dispatch", "worker", **house.settings()):
        house.publish(
            "approval_tracking",
            "joint_review_convened.v1",
            1,
            "2026-10-08 10:30",
            **review,
            agents=["b1"],
            meets_at="2026-10-13T14:00:00+08:00",
            place="三楼会议室",
            invitations=[{**body, "silence": "silence_is_chased"}],
        )
        overdue = house.publish(
            "approval_tracking", "joint_opinion_overdue.v1", 2, "2026-10-13 00:00", **review, **body
        )
        eventually(lambda: len(house.desk.notices) == 2)
        house.publish_again("approval_tracking", overdue)
        house.calendar()
        house.case("case_accepted.v1")
        eventually(lambda: len(house.desk.dues) == 4)

    # Two queues: either may be heard first.
    told = {each.kind: each for each in house.desk.notices}
    invited, reminded = told["joint_review_convened"], told["joint_opinion_overdue"]
    assert (invited.kind, list(invited.orgs), list(invited.accounts)) == (
        "joint_review_convened",
        ["321181:水利"],
        ["b1"],
    )
    assert "2026-10-13 14:00 三楼会议室" in invited.body_zh
    assert (reminded.kind, list(reminded.orgs), list(reminded.roles)) == (
        "joint_opinion_overdue",
        ["321181:水利"],
        ["D1", "D4"],
    )


def test_a_plan_that_slips_is_told_to_everybody_on_its_path(house: House) -> None:
    house.move_clock("2026-10-08 11:00", 1)
    plan: dict[str, Any] = {
        "project_id": str(case_state()["project_id"]),
        "version": 3,
        "project_name": "示例项目",
        "region_path": "321100/321181",
        "level": "市级",
        "uscc": "91321181000000027K",
        "agents": ["b1"],
        "planned_start": "2026-12-01",
    }
    node = {
        "item_code": "S2-09",
        "item_name": "环评审批",
        "org": "321181:生态环境",
        "org_name": "丹阳市生态环境局",
        "due_on": "2026-10-20",
        "days_left": 2,
        "waits_for": ["S2-01"],
    }
    with services.running("warning_dispatch", "worker", **house.settings()):
        told = house.publish(
            "approval_tracking", "plan_reminded.v1", 3, "2026-10-08 10:30", **plan,
            kind="slipped", nodes=[node, {**node, "item_code": "N-01", "org": ""}], days=4,
            earliest_before="2026-12-02", earliest_after="2026-12-08",
        )  # fmt: skip
        house.publish(
            "approval_tracking", "plan_reminded.v1", 4, "2026-10-08 10:31", **plan,
            kind="blocked", nodes=[node], days=0, earliest_before=None, earliest_after=None,
        )  # fmt: skip
        eventually(lambda: len(house.desk.notices) == 2)
        house.publish_again("approval_tracking", told)
        house.calendar()
        house.case("case_accepted.v1")
        eventually(lambda: len(house.desk.dues) == 4)

    slipped, blocked = house.desk.notices
    assert (slipped.kind, list(slipped.orgs), list(slipped.accounts), slipped.uscc) == (
        "plan_slipped",
        ["321181:生态环境"],
        ["b1"],
        "91321181000000027K",
    )
    assert "2026-12-02 推迟到 2026-12-08 (4 个工作日)" in slipped.body_zh
    assert (blocked.kind, list(blocked.roles)) == ("plan_blocked", [])
    assert "前置未完成: S2-01" in blocked.body_zh


def test_a_work_order_wanted_on_a_case_is_issued_once_with_its_id(house: House) -> None:
    house.move_clock("2026-10-08 11:00", 1)
    state, order_id = case_state(case_id=CASE), UUID(int=77)
    with services.running("warning_dispatch", "worker", **house.settings()):
        house.calendar()
        house.case("case_accepted.v1")
        eventually(lambda: len(house.desk.dues) == 4)
        wanted = {
            "order_id": str(order_id),
            "case_id": str(state["case_id"]),
            "message_id": None,
            "project_id": str(state["project_id"]),
            "lead_org": "321181:水利",
            "lead_org_name": "丹阳市水利局",
            "subject": "取水许可 办件问题",
            "requirement": "评估报告迟迟未出",
            "by": "d1",
            "by_name": "调度员",
        }
        for version in (1, 2):
            house.publish(
                "approval_tracking", "case_order_wanted.v1", version, "2026-10-08 10:30", **wanted
            )
        eventually(lambda: len(house.desk.orders) == 1)
        house.publish(
            "approval_tracking", "case_mentioned.v1", 3, "2026-10-08 10:31",
            project_id=str(state["project_id"]), project_name="示例项目", item_name="取水许可",
            region_path="321100/321181", level="市级", author_name="示例科长", text="请补图",
            accounts=["b1"], orgs=[], uscc="91321181000000027K", roles=[],
        )  # fmt: skip
        eventually(lambda: "case_mention" in [each.kind for each in house.desk.notices])

    (order,) = house.desk.orders
    assert (order.id, order.source, order.lead_org) == (order_id, "demand", "321181:水利")
    assert order.requirement == "评估报告迟迟未出"
    mention = next(each for each in house.desk.notices if each.kind == "case_mention")
    assert (list(mention.accounts), mention.uscc) == (["b1"], "91321181000000027K")


def test_a_worker_killed_in_the_middle_of_a_sweep_leaves_no_card_out_and_none_twice(
    house: House,
) -> None:
    house.desk.load()
    house.desk.now = at("2026-10-08 10:00")
    for _ in range(300):
        house.desk.case(case_state())
    house.move_clock("2026-11-06 09:00", 1)
    with services.running("warning_dispatch", "worker", **house.settings()) as worker:
        eventually(lambda: len(house.desk.cards) > 0, every=0.002)
        for process in worker.supervisor.seen().values():
            os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: not worker.supervisor.seen())
        assert len(house.desk.cards) < 1200

    with services.running("warning_dispatch", "worker", **house.settings()):
        eventually(lambda: len(house.desk.cards) == 1200, timeout=60)

    identities = {(row.rule, row.subject_id, row.colour, row.period) for row in house.desk.cards}
    assert len(identities) == 1200
    numbers = [int(row.number[-6:]) for row in house.desk.orders]
    assert numbers == list(range(1, len(numbers) + 1))


def test_what_is_committed_is_pushed_to_those_it_is_for(house: House, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    client.delete(STREAM)
    house.move_clock("2026-10-19 00:31", 1)
    with services.running("warning_dispatch", "worker", **house.settings()):
        house.calendar()
        house.case()
        entries: Any = eventually(lambda: client.xrange(STREAM))
    client.close()

    kind, audience = entries[0][1]["kind"], json.loads(entries[0][1]["audience"])
    assert kind == "card_issued"
    assert {"b1"} == {each["account"] for each in audience if each["account"]}
    assert {"321181:发改"} == {each["org"] for each in audience if each["org"]}
    assert eventually(lambda: all(row.sent for row in house.desk.notices))
