"""A plan of the whole catalogue and its forecast, each against the way one would write it first.

The baselines: networkx for the two passes with a walk over the days for every date, and a loop over the
futures instead of arrays. Both are checked to give the same dates before they are timed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from statistics import median

import networkx as nx

from approval_tracking.domain.forecast import FUTURES, Past, forecast
from approval_tracking.plan import Laid, PlanItem, lay
from bench.measure import Row
from chassis.calendar import Calendar
from support.approval_data import calendar, catalogue

_TODAY, _START, _COMPLETION = date(2026, 3, 2), date(2026, 10, 9), date(2027, 10, 8)
_FINAL = "S6"
_NAIVE_FUTURES = 300


def measure() -> list[Row]:
    days, book = calendar(), catalogue()
    items = [
        PlanItem(
            code=item.code,
            name=item.name,
            stage=item.stage,
            org=item.department,
            days=int(item.committed.days or item.statutory.days or 5),
            unit="working",
            after=item.prerequisites,
        )
        for item in book.items.values()
    ]
    gates = book.start_gates

    def ours() -> Laid:
        return lay(
            items, days, today=_TODAY, gates=gates, final_stage=_FINAL, planned_start=_START,
            planned_completion=_COMPLETION,
        )  # fmt: skip

    walked = _walk(items, days, gates)
    if walked != ours().earliest_start:
        raise SystemExit(f"the baseline starts on {walked}, the plan on {ours().earliest_start}")
    laid, naive = _cpu(ours, 200), _cpu(lambda: _walk(items, days, gates), 5)

    chance = random.Random(1)
    past = {
        item.code: Past(own=tuple(chance.randint(1, 2 * item.days + 1) for _ in range(60)))
        for item in items
    }
    seen = _cpu(
        lambda: forecast(
            items, days, past, today=_TODAY, gates=gates, final_stage=_FINAL, planned_start=_START
        ),
        10,
    )
    looped = _cpu(lambda: _loop(items, past, gates, chance), 1) * FUTURES / _NAIVE_FUTURES
    return [
        Row(
            f"dates of a plan of {len(items)} items",
            f"{naive * 1e3:.2f} ms networkx and a walk by days",
            f"{laid * 1e3:.2f} ms",
            f"{naive / laid:.0f}",
            "0.2 ms, 10 times",
        ),
        Row(
            f"a forecast of {FUTURES:,} futures with criticality",
            f"{looped * 1e3:,.0f} ms a loop over the futures",
            f"{seen * 1e3:.0f} ms",
            f"{looped / seen:.0f}",
            "60 ms",
        ),
    ]


def _cpu(act: Callable[[], object], times: int) -> float:
    """Return the CPU seconds of one, the median of five rounds."""
    act()
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            act()
        rounds.append((time.process_time() - began) / times)
    return median(rounds)


def _walk(items: Sequence[PlanItem], days: Calendar, gates: Sequence[str]) -> date:
    """Both passes over a graph, each date found by walking the days; return the earliest start."""
    graph = nx.DiGraph()
    for item in items:
        graph.add_node(item.code, days=item.days)
    for item in items:
        for each in item.after:
            if each in graph:
                graph.add_edge(each, item.code, weight=graph.nodes[each]["days"])

    def walk(day: date, count: int, step: int) -> date:
        while count:
            day += timedelta(days=step)
            count -= days.is_working(day)
        return day

    early: dict[str, date] = {}
    for code in nx.topological_sort(graph):
        ready = max((early[each] for each in graph.predecessors(code)), default=_TODAY)
        early[code] = walk(ready, graph.nodes[code]["days"], 1)
    late: dict[str, date] = {}
    for code in reversed(list(nx.topological_sort(graph))):
        end = min(
            (walk(late[each], graph.nodes[each]["days"], -1) for each in graph.successors(code)),
            default=_COMPLETION,
        )
        late[code] = end
    nx.dag_longest_path(graph)
    return walk(max(early[code] for code in gates if code in early), 1, 1)


def _loop(
    items: Sequence[PlanItem], past: dict[str, Past], gates: Sequence[str], chance: random.Random
) -> list[int]:
    """Each future by itself: draw, pass forward, and walk the critical path back."""
    given = {item.code: item for item in items}
    graph = nx.DiGraph()
    graph.add_nodes_from(given)
    graph.add_edges_from(
        (each, item.code) for item in items for each in item.after if each in given
    )
    needed = set(gates) & set(given)
    for gate in list(needed):
        needed |= nx.ancestors(graph, gate)
    order = [code for code in nx.topological_sort(graph) if code in needed]
    critical = dict.fromkeys(order, 0)
    starts = []
    for _ in range(_NAIVE_FUTURES):
        begun: dict[str, int] = {}
        ends: dict[str, int] = {}
        for code in order:
            begun[code] = max((ends[each] for each in graph.predecessors(code)), default=0)
            ends[code] = begun[code] + chance.choice(past[code].own)
        last = max(ends.values())
        on_path = {code for code in order if ends[code] == last}
        for code in reversed(order):
            if code in on_path:
                critical[code] += 1
                on_path |= {each for each in graph.predecessors(code) if ends[each] == begun[code]}
        starts.append(last)
    return starts
