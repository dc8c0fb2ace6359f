"""Work orders: their limits and their steps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.errors import DomainError
from support.clocks import at, calendar
from warning_dispatch.domain import (
    Actor,
    Bearer,
    Feedback,
    OrderNotInState,
    RefusalNeedsNote,
    ReturnTooLate,
    RuleBook,
    StatementMissing,
    WorkOrder,
    duties_of_order,
    is_overdue,
)
from warning_dispatch.usecases import shipped_rules

BOOK = RuleBook.read(shipped_rules())
BODY, CENTRE = Actor("a4", "对接人"), Actor("d4", "调度员")
BEARER = Bearer(
    UUID(int=7), "项目", "321100/321181", "市级", "", (), "321181:发改", "发改委", "authority"
)


def order(colour: str = "yellow", issued: str = "2026-09-30 10:00") -> WorkOrder:
    return WorkOrder.issue(
        UUID(int=1),
        number="ZJDB-321100-2026-000001",
        source="warning",
        colour=colour,
        card_id=None,
        case_id=None,
        bearer=BEARER,
        subject="承诺时限",
        requirement="限时办结",
        limits=BOOK.limits[colour],
        calendar=calendar(),
        at=at(issued),
    )


def feedback(when: str = "2026-10-08 10:00") -> Feedback:
    return Feedback("department", "加派人手", date(2026, 10, 9), "附件", "局长", at(when), "a4")


def answered(colour: str = "red") -> WorkOrder:
    made = order(colour)
    made.sign(BODY, at=at("2026-09-30 11:00"))
    made.answer(BODY, feedback(), at=at("2026-10-08 10:00"))
    return made


def refuse(made: WorkOrder, when: str, note: str = "证据不足") -> None:
    limits = BOOK.limits[made.colour]
    made.refuse(CENTRE, note=note, limits=limits, calendar=calendar(), at=at(when))


@pytest.mark.parametrize(
    ("colour", "limit", "due"),
    [
        pytest.param(
            "yellow", "feedback_by", "2026-10-10 17:30", id="V31: a make-up Saturday counts"
        ),
        pytest.param("red", "feedback_by", "2026-10-08 17:30", id="V32: the holiday does not"),
        pytest.param("yellow", "sign_by", "2026-10-08 17:30", id="yellow: one working day to sign"),
        pytest.param(
            "red", "sign_by", "2026-09-30 15:30", id="red: four office hours, lunch is free"
        ),
        pytest.param(
            "red_statutory", "sign_by", "2026-09-30 12:00", id="statutory: two office hours"
        ),
        pytest.param("yellow", "close_by", "2026-10-13 17:30", id="yellow: five working days"),
        pytest.param("red", "close_by", "2026-10-10 17:30", id="red: three working days"),
        pytest.param(
            "red_statutory", "close_by", "2026-10-08 17:30", id="statutory: one working day"
        ),
    ],
)
def test_the_limits_of_an_order_before_the_national_day(colour: str, limit: str, due: str) -> None:
    assert getattr(order(colour), limit) == at(due)


def test_a_red_order_of_half_past_midnight_is_signed_by_half_past_two() -> None:
    assert order("red", "2026-10-22 00:30").sign_by == at("2026-10-22 14:30")


def test_the_feedback_turns_yellow_half_a_working_day_before_and_red_when_missed() -> None:
    found = duties_of_order(order("red"), BOOK, calendar())

    assert [(duty.colour, duty.due_moment) for duty in found] == [
        ("yellow", at("2026-10-08 14:00")),
        ("red", at("2026-10-08 17:30")),
    ]


def test_an_answer_in_time_makes_no_card_due() -> None:
    assert duties_of_order(answered("red"), BOOK, calendar()) == []


def test_an_order_walks_through_its_steps_and_remembers_each() -> None:
    made = order("red")
    made.sign(BODY, at=at("2026-09-30 11:00"))
    made.handle(BODY, handler="李工", note="", at=at("2026-09-30 14:00"))
    made.answer(BODY, feedback(), at=at("2026-10-08 10:00"))
    made.pass_check(CENTRE, note="", statement="", at=at("2026-10-08 16:00"))

    steps = [step.step for step in made.steps]
    assert steps == ["issued", "signed", "handling", "feedback", "checking", "closed"]
    assert [type(event).__name__ for event in made.events] == [
        "WorkOrderDispatched",
        "WorkOrderChanged",
        "WorkOrderChanged",
        "WorkOrderAnswered",
        "WorkOrderClosed",
    ]
    assert [event.order.version for event in made.events] == [1, 2, 3, 4, 5]


def act(made: WorkOrder, step: str) -> None:
    when = at("2026-09-30 12:00")
    steps: dict[str, Any] = {
        "sign": lambda: made.sign(BODY, at=when),
        "handle": lambda: made.handle(BODY, handler="李工", note="", at=when),
        "answer": lambda: made.answer(BODY, feedback(), at=when),
        "send_back": lambda: made.send_back(BODY, reason="不属职责", should_go_to="x", at=when),
        "pass": lambda: made.pass_check(CENTRE, note="", statement="", at=when),
        "refuse": lambda: refuse(made, "2026-09-30 12:00"),
    }
    steps[step]()


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ([], "answer"),
        ([], "handle"),
        ([], "pass"),
        (["sign"], "sign"),
        (["sign"], "refuse"),
        (["sign", "handle"], "send_back"),
        (["sign", "answer"], "answer"),
        (["sign", "answer", "pass"], "pass"),
        (["send_back"], "sign"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else value,
)
def test_a_step_out_of_turn_is_refused_and_changes_nothing(path: list[str], then: str) -> None:
    made = order()
    for step in path:
        act(made, step)
    before = (made.status, made.version, len(made.steps), len(made.events))

    with pytest.raises(OrderNotInState):
        act(made, then)

    assert (made.status, made.version, len(made.steps), len(made.events)) == before


def test_an_order_is_returned_within_24_hours_and_not_later() -> None:
    late, early = order(), order()
    issued = early.issued_at

    early.send_back(
        BODY, reason="不属职责", should_go_to="321181:住建", at=issued + timedelta(hours=24)
    )
    with pytest.raises(ReturnTooLate):
        late.send_back(
            BODY, reason="x", should_go_to="y", at=issued + timedelta(hours=24, seconds=1)
        )

    assert (early.status, early.returned_to) == ("returned", "321181:住建")
    assert late.status == "issued"


def test_a_reassigned_order_has_limits_of_its_own() -> None:
    made = order("red")
    made.send_back(BODY, reason="不属职责", should_go_to="321181:住建", at=at("2026-09-30 11:00"))
    made.reassign(
        CENTRE,
        org="321181:住建",
        org_name="住建局",
        note="",
        limits=BOOK.limits["red"],
        calendar=calendar(),
        at=at("2026-10-08 10:00"),
    )

    assert (made.status, made.lead_org) == ("issued", "321181:住建")
    assert made.feedback_by == at("2026-10-09 17:30")
    assert made.round == 2


def test_a_refused_answer_goes_back_and_the_third_refusal_escalates() -> None:
    made = answered("red")
    escalated = []
    for day in ("2026-10-08", "2026-10-09", "2026-10-12"):
        refuse(made, f"{day} 16:00")
        escalated.append(made.escalated)
        made.answer(BODY, feedback(f"{day} 17:00"), at=at(f"{day} 17:00"))

    assert escalated == [False, False, True]
    assert made.reworks == 3
    assert made.feedback_by == at("2026-10-13 17:30")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(
            lambda m: refuse(m, "2026-10-08 16:00", " "), RefusalNeedsNote, id="no reason"
        ),
    ],
)
def test_an_answer_is_not_refused_without_a_reason(make: Any, error: type[DomainError]) -> None:
    made = answered()

    with pytest.raises(error):
        make(made)

    assert made.status == "checking"


def test_a_statutory_order_does_not_pass_without_a_statement() -> None:
    made = answered("red_statutory")

    with pytest.raises(StatementMissing):
        made.pass_check(CENTRE, note="", statement=" ", at=at("2026-10-08 16:00"))

    made.pass_check(CENTRE, note="", statement="公开说明理由", at=at("2026-10-08 16:00"))
    assert made.status == "closed"


@pytest.mark.parametrize(
    ("status", "now", "late"),
    [
        ("issued", "2026-09-30 15:29", False),
        ("issued", "2026-09-30 15:31", True),
        ("signed", "2026-09-30 15:31", False),
        ("signed", "2026-10-08 17:31", True),
        ("checking", "2026-10-08 17:31", False),
        ("checking", "2026-10-10 17:31", True),
        ("closed", "2026-12-01 00:00", False),
    ],
)
def test_only_a_limit_that_still_counts_makes_an_order_overdue(
    status: str, now: str, late: bool
) -> None:
    made = order("red")

    assert late == is_overdue(
        status,
        sign_by=made.sign_by,
        feedback_by=made.feedback_by,
        close_by=made.close_by,
        now=at(now),
    )
