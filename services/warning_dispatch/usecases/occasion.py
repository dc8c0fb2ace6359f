"""When and where a use case runs, and what it measures with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from chassis.calendar import Calendar, local_day
from chassis.links.ledger import Links
from warning_dispatch.domain import CalendarMissing, RuleBook
from warning_dispatch.store import Ledger


@dataclass(frozen=True)
class Occasion:
    """The domain's now, fresh ids, and the instance in whose name orders are numbered."""

    now: datetime
    new_id: Callable[[], UUID]
    instance: str
    links: Links = field(default_factory=lambda: Links.alone())

    def not_before(self, at: datetime) -> Occasion:
        """Return this occasion, but no earlier than the fact it deals with.

        The clock of who published it may run a moment ahead of ours; what it says has happened.
        """
        return replace(self, now=max(self.now, at))


@dataclass(frozen=True)
class Yardstick:
    """The calendar and the rules that count now. `reckoned` names both."""

    calendar: Calendar
    book: RuleBook
    reckoned: str

    def only(self, rules: Collection[str]) -> Yardstick:
        """Return the same for these rules alone, for who asks about no other."""
        return replace(self, book=self.book.only(rules))


def find_yardstick(ledger: Ledger, now: datetime) -> Yardstick | None:
    """Return what to measure with, None until the first calendar was published."""
    found = ledger.copies.find_calendar()
    if found is None:
        return None
    version, calendar = found
    book = ledger.copies.rule_book(local_day(now))
    return Yardstick(calendar, book, f"{version}|{book.edition}")


def get_yardstick(ledger: Ledger, now: datetime) -> Yardstick:
    yardstick = find_yardstick(ledger, now)
    if yardstick is None:
        raise CalendarMissing
    return yardstick
