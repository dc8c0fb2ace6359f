"""The state's promises: which were kept and which broken, by body, item and district.

A promise counts once: on the day it was kept, or on the day it was broken. A case's is broken on
the day after its limit, an order's at the minute; so a case that nobody decides counts against its
department from its first day over, and not only when it is decided at last, as in the month's I13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from chassis.calendar import local_day
from reporting.store import cases, orders

# The windows that objectives are held against, in days; today is the last of them.
WINDOWS = (3, 7, 30)
BY = ("department", "item", "district")
# A city has some 120 items, 10 districts and a few hundred bodies; whatever comes, no more than
# these get series of their own, and the rest are one. Six numbers for each promise and value.
MOST = 300
REST = "other"

# The code under which a promise is known, and what it says.
TITLES = {
    "case": ("办件按承诺时限办结", "cases decided within the promised limit"),
    "law": ("办件按法定时限办结", "cases decided within the statutory limit"),
    "card": ("红黄牌按时反馈", "cards answered in time"),
    "order": ("工单按时反馈", "work orders answered in time"),
    "sign": ("工单按时签收", "work orders signed for in time"),
}


@dataclass(frozen=True)
class Kept:
    """How one body, item or district kept one promise."""

    promise: str
    by: str
    of: str
    name: str
    # (promises that came to their end, those of them that were kept) by window.
    windows: tuple[tuple[int, int], ...]
    # What is over its limit at this moment, and still open.
    overdue: int


def measure(connection: sa.Connection, *, now: datetime) -> list[Kept]:
    """Return what was kept and broken in each of WINDOWS."""
    today = local_day(now)
    tomorrow = today + timedelta(days=1)
    spans = [(tomorrow - timedelta(days=days), tomorrow) for days in WINDOWS]
    return _counted(connection, spans, now)


def of_period(connection: sa.Connection, first: date, after: date, *, now: datetime) -> list[Kept]:
    """Return what was kept and broken from one day to another, which is not counted any more."""
    return _counted(connection, [(first, after)], now)


def _counted(
    connection: sa.Connection, spans: Sequence[tuple[date, date]], now: datetime
) -> list[Kept]:
    found: list[Kept] = []
    since = min(first for first, _ in spans)
    for promise, ended, dimensions in _promises(now, since):
        query = _query(ended, dimensions, spans)
        rows = [_kept(promise, row, len(spans)) for row in connection.execute(query)]
        for by in dimensions:
            found += _bounded([row for row in rows if row.by == by])
    return found


def _promises(
    now: datetime, since: date
) -> Iterator[tuple[str, sa.Subquery, dict[str, tuple[str, str]]]]:
    """Yield each promise: its rows with `ended_on`, `kept` and `overdue`, and what to group by."""
    of_cases = {
        "department": ("org", "org_name"),
        "item": ("item_code", "item_name"),
        "district": ("district", "district"),
    }
    promised = sa.func.coalesce(cases.c.committed_due, cases.c.statutory_due)
    decided = sa.case((cases.c.status.in_(["decided", "delivered"]), cases.c.decided_on))
    counts = (
        cases.c.duty_bearer == "authority",
        sa.not_(cases.c.historical),
        # What was decided before the window came to its end before it, too: the index finds the rest.
        sa.or_(cases.c.decided_on.is_(None), cases.c.decided_on >= since),
        # What was refused at the door or withdrawn is nobody's promise any more.
        cases.c.status.not_in(["refused", "withdrawn"]),
    )
    columns = [cases.c[name] for name in ("org", "org_name", "item_code", "item_name")]
    for promise, due in (("case", promised), ("law", cases.c.statutory_due)):
        over = (due < local_day(now), due + 1)
        yield promise, _ended(cases, columns, (due, *over), (decided, decided), *counts), of_cases

    of_orders = {"department": ("org", "org_name"), "district": ("district", "district")}
    lead = [orders.c.lead_org.label("org"), orders.c.lead_org_name.label("org_name")]
    # An order that was merged into another is closed without an answer of its own.
    answered = sa.func.coalesce(orders.c.answered_at, orders.c.closed_at)
    signed = sa.func.coalesce(orders.c.signed_at, answered)
    feedback, sign = orders.c.feedback_by, orders.c.sign_by
    of_cards = orders.c.colour.in_(["yellow", "red", "red_statutory"])
    for promise, due, done, *also in (
        ("card", feedback, answered, of_cards),
        ("order", feedback, answered),
        ("sign", sign, signed),
    ):
        limit = (due, due < now, _day(due))
        yield promise, _ended(orders, lead, limit, (done, _day(done)), *also), of_orders


def _day(moment: Any) -> sa.ColumnElement[date]:
    return sa.cast(sa.func.timezone("Asia/Shanghai", moment), sa.Date)


def _ended(
    table: sa.Table,
    columns: Sequence[Any],
    limit: tuple[Any, Any, Any],
    act: tuple[Any, Any],
    *where: sa.ColumnElement[bool],
) -> sa.Subquery:
    """Select a promise's rows by its limit (when, is it over, the day broken) and the act (when, its day)."""
    (due, over, broken_on), (done, done_on) = limit, act
    kept = sa.and_(done.is_not(None), sa.or_(due.is_(None), done <= due))
    return (
        sa.select(
            *columns,
            # The district below the city; a town's instance has one, too.
            sa.func.coalesce(
                sa.func.nullif(sa.func.split_part(table.c.region_path, "/", 2), ""),
                table.c.region_path,
            ).label("district"),
            sa.case((kept, done_on), (sa.or_(over, done > due), broken_on)).label("ended_on"),
            sa.func.coalesce(kept, sa.false()).label("kept"),
            sa.and_(done.is_(None), over).label("overdue"),
        )
        .where(*where)
        .subquery()
    )


def _query(
    ended: sa.Subquery,
    dimensions: dict[str, tuple[str, str]],
    spans: Sequence[tuple[date, date]],
) -> sa.Select[Any]:
    """Count each dimension in one pass over the rows: grouping() says which one a row is of."""
    column = ended.c
    codes = [column[code] for code, _ in dimensions.values()]
    names = [sa.func.max(column[name]) for _, name in dimensions.values()]
    counts: list[Any] = []
    for first, after in spans:
        inside = sa.and_(column.ended_on >= first, column.ended_on < after)
        counts += [
            sa.func.count().filter(inside),
            sa.func.count().filter(sa.and_(inside, column.kept)),
        ]
    which = [(sa.func.grouping(code) == 0, by) for by, code in zip(dimensions, codes, strict=True)]
    earliest = min(first for first, _ in spans)
    return (
        sa.select(
            sa.case(*which),
            sa.func.coalesce(*codes),
            sa.case(*((test, name) for (test, _), name in zip(which, names, strict=True))),
            sa.func.count().filter(column.overdue),
            *counts,
        )
        .where(sa.or_(column.ended_on >= earliest, column.overdue))
        .group_by(sa.func.grouping_sets(*codes))
    )


def _kept(promise: str, row: sa.Row[Any], spans: int) -> Kept:
    by, of, name, overdue, *counts = tuple(row)
    windows = tuple((counts[2 * i], counts[2 * i + 1]) for i in range(spans))
    return Kept(promise, by, of or REST, name or of or REST, windows, overdue)


def _bounded(rows: Sequence[Kept]) -> list[Kept]:
    """Return the largest rows, and the rest as one."""
    ordered = sorted(rows, key=lambda row: (-row.windows[-1][0] - row.overdue, row.of))
    if len(ordered) <= MOST:
        return ordered
    head, tail = ordered[: MOST - 1], ordered[MOST - 1 :]
    windows = tuple(
        (sum(due for due, _ in column), sum(kept for _, kept in column))
        for column in zip(*(row.windows for row in tail), strict=True)
    )
    first = tail[0]
    overdue = sum(row.overdue for row in tail)
    return [*head, Kept(first.promise, first.by, REST, REST, windows, overdue)]


_LABELS = ("promise", "by", "of", "name")


class PromiseGauges(Collector):
    """Exports what was measured last: what is not counted any more leaves no series behind."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._rows: Sequence[Kept] = ()
        registry.register(self)

    def show(self, rows: Sequence[Kept]) -> None:
        self._rows = tuple(rows)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        due, kept, overdue = self.describe()
        for row in self._rows:
            labels = [row.promise, row.by, row.of, row.name]
            for days, (ended, held) in zip(WINDOWS, row.windows, strict=True):
                due.add_metric([*labels, str(days)], ended)
                kept.add_metric([*labels, str(days)], held)
            overdue.add_metric(labels, row.overdue)
        return due, kept, overdue

    def describe(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
        return (
            GaugeMetricFamily(
                "promises_due_count",
                "Promises that came to their end in the last days",
                labels=(*_LABELS, "days"),
            ),
            GaugeMetricFamily(
                "promises_kept_count",
                "Promises that were kept in the last days",
                labels=(*_LABELS, "days"),
            ),
            GaugeMetricFamily(
                "promises_overdue_count", "What is open and over its limit now", labels=_LABELS
            ),
        )


gauges = PromiseGauges()
