"""The clock against another one that walks from day to day and knows nothing of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from approval_tracking.domain.calendars import changed_days
from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.clock import Rules, reckon
from approval_tracking.domain.clock_words import explain
from approval_tracking.domain.events import ClockState, Correction, Happening
from chassis.calendar import SHANGHAI, Calendar
from support.approval_data import calendar, seed

Stretch = tuple[date, date]
CALENDAR = calendar()
ONE = timedelta(days=1)
# The days off and the Saturdays worked, as the notices list them.
LISTED = {
    date.fromisoformat(each["date"]): worked
    for year in seed("calendar.yaml")["years"]
    for kind, worked in (("holidays", False), ("makeup_workdays", True))
    for each in year[kind]
}


# --- the slow clock ---------------------------------------------------------------------------


def works(day: date) -> bool:
    return LISTED.get(day, day.isoweekday() <= 5)


def stands(day: date, pauses: Sequence[Stretch]) -> bool:
    """The first day of a pause still counts, its last does not."""
    return any(begins < day <= ends for begins, ends in pauses)


def counts(day: date, unit: str, pauses: Sequence[Stretch] = ()) -> bool:
    return not stands(day, pauses) and (unit == "calendar" or works(day))


def unrolled(start: date, days: int, unit: str, pauses: Sequence[Stretch] = ()) -> date:
    day = start
    while days:
        day += ONE
        days -= counts(day, unit, pauses)
    return day


def slow_due(start: date, days: int, unit: str, pauses: Sequence[Stretch] = ()) -> date:
    day = unrolled(start, days, unit, pauses)
    while not works(day) or stands(day, pauses):
        day += ONE
    return day


def how_many(after: date, until: date, unit: str) -> int:
    days = (after + n * ONE for n in range(1, (until - after).days + 1))
    return sum(counts(day, unit) for day in days)


# --- what it is asked --------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """A case accepted on a day, under a limit, with its pauses."""

    start: date
    days: int
    unit: str
    pauses: tuple[Stretch, ...] = ()

    @property
    def rules(self) -> Rules:
        return Rules("acceptance", Limit(Decimal(self.days), self.unit), Limit(None))

    def happenings(self) -> list[Happening]:
        told = [happened("received", self.start), happened("accepted", self.start)]
        for begins, ends in self.pauses:
            told += [happened("paused", begins), happened("resumed", ends)]
        return told

    def reckoned(self) -> ClockState:
        return reckon(self.happenings(), self.rules, CALENDAR)

    @property
    def due(self) -> date:
        due = self.reckoned().statutory_due
        assert due is not None
        return due


def happened(kind: str, on: date) -> Happening:
    return Happening(kind, on, datetime.combine(on, time(10), SHANGHAI))


STARTS = st.dates(date(2023, 1, 1), date(2025, 9, 30))
UNITS = st.sampled_from(["working", "calendar"])


@st.composite
def pauses_after(draw: st.DrawFn, start: date) -> tuple[Stretch, ...]:
    """Up to four pauses in any order, which may overlap, touch, or last no time."""
    found = []
    for begins, length in draw(
        st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=4)
    ):
        found.append((start + begins * ONE, start + (begins + length) * ONE))
    return tuple(found)


@st.composite
def cases(draw: st.DrawFn) -> Told:
    start = draw(STARTS)
    return Told(start, draw(st.integers(1, 60)), draw(UNITS), draw(pauses_after(start)))


# --- what must hold ------------------------------------------------------------------------------


@given(told=cases())
def test_both_clocks_end_on_the_same_day(told: Told) -> None:
    assert told.due == slow_due(told.start, told.days, told.unit, told.pauses)


@given(told=cases())
def test_no_maximum_limit_ends_on_a_day_off_or_in_a_pause(told: Told) -> None:
    assert works(told.due)
    assert not stands(told.due, told.pauses)


@given(start=STARTS, days=st.integers(1, 60), unit=UNITS, data=st.data())
def test_a_pause_of_n_counted_days_moves_the_unrolled_end_by_n_counted_days(
    start: date, days: int, unit: str, data: st.DataObject
) -> None:
    before = unrolled(start, days, unit)
    begins = data.draw(st.dates(start, before - ONE), label="begins")
    ends = begins + data.draw(st.integers(0, 60), label="length") * ONE
    left_out = how_many(begins, ends, unit)

    told = Told(start, days, unit, ((begins, ends),))
    raw = (
        told.due if unit == "working" else CALENDAR.raw_due_calendar(start, days, [(begins, ends)])
    )

    assert how_many(before, raw, unit) == left_out


@given(told=cases(), data=st.data())
def test_the_order_of_recording_does_not_matter(told: Told, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(told.happenings()))

    assert reckon(shuffled, told.rules, CALENDAR) == told.reckoned()


@given(told=cases(), data=st.data())
def test_a_pause_within_another_changes_nothing(told: Told, data: st.DataObject) -> None:
    assume(told.pauses)
    begins, ends = data.draw(st.sampled_from(told.pauses))
    inner = sorted((data.draw(st.dates(begins, ends)), data.draw(st.dates(begins, ends))))

    more = Told(told.start, told.days, told.unit, (*told.pauses, (inner[0], inner[1])))

    assert more.due == told.due


@given(told=cases(), data=st.data())
def test_a_pause_split_at_a_shared_day_is_the_same_pause(told: Told, data: st.DataObject) -> None:
    assume(told.pauses)
    (begins, ends), *rest = told.pauses
    shared = data.draw(st.dates(begins, ends))

    split = Told(told.start, told.days, told.unit, ((begins, shared), (shared, ends), *rest))

    assert split.due == told.due


@given(told=cases())
def test_the_explanation_adds_up_to_the_deadline(told: Told) -> None:
    """The days it counts, one by one, are the limit; those of a calendar limit include its rest."""
    end = unrolled(told.start, told.days, told.unit, told.pauses)

    lines = explain(told.happenings(), told.rules, CALENDAR, until=told.due)

    days = [line for line in lines if line.kind in ("counted", "rest", "paused")]
    told_of = [
        (line, line.first + n * ONE)
        for line in days
        for n in range((line.last - line.first).days + 1)
        if line.first + n * ONE <= told.due
    ]
    used = sum(
        line.kind == "counted" or (line.kind == "rest" and told.unit == "calendar")
        for line, day in told_of
        if day <= end
    )
    assert [day for _, day in told_of] == [
        told.start + n * ONE for n in range(1, (told.due - told.start).days + 1)
    ]
    assert used == told.days
    due = [line for line in lines if line.kind == "due"]
    assert [line.first for line in due] == [told.due]


@given(told=cases(), data=st.data())
def test_a_clock_put_right_is_the_one_that_was_never_wrong(told: Told, data: st.DataObject) -> None:
    """Whichever record was wrong, by whatever day, and in whatever order all was recorded."""
    right = [replace(each, number=n) for n, each in enumerate(told.happenings(), start=1)]
    place = data.draw(st.integers(0, len(right) - 1))
    wrong = replace(right[place], on=data.draw(st.dates(told.start, told.start + 99 * ONE)))
    correction = Correction(wrong.number, "head", wrong.at, "录入有误", "登记表")
    amended = replace(right[place], number=len(right) + 1, correction=correction)
    recorded = [*right[:place], wrong, *right[place + 1 :], amended]

    state = reckon(data.draw(st.permutations(recorded)), told.rules, CALENDAR)

    assert state.statutory_due == told.due
    assert state.superseded == (wrong,)


# --- another calendar ------------------------------------------------------------------------------


@given(told=cases(), closed=st.dates(date(2023, 1, 1), date(2026, 12, 31)), data=st.data())
def test_a_clock_that_meets_no_changed_day_says_the_same(
    told: Told, closed: date, data: st.DataObject
) -> None:
    """Calendars that differ in one day, or also in whether its year is official."""
    official = data.draw(st.booleans())
    years = [
        replace(
            year,
            official=year.official if year.year != closed.year else official,
            days={**year.days, closed: not works(closed)}
            if year.year == closed.year
            else year.days,
        )
        for year in CALENDAR.years
    ]
    other = Calendar(years, version="other", office_hours=CALENDAR.office_hours)
    rules = replace(told.rules, committed=Limit(Decimal(told.days // 2), told.unit))

    before = reckon(told.happenings(), rules, CALENDAR)
    after = reckon(told.happenings(), rules, other)

    named = [before.statutory_due, before.committed_due, before.yellow_on, before.notice_due]
    last = max(each for each in (*named, before.happenings[-1].on) if each)
    runs = changed_days(CALENDAR, other)
    if not any(begins <= last and told.start <= ends for begins, ends in runs):
        assert replace(after, calendar_version=before.calendar_version) == before
    assert any(begins <= closed <= ends for begins, ends in runs)


def test_equal_calendars_differ_in_no_day_and_a_longer_one_in_its_new_days() -> None:
    last = CALENDAR.last_day
    longer = CALENDAR.assuming_weekdays_until(last.year + 1)

    assert changed_days(CALENDAR, CALENDAR) == []
    assert changed_days(CALENDAR, longer) == [(last + ONE, longer.last_day)]
    assert changed_days(longer, CALENDAR) == [(last + ONE, longer.last_day)]
