"""Reminders of a plan: what falls due, what is blocked, and when the critical path slipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from approval_tracking.domain.plan_watch import (
    BLOCKED,
    DUE,
    OVERDUE,
    Target,
    news,
    reference,
    reminders,
    slip,
    targets_of,
)
from approval_tracking.plan import Laid, PlanItem, lay
from support.approval_data import calendar

CALENDAR = calendar()
TODAY = date(2026, 3, 2)
ITEMS = (
    PlanItem("A", "甲", "S2", "x:甲", 3, "working", ()),
    PlanItem("B", "乙", "S3", "x:乙", 5, "working", ("A",)),
    PlanItem("G", "许可", "S5", "x:丙", 2, "working", ("B",)),
)


def laid(*items: PlanItem, today: date = TODAY, start: date | None = None) -> Laid:
    return lay(
        items or ITEMS,
        CALENDAR,
        today=today,
        gates=["G"],
        final_stage="S6",
        planned_start=start,
    )


def kinds(plan: Laid, targets: dict[str, Target], today: date = TODAY) -> list[tuple[str, str]]:
    found = reminders(plan, targets, CALENDAR, started=(), today=today)
    return [(each.kind, each.node.code) for each in found]


def baseline() -> dict[str, Target]:
    return {node.code: Target(node.early_start, node.early_finish) for node in laid().nodes}


def test_a_node_is_told_of_three_working_days_before_its_day() -> None:
    plan = baseline()

    assert plan["A"].finish == date(2026, 3, 5)
    assert kinds(laid(), plan) == [(DUE, "A"), (BLOCKED, "B")]
    assert kinds(laid(), {"B": plan["B"]}) == [(BLOCKED, "B")]
    assert kinds(laid(), {"G": plan["G"]}) == []


def test_a_late_node_is_overdue_from_the_day_after() -> None:
    plan = baseline()

    on_the_day = kinds(laid(today=date(2026, 3, 5)), {"A": plan["A"]}, date(2026, 3, 5))
    after = reminders(
        laid(today=date(2026, 3, 9)),
        {"A": plan["A"]},
        CALENDAR,
        started=(),
        today=date(2026, 3, 9),
    )

    assert on_the_day == [(DUE, "A")]
    assert [(each.kind, each.days_left) for each in after] == [(OVERDUE, -2)]


def test_what_is_done_or_under_way_is_not_blocked_and_nobody_is_reminded_on_a_day_off() -> None:
    plan, done = baseline(), replace(ITEMS[0], done_on=TODAY)

    assert kinds(laid(done, *ITEMS[1:]), plan) == []
    under_way = reminders(laid(), plan, CALENDAR, started=("B",), today=TODAY)
    assert [each.kind for each in under_way] == [DUE]
    assert kinds(laid(), plan, date(2026, 3, 1)) == []


def test_a_blocked_node_names_what_it_waits_for() -> None:
    found = reminders(laid(), baseline(), CALENDAR, started=(), today=TODAY)

    assert [each.waits_for for each in found if each.kind == BLOCKED] == [("A",)]


def test_without_a_baseline_the_planned_start_gives_the_days_and_without_both_nothing_does() -> (
    None
):
    assert targets_of(laid()) == {}
    late = targets_of(laid(start=date(2026, 3, 17)))
    assert late["G"].finish == date(2026, 3, 16)
    assert kinds(laid(start=date(2026, 3, 17)), late) == [(DUE, "A"), (BLOCKED, "B")]


def test_what_was_told_for_a_day_is_told_again_only_for_another() -> None:
    found = reminders(laid(), baseline(), CALENDAR, started=(), today=TODAY)
    told = {(each.kind, each.node.code): each.day for each in found}

    assert news(found, told) == []
    moved = {**told, (DUE, "A"): date(2026, 3, 4)}
    assert [(each.kind, each.node.code) for each in news(found, moved)] == [(DUE, "A")]


@pytest.mark.parametrize(
    ("before", "days"),
    [
        (date(2026, 3, 13), None),
        (date(2026, 3, 12), 3),
        (date(2026, 3, 20), None),
        (None, None),
    ],
)
def test_a_slip_of_three_working_days_is_news(before: date | None, days: int | None) -> None:
    plan = laid()
    assert plan.earliest_start == date(2026, 3, 17)

    found = slip(plan, before, CALENDAR)

    assert (found.days if found else None) == days
    if found:
        assert [node.code for node in found.path] == ["A", "B", "G"]


def test_slips_add_up_from_what_was_told_and_what_is_gained_counts() -> None:
    plan = laid()
    day = plan.earliest_start

    assert reference(plan, None, None) == day
    assert reference(plan, date(2026, 3, 16), None) == date(2026, 3, 16)
    assert reference(plan, date(2026, 3, 20), None) == day
    assert reference(plan, date(2026, 3, 2), slip(plan, date(2026, 3, 2), CALENDAR)) == day
