"""A new calendar, and every open clock reckoned anew by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from approval_tracking.domain.calendars import with_year
from approval_tracking.domain.clock import reckon
from approval_tracking.domain.events import CalendarDay, CalendarPublished, CalendarYear
from approval_tracking.domain.life_errors import CalendarMoved
from approval_tracking.store import CaseStore, Reference
from approval_tracking.store.reference import digest_of
from chassis.events import plain


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
    """Reckon anew up to `most` clocks that stand on an older calendar; return how many.

    Whose days stay is only marked. Whose days move is written and told, as of this moment.
    """
    calendar = cases.reference.calendar()
    clocks = cases.on_older_calendars(most=most)
    moved, same = [], []
    for clock in clocks:
        told = plain(reckon(clock.happenings, clock.rules, calendar))
        if all(told[name] == clock.told.get(name) for name in _MOVES):
            same.append(clock.case_id)
        else:
            moved.append(clock.case_id)
    cases.mark_calendar(same, calendar)
    cases.announce_all(moved, calendar, cause="calendar_published", at=now)
    return len(clocks)


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
