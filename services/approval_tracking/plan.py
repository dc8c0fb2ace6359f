"""A project's plan 数轴图: its items on the working calendar, forward from today, back from the start.

Time is counted in the calendar's ordinals of working days. An item that starts on a day ends
`days` working days later; the item after it may start the day it ends.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from chassis.calendar import Calendar


@dataclass(frozen=True)
class PlanItem:
    """One item to be laid. `days` are in `unit`; a fixed item has `done_on`."""

    code: str
    name: str
    stage: str
    org: str
    days: int
    unit: str
    after: tuple[str, ...]
    done_on: date | None = None
    started_on: date | None = None
    # due is when an application under way should be decided.
    due: date | None = None


class Node(NamedTuple):
    """An item as laid. Slack may be negative: then the planned start cannot be met."""

    code: str
    name: str
    stage: str
    org: str
    duration_days: int
    early_start: date
    early_finish: date
    late_start: date
    late_finish: date
    slack_days: int
    critical: bool
    after: tuple[str, ...]
    done_on: date | None


@dataclass(frozen=True)
class Laid:
    """A whole plan. `slack_days` are working days between the earliest and the planned start."""

    planned_start: date | None
    earliest_start: date | None
    slack_days: int
    critical_path: tuple[str, ...]
    nodes: tuple[Node, ...]
    provisional: bool


@dataclass(frozen=True)
class Network:
    """Which items wait for which. It holds for every project with these items, whatever the dates."""

    # order has each item after what it waits for; the catalogue's order where free.
    order: tuple[str, ...]
    after: Mapping[str, tuple[str, ...]]
    # waiting are those that wait for an item on its side of the start of construction.
    waiting: Mapping[str, tuple[str, ...]]
    # needed are the gates and all they wait for; later is what comes after the start.
    needed: frozenset[str]
    later: frozenset[str]


def network(items: Sequence[PlanItem], *, gates: Sequence[str], final_stage: str) -> Network:
    """Return who waits for whom. A prerequisite that is not among the items is ignored."""
    shape = tuple((item.code, item.stage, item.after) for item in items)
    return _network(shape, tuple(gates), final_stage)


@functools.lru_cache(maxsize=512)
def _network(
    shape: tuple[tuple[str, str, tuple[str, ...]], ...], gates: tuple[str, ...], final_stage: str
) -> Network:
    stages = {code: stage for code, stage, _ in shape}
    after = {code: tuple(p for p in before if p in stages) for code, _, before in shape}
    order = _order(after)
    needed = _before(after, [code for code in gates if code in stages])
    later = _later(order, after, needed, stages, final_stage)
    waiting: dict[str, list[str]] = {code: [] for code in order}
    for code, prerequisites in after.items():
        for prerequisite in prerequisites:
            if (prerequisite in later) == (code in later):
                waiting[prerequisite].append(code)
    return Network(
        order=tuple(order),
        after=after,
        waiting={code: tuple(those) for code, those in waiting.items()},
        needed=frozenset(needed),
        later=frozenset(later),
    )


def lay(
    items: Sequence[PlanItem],
    calendar: Calendar,
    *,
    today: date,
    gates: Sequence[str],
    final_stage: str,
    planned_start: date | None = None,
    planned_completion: date | None = None,
) -> Laid:
    """Lay the items on the calendar.

    A prerequisite that the project does not need is ignored, together with what it would have
    waited for. The gates and all they wait for must be done before the planned start. What comes
    after them is laid forward from the start, and the items of the final stage from the planned
    completion. Items that hang on nothing should be done by the start as well.
    """
    net = network(items, gates=gates, final_stage=final_stage)
    given = {item.code: within(item, calendar) for item in items}
    after, later = net.after, net.later
    now = calendar.ordinal(calendar.working_day_on_or_after(today))
    target = target_of(planned_start, calendar)

    # Forward: the earliest day for each, in two sweeps, since what follows the start waits for it.
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}

    def forward(codes: Iterable[str], floor: int, final_floor: int) -> None:
        for code in codes:
            item = given[code]
            ready = final_floor if item.stage == final_stage else floor
            for prerequisite in after[code]:
                if ends[prerequisite] > ready:
                    ready = ends[prerequisite]
            if item.started_on or item.done_on or item.unit == "calendar":
                starts[code], ends[code] = _early(item, ready, now, calendar)
            else:
                starts[code], ends[code] = ready, ready + item.days

    forward((code for code in net.order if code not in later), now, now)
    open_gates = [code for code in net.order if code in net.needed and not given[code].done_on]
    # Where everything is done, work could have started the day after.
    ready = max((ends[code] for code in net.needed), default=now - 1)
    begin = max(ready + 1, target + 1 if target is not None else 0)
    complete = begin
    if planned_completion:
        complete = calendar.ordinal(max(planned_completion, calendar.first_day))
    forward((code for code in net.order if code in later), begin, max(begin, complete, now))

    # Backward: the latest day that holds up nothing.
    horizon = max(ends.values(), default=now)
    # Without a planned start the earliest is the aim; without gates there is no start to hold up.
    aim = ready if net.needed else horizon
    before_start = target if target is not None else aim
    late_starts: dict[str, int] = {}
    late_ends: dict[str, int] = {}
    for code in reversed(net.order):
        latest = horizon if code in later else before_start
        for each in net.waiting[code]:
            waits = given[each]
            # What is under way can only be held up in its end.
            bound = late_ends[each] if waits.started_on else late_starts[each]
            if bound < latest and waits.done_on is None:
                latest = bound
        late_ends[code] = latest
        if given[code].unit == "calendar":
            late_starts[code] = _late_start(given[code], latest, starts, ends, calendar)
        else:
            late_starts[code] = latest - (ends[code] - starts[code])

    chain = _chain(open_gates, given, after, starts, ends)
    # A period in calendar days rolls on and back to working days: its path has some days of slack.
    path = frozenset(chain)
    tightest = min((late_ends[code] - ends[code] for code in open_gates), default=0)
    told = {item.code: item for item in items}
    day = calendar.working_day
    nodes = []
    for code in net.order:
        item = told[code]
        start, end = starts[code], ends[code]
        early_start, early_finish = day(start), day(end)
        if item.done_on:
            slack, late_start, late_finish = 0, early_start, early_finish
        else:
            slack = late_ends[code] - end
            late_start, late_finish = day(max(late_starts[code], 1)), day(max(late_ends[code], 1))
        nodes.append(
            Node(
                code,
                item.name,
                item.stage,
                item.org,
                end - start,
                early_start,
                early_finish,
                late_start,
                late_finish,
                slack,
                code in path or (not item.done_on and code in net.needed and slack <= tightest),
                after[code],
                item.done_on,
            )
        )
    earliest = day(ready + 1)
    return Laid(
        planned_start=planned_start,
        earliest_start=earliest,
        slack_days=target - ready if target is not None else 0,
        critical_path=tuple(chain),
        nodes=tuple(nodes),
        provisional=any(calendar.provisional(each) for each in (earliest, day(horizon))),
    )


def target_of(planned_start: date | None, calendar: Calendar) -> int | None:
    """Return the ordinal of the day by which the gates must be done, None without a planned start."""
    if planned_start is None:
        return None
    return calendar.ordinal(max(planned_start - timedelta(days=1), calendar.first_day))


def within(item: PlanItem, calendar: Calendar) -> PlanItem:
    """Return the item with what lies before the calendar's first day moved to it."""
    if not item.done_on and not item.started_on:
        return item
    edge = calendar.first_day
    if (item.done_on or edge) >= edge and (item.started_on or edge) >= edge:
        return item
    return replace(
        item,
        done_on=item.done_on and max(item.done_on, edge),
        started_on=item.started_on and max(item.started_on, edge),
    )


def _order(after: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the items with each after its prerequisites; the given order where free."""
    order: list[str] = []
    state: dict[str, bool] = {}

    def visit(code: str) -> None:
        if state.get(code):
            return
        if code in state:
            raise ValueError(f"the prerequisites of {code} go round in a ring")
        state[code] = False
        for prerequisite in after[code]:
            visit(prerequisite)
        state[code] = True
        order.append(code)

    for code in after:
        visit(code)
    return order


def _before(after: Mapping[str, Sequence[str]], gates: Sequence[str]) -> set[str]:
    """Return the gates and everything they wait for."""
    needed: set[str] = set()
    stack = list(gates)
    while stack:
        code = stack.pop()
        if code not in needed:
            needed.add(code)
            stack.extend(after[code])
    return needed


def _later(
    order: Sequence[str],
    after: Mapping[str, Sequence[str]],
    needed: set[str],
    stages: Mapping[str, str],
    final_stage: str,
) -> set[str]:
    """Return what comes after the start: the final stage, and what waits for a last gate."""
    last_gates = {code for code in needed if not any(code in after[c] for c in needed)}
    later: set[str] = set()
    for code in order:
        if code in needed:
            continue
        if stages[code] == final_stage or any(
            p in later or (p in last_gates and stages[p] == stages[code]) for p in after[code]
        ):
            later.add(code)
    return later


def _early(item: PlanItem, ready: int, now: int, calendar: Calendar) -> tuple[int, int]:
    """Return when the item can start and end; what is done or under way stays where it is."""
    if item.done_on:
        began = calendar.working_day_on_or_after(item.started_on or item.done_on)
        ends = calendar.ordinal(calendar.working_day_on_or_after(item.done_on))
        return min(calendar.ordinal(began), ends), ends
    if item.started_on:
        start = calendar.ordinal(calendar.working_day_on_or_after(item.started_on))
        due = calendar.ordinal(item.due) if item.due else _end(item, start, calendar)
        # It cannot be decided in the past, nor before its prerequisites.
        return start, max(due, now, ready)
    return ready, _end(item, ready, calendar)


def _end(item: PlanItem, start: int, calendar: Calendar) -> int:
    if item.unit == "calendar":
        return calendar.ordinal(calendar.due_calendar(calendar.working_day(start), item.days))
    return start + item.days


def _late_start(
    item: PlanItem,
    late_end: int,
    starts: Mapping[str, int],
    ends: Mapping[str, int],
    calendar: Calendar,
) -> int:
    if not item.started_on and not item.done_on:
        # A plan that is hopelessly late has its dates at the calendar's edge.
        end = calendar.working_day(max(late_end, 1))
        begin = max(end - timedelta(days=item.days), calendar.first_day)
        return max(calendar.ordinal(begin), 1)
    return late_end - (ends[item.code] - starts[item.code])


def _chain(
    gates: Sequence[str],
    given: Mapping[str, PlanItem],
    after: Mapping[str, Sequence[str]],
    starts: Mapping[str, int],
    ends: Mapping[str, int],
) -> list[str]:
    """Return the open items that make the earliest start what it is, in order."""
    chain: list[str] = []
    rest = list(gates)
    while rest:
        code = max(rest, key=lambda each: (ends[each], each))
        chain.append(code)
        rest = [
            each
            for each in after[code]
            if given[each].done_on is None and ends[each] >= starts[code]
        ]
    return chain[::-1]
