"""The plan: forward from today, back from the planned start, on the working calendar."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from approval_tracking.plan import Laid, Node, PlanItem, lay
from support.approval_data import calendar

TODAY = date(2026, 3, 2)


def item(code: str, days: int, *after: str, **more: Any) -> PlanItem:
    given = {"name": code, "stage": "S2", "org": "", "unit": "working", **more}
    return PlanItem(code=code, days=days, after=after, **given)


def laid(*items: PlanItem, **more: Any) -> Laid:
    given: dict[str, Any] = {"today": TODAY, "gates": ["permit"], "final_stage": "S6", **more}
    return lay(items, calendar(), **given)


def node(plan: Laid, code: str) -> Node:
    return next(each for each in plan.nodes if each.code == code)


def test_the_longest_chain_is_critical_and_the_rest_has_slack() -> None:
    plan = laid(
        item("code", 0),
        item("long", 10, "code"),
        item("short", 3, "code"),
        item("permit", 2, "long", "short"),
        planned_start=date(2026, 3, 31),
    )

    assert plan.critical_path == ("code", "long", "permit")
    assert plan.earliest_start == date(2026, 3, 19)
    assert (plan.slack_days, node(plan, "permit").slack_days) == (8, 8)
    assert node(plan, "short").slack_days == 15
    assert not node(plan, "short").critical
    assert node(plan, "permit").late_finish == date(2026, 3, 30)


def test_a_prerequisite_the_project_does_not_need_is_ignored() -> None:
    plan = laid(item("first", 10), item("permit", 2, "not-needed"))

    assert node(plan, "permit").after == ()
    assert node(plan, "permit").early_finish == date(2026, 3, 4)


def test_what_is_done_stays_where_it_was() -> None:
    plan = laid(
        item("first", 10, done_on=date(2026, 2, 10), started_on=date(2026, 2, 3)),
        item("permit", 2, "first"),
    )

    first = node(plan, "first")
    assert (first.early_start, first.early_finish) == (date(2026, 2, 3), date(2026, 2, 10))
    assert plan.critical_path == ("permit",)


def test_an_application_under_way_ends_when_it_is_due_but_never_in_the_past() -> None:
    due = laid(item("permit", 9, started_on=date(2026, 2, 27), due=date(2026, 3, 6)))
    late = laid(item("permit", 9, started_on=date(2026, 2, 2), due=date(2026, 2, 6)))

    assert node(due, "permit").early_finish == date(2026, 3, 6)
    assert node(late, "permit").early_finish == TODAY


def test_a_period_in_calendar_days_is_laid_as_such() -> None:
    plan = laid(
        item("auction", 30, unit="calendar"),
        item("permit", 1, "auction"),
        planned_start=date(2026, 5, 8),
    )

    assert node(plan, "auction").early_finish == date(2026, 4, 1)
    assert node(plan, "auction").late_start == date(2026, 4, 3)


def test_a_plan_that_cannot_be_met_has_negative_slack() -> None:
    plan = laid(item("permit", 5), planned_start=date(2026, 3, 5))

    assert plan.slack_days == -3
    assert node(plan, "permit").slack_days == -3
    assert node(plan, "permit").critical


def test_completion_items_wait_for_the_planned_completion() -> None:
    plan = laid(
        item("permit", 5),
        item("survey", 7, "permit", stage="S6"),
        planned_start=date(2026, 3, 31),
        planned_completion=date(2026, 9, 1),
    )

    assert node(plan, "survey").early_start == date(2026, 9, 1)
    assert not node(plan, "survey").critical


def test_a_ring_of_prerequisites_is_refused() -> None:
    with pytest.raises(ValueError, match="ring"):
        laid(item("a", 1, "b"), item("b", 1, "a"))


def test_a_plan_reaching_into_an_unofficial_year_says_so() -> None:
    assert laid(item("permit", 230)).provisional
    assert not laid(item("permit", 5)).provisional


def test_what_was_done_before_the_calendar_begins_is_shown_as_it_was() -> None:
    long_ago = date(2019, 5, 6)
    plan = laid(
        item("first", 10, done_on=long_ago, started_on=long_ago),
        item("permit", 2, "first"),
        planned_start=date(2020, 1, 1),
    )

    assert node(plan, "first").done_on == long_ago
    assert node(plan, "permit").early_finish == date(2026, 3, 4)
    assert plan.slack_days < 0


def test_a_period_in_calendar_days_does_not_break_the_critical_path() -> None:
    """Rolling to working days leaves what comes before it a little slack; the start waits for it all the same."""
    plans = [
        laid(
            item("survey", days),
            item("auction", 30, "survey", unit="calendar"),
            item("permit", 1, "auction"),
            planned_start=date(2026, 7, 31),
        )
        for days in range(1, 8)
    ]

    assert (
        len({node(plan, "survey").slack_days - node(plan, "permit").slack_days for plan in plans})
        > 1
    )
    for plan in plans:
        assert plan.critical_path == ("survey", "auction", "permit")
        assert all(each.critical for each in plan.nodes)
