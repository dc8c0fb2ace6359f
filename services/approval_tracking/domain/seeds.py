"""Reads the legal calendar's data file into the fact that spreads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from approval_tracking.domain.events import CalendarDay, CalendarPublished, CalendarYear


def read_seed_calendar(content: Mapping[str, Any], *, version: str) -> CalendarPublished:
    """Return the calendar with every year's holidays and make-up working days, in order."""
    hours = content["office_hours"][-1]
    return CalendarPublished(
        version=version,
        years=tuple(
            CalendarYear(
                year=year["year"],
                official=year["status"] == "official",
                notice=year["notice"] or "",
                days=tuple(
                    sorted(
                        (
                            CalendarDay(date.fromisoformat(each["date"]), working, each["name"])
                            for kind, working in (("holidays", False), ("makeup_workdays", True))
                            for each in year[kind]
                        ),
                        key=lambda each: each.day,
                    )
                ),
            )
            for year in content["years"]
        ),
        morning_opens=hours["morning"][0],
        morning_closes=hours["morning"][1],
        afternoon_opens=hours["afternoon"][0],
        afternoon_closes=hours["afternoon"][1],
    )
