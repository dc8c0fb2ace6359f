"""The gRPC edge as a client meets it: routes are elsewhere; here are scope, keys, pages and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.identity import Principal
from support import desk as people
from support.clocks import at, case_state, project_state
from support.desk import Desk
from support.links import alone, witness
from support.servicers import Client, serving
from warning_dispatch.api import WarningDispatch

EVERYBODY = [each for each in vars(people).values() if isinstance(each, Principal)]


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
        yield client


@pytest.fixture
def red(desk: Desk) -> Desk:
    desk.case(case_state(case_id=UUID(int=11)))
    desk.sweep("2026-10-22 00:30")
    desk.now = at("2026-10-22 10:00")
    return desk


def only_red(call: Client) -> Any:
    (card,) = call(people.D4, "ListCards", colour=pb.COLOUR_RED).cards
    return card


@pytest.mark.parametrize(
    ("who", "cards", "orders"),
    [
        (people.A4, 2, 1),
        (people.A2, 2, 1),
        (people.OTHER_A4, 0, 0),
        (people.D1, 2, 1),
        (people.OTHER_D1, 0, 0),
        (people.D4, 2, 1),
        (people.K1, 2, 1),
        (people.B1, 2, 1),
        (people.E1, 0, 0),
    ],
    ids=lambda value: value.username if isinstance(value, Principal) else str(value),
)
def test_each_sees_the_rows_of_his_scope(
    red: Desk, call: Client, who: Principal, cards: int, orders: int
) -> None:
    seen = call(who, "ListCards")

    assert (len(seen.cards), seen.total_size) == (cards, cards)
    assert len(call(who, "ListWorkOrders").orders) == orders


def test_the_city_sees_no_district_project_and_the_district_does(desk: Desk, call: Client) -> None:
    desk.case(case_state(level="区级"))
    desk.sweep("2026-10-22 00:30")

    assert len(call(people.D4, "ListCards").cards) == 0
    assert len(call(people.D1, "ListCards").cards) == 2


def test_an_enterprise_sees_the_cards_for_which_it_is_responsible(desk: Desk, call: Client) -> None:
    desk.case(case_state(duty_bearer="enterprise"))
    desk.case(case_state())
    desk.sweep("2026-10-19 00:30")

    assert len(call(people.E1, "ListCards").cards) == 1
    assert len(call(people.OTHER_E1, "ListCards").cards) == 0


def test_a_card_explains_itself_in_both_languages(red: Desk, call: Client) -> None:
    card = call(people.A2, "GetCard", card_id=only_red(call).card_id).card

    assert card.rule_title_zh == "办件承诺时限"
    assert "承诺到期日 2026-10-21" in card.explanation_zh
    assert "promised due date 2026-10-21" in card.explanation_en
    assert len(card.orders) == 1
    assert [step.step for step in card.steps] == ["open"]


def test_somebody_elses_card_is_refused_and_an_unknown_one_not_found(
    red: Desk, call: Client
) -> None:
    card_id = only_red(call).card_id

    assert call.refused(people.OTHER_A4, "GetCard", card_id=card_id)[:2] == (
        "PERMISSION_DENIED",
        "OUT_OF_SCOPE",
    )
    assert call.refused(people.E1, "GetCard", card_id=card_id)[1] == "OUT_OF_SCOPE"
    unknown = call.refused(people.D4, "GetCard", card_id=str(uuid4()))
    assert unknown == ("NOT_FOUND", "CARD_NOT_FOUND", ["card_id"])


@pytest.mark.parametrize(
    ("who", "method"),
    [
        (people.A2, "AcknowledgeCard"),
        (people.E1, "AcknowledgeCard"),
        (people.A4, "WaiveCard"),
        (people.D1, "RevokeCard"),
        (people.A4, "DispatchWorkOrder"),
        (people.A4, "CheckWorkOrder"),
        (people.D4, "AnswerWorkOrder"),
        (people.S2, "ListCards"),
    ],
    ids=lambda value: value.username if isinstance(value, Principal) else value,
)
def test_a_role_without_the_right_is_refused_before_anything_is_read(
    call: Client, who: Principal, method: str
) -> None:
    assert call.refused(who, method)[1] == "NOT_YOUR_ROLE"


@pytest.mark.parametrize(
    ("method", "fields", "named"),
    [
        ("GetCard", {"card_id": "17"}, ["card_id"]),
        ("ListCards", {"rule": "W-1"}, ["rule"]),
        ("ListCards", {"page_size": 201}, ["page_size"]),
        ("ListCards", {"page_token": "x"}, ["page_token"]),
        ("WaiveCard", {"card_id": str(uuid4()), "reason": ""}, ["reason"]),
        ("DispatchWorkOrder", {"requirement": "请推办"}, ["card_id"]),
        ("DispatchWorkOrder", {"requirement": "请推办", "colour": 9}, ["colour"]),
    ],
)
def test_a_bad_field_is_named(
    call: Client, method: str, fields: dict[str, Any], named: list[str]
) -> None:
    status, _, fields_named = call.refused(people.D4, method, **fields)

    assert (status, fields_named) == ("INVALID_ARGUMENT", named)


def test_a_day_that_does_not_exist_is_named(red: Desk, call: Client) -> None:
    order = only_red(call).orders[0]
    call(people.A4, "SignWorkOrder", order_id=order)
    answer = {
        "order_id": order,
        "cause": pb.CAUSE_DEPARTMENT,
        "measures": "加派人手",
        "completion_date": "2026-02-30",
        "evidence": "附件",
        "signer_name": "局长",
    }

    refused = call.refused(people.A4, "AnswerWorkOrder", **answer)
    assert (refused[0], refused[2]) == ("INVALID_ARGUMENT", ["completion_date"])
    done = call(people.A4, "AnswerWorkOrder", **{**answer, "completion_date": "2026-10-23"})
    assert done.order.status == pb.ORDER_STATUS_CHECKING
    assert done.order.feedback.cause == pb.CAUSE_DEPARTMENT


def test_a_key_sent_twice_acts_once_and_answers_alike(red: Desk, call: Client) -> None:
    fields = {
        "project_id": str(UUID(int=7)),
        "requirement": "请推办",
        "source": pb.ORDER_SOURCE_MEETING,
    }
    red.project(project_state())

    first = call(people.D4, "DispatchWorkOrder", key="k1", **fields)
    second = call(people.D4, "DispatchWorkOrder", key="k1", **fields)
    other = call.refused(
        people.D4, "DispatchWorkOrder", key="k1", **{**fields, "requirement": "别的"}
    )

    assert first == second
    assert other[1] == "IDEMPOTENCY_KEY_REUSED"
    by_hand = [row for row in red.orders if row.source == "meeting"]
    assert [row.dispatched_by for row in by_hand] == ["d4.city"]


def test_pages_follow_each_other_without_gap_or_overlap(desk: Desk, call: Client) -> None:
    for _ in range(7):
        desk.case(case_state())
    desk.sweep("2026-10-22 00:30")

    seen, token = [], ""
    while True:
        page = call(people.D1, "ListCards", page_size=4, page_token=token)
        seen += [card.card_id for card in page.cards]
        token = page.next_page_token
        if not token:
            break

    assert len(seen) == len(set(seen)) == page.total_size == 14


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"colour": pb.COLOUR_YELLOW}, 1),
        ({"status": pb.CARD_STATUS_OPEN}, 2),
        ({"status": pb.CARD_STATUS_CLOSED}, 0),
        ({"rule": "W-01"}, 2),
        ({"rule": "W-02"}, 0),
        ({"project_id": str(UUID(int=7))}, 2),
        ({"case_id": str(UUID(int=11))}, 2),
        ({"case_id": str(UUID(int=12))}, 0),
        ({"org": "321181:住建"}, 0),
        ({"live": True}, 2),
    ],
    ids=str,
)
def test_filters_keep_what_they_say(
    red: Desk, call: Client, fields: dict[str, Any], count: int
) -> None:
    assert call(people.D1, "ListCards", **fields).total_size == count


def test_an_order_shows_its_limits_and_that_one_has_passed(red: Desk, call: Client) -> None:
    (order,) = call(people.A4, "ListWorkOrders").orders
    assert not order.overdue

    red.now = at("2026-10-22 14:31")

    assert call(people.A4, "GetWorkOrder", order_id=order.order_id).order.overdue
    assert len(call(people.A4, "ListWorkOrders", overdue=True).orders) == 1


def test_an_order_goes_the_whole_way(red: Desk, call: Client) -> None:
    card = only_red(call)
    order = card.orders[0]
    call(people.A4, "AcknowledgeCard", card_id=card.card_id)
    call(people.A4, "SignWorkOrder", order_id=order)
    call(people.A4, "HandleWorkOrder", order_id=order, handler="李工")
    answer: dict[str, Any] = {
        "cause": pb.CAUSE_DEPARTMENT,
        "measures": "加派人手",
        "completion_date": "2026-10-23",
        "evidence": "附件",
        "signer_name": "局长",
    }
    call(people.A4, "AnswerWorkOrder", order_id=order, **answer)
    refused = call.refused(people.D4, "CheckWorkOrder", order_id=order, passed=False)
    assert refused[1:] == ("REFUSAL_NEEDS_NOTE", ["note"])
    again = call(people.D4, "CheckWorkOrder", order_id=order, passed=False, note="证据不足")
    assert again.order.status == pb.ORDER_STATUS_REWORK
    call(people.A4, "AnswerWorkOrder", order_id=order, **answer)
    red.case(case_state(case_id=UUID(int=11), version=2, status="decided", decided=red.now))
    done = call(people.D4, "CheckWorkOrder", order_id=order, passed=True)

    assert done.card_status == pb.CARD_STATUS_CLOSED
    assert [step.step for step in done.order.steps] == [
        "issued",
        "signed",
        "handling",
        "feedback",
        "checking",
        "rework",
        "feedback",
        "checking",
        "closed",
    ]


# --- notifications ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "count"),
    [
        (people.A4, 3),
        (people.A2, 3),
        (people.B1, 3),
        (people.D1, 3),
        (people.D4, 2),
        (people.D5, 0),
        (people.OTHER_A4, 0),
        (people.OTHER_D1, 0),
        (people.E1, 0),
        (people.S2, 0),
    ],
    ids=lambda value: value.username if isinstance(value, Principal) else str(value),
)
def test_each_is_told_what_concerns_him(
    red: Desk, call: Client, who: Principal, count: int
) -> None:
    told = call(who, "ListNotifications")

    assert (len(told.notifications), told.unread_count) == (count, count)


def test_reading_is_ones_own_and_once_is_enough(red: Desk, call: Client) -> None:
    first = call(people.A4, "ListNotifications").notifications[0]

    def read() -> Any:
        return call(people.A4, "ReadNotification", notification_id=first.notification_id)

    before = read().notification.read_at
    red.now = at("2026-10-22 11:00")

    assert read().notification.read_at == before
    assert call(people.A4, "ListNotifications").unread_count == 2
    assert call(people.A2, "ListNotifications").unread_count == 3
    assert len(call(people.A4, "ListNotifications", unread=True).notifications) == 2
    stranger = call.refused(
        people.OTHER_A4, "ReadNotification", notification_id=first.notification_id
    )
    assert stranger[1] == "NOTIFICATION_NOT_FOUND"


def test_the_rules_are_shown_with_their_thresholds(call: Client) -> None:
    rules = {rule.code: rule for rule in call(people.D1, "ListRules").rules}

    numbers = range(1, 19)
    assert sorted(rules) == [f"W-{number:02}" for number in numbers]
    assert rules["W-01"].levels[0].thresholds["used_percent"] == "80"


def revision(**more: Any) -> dict[str, Any]:
    change = pb.LevelChange(
        colour=pb.COLOUR_YELLOW, thresholds={"used_percent": "90"}, dispatches=True
    )
    return {
        "code": "W-01",
        "levels": [change],
        "effective_from": "2026-10-10",
        "reason": "按榆林口径",
        **more,
    }


def test_a_revised_rule_counts_from_its_day_and_moves_the_due_moments(
    desk: Desk, call: Client
) -> None:
    desk.case(case_state())
    revised = call(people.S1, "ReviseRule", **revision()).rule
    assert (revised.version, revised.levels[0].thresholds["used_percent"]) == (2, "90")
    assert call(people.D1, "ListRules").rules[0].version == 1

    desk.sweep("2026-10-19 00:30")
    assert desk.cards == []
    desk.sweep("2026-10-20 00:30")

    (card,) = call(people.D1, "ListCards").cards
    assert (card.rule_version, card.colour, len(card.orders)) == (2, pb.COLOUR_YELLOW, 1)


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"code": "W-99"}, "NOT_FOUND", "RULE_NOT_FOUND"),
        ({"effective_from": "2026-10-07"}, "INVALID_ARGUMENT", "FIELD_INVALID"),
        ({"code": "W-03"}, "INVALID_ARGUMENT", "FIELD_INVALID"),
        ({"expected_version": 7}, "ABORTED", "STALE"),
        ({"levels": []}, "INVALID_ARGUMENT", "FIELD_INVALID"),
        (
            {"levels": [pb.LevelChange(colour=pb.COLOUR_YELLOW)]},
            "INVALID_ARGUMENT",
            "FIELD_INVALID",
        ),
    ],
    ids=["unknown", "backwards", "no such threshold", "stale", "no level", "nothing changed"],
)
def test_a_revision_that_makes_no_sense_is_refused(
    call: Client, fields: dict[str, Any], status: str, reason: str
) -> None:
    assert call.refused(people.S1, "ReviseRule", **revision(**fields))[:2] == (status, reason)
    assert call.refused(people.D1, "ReviseRule", **revision())[1] == "NOT_YOUR_ROLE"


def test_a_preview_is_of_ones_own_territory_and_of_everything_for_who_keeps_the_rules(
    desk: Desk, call: Client
) -> None:
    desk.case(case_state(accepted="2026-09-01"), "2026-09-01 10:00")
    change = pb.LevelChange(colour=pb.COLOUR_YELLOW, thresholds={"used_percent": "60"})

    def preview(who: Principal) -> Any:
        return call(who, "PreviewRule", code="W-01", levels=[change])

    seen = preview(people.S1)

    assert (seen.subjects, seen.past_total, seen.until) == (1, 1, "2026-10-08")
    assert seen.past[0].after.seconds < seen.past[0].before.seconds
    assert [(each.present, each.changed) for each in seen.counts] == [(1, 1), (1, 1)]
    assert (preview(people.D1).subjects, preview(people.OTHER_D1).subjects) == (1, 0)
    assert (
        call.refused(people.E1, "PreviewRule", code="W-01", levels=[change])[1] == "NOT_YOUR_ROLE"
    )
    backwards: dict[str, Any] = {
        "code": "W-01",
        "levels": [change],
        "since": "2026-10-02",
        "until": "2026-10-01",
    }
    assert call.refused(people.S1, "PreviewRule", **backwards).fields == ["until"]


def test_exceptions_and_versions_of_a_rule_are_shown(desk: Desk, call: Client) -> None:
    desk.case(case_state())
    own = pb.RuleOverride(
        items=["S2-02"],
        regions=["321181"],
        levels=[pb.LevelChange(colour=pb.COLOUR_YELLOW, thresholds={"used_percent": "50"})],
    )
    unknown = pb.RuleOverride(items=["S9-99"], levels=own.levels)
    never = pb.LevelChange(colour=pb.COLOUR_YELLOW, thresholds={"used_percent": "150"})
    call(people.S1, "ReviseRule", **revision(levels=[], overrides=[own]))
    versions = call(people.D4, "ListRuleVersions", code="W-01").versions

    assert [(each.version, each.reason) for each in versions] == [(2, "按榆林口径"), (1, "")]
    (shown,) = versions[0].overrides
    assert (list(shown.items), shown.levels[0].thresholds["used_percent"]) == (["S2-02"], "50")
    assert versions[0].revised_by
    refusals = {
        "ITEMS_UNKNOWN": revision(levels=[], overrides=[unknown]),
        "RULE_NEVER_FIRES": revision(levels=[never]),
    }
    for reason, fields in refusals.items():
        assert call.refused(people.S1, "ReviseRule", **fields)[1] == reason
    assert call.refused(people.D4, "ListRuleVersions", code="W-99")[1] == "RULE_NOT_FOUND"
