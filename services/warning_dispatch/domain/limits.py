"""When the limits of an order run out, in office hours."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from chassis.calendar import Calendar
from warning_dispatch.domain.rules import Limit


@lru_cache(maxsize=64)  # a sweep's orders begin together
def limit_after(limit: Limit, at: datetime, calendar: Calendar) -> datetime:
    """Return the instant at which a limit that begins at `at` runs out.

    The day of `at` does not count towards working days, and the last day ends with the office;
    office minutes run from the next minute the office is open.
    """
    if limit.working_days:
        return calendar.office_day_after(at, limit.working_days)
    return calendar.add_office_hours(at, limit.office_minutes / 60)
