"""A department's list and a project's page in a city with 1,000,000 open cases.

Timed is what the service asks of the database for one page, from sending to having the rows; a page has 50
cases. The baseline is what one would write first: the same page by offset, ordered and filtered by
what is in the stored case.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from approval_tracking import queries
from approval_tracking.domain.work import Horizon
from bench.city import DISTRICTS, NOW, fill
from bench.measure import Row
from bench.servers import servers
from chassis.calendar import local_day
from chassis.db import Database
from chassis.identity import Principal, Scope
from support.approval_data import calendar, catalogue

_CASES, _ASKED, _NAIVE, _DEEP, _SIZE = 1_000_000, 400, 5, 20, 50
_naive_work = sa.text(
    """
    select state, record from cases
    where state->>'org' = :org and status <> 'refused' and status <> 'withdrawn'
    order by state->'clock'->>'committed_due', state->>'case_id' limit :size offset :skipped
    """
)
_naive_project = sa.text(
    """
    select state, record from cases where state->>'project_id' = :project
    order by state->>'received_at' desc limit :size
    """
)


def measure() -> list[Row]:
    with servers() as run:
        database = Database(run.databases("approval_tracking"))
        made = fill(database, _CASES)
        rows = _measure(database, made)
        database.close()
    return rows


def _measure(database: Database, made: int) -> list[Row]:
    chance = random.Random(11)
    horizon = Horizon.of(local_day(NOW), calendar())
    departments = sorted({item.department for item in catalogue().items.values()})
    with database.read() as connection:
        wanted = sa.text("select id from projects order by name limit 2000")
        projects = list(connection.scalars(wanted))

    def body() -> tuple[str, Scope]:
        path = chance.choice(DISTRICTS)
        region = path.rpartition("/")[2]
        org = f"{region}:{chance.choice(departments)}"
        someone = Principal(
            "x", "x", roles=frozenset({"A2"}), region=region, region_path=path, org=org
        )
        return org, Scope.of(someone)

    def first(connection: sa.Connection) -> None:
        org, scope = body()
        queries.list_work(connection, scope, horizon, org=org, size=_SIZE + 1)

    def deep(connection: sa.Connection) -> None:
        org, scope = body()
        after = _twentieth(connection, org)
        began = time.perf_counter()
        queries.list_work(connection, scope, horizon, org=org, size=_SIZE + 1, after=after)
        taken.append(time.perf_counter() - began)

    def counts(connection: sa.Connection) -> None:
        org, scope = body()
        queries.count_work(connection, scope, horizon, org=org)

    def project(connection: sa.Connection) -> None:
        _, scope = body()
        one = chance.choice(projects)
        queries.list_cases(connection, scope, size=_SIZE + 1, after=None, project_id=one)

    taken: list[float] = []
    with database.read() as connection:
        naive_first = _naive(connection, _naive_work, lambda: {"org": body()[0], "skipped": 0})
        skipped = _DEEP * _SIZE
        naive_deep = _naive(connection, _naive_work, lambda: {"org": body()[0], "skipped": skipped})
        naive_project = _naive(
            connection, _naive_project, lambda: {"project": str(chance.choice(projects))}
        )
        found = {
            "a department's list, first page": (naive_first, _times(connection, first)),
            "a project's cases": (naive_project, _times(connection, project)),
            "a department's counts": (naive_first, _times(connection, counts)),
        }
        _times(connection, deep)
        found[f"a department's list, page {_DEEP}"] = naive_deep, sorted(taken[-_ASKED:])
    return [
        Row(
            f"{name}, of {made:,} open cases",
            f"{naive * 1000:,.0f} ms by offset and stored fields",
            f"p50 {_at(times, 0.5):.1f} ms, p99 {_at(times, 0.99):.1f} ms",
            f"{naive * 1000 / _at(times, 0.99):,.0f}",
            "p99 30 ms",
        )
        for name, (naive, times) in found.items()
    ]


def _twentieth(connection: sa.Connection, org: str) -> tuple[bool, str, UUID] | None:
    wanted = sa.text(
        "select not green as plain, coalesce(act_by, 'infinity'::date)::text as day, id from cases "
        "where org = :org order by (not green), coalesce(act_by, 'infinity'::date), id "
        "offset :skipped limit 1"
    )
    row = connection.execute(wanted, {"org": org, "skipped": _DEEP * _SIZE}).one_or_none()
    return (row.plain, row.day, row.id) if row else None


def _times(connection: sa.Connection, ask: Callable[[sa.Connection], Any]) -> list[float]:
    """Return how long each of many asked took, in order of length; the first few warm up."""
    times = []
    for _ in range(_ASKED + 20):
        began = time.perf_counter()
        ask(connection)
        times.append(time.perf_counter() - began)
    return sorted(times[20:])


def _naive(
    connection: sa.Connection, statement: sa.TextClause, values: Callable[[], dict[str, Any]]
) -> float:
    began = time.perf_counter()
    for _ in range(_NAIVE):
        connection.execute(statement, {**values(), "size": _SIZE}).all()
    return (time.perf_counter() - began) / _NAIVE


def _at(times: list[float], share: float) -> float:
    return times[int(len(times) * share)] * 1000
