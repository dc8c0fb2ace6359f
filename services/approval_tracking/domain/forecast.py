"""When construction will start, as a distribution: a plan run forward through 10,000 futures.

Each open item takes, in each future, as long as it took on some earlier occasion. Durations are
whole working days from receipt to decision, pauses and corrections included: that is what a
project waits for. Working days are the calendar's ordinals, as in `plan`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from approval_tracking.plan import Network, PlanItem, network, target_of, within
from chassis.calendar import Calendar

FUTURES = 10_000
# Below this many durations of the body's own, those of other bodies count as well, and below as
# many of these the promise: each fills up what is missing.
_ENOUGH = 12
_QUANTILES = 1_024

_Days = npt.NDArray[np.int32]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Past:
    """How long an item took before, in working days: at the body that decides, and at others."""

    own: tuple[int, ...] = ()
    others: tuple[int, ...] = ()


class Outlook(NamedTuple):
    """What the futures say of one open item before the start.

    `critical` is the share of futures in which a day more for it is a day more for the start,
    `threat` the same among the futures in which the planned start is lost. `samples` are the
    durations on record that it rests on.
    """

    code: str
    critical: float
    threat: float
    finish_p50: date
    finish_p80: date
    samples: int


@dataclass(frozen=True)
class Forecast:
    """When work can start. `keeps` is the probability of the planned start, None without one."""

    planned_start: date | None
    p50: date
    p80: date
    p95: date
    keeps: float | None
    outlooks: tuple[Outlook, ...]
    futures: int


@dataclass(frozen=True)
class Terms:
    """What one project's plan may do otherwise than the catalogue says (what-if).

    `beside` names prerequisites that an item need not wait for to begin, only to be decided;
    `not_before` holds an item back; `days` replaces what an item takes.
    """

    beside: frozenset[tuple[str, str]] = frozenset()
    not_before: Mapping[str, date] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)


def forecast(
    items: Sequence[PlanItem],
    calendar: Calendar,
    past: Mapping[str, Past],
    *,
    today: date,
    gates: Sequence[str],
    final_stage: str,
    planned_start: date | None = None,
    terms: Terms | None = None,
    futures: int = FUTURES,
    seed: int = 0,
) -> Forecast:
    """Run the plan forward. The same seed draws the same chances for an item, whatever the terms."""
    terms = terms or Terms()
    net = network(items, gates=gates, final_stage=final_stage)
    run = _Run(items, calendar, past, net, terms, today=today, futures=futures, seed=seed)
    run.forward()
    ready = run.ready()
    target = target_of(planned_start, calendar)
    lost = ready > target if target is not None else None
    return Forecast(
        planned_start=planned_start,
        **{name: run.day_after(ready, share) for name, share in _STARTS.items()},
        keeps=None if lost is None else float(1 - lost.mean()),
        outlooks=tuple(run.outlooks(ready, lost)),
        futures=futures,
    )


_STARTS = {"p50": 0.50, "p80": 0.80, "p95": 0.95}


class _Run:
    """The futures of one plan: an array of ordinals for each item's start and end."""

    def __init__(
        self,
        items: Sequence[PlanItem],
        calendar: Calendar,
        past: Mapping[str, Past],
        net: Network,
        terms: Terms,
        *,
        today: date,
        futures: int,
        seed: int,
    ) -> None:
        self._calendar, self._net, self._terms = calendar, net, terms
        self._items = {item.code: within(item, calendar) for item in items}
        self._past, self._futures, self._seed = past, futures, seed
        self._now = calendar.ordinal(calendar.working_day_on_or_after(today))
        self._open = [c for c in net.order if c in net.needed and not self._items[c].done_on]
        self._starts: dict[str, _Days] = {}
        self._ends: dict[str, _Days] = {}
        self._samples: dict[str, int] = {}
        # binding[code] are the prerequisites with what they hold up: its start, or only its end.
        self._binding: dict[str, tuple[list[str], list[str]]] = {}

    def forward(self) -> None:
        for code in self._open:
            item = self._items[code]
            waits = [each for each in self._net.after[code] if each in self._ends]
            ends_only = [each for each in waits if (code, each) in self._terms.beside]
            starts = [each for each in waits if each not in ends_only]
            if item.started_on:
                # It is under way: what is still open before it can only hold up the decision.
                starts, ends_only = [], waits
            self._binding[code] = starts, ends_only
            if item.started_on:
                start = np.full(self._futures, self._begun(item), np.int32)
            else:
                start = self._latest(starts, self._floor(code))
            end = self._end(item, start)
            self._starts[code] = start
            self._ends[code] = np.maximum(end, self._latest(ends_only, self._now))

    def ready(self) -> _Days:
        """Return the day on which the last gate is done; what is past stays as it was."""
        past = [self._items[code].done_on for code in self._net.needed]
        done = [self._calendar.ordinal(each) for each in past if each]
        return self._latest(self._open, max(done, default=self._now - 1))

    def outlooks(self, ready: _Days, lost: _Flags | None) -> list[Outlook]:
        told = []
        missed = int(lost.sum()) if lost is not None else 0
        for code, critical in self._critical(ready).items():
            threat = float((critical & lost).sum() / missed) if lost is not None and missed else 0.0
            told.append(
                Outlook(
                    code=code,
                    critical=float(critical.mean()),
                    threat=threat,
                    finish_p50=self._day(self._ends[code], 0.50),
                    finish_p80=self._day(self._ends[code], 0.80),
                    samples=self._samples[code],
                )
            )
        return sorted(told, key=lambda each: (-each.threat, -each.critical))

    def day_after(self, ends: _Days, share: float) -> date:
        return self._calendar.working_day(_quantile(ends, share) + 1)

    def _day(self, ends: _Days, share: float) -> date:
        return self._calendar.working_day(_quantile(ends, share))

    def _critical(self, ready: _Days) -> dict[str, _Flags]:
        """Return for each open item in which futures the start waits for it, from the end back."""
        critical = {code: self._ends[code] == ready for code in self._open}
        for code in reversed(self._open):
            begins, decides = self._binding[code]
            for each in begins:
                critical[each] |= critical[code] & (self._ends[each] == self._starts[code])
            for each in decides:
                critical[each] |= critical[code] & (self._ends[each] == self._ends[code])
        return critical

    def _latest(self, codes: Sequence[str], floor: int) -> _Days:
        latest = np.full(self._futures, floor, np.int32)
        for code in codes:
            np.maximum(latest, self._ends[code], out=latest)
        return latest

    def _floor(self, code: str) -> int:
        held = self._terms.not_before.get(code)
        if held is None:
            return self._now
        day = self._calendar.working_day_on_or_after(max(held, self._calendar.first_day))
        return max(self._now, self._calendar.ordinal(day))

    def _begun(self, item: PlanItem) -> int:
        begun = item.started_on or self._calendar.first_day
        return self._calendar.ordinal(self._calendar.working_day_on_or_after(begun))

    # --- how long it takes ------------------------------------------------------------------

    def _end(self, item: PlanItem, start: _Days) -> _Days:
        fixed = self._terms.days.get(item.code)
        past = self._past.get(item.code, Past()) if fixed is None else Past()
        if fixed is not None:
            item = _taking(item, fixed)
        if item.started_on:
            return self._end_under_way(item, past)
        self._samples[item.code] = len(past.own) + len(past.others)
        if not past.own and not past.others:
            return self._after(item, start)
        values, weights = _weighed(past, self._promised(item))
        return start + self._drawn(item.code, values, weights)

    def _end_under_way(self, item: PlanItem, past: Past) -> _Days:
        """Return the end of what has begun: it takes longer than it has taken already."""
        begun = self._begun(item)
        gone = self._now - begun
        longer = Past(
            tuple(days for days in past.own if days > gone),
            tuple(days for days in past.others if days > gone),
        )
        self._samples[item.code] = len(longer.own) + len(longer.others)
        due = self._calendar.ordinal(item.due) - begun if item.due else self._promised(item)
        if due > gone or longer.own or longer.others:
            values, weights = _weighed(longer, due if due > gone else None)
            return begun + self._drawn(item.code, values, weights)
        # Longer than anything on record: it takes as long again as such an item takes.
        values, weights = _weighed(past, self._promised(item))
        return self._now + np.maximum(self._drawn(item.code, values, weights), 1)

    def _promised(self, item: PlanItem) -> int:
        """Return the promise in working days, as counted from today."""
        if item.unit != "calendar":
            return item.days
        due = self._calendar.due_calendar(self._calendar.working_day(self._now), item.days)
        return self._calendar.ordinal(due) - self._now

    def _after(self, item: PlanItem, start: _Days) -> _Days:
        """Return the end of a promise kept to the day, from each start."""
        if item.unit != "calendar":
            return start + np.int32(item.days)
        days = np.array([day.toordinal() for day in self._calendar.working_days], np.int32)
        begun = days[np.minimum(start, len(days)) - 1]
        ends: _Days = np.searchsorted(days, begun + item.days).astype(np.int32) + 1
        return ends

    def _drawn(self, code: str, values: _Days, weights: npt.NDArray[np.float64]) -> _Days:
        """Draw a duration for each future, by a chance that belongs to the item alone."""
        shares = np.cumsum(weights) / weights.sum()
        middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        table = values[np.searchsorted(shares, middles)]
        chance = np.random.default_rng([self._seed, zlib.crc32(code.encode())])
        drawn: _Days = table[chance.integers(0, _QUANTILES, self._futures, np.uint16)]
        return drawn


def _weighed(past: Past, promised: int | None) -> tuple[_Days, npt.NDArray[np.float64]]:
    """Return the durations to draw from, sorted, with their weights."""
    own, others = len(past.own), len(past.others)
    borrowed = min(max(_ENOUGH - own, 0), others)
    assumed = max(_ENOUGH - own - others, 0) if promised is not None else 0
    values = [*past.own, *past.others, *([promised] if assumed and promised is not None else [])]
    weights = [1.0] * own + [borrowed / others if others else 0.0] * others
    weights += [float(assumed)] if assumed else []
    order = np.argsort(values, kind="stable")
    return np.array(values, np.int32)[order], np.array(weights)[order]


def _taking(item: PlanItem, days: int) -> PlanItem:
    """Return the item as if it took so many working days from its start, or from today."""
    return replace(item, days=days, unit="working", due=None)


def _quantile(values: _Days, share: float) -> int:
    return int(np.quantile(values, share, method="inverted_cdf"))
