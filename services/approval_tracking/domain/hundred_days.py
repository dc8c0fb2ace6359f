"""百日开工: work starts within a hundred working days of the contract (time_rules.md section 10, V26)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chassis.calendar import Calendar

_DAYS = 100
KEPT, LATE, OPEN = "kept", "late", "open"


@dataclass(frozen=True)
class HundredDays:
    """By when work should start and whether it does; `left` are working days, negative when late."""

    contract_on: date
    due: date
    started_on: date | None
    state: str
    left: int


def hundred_days(
    contract_on: date | None, started_on: date | None, *, today: date, calendar: Calendar
) -> HundredDays | None:
    """Return how the hundred days stand, None without a contract or before the calendar."""
    if contract_on is None or contract_on < calendar.first_day:
        return None
    due = calendar.add_working_days(contract_on, _DAYS)
    seen = started_on or today
    state = (KEPT if seen <= due else LATE) if started_on else (OPEN if today <= due else LATE)
    return HundredDays(
        contract_on, due, started_on, state, calendar.working_days_between(seen, due)
    )
