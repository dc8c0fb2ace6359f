"""What a body owes 一表清 and how a region stands 一网清: one rule says what is overdue, for every view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from chassis.calendar import Calendar

OVERDUE, DUE_SOON, IN_TIME, WAITING = "overdue", "due_soon", "in_time", "waiting"
# Due soon is what has so many working days left, today not counted.
_SOON_DAYS = 3


@dataclass(frozen=True)
class Horizon:
    """The days that part what is overdue, due soon and in time."""

    today: date
    soon: date

    @classmethod
    def of(cls, today: date, calendar: Calendar) -> Horizon:
        return cls(today, calendar.add_working_days(today, _SOON_DAYS))

    def urgency(self, act_by: date | None) -> str:
        """Say how urgent a case is: the last day itself is still in time; without one it waits."""
        if act_by is None:
            return WAITING
        if act_by < self.today:
            return OVERDUE
        return DUE_SOON if act_by <= self.soon else IN_TIME


@dataclass(frozen=True)
class Group:
    """How many running cases are alike in all that views count by."""

    item_code: str
    org: str
    status: str
    urgency: str
    cases: int


@dataclass
class Tally:
    """Counts of running cases, by status and by urgency."""

    total: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    by_urgency: dict[str, int] = field(default_factory=dict)

    def add(self, group: Group) -> None:
        self.total += group.cases
        self.by_status[group.status] = self.by_status.get(group.status, 0) + group.cases
        self.by_urgency[group.urgency] = self.by_urgency.get(group.urgency, 0) + group.cases


def tally(groups: Iterable[Group]) -> Tally:
    counted = Tally()
    for group in groups:
        counted.add(group)
    return counted


def by_stage(
    groups: Iterable[Group], stages: Mapping[str, str]
) -> dict[str, tuple[Tally, dict[str, Tally]]]:
    """Return each stage's tally with those of the bodies that answer for it 节点责任清单."""
    found: dict[str, tuple[Tally, dict[str, Tally]]] = {}
    for group in groups:
        whole, bodies = found.setdefault(stages.get(group.item_code, ""), (Tally(), {}))
        whole.add(group)
        bodies.setdefault(group.org, Tally()).add(group)
    return found
