"""A new calendar, and every open clock reckoned anew by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson

from approval_tracking.domain.calendars import with_year
from approval_tracking.domain.clock import Story, deemed_at, reckon
from approval_tracking.domain.events import CalendarDay, CalendarPublished, CalendarYear, Happening
from approval_tracking.domain.life_errors import CalendarMoved
from approval_tracking.store import CaseStore, Reference
from approval_tracking.store.cases import Clock, Says, read_rules
from approval_tracking.store.reference import digest_of
from chassis.calendar import Calendar
from chassis.events import instant, plain


def publish_year(
    reference: Reference, year: CalendarYear, *, expected_version: str, now: datetime
) -> CalendarPublished:
    """Publish the calendar with this year; the worker then follows it clock by clock."""
    current = read_published(reference.published_calendar(locked=True))
    if expected_version and expected_version != current.version:
        raise CalendarMoved(version=current.version, expected=expected_version)
    first, last = current.years[0].year, max(current.years[-1].year, year.year)
    # The version before is part of the name, so that even a year put back has a name of its own.
    version = f"{first}-{last}.{digest_of([current.version, plain(year)])}"
    published = with_year(current, year, version=version)
    reference.add_calendar(published, at=now)
    return published


def follow_calendar(cases: CaseStore, *, most: int, now: datetime) -> int:
    """Bring up to `most` clocks that stand on an older calendar to the newest; return how many.

    A clock that meets no changed day is only marked, and so is one that says the same after all.
    Whose days move is written and told, as of this moment.
    """
    calendar, found = cases.reference.calendar(), 0
    for older in cases.older_calendars(calendar):
        met = cases.meet(older, calendar, most=most - found)
        _follow(cases, met.clocks, calendar, now=now)
        found += met.found
        if found >= most:
            break
    return found


def _follow(
    cases: CaseStore, clocks: Iterable[Clock], calendar: Calendar, *, now: datetime
) -> None:
    moved, same = [], []
    for clock in clocks:
        says = _says(_shape(clock.told), clock.rules, calendar)
        if all(says.dates[name] == clock.told.get(name) for name in _MOVES):
            same.append(clock.case_id)
        else:
            moved.append((clock.case_id, says))
    cases.mark_calendar(same, calendar)
    cases.move_clocks(moved, calendar, cause="calendar_published", at=now)


def _shape(clock: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Return what of a clock's happenings its dates rest on.

    Of the instants the hour is enough: noon and midnight are whole hours in UTC as well.
    """
    return tuple(
        (each["kind"], each["on"], each["at"][:13], each["expected_end"] or "", each["days"])
        for each in clock["happenings"]
    )


@lru_cache(maxsize=65_536)
def _says(shape: tuple[tuple[Any, ...], ...], rules_text: str, calendar: Calendar) -> Says:
    """Return what clocks of this shape say. A city has few shapes: items, days and turns repeat."""
    happenings = [
        Happening(
            kind=kind,
            on=date.fromisoformat(on),
            at=datetime.fromisoformat(f"{hour}:00:00+00:00"),
            expected_end=date.fromisoformat(expected_end) if expected_end else None,
            days=days,
        )
        for kind, on, hour, expected_end, days in shape
    ]
    rules = read_rules(orjson.loads(rules_text))
    state = reckon(happenings, rules, calendar)
    dates = plain(replace(state, happenings=(), superseded=()))
    dues = [due for due in (dates["committed_due"], dates["statutory_due"]) if due]
    deemed = deemed_at(Story.of(happenings), rules, calendar)
    return Says(dates, min(dues, default=None), instant(deemed) if deemed else None)


def read_published(data: Mapping[str, Any]) -> CalendarPublished:
    """Read the fact back from its JSON."""
    years = tuple(
        CalendarYear(
            **{
                **year,
                "days": tuple(
                    CalendarDay(date.fromisoformat(each["day"]), each["working"], each["name"])
                    for each in year["days"]
                ),
            }
        )
        for year in data["years"]
    )
    return CalendarPublished(**{**data, "years": years})


# What a calendar may move of a clock.
_MOVES = (
    "statutory_due",
    "committed_due",
    "notice_due",
    "yellow_on",
    "delivery_due",
    "provisional",
)
