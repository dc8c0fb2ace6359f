"""Working days and office hours: data in, dates and instants out.

A day is a date in Asia/Shanghai; an instant is aware and comes back in UTC. The day on which a
period starts is never counted (民法典 第二百零一条). Days are looked up in a prefix table, so no
function walks the calendar.
"""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from chassis.errors import FailedPrecondition

# The Republic has one zone and no summer time since 1991: no table of zones is needed.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

# A card falls due half an hour into the day, when the nightly feeds of the departments are in.
CARD_MOMENT = time(0, 30)

# A pause is (start, end]: the day on which it starts still counts, the day it ends does not.
Pause = tuple[date, date]


class CalendarEnds(FailedPrecondition):
    """A day lies outside every year that the calendar knows, not even provisionally."""

    zh = "工作日历只有 {first} 年至 {last} 年, 不含 {day}, 请先导入该年放假安排"
    en = "the working calendar covers {first} to {last}, not {day}: load that year's notice first"


@dataclass(frozen=True)
class CalendarYear:
    """One year's table: the days that break the weekly pattern, and whether each is worked.

    `official` is False until the State Council's notice is in: such a year has the statutory
    holidays only, and every date counted into it is provisional.
    """

    year: int
    official: bool
    days: Mapping[date, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class OfficeHours:
    """When the office is open on a working day, in order, without overlap."""

    windows: tuple[tuple[time, time], ...] = (
        (time(9, 0), time(12, 0)),
        (time(13, 30), time(17, 30)),
    )

    def __post_init__(self) -> None:
        edges = [edge for window in self.windows for edge in window]
        if not edges or edges != sorted(set(edges)):
            raise ValueError(f"office hours must follow each other, got {self.windows}")


class Calendar:
    """The legal calendar of several whole years in a row."""

    def __init__(
        self,
        years: Iterable[CalendarYear],
        *,
        version: str = "",
        office_hours: OfficeHours | None = None,
    ) -> None:
        self.version = version
        self.years = tuple(sorted(years, key=lambda year: year.year))
        self.office_hours = office_hours or OfficeHours()
        numbers = [year.year for year in self.years]
        if not numbers or numbers != list(range(numbers[0], numbers[-1] + 1)):
            raise ValueError(f"a calendar needs years in a row, got {numbers}")
        exceptions: dict[date, bool] = {}
        for year in self.years:
            for day, working in year.days.items():
                if day.year != year.year:
                    raise ValueError(f"{day} is not in {year.year}")
                exceptions[day] = working
        self._official = {year.year for year in self.years if year.official}
        self._first = date(numbers[0], 1, 1).toordinal()
        self._last = date(numbers[-1], 12, 31).toordinal()
        # _upto[i] is how many working days lie in the first i+1 days; _working are these days.
        self._upto: list[int] = []
        self._working: list[date] = []
        for ordinal in range(self._first, self._last + 1):
            day = date.fromordinal(ordinal)
            # The exceptions come first: a make-up Saturday is a working day.
            if exceptions.get(day, day.weekday() < 5):
                self._working.append(day)
            self._upto.append(len(self._working))
        self._windows = [
            (_since_midnight(opens), _since_midnight(closes))
            for opens, closes in self.office_hours.windows
        ]
        self._day_length = sum((closes - opens for opens, closes in self._windows), timedelta())

    @property
    def first_day(self) -> date:
        return date.fromordinal(self._first)

    @property
    def last_day(self) -> date:
        return date.fromordinal(self._last)

    @property
    def official_years(self) -> tuple[int, ...]:
        return tuple(sorted(self._official))

    @property
    def working_days(self) -> Sequence[date]:
        """All working days; the one with ordinal n is at n - 1."""
        return self._working

    def assuming_weekdays_until(self, year: int) -> Calendar:
        """Return this calendar with plain weekdays, provisional, for the unknown years to `year`.

        For plans only, which must look further ahead than any notice: a legal deadline there
        is refused instead.
        """
        more = [CalendarYear(n, official=False) for n in range(self.last_day.year + 1, year + 1)]
        if not more:
            return self
        return Calendar([*self.years, *more], version=self.version, office_hours=self.office_hours)

    # --- days -----------------------------------------------------------------------------

    def is_working(self, day: date) -> bool:
        index = self._index(day)
        return self._upto[index] != (self._upto[index - 1] if index else 0)

    def provisional(self, due: date) -> bool:
        """Say whether `due` may still move when its year's notice appears."""
        self._index(due)
        return due.year not in self._official

    def ordinal(self, day: date) -> int:
        """Return how many working days there are up to and including `day`."""
        return self._upto[self._index(day)]

    def working_day(self, ordinal: int) -> date:
        """Return the working day with this ordinal: the inverse of `ordinal` on working days."""
        if ordinal < 1:
            raise self._ends(f"{self.first_day.year - 1}")
        if ordinal > len(self._working):
            raise self._ends(f"{self.last_day.year + 1}")
        return self._working[ordinal - 1]

    def add_working_days(self, start: date, days: int) -> date:
        """Return the last of `days` working days after `start`, or before it when negative."""
        ordinal = self.ordinal(start)
        if days > 0:
            return self.working_day(ordinal + days)
        if days < 0:
            return self.working_day(ordinal - self.is_working(start) + 1 + days)
        return start

    def working_days_between(self, after: date, until: date) -> int:
        """Count the working days in (after, until]; negative when `until` is earlier."""
        return self.ordinal(until) - self.ordinal(after)

    def next_working_day(self, day: date) -> date:
        """Return the first working day after `day`."""
        return self.working_day(self.ordinal(day) + 1)

    def working_day_on_or_after(self, day: date) -> date:
        return day if self.is_working(day) else self.next_working_day(day)

    def working_day_on_or_before(self, day: date) -> date:
        return self.working_day(self.ordinal(day))

    # --- limits ---------------------------------------------------------------------------

    def due_working(self, start: date, days: int, pauses: Sequence[Pause] = ()) -> date:
        """Return the last day in time of a limit in working days; it never needs to roll."""
        for begins, ends in union(pauses):
            if ends <= start:
                continue
            here = self.working_days_between(start, max(begins, start))
            if here >= days:
                break
            start, days = ends, days - here
        return self.add_working_days(start, days)

    def raw_due_calendar(self, start: date, days: int, pauses: Sequence[Pause] = ()) -> date:
        """Return the last counted day of a limit in calendar days, before it rolls."""
        for begins, ends in union(pauses):
            if ends <= start:
                continue
            here = max((begins - start).days, 0)
            if here >= days:
                break
            start, days = ends, days - here
        return start + timedelta(days=days)

    def due_calendar(self, start: date, days: int, pauses: Sequence[Pause] = ()) -> date:
        """Return the last day in time of a limit in calendar days.

        When the last day is a day of rest, the period ends with the next working day
        (民法典 第二百零三条). A make-up Saturday is no day of rest. A day to which it rolls is
        not spent in a pause.
        """
        due = self.raw_due_calendar(start, days, pauses)
        while not self.is_working(due):
            due = self.next_working_day(due)
            for begins, ends in union(pauses):
                if begins < due <= ends:
                    due = ends + timedelta(days=1)
        return due

    def due(self, start: date, days: int, unit: str, pauses: Sequence[Pause] = ()) -> date:
        if unit == "working":
            return self.due_working(start, days, pauses)
        if unit == "calendar":
            return self.due_calendar(start, days, pauses)
        raise ValueError(f"a limit counts working or calendar days, not {unit!r}")

    def used(self, start: date, until: date, unit: str, pauses: Sequence[Pause] = ()) -> int:
        """Count the days of a running limit in (start, until], without those paused."""
        if until <= start:
            return 0
        whole = self._between(start, until, unit)
        paused = (
            (max(begins, start), min(ends, until))
            for begins, ends in union(pauses)
            if begins < until and ends > start
        )
        return whole - sum(self._between(begins, ends, unit) for begins, ends in paused)

    def add_months(self, start: date, months: int) -> date:
        """Return the last day in time of a limit in months, rolled like calendar days."""
        return self.working_day_on_or_after(months_later(start, months))

    # --- instants -------------------------------------------------------------------------

    def first_working_moment(self, day: date) -> datetime:
        """Return when a card falls due: 00:30 on the first working day on or after `day`."""
        on = self.working_day_on_or_after(day)
        return datetime.combine(on, CARD_MOMENT, SHANGHAI).astimezone(UTC)

    def end_of_office_day(self, day: date) -> datetime:
        return datetime.combine(day, self.office_hours.windows[-1][1], SHANGHAI).astimezone(UTC)

    def office_day_after(self, at: datetime, days: int) -> datetime:
        """Return when the office closes on the last of `days` working days after `at`'s day."""
        return self.end_of_office_day(self.add_working_days(local_day(at), days))

    def add_office_hours(self, at: datetime, hours: float) -> datetime:
        """Return the first instant by which `hours` of office time have passed since `at`.

        Time outside the office hours costs nothing; a limit that ends with the office day ends
        that evening, not the next morning. Negative hours count back.
        """
        if not hours:
            return at.astimezone(UTC)
        return self._at_position(self._position(at) + timedelta(hours=hours))

    def office_hours_between(self, after: datetime, until: datetime) -> timedelta:
        """Return the office time from `after` to `until`; negative when `until` is earlier."""
        return self._position(until) - self._position(after)

    # --- the tables -----------------------------------------------------------------------

    def _index(self, day: date) -> int:
        ordinal = day.toordinal()
        if not self._first <= ordinal <= self._last:
            raise self._ends(day.isoformat())
        return ordinal - self._first

    def _ends(self, day: str) -> CalendarEnds:
        return CalendarEnds(first=self.first_day.year, last=self.last_day.year, day=day)

    def _between(self, after: date, until: date, unit: str) -> int:
        if unit == "working":
            return self.working_days_between(after, until)
        return (until - after).days

    def _position(self, at: datetime) -> timedelta:
        """Return the office time between the calendar's first day and `at`."""
        local = at.astimezone(SHANGHAI)
        day = local.date()
        if not self.is_working(day):
            return self._day_length * self.ordinal(day)
        since = local - datetime.combine(day, time(), SHANGHAI)
        today = sum(
            (min(max(since, opens), closes) - opens for opens, closes in self._windows),
            timedelta(),
        )
        return self._day_length * (self.ordinal(day) - 1) + today

    def _at_position(self, position: timedelta) -> datetime:
        """Return the first instant with this office time behind it."""
        whole, rest = divmod(position, self._day_length)
        if not rest:
            whole, rest = whole - 1, self._day_length
        midnight = datetime.combine(self.working_day(whole + 1), time(), SHANGHAI)
        for opens, closes in self._windows:
            if rest <= closes - opens:
                return (midnight + opens + rest).astimezone(UTC)
            rest -= closes - opens
        raise AssertionError("a day's rest is at most its length")


def read_calendar(published: Mapping[str, Any]) -> Calendar:
    """Build the calendar from the data of `calendar_published.v1`."""
    years = [
        CalendarYear(
            year=int(year["year"]),
            official=bool(year["official"]),
            days={date.fromisoformat(day["day"]): bool(day["working"]) for day in year["days"]},
        )
        for year in published["years"]
    ]
    opens, noon, again, closes = (
        time.fromisoformat(published[name])
        for name in ("morning_opens", "morning_closes", "afternoon_opens", "afternoon_closes")
    )
    hours = OfficeHours(((opens, noon), (again, closes)))
    return Calendar(years, version=str(published["version"]), office_hours=hours)


def union(pauses: Iterable[Pause]) -> list[Pause]:
    """Return the same paused days as intervals that neither overlap nor touch, in order."""
    merged: list[Pause] = []
    for begins, ends in sorted(pauses):
        if ends <= begins:
            continue
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def months_later(start: date, months: int) -> date:
    """Return the same day `months` later, or the month's last day when it has none (S4)."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, gregorian.monthrange(year, month + 1)[1]))


def local_day(at: datetime) -> date:
    """Return the day of an instant in Asia/Shanghai."""
    return at.astimezone(SHANGHAI).date()


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
