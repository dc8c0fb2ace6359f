"""Publishing a year of the legal calendar: what must hold before any clock follows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from approval_tracking.domain.events import CalendarDay, CalendarPublished, CalendarYear
from approval_tracking.domain.life_errors import CalendarHasHole, CalendarUnchanged, YearIsOfficial
from chassis.calendar import Calendar
from chassis.errors import FieldsInvalid, FieldViolation

# 全国年节及纪念日放假办法: each of these has days off in every official year.
_FESTIVALS = ("元旦", "春节", "清明", "劳动", "端午", "中秋", "国庆")
# Those whose days never move.
_FIXED = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))
_SATURDAY = 6
# An answer names so many faults at once.
_MOST_FAULTS = 20


def with_year(
    calendar: CalendarPublished, year: CalendarYear, *, version: str
) -> CalendarPublished:
    """Return the calendar with this year in its place, or after the last one.

    Raises what is wrong with the year, all of it at once. A calendar never has a hole, and what
    was official stays so.
    """
    known = {each.year: each for each in calendar.years}
    first, last = min(known), max(known)
    if not first <= year.year <= last + 1:
        raise CalendarHasHole(year=year.year, first=first, last=last, field="year")
    before = known.get(year.year)
    if before and before.official and not year.official:
        raise YearIsOfficial(year=year.year, field="official")
    faults = list(_faults(year))
    if faults:
        raise FieldsInvalid(faults[:_MOST_FAULTS])
    ordered = replace(year, days=tuple(sorted(year.days, key=lambda each: each.day)))
    if ordered == before:
        raise CalendarUnchanged(year=year.year)
    years = sorted({**known, year.year: ordered}.values(), key=lambda each: each.year)
    return replace(calendar, version=version, years=tuple(years))


def changed_days(before: Calendar, after: Calendar) -> list[tuple[date, date]]:
    """Return the first and the last of each run of days that the two calendars tell differently.

    What a clock says rests on the days from its first happening to the latest day that it names: one
    that meets none of these runs says the same by both. A day whose year became official differs, too.
    """
    runs: list[tuple[date, date]] = []
    first = min(before.first_day, after.first_day)
    for number in range((max(before.last_day, after.last_day) - first).days + 1):
        day = first + timedelta(days=number)
        if _told(before, day) == _told(after, day):
            continue
        if runs and runs[-1][1] == day - timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def _told(calendar: Calendar, day: date) -> tuple[bool, bool] | None:
    if not calendar.first_day <= day <= calendar.last_day:
        return None
    return calendar.is_working(day), calendar.provisional(day)


def _faults(year: CalendarYear) -> Iterator[FieldViolation]:
    seen: set[date] = set()
    for each in year.days:
        zh = en = ""
        if each.day.year != year.year:
            zh, en = f"{each.day} 不在 {year.year} 年", f"{each.day} is not in {year.year}"
        elif each.day in seen:
            zh, en = f"{each.day} 出现两次", f"{each.day} is listed twice"
        elif each.working and each.day.isoweekday() < _SATURDAY:
            zh = f"{each.day} 是周一至周五, 本来上班, 不是调休"
            en = f"{each.day} is a weekday and worked anyhow: it makes up for nothing"
        seen.add(each.day)
        if zh:
            yield FieldViolation("days", zh, en)
    if not year.official:
        return
    if not year.notice:
        yield FieldViolation(
            "notice", "正式放假安排须注明国务院办公厅通知", "an official year names its notice"
        )
    yield from _missing(year.year, [each for each in year.days if not each.working])


def _missing(year: int, off: Sequence[CalendarDay]) -> Iterator[FieldViolation]:
    for festival in _FESTIVALS:
        if not any(festival in each.name for each in off):
            yield FieldViolation(
                "days",
                f"缺{festival}的放假安排",
                f"no day off is named for {festival}: the year has a hole",
            )
    days = {each.day for each in off}
    for month, day in _FIXED:
        if date(year, month, day) not in days:
            yield FieldViolation(
                "days",
                f"{date(year, month, day)} 是法定节日, 未列为放假",
                f"{date(year, month, day)} is a statutory holiday and not listed as one",
            )
