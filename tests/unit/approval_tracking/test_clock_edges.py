"""The clock at its edges: the hour, the last day, the limit of no days, what ends a duty to answer."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.clock import (
    Rules,
    Story,
    deemed_at,
    freeze,
    reckon,
    starts_on,
    whole_days,
)
from approval_tracking.domain.clock_words import explain
from approval_tracking.domain.events import ClockState, Happening
from chassis.calendar import SHANGHAI
from support.approval_data import calendar, catalogue

CALENDAR = calendar()
NONE = Limit(None)


def days(number: str, unit: str = "working") -> Limit:
    return Limit(Decimal(number), unit)


def told(kind: str, on: str, clock: str = "10:00", **more: Any) -> Happening:
    day = date.fromisoformat(on)
    at = datetime.combine(day, time.fromisoformat(clock), SHANGHAI)
    end = more.pop("expected_end", None)
    return Happening(kind, day, at, expected_end=end and date.fromisoformat(end), **more)


def accepted(on: str, clock: str = "10:00", *, received: str = "") -> list[Happening]:
    return [told("received", received or on, "09:00"), told("accepted", on, clock)]


def says(happenings: list[Happening], **rules: Any) -> ClockState:
    given: dict[str, Any] = {"clock_start": "acceptance", "statutory": NONE, "committed": NONE}
    return reckon(happenings, Rules(**{**given, **rules}), CALENDAR)


# --- half a day, and on the spot -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "due"), [("11:59", "2026-03-02"), ("12:00", "2026-03-03"), ("15:00", "2026-03-03")]
)
def test_half_a_day_that_begins_in_the_morning_ends_that_day(clock: str, due: str) -> None:
    """What counts is when it was accepted, not when it came in."""
    state = says(accepted("2026-03-02", clock), committed=days("0.5"))

    assert str(state.committed_due) == due


def test_half_a_day_told_on_a_later_day_counts_from_the_receipt() -> None:
    late = [told("received", "2026-03-02", "14:00"), told("accepted", "2026-03-03", "10:00")]

    state = says(late, clock_start="receipt", committed=days("0.5"))

    assert state.committed_due == date(2026, 3, 3)


def test_on_the_spot_is_the_next_working_day_when_it_came_on_a_day_off() -> None:
    state = says(accepted("2026-03-07"), committed=days("0"), statutory=days("0"))

    assert (state.committed_due, state.statutory_due) == (date(2026, 3, 9), date(2026, 3, 9))


@pytest.mark.parametrize(
    ("begins", "ends", "due"),
    [
        ("2026-03-02", "2026-03-04", "2026-03-05"),
        ("2026-03-02", "2026-03-02", "2026-03-02"),
        ("2026-02-27", "2026-03-02", "2026-03-02"),
    ],
)
def test_a_pause_from_the_very_day_puts_off_even_what_is_done_on_the_spot(
    begins: str, ends: str, due: str
) -> None:
    paused = [told("paused", begins), told("resumed", ends)]

    state = says([*accepted("2026-03-02"), *paused], committed=days("0"))

    assert str(state.committed_due) == due


def test_no_days_are_no_days() -> None:
    assert (whole_days(NONE), whole_days(days("0.5")), whole_days(days("3"))) == (0, 1, 3)


# --- the warning -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "yellow"),
    [
        (days("1"), "2026-03-03"),
        (days("2"), "2026-03-03"),
        (days("3"), "2026-03-04"),
        (days("4"), "2026-03-06"),
        (days("20"), "2026-03-24"),
        # Eighty days of a hundred, the eightieth a Thursday; of ten the eighth, a day of rest.
        (days("100", "calendar"), "2026-05-21"),
        (days("20", "calendar"), "2026-03-18"),
        (days("6", "calendar"), "2026-03-09"),
    ],
)
def test_yellow_begins_when_four_fifths_are_used(limit: Limit, yellow: str) -> None:
    assert str(says(accepted("2026-03-02"), committed=limit).yellow_on) == yellow


def test_of_a_long_limit_it_is_exactly_four_fifths() -> None:
    state = says(accepted("2025-03-03"), committed=days("250"))

    assert state.yellow_on == CALENDAR.due_working(date(2025, 3, 3), 200)


@pytest.mark.parametrize(
    ("unit", "yellow"), [("working", "2026-03-16"), ("calendar", "2026-03-12")]
)
def test_a_pause_puts_the_warning_off(unit: str, yellow: str) -> None:
    paused = [told("paused", "2026-03-03"), told("resumed", "2026-03-05")]

    state = says([*accepted("2026-03-02"), *paused], committed=days("10", unit))

    assert str(state.yellow_on) == yellow


def test_what_is_paused_or_over_warns_no_more() -> None:
    base = accepted("2026-03-02")
    paused = says(
        [*base, told("paused", "2026-03-03", expected_end="2026-03-06")], committed=days("5")
    )
    over = says([*base, told("decided", "2026-03-04")], committed=days("5"))

    assert (paused.yellow_on, over.yellow_on) == (None, None)
    assert paused.committed_due
    assert over.committed_due


# --- acceptance by silence --------------------------------------------------------------------------


RULES = Rules(
    "acceptance",
    days("20"),
    days("5"),
    notice_days=5,
    notice_unit="working",
    on_expiry="deemed_accepted_from_receipt",
)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("happenings", "at"),
    [
        ([], MIDNIGHT),
        ([told("accepted", "2026-03-04")], None),
        ([told("refused", "2026-03-04")], None),
        ([told("withdrawn", "2026-03-04")], None),
        ([told("supplement_asked", "2026-03-04")], None),
        (
            [told("supplement_asked", "2026-03-04"), told("supplemented", "2026-03-04")],
            datetime(2026, 3, 12, tzinfo=SHANGHAI),
        ),
    ],
)
def test_silence_accepts_what_nobody_answered(
    happenings: list[Happening], at: datetime | None
) -> None:
    story = Story.of([told("received", "2026-03-02"), *happenings])

    assert deemed_at(story, RULES, CALENDAR) == at


def test_silence_means_nothing_where_the_law_does_not_say_so() -> None:
    story = Story.of([told("received", "2026-03-02")])

    assert deemed_at(story, Rules("acceptance", days("20"), days("5")), CALENDAR) is None
    guide = Rules("acceptance", NONE, NONE, 5, "working", "guide_only")
    assert deemed_at(story, guide, CALENDAR) is None


@pytest.mark.parametrize(
    ("limit", "due"), [(0, "2026-03-09"), (1, "2026-03-09"), (2, "2026-03-10")]
)
def test_the_notice_is_due_on_the_spot_or_within_days(limit: int, due: str) -> None:
    state = says([told("received", "2026-03-07")], notice_days=limit, notice_unit="working")

    assert str(state.notice_due) == due


# --- when it starts, and whether it runs ------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "asked", "day"),
    [
        ("instant", True, "2026-03-02"),
        ("receipt", False, "2026-03-02"),
        # Asked on the last day of five is in time, a day later is not.
        ("receipt", "2026-03-09", "None"),
        ("receipt", "2026-03-10", "2026-03-02"),
        ("event", False, "None"),
        ("acceptance", False, "None"),
    ],
)
def test_from_when_a_clock_counts(start: str, asked: Any, day: str) -> None:
    rules = Rules(start, days("20"), days("5"), notice_days=5, notice_unit="working")
    happenings = [told("received", "2026-03-02")]
    if asked:
        on = asked if isinstance(asked, str) else "2026-03-04"
        happenings.append(told("supplement_asked", on))

    assert str(starts_on(Story.of(happenings), rules, CALENDAR)) == day


def test_what_came_complete_later_counts_from_then() -> None:
    rules = Rules("receipt", days("20"), days("5"), notice_days=5, notice_unit="working")
    story = [
        told("received", "2026-03-02"),
        told("supplement_asked", "2026-03-04"),
        told("supplemented", "2026-03-06"),
    ]

    assert starts_on(Story.of(story), rules, CALENDAR) == date(2026, 3, 6)


def test_an_event_starts_it_like_an_acceptance() -> None:
    assert says(accepted("2026-03-03"), clock_start="event").started_on == date(2026, 3, 3)


def test_whether_a_clock_runs() -> None:
    base = accepted("2026-03-02")
    running = {
        "accepted": base,
        "asked again after acceptance": [*base, told("supplement_asked", "2026-03-03")],
        "waiting": [told("received", "2026-03-02")],
        "paused": [*base, told("paused", "2026-03-03")],
        "resumed": [*base, told("paused", "2026-03-03"), told("resumed", "2026-03-04")],
        "decided": [*base, told("decided", "2026-03-03")],
    }

    found = {name for name, story in running.items() if says(story, committed=days("5")).running}

    assert found == {"accepted", "asked again after acceptance", "resumed"}
    asked = [told("received", "2026-03-02"), told("supplement_asked", "2026-03-03")]
    assert not says(asked, clock_start="instant", committed=days("5")).running


def test_a_clock_names_its_rules_and_its_calendar() -> None:
    longer = [*accepted("2026-03-02"), told("extended", "2026-03-03", days=10)]
    state = says(longer, statutory=days("20"), committed=days("5"))
    without = says(longer, committed=days("5"))

    assert (state.clock_start, state.calendar_version) == ("acceptance", CALENDAR.version)
    assert (state.statutory_days, state.committed_days) == (30, 5)
    assert (without.statutory_days, without.statutory_due) == (0, None)


def test_papers_asked_for_during_the_review_stop_the_clock_where_the_law_says_so() -> None:
    """As with a building permit: from the notice to the papers, and pauses besides."""
    story = [
        told("received", "2026-03-02"),
        told("supplement_asked", "2026-03-03"),
        told("supplemented", "2026-03-05"),
        told("paused", "2026-03-09"),
        told("resumed", "2026-03-11"),
    ]
    state = says(
        story,
        clock_start="receipt",
        statutory=days("7"),
        committed=days("7"),
        supplement_effect="pause_and_extend",
    )

    assert (state.started_on, state.statutory_due) == (date(2026, 3, 2), date(2026, 3, 17))


# --- the rules that are frozen -----------------------------------------------------------------------


def test_without_a_limit_there_is_nothing_to_extend() -> None:
    item = catalogue().item("S2-06")

    assert freeze(item, statutory=NONE, committed=item.committed).extension_days == 0


def test_how_papers_asked_for_later_count_is_frozen_too() -> None:
    items = [each for each in catalogue().items.values() if each.notice_rule]
    frozen = {
        freeze(each, statutory=each.statutory, committed=each.committed).supplement_effect
        for each in items
    }

    assert frozen == {each.notice_rule.supplement_effect for each in items if each.notice_rule}
    assert "pause_and_extend" in frozen


# --- what is told of two limits ---------------------------------------------------------------------


def lines(happenings: list[Happening], until: str, **rules: Any) -> list[str]:
    given: dict[str, Any] = {"clock_start": "acceptance", "statutory": NONE, "committed": NONE}
    found = explain(
        happenings, Rules(**{**given, **rules}), CALENDAR, until=date.fromisoformat(until)
    )
    return [f"{each.committed} {each.statutory} {each.zh} / {each.en}" for each in found]


def test_a_promise_in_working_days_beside_a_law_in_calendar_days() -> None:
    found = lines(
        accepted("2026-03-06"),
        "2026-03-09",
        committed=days("2"),
        statutory=days("10", "calendar"),
    )

    assert found[3:] == [
        "0 2 休息日, 只计日历日期限 / day of rest, counted by limits in calendar days only",
        "1 3 计入: 承诺第 1 日, 法定第 3 日 / counted: day 1 of the promise, 3 of the law",
        "2 10 承诺 2 个工作日, 到期日 2026-03-10 / promised: 2 working days, due 2026-03-10",
        "2 10 法定 10 日, 到期日 2026-03-16 / by law: 10 calendar days, due 2026-03-16",
    ]


def test_a_promise_alone_and_a_law_alone() -> None:
    promise = lines(accepted("2026-03-02"), "2026-03-03", committed=days("5"))
    law = lines(accepted("2026-03-02"), "2026-03-03", statutory=days("5"))

    assert promise[3] == "1 0 计入: 承诺第 1 日 / counted: day 1 of the promise"
    assert law[3] == "0 1 计入: 法定第 1 日 / counted: day 1 of the law"


def test_what_was_handed_over_is_no_longer_due() -> None:
    story = [*accepted("2026-03-02"), told("decided", "2026-03-03", days=10)]
    open_lines = lines(story, "2026-03-04", committed=days("5"))
    done = lines([*story, told("delivered", "2026-03-04")], "2026-03-05", committed=days("5"))

    assert "送达的最后一日" in open_lines[-1]
    assert not any("送达的最后一日" in line for line in done)


def test_an_explanation_ends_with_the_calendar() -> None:
    last = CALENDAR.last_day
    day = CALENDAR.working_day_on_or_before(date(last.year, 12, 1))

    found = explain(
        accepted(str(day)),
        Rules("acceptance", NONE, days("3")),
        CALENDAR,
        until=date(last.year + 1, 3, 1),
    )

    assert max(each.last for each in found) == last
