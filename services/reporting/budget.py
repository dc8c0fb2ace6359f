"""`python -m reporting budget --month 2026-10`: what was promised, what was kept, what is left.

The state's promises come from the read model. The platform's come from Prometheus, if one is named:
it has recorded good and all events every five minutes (deploy/monitoring/rules/service_levels.yaml).
"""

from __future__ import annotations

import argparse
import json
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from unicodedata import east_asian_width

from chassis.calendar import SHANGHAI
from chassis.clock import Clock
from chassis.db import Database
from reporting.domain import Month
from reporting.promises import TITLES, Kept, of_period

# The objectives of deploy/monitoring/slo, which a contract test holds these to.
OBJECTIVES = {"case": 0.98, "law": 0.999, "card": 0.95, "order": 0.95, "sign": 0.95}
_WORST = 10


@dataclass(frozen=True)
class Line:
    """One objective in a month; `left` is the share of the budget that is left, negative when overdrawn."""

    zh: str
    en: str
    good: float
    total: float
    objective: float

    @property
    def share(self) -> float:
        return self.good / self.total

    @property
    def left(self) -> float:
        return 1 - (1 - self.share) / (1 - self.objective)


def main(db: Database, now: Clock, rest: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="reporting budget")
    parser.add_argument("--month", required=True, help="such as 2026-10")
    parser.add_argument(
        "--prometheus", default="", help="its URL; without, the state's promises alone"
    )
    chosen = parser.parse_args(rest)
    try:
        month = Month.read(chosen.month)
    except ValueError:
        parser.error(f"{chosen.month} 不是月份 is no month: yyyy-mm")
    with db.read() as connection:
        rows = of_period(connection, month.first, month.after, now=now())
    print(f"{chosen.month}  误差预算 · error budget\n")
    print("\n".join(_table(promised(rows))) or "  -")
    worst = broken(rows)
    if worst:
        print("\n谁没有得到 · for whom not\n")
        for row in worst:
            due, kept = row.windows[0]
            print(f"  {TITLES[row.promise][0]}  {row.name} ({row.of}): {due - kept} / {due}")
    if chosen.prometheus:
        print("\n平台 · the platform\n")
        print("\n".join(_table(recorded(chosen.prometheus, month))) or "  -")


def promised(rows: Iterable[Kept]) -> list[Line]:
    """Return the state's promises of a month; each thing lies in one district, so these are all."""
    lines = []
    rows = list(rows)
    for promise, (zh, en) in TITLES.items():
        counts = [row.windows[0] for row in rows if (row.promise, row.by) == (promise, "district")]
        due, kept = sum(due for due, _ in counts), sum(kept for _, kept in counts)
        if due:
            lines.append(Line(zh, en, kept, due, OBJECTIVES[promise]))
    return lines


def broken(rows: Iterable[Kept]) -> list[Kept]:
    """Return the bodies that broke the most promises, the most first."""
    bodies = [
        row for row in rows if row.by == "department" and row.windows[0][0] > row.windows[0][1]
    ]
    return sorted(bodies, key=lambda row: (row.windows[0][1] - row.windows[0][0], row.of))[:_WORST]


def recorded(prometheus: str, month: Month) -> list[Line]:
    """Return the platform's objectives of a month as Prometheus recorded them."""
    days = (month.after - month.first).days
    # The last instant of the month, so that the first of the next is not in it.
    at = datetime.combine(month.after, time.min, SHANGHAI) - timedelta(seconds=1)

    def ask(expr: str) -> list[tuple[dict[str, str], float]]:
        query = urllib.parse.urlencode({"query": expr, "time": at.timestamp()})
        url = f"{prometheus.rstrip('/')}/api/v1/query?{query}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            found = json.load(answer)["data"]["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    sums = {
        what: {m["slo"]: value for m, value in ask(f"sum by (slo) (sum_over_time(slo:{what}:sum_5m[{days}d]))")}
        for what in ("good", "total")
    }  # fmt: skip
    # An objective is what it was at the end; its words are its labels.
    said = ask(f'max_over_time(slo:objective:ratio{{kind!="promise"}}[{days}d])')
    return [
        Line(m["zh"], m["en"], sums["good"].get(m["slo"], 0.0), sums["total"][m["slo"]], value)
        for m, value in said
        if sums["total"].get(m["slo"])
    ]


def _table(lines: Sequence[Line]) -> list[str]:
    if not lines:
        return []
    width = max(_width(f"{each.zh} · {each.en}") for each in lines)
    said = [
        f"  {_padded('承诺 · objective', width)}{'目标':>8}{'实际':>8}{'剩余':>10}{'良好/全部':>14}"
    ]
    for each in lines:
        name = _padded(f"{each.zh} · {each.en}", width)
        counts = f"{each.good:.0f}/{each.total:.0f}"
        said.append(
            f"  {name}{each.objective:>10.1%}{each.share:>10.2%}{each.left:>12.0%}{counts:>18}"
        )
    return said


def _width(text: str) -> int:
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
