"""Whole plans, worked out by hand on the calendar of 2026: every date of every item."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from approval_tracking.plan import Laid, PlanItem, lay
from support.approval_data import calendar

TODAY = date(2026, 3, 4)


def item(code: str, days: int, *after: str, **more: Any) -> PlanItem:
    given = {"name": code.upper(), "stage": "S2", "org": f"321181:{code}", "unit": "working"}
    return PlanItem(code=code, days=days, after=after, **{**given, **more})


ITEMS = (
    item("code", 1, done_on=date(2026, 2, 26)),
    # Under way: one is due later, one should have ended, one has no day and more than today.
    item("review", 5, "code", started_on=date(2026, 3, 2), due=date(2026, 3, 9)),
    item("late", 3, "code", started_on=date(2026, 2, 24)),
    item("slow", 10, "code", started_on=date(2026, 2, 27)),
    item("notice", 30, "code", unit="calendar", stage="S3"),
    item("land", 2, "notice", "review", stage="S3"),
    item("design", 7, "review", stage="S4"),
    item("permit", 1, "land", "design", "late", "slow", stage="S5"),
    item("beside", 4, "code"),
    item("after", 2, "permit", stage="S5"),
    item("check", 3, stage="S6"),
    item("done", 5, "check", stage="S6"),
)


def laid(*items: PlanItem, **more: Any) -> Laid:
    given: dict[str, Any] = {"today": TODAY, "gates": ["permit"], "final_stage": "S6", **more}
    return lay(items or ITEMS, calendar(), **given)


def table(plan: Laid) -> list[str]:
    """Each item with its days, its earliest and latest dates, its slack, and whether it is critical."""
    return [
        f"{n.code} {n.duration_days}: {n.early_start:%m-%d} {n.early_finish:%m-%d}, "
        f"{n.late_start:%m-%d} {n.late_finish:%m-%d}, {n.slack_days}"
        f"{' critical' if n.critical else ''}"
        for n in plan.nodes
    ]


def test_a_plan_with_time_to_spare() -> None:
    plan = laid(planned_start=date(2026, 5, 6), planned_completion=date(2026, 9, 30))

    assert (plan.planned_start, plan.earliest_start, plan.slack_days) == (
        date(2026, 5, 6),
        date(2026, 4, 10),
        15,
    )
    assert plan.critical_path == ("notice", "land", "permit")
    assert not plan.provisional
    assert table(plan) == [
        "code 0: 02-26 02-26, 02-26 02-26, 0",
        "review 5: 03-02 03-09, 04-13 04-20, 29",
        "late 7: 02-24 03-04, 04-20 04-29, 39",
        "slow 10: 02-27 03-12, 04-15 04-29, 33",
        "notice 22: 03-04 04-03, 03-27 04-27, 15 critical",
        "land 2: 04-03 04-08, 04-27 04-29, 15 critical",
        "design 7: 03-09 03-18, 04-20 04-29, 29",
        "permit 1: 04-08 04-09, 04-29 04-30, 15 critical",
        "beside 4: 03-04 03-10, 04-24 04-30, 36",
        "after 2: 05-06 05-08, 10-14 10-16, 111",
        "check 3: 09-30 10-10, 09-30 10-10, 0",
        "done 5: 10-10 10-16, 10-10 10-16, 0",
    ]
    (permit,) = [node for node in plan.nodes if node.code == "permit"]
    assert (permit.name, permit.stage, permit.org) == ("PERMIT", "S5", "321181:permit")
    assert permit.after == ("land", "design", "late", "slow")


def test_a_plan_that_is_late() -> None:
    plan = laid(planned_start=date(2026, 4, 1))

    assert (plan.earliest_start, plan.slack_days) == (date(2026, 4, 10), -6)
    assert table(plan)[4:] == [
        "notice 22: 03-04 04-03, 02-24 03-26, -6 critical",
        "land 2: 04-03 04-08, 03-26 03-30, -6 critical",
        "design 7: 03-09 03-18, 03-19 03-30, 8",
        "permit 1: 04-08 04-09, 03-30 03-31, -6 critical",
        "beside 4: 03-04 03-10, 03-25 03-31, 15",
        "after 2: 04-10 04-14, 04-20 04-22, 6",
        "check 3: 04-10 04-15, 04-10 04-15, 0",
        "done 5: 04-15 04-22, 04-15 04-22, 0",
    ]


def test_without_a_planned_start_the_earliest_is_the_aim() -> None:
    plan = laid()

    assert (plan.planned_start, plan.slack_days) == (None, 0)
    assert table(plan)[4:9] == [
        "notice 22: 03-04 04-03, 03-04 04-03, 0 critical",
        "land 2: 04-03 04-08, 04-03 04-08, 0 critical",
        "design 7: 03-09 03-18, 03-27 04-08, 14",
        "permit 1: 04-08 04-09, 04-08 04-09, 0 critical",
        "beside 4: 03-04 03-10, 04-02 04-09, 21",
    ]


def test_without_gates_there_is_no_start_to_hold_up() -> None:
    plan = laid(item("a", 3), item("b", 2, "a"))

    assert (plan.earliest_start, plan.slack_days, plan.critical_path) == (TODAY, 0, ())
    assert table(plan) == [
        "a 3: 03-04 03-09, 03-04 03-09, 0",
        "b 2: 03-09 03-11, 03-09 03-11, 0",
    ]


def test_what_follows_the_last_gate_is_laid_after_the_start() -> None:
    plan = laid(
        item("gate", 2),
        item("same", 3, "gate"),
        item("permit", 2, "gate", stage="S5"),
        item("fence", 1, "permit", stage="S5"),
        item("on", 2, "fence", stage="S3"),
    )

    assert plan.earliest_start == date(2026, 3, 11)
    assert table(plan)[3:] == [
        "fence 1: 03-11 03-12, 03-11 03-12, 0",
        "on 2: 03-12 03-16, 03-12 03-16, 0",
    ]


def test_a_gate_decided_on_a_saturday_counts_from_the_monday() -> None:
    plan = laid(
        item("permit", 2, done_on=date(2026, 3, 7), stage="S5"),
        item("fence", 2, "permit", stage="S5"),
        planned_start=date(2026, 3, 20),
    )

    assert (plan.earliest_start, plan.slack_days) == (date(2026, 3, 10), 8)
    assert table(plan) == [
        "permit 0: 03-09 03-09, 03-09 03-09, 0",
        "fence 2: 03-20 03-24, 03-20 03-24, 0",
    ]


@pytest.mark.parametrize("unit", ["working", "calendar"])
def test_a_hopeless_plan_has_its_latest_days_at_the_calendars_edge(unit: str) -> None:
    items = [item("a", 3, unit=unit), item("permit", 20, "a", unit=unit)]

    plan = laid(*items, today=date(2023, 1, 4), planned_start=date(2023, 1, 5))

    first = date(2023, 1, 3)
    assert [node.late_start for node in plan.nodes] == [first, first]
    assert all(node.late_start <= node.late_finish for node in plan.nodes)
    assert plan.slack_days < 0


def test_what_began_before_the_calendar_began_with_it() -> None:
    early = item("a", 3, started_on=date(2021, 5, 6), done_on=date(2021, 6, 1))
    plan = laid(early, item("permit", 2, "a"), today=date(2023, 1, 4))

    assert plan.nodes[0].early_finish == date(2023, 1, 3)
    assert plan.nodes[0].done_on == early.done_on
    kept = replace(early, done_on=date(2023, 1, 10))
    assert laid(kept, item("permit", 2, "a")).nodes[0].early_start == date(2023, 1, 3)


def test_no_items_are_no_plan() -> None:
    plan = lay([], calendar(), today=TODAY, gates=["permit"], final_stage="S6")

    assert (plan.nodes, plan.earliest_start, plan.slack_days) == ((), TODAY, 0)


def test_what_is_under_way_waits_for_what_is_still_open_before_it() -> None:
    plan = laid(
        item("slow", 20),
        item("permit", 5, "slow", started_on=date(2026, 3, 2), due=date(2026, 3, 6)),
    )

    assert table(plan) == [
        "slow 20: 03-04 04-01, 03-04 04-01, 0 critical",
        "permit 22: 03-02 04-01, 03-02 04-01, 0 critical",
    ]


def test_a_period_in_calendar_days_under_way() -> None:
    plan = laid(
        item("notice", 30, unit="calendar", started_on=date(2026, 3, 2)),
        item("permit", 5, "notice"),
        planned_start=date(2026, 4, 20),
    )

    assert table(plan) == [
        "notice 22: 03-02 04-01, 03-10 04-10, 6 critical",
        "permit 5: 04-01 04-09, 04-10 04-17, 6 critical",
    ]


def test_after_a_start_long_past_nothing_is_laid_into_the_past() -> None:
    plan = laid(
        item("permit", 5, stage="S5", done_on=date(2026, 1, 8)),
        item("fence", 5, "permit", stage="S5", started_on=date(2026, 1, 12)),
        item("check", 3, stage="S6"),
        planned_start=date(2026, 1, 9),
        planned_completion=date(2026, 2, 2),
    )

    assert plan.earliest_start == date(2026, 1, 9)
    assert [node.early_finish for node in plan.nodes[1:]] == [TODAY, date(2026, 3, 9)]


def test_a_completion_planned_before_the_start_is_laid_after_it() -> None:
    plan = laid(
        item("permit", 5),
        item("check", 3, stage="S6"),
        planned_start=date(2026, 4, 1),
        planned_completion=date(2026, 3, 20),
    )

    assert table(plan)[1] == "check 3: 04-01 04-07, 04-01 04-07, 0"


def test_a_gate_of_the_final_stage_is_laid_from_today() -> None:
    plan = laid(item("check", 3, stage="S6"), gates=["check"])

    assert table(plan) == ["check 3: 03-04 03-09, 03-04 03-09, 0 critical"]


def test_what_is_done_is_on_no_critical_path() -> None:
    plan = laid(
        item("first", 2, done_on=date(2026, 3, 10)),
        item("permit", 5, "first", started_on=date(2026, 3, 2), due=date(2026, 3, 12)),
    )

    assert plan.critical_path == ("permit",)


@pytest.mark.parametrize("more", [{"done_on": date(2021, 6, 1)}, {"started_on": date(2021, 5, 6)}])
def test_a_day_before_the_calendar_is_its_first(more: dict[str, date]) -> None:
    plan = laid(item("permit", 2, **more), today=date(2023, 1, 4))

    assert plan.nodes[0].early_start == date(2023, 1, 3)
