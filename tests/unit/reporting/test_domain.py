"""Indicators, months and lights, by hand."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from chassis.calendar import SHANGHAI
from reporting.domain import (
    GREEN,
    RED,
    RED_STATUTORY,
    YELLOW,
    Decided,
    Indicator,
    Month,
    PeriodNotBegun,
    light,
    limits,
    middle,
    share,
)
from support.clocks import calendar


def decided(on: str, **more: object) -> Decided:
    fields: dict[str, object] = {
        "org": "321181:发改",
        "org_name": "丹阳市发展和改革委员会",
        "decided_on": date.fromisoformat(on),
        "committed_due": date(2026, 10, 22),
        "statutory_due": date(2026, 11, 5),
        "delivered_on": None,
        "approved": True,
        "deemed": False,
        **more,
    }
    return Decided(**fields)  # type: ignore[arg-type]


def of(found: list[Indicator], id: str) -> Indicator:
    return next(each for each in found if each.id == id)


@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        ("2026-11", date(2026, 11, 1), date(2026, 12, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
    ],
)
def test_a_month_ends_where_the_next_begins(period: str, first: date, after: date) -> None:
    assert Month.read(period) == Month(first, after)
    assert Month.read(period).next.first == after


def test_a_month_begins_at_midnight_in_shanghai() -> None:
    month = Month.read("2026-11")

    month.check_begun("2026-11", datetime(2026, 11, 1, 0, 0, tzinfo=SHANGHAI))

    with pytest.raises(PeriodNotBegun):
        month.check_begun("2026-11", datetime(2026, 10, 31, 23, 59, tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    ("today", "shown"),
    [
        ("2026-10-18", GREEN),
        ("2026-10-19", YELLOW),
        ("2026-10-22", YELLOW),
        ("2026-10-23", RED),
        ("2026-11-05", RED),
        ("2026-11-06", RED_STATUTORY),
    ],
)
def test_the_last_day_of_a_limit_is_still_in_time(today: str, shown: str) -> None:
    given = {
        "yellow_on": date(2026, 10, 19),
        "committed_due": date(2026, 10, 22),
        "statutory_due": date(2026, 11, 5),
    }

    assert light(date.fromisoformat(today), **given) == shown


def test_a_case_without_limits_is_green() -> None:
    nothing = {"yellow_on": None, "committed_due": None, "statutory_due": None}

    assert light(date(2030, 1, 1), **nothing) == GREEN


def test_the_limits_of_a_month_are_those_counted_by_hand() -> None:
    """Three decided: 22 Oct in time, 26 Oct past the promise, 9 Nov past the law; one is open past it."""
    found = limits(
        [
            decided("2026-10-22", delivered_on=date(2026, 11, 5)),
            decided("2026-10-26", delivered_on=date(2026, 11, 10)),
            decided("2026-11-09", approved=False, deemed=True),
        ],
        1,
        calendar(),
    )

    assert (of(found, "I13").value, of(found, "I13").numerator) == ("33.3", "1")
    assert of(found, "I14").value == "2"
    # From 22 October to 5 November ten working days, from 26 October eight.
    assert (of(found, "I15").value, of(found, "I15").denominator) == ("9.0", "2")
    assert of(found, "I19").value == "1"
    # Ten working days after 22 October is 5 November, after 26 October it is 9 November.
    assert (of(found, "I24").numerator, of(found, "I24").denominator) == ("1", "2")


def test_a_promise_that_was_not_made_is_judged_by_the_law() -> None:
    late = decided("2026-11-06", committed_due=None)

    assert not late.on_time
    assert decided("2026-11-05", committed_due=None).on_time


def test_nothing_to_divide_by_gives_no_value() -> None:
    assert share("I13", "承诺按时办结率", 0, 0, "").value == ""
    assert middle("I34", "工单办结中位工作日", [], "", "工作日").value == ""


def test_a_half_rounds_up() -> None:
    assert share("x", "", 1, 800, "").value == "0.1"
    assert middle("x", "", [1, 2], "", "").value == "1.5"
    assert share("x", "", 5, 2000, "").value == "0.3"
