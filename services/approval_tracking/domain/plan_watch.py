"""Which nodes of a plan somebody is to be reminded of, and when the critical path has slipped (A11.4).

Each thing is told once: again only when its day is another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from approval_tracking.plan import Laid, Node
from chassis.calendar import Calendar

DUE, OVERDUE, BLOCKED, SLIPPED = "due", "overdue", "blocked", "slipped"
# A node is told of this many working days before its day; a slip of fewer is no news.
SOON, SLIP = 3, 3
# What the slip of the whole plan is remembered under.
WHOLE = ""


@dataclass(frozen=True)
class Target:
    """When a node was to begin and to end."""

    start: date
    finish: date


@dataclass(frozen=True)
class Reminder:
    """One node to be reminded of, by the day that counts."""

    kind: str
    node: Node
    day: date
    days_left: int
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slip:
    """By how many working days the earliest start of construction moved, and what now leads to it."""

    days: int
    before: date
    after: date
    path: tuple[Node, ...]


def targets_of(laid: Laid) -> dict[str, Target]:
    """Return the latest days that keep the planned start; without one nothing was promised."""
    if laid.planned_start is None:
        return {}
    return {node.code: Target(node.late_start, node.late_finish) for node in laid.nodes}


def reminders(
    laid: Laid,
    targets: Mapping[str, Target],
    calendar: Calendar,
    *,
    started: Iterable[str],
    today: date,
) -> list[Reminder]:
    """Return what falls due, is late, or cannot begin; on a day off nobody is reminded."""
    if not calendar.is_working(today):
        return []
    begun, nodes = frozenset(started), {node.code: node for node in laid.nodes}
    found = []
    for node in laid.nodes:
        target = targets.get(node.code)
        if target is None or node.done_on:
            continue
        left = calendar.working_days_between(today, target.finish)
        if left < 0:
            found.append(Reminder(OVERDUE, node, target.finish, left))
        elif left <= SOON:
            found.append(Reminder(DUE, node, target.finish, left))
        open_before = tuple(
            code for code in node.after if code in nodes and not nodes[code].done_on
        )
        to_start = calendar.working_days_between(today, target.start)
        if open_before and node.code not in begun and 0 <= to_start <= SOON:
            found.append(Reminder(BLOCKED, node, target.start, to_start, open_before))
    return found


def slip(laid: Laid, told: date | None, calendar: Calendar) -> Slip | None:
    """Return the slip against the earliest start that was last told, if it is worth telling."""
    if told is None or laid.earliest_start is None:
        return None
    days = calendar.working_days_between(told, laid.earliest_start)
    if days < SLIP:
        return None
    path = tuple(node for node in laid.nodes if node.code in laid.critical_path)
    return Slip(days, told, laid.earliest_start, path)


def reference(laid: Laid, told: date | None, slipped: Slip | None) -> date | None:
    """Return the earliest start that the next slip is counted from: what is gained stays gained."""
    earliest = laid.earliest_start
    if told is None or slipped or (earliest is not None and earliest < told):
        return earliest
    return told


def news(found: Sequence[Reminder], told: Mapping[tuple[str, str], date]) -> list[Reminder]:
    """Return those that nobody has been told of for that day."""
    return [each for each in found if told.get((each.kind, each.node.code)) != each.day]
