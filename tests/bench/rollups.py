"""Reporting's consumer: a batch of facts alone in the database, and end to end against nameko's own.

The facts are the life of cases, as approval_tracking tells it: each moves the copy of a case,
four in five the count of a day, and no batch holds two of the same case. Both sides of the
end-to-end figure find their queue full, run the same use case, and are timed by PostgreSQL from
their first commit to their last.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa

from bench import stock
from bench.measure import Row, cpu_of
from bench.servers import Servers, servers
from chassis import amqp, db
from chassis.events import Envelope
from chassis.ids import new_id
from instance.processes import Process, Supervisor
from reporting.store import ReadModels
from reporting.usecases import apply_facts
from support import services
from support.clocks import at, case_state, happening
from support.servers import started

_BATCH = 500
_FACTS = 30_000
_STOCK_FACTS = 3_000
# (type, status, outcome, what the clock has seen by then)
_LIFE = (
    ("case_submitted.v1", "submitted", "", ()),
    ("case_accepted.v1", "in_review", "", ("accepted",)),
    ("case_clock_changed.v1", "in_review", "", ("accepted",)),
    ("case_decided.v1", "decided", "approved", ("accepted", "decided")),
    ("case_delivered.v1", "delivered", "approved", ("accepted", "decided", "delivered")),
)
_TOWNS = [f"321100/{district}/{district}{town}" for district in (321171, 321181, 321183)
          for town in (101, 102, 103, 104)]  # fmt: skip
_ORGS = ("发改", "自然资源和规划", "生态环境", "住建", "水利", "应急")


def measure() -> list[Row]:
    facts = list(_facts(_FACTS))
    with servers() as run:
        alone, tallied = _in_the_database(run, facts)
        ours, cpu = _ours(run, facts)
        theirs, their_cpu = _stock(run, facts[:_STOCK_FACTS])
    return [
        Row(
            "rollups, statements alone, updates/s",
            f"a batch of {_BATCH} facts, a transaction",
            f"{alone:,.0f}",
            "",
            "20,000/s",
        ),
        Row(
            "reporting's use case, facts/s",
            f"the same with opening the envelopes and {_BATCH} facts a batch",
            f"{tallied:,.0f}",
            "",
            "",
        ),
        Row(
            "RabbitMQ to rollups, facts/s",
            f"{theirs:,.0f} nameko's event handler",
            f"{ours:,.0f}",
            f"{ours / theirs:.1f}",
            "5 times",
            f"{cpu * 1e6:.0f} µs a fact against {their_cpu * 1e6:.0f}",
        ),
    ]


def _facts(count: int) -> Iterator[dict[str, Any]]:
    """Yield the bodies of facts, in the order in which a city's cases would tell them."""
    clock = case_state()["clock"]
    for start in range(0, count, len(_LIFE) * _BATCH):
        cases = [new_id() for _ in range(_BATCH)]
        for version, (kind, status, outcome, seen) in enumerate(_LIFE, 1):
            day = 1 + (start // _BATCH + version) % 28
            when = at(f"2026-10-{day:02} 10:00")
            happened = [happening(each, f"2026-10-{day:02}") for each in seen]
            for number, case_id in enumerate(cases):
                state = _case(
                    case_id, version, status=status, outcome=outcome, number=start + number,
                    clock={**clock, "happenings": happened},
                )  # fmt: skip
                more = {"deemed": False} if kind == "case_accepted.v1" else {}
                yield Envelope(
                    new_id(), kind, "", case_id, version, when, {"case": state, **more}
                ).body()


_STATE = case_state()


def _case(case_id: UUID, version: int, *, number: int, **more: Any) -> dict[str, Any]:
    town = _TOWNS[number % len(_TOWNS)]
    return {
        **_STATE,
        "case_id": str(case_id),
        "version": version,
        "project_id": str(UUID(int=number // 20 + 1)),
        "region_path": town,
        "org": f"{town.split('/')[1]}:{_ORGS[number % len(_ORGS)]}",
        **more,
    }


# --- alone in the database --------------------------------------------------------------------


def _in_the_database(run: Servers, bodies: list[dict[str, Any]]) -> tuple[float, float]:
    """Return facts/s of all statements and commits by themselves, and of the whole use case."""
    database = db.Database(run.databases("reporting"))
    seconds = [0.0]
    sa.event.listen(database.engine, "before_cursor_execute", lambda *_: _add(seconds, -1))
    sa.event.listen(database.engine, "after_cursor_execute", lambda *_: _add(seconds, 1))
    began = time.perf_counter()
    for start in range(0, len(bodies), _BATCH):
        facts = [Envelope.open(body) for body in bodies[start : start + _BATCH]]
        with database.begin() as tx:
            apply_facts(ReadModels(tx), facts)
            _add(seconds, -1)
        _add(seconds, 1)
    whole = time.perf_counter() - began
    database.close()
    return len(bodies) / seconds[0], len(bodies) / whole


def _add(seconds: list[float], sign: int) -> None:
    seconds[0] += sign * time.perf_counter()


# --- from RabbitMQ ----------------------------------------------------------------------------


def _ours(run: Servers, bodies: list[dict[str, Any]]) -> tuple[float, float]:
    from chassis.worker import subscriptions_of
    from reporting.worker import Worker

    amqp.declare(run.amqp, publisher="reporting", subscriptions=subscriptions_of(Worker))
    url = run.databases("reporting")
    _publish(run, bodies)
    settings = {"database_url": url, "amqp_url": run.amqp, "redis_url": run.redis}
    with services.running("reporting", "worker", **settings) as worker:
        return _consumed(run, worker.supervisor, url, len(bodies))


def _stock(run: Servers, bodies: list[dict[str, Any]]) -> tuple[float, float]:
    url = run.databases("reporting")
    with amqp.connect(run.amqp) as connection:
        for queue in stock.queues():
            queue(connection.default_channel).declare()
    _publish(run, bodies)
    worker = Process(
        name="stock",
        argv=(sys.executable, "-m", "bench.stock"),
        environ=services.environ(database_url=url, amqp_url=run.amqp),
        log=run.home / "stock.log",
    )
    with started(worker) as supervisor:
        return _consumed(run, supervisor, url, len(bodies))


def _publish(run: Servers, bodies: list[dict[str, Any]]) -> None:
    publisher = amqp.Publisher(
        run.amqp, exchange="approval_tracking.events", stamp={"source": "321100/bench"}
    )
    for start in range(0, len(bodies), 1000):
        publisher.publish_all(bodies[start : start + 1000])
    publisher.close()


def _consumed(run: Servers, worker: Supervisor, url: str, wanted: int) -> tuple[float, float]:
    """Wait for all facts; return how many a second were committed, and the CPU seconds of one."""

    def pids() -> list[int]:
        return [each.pid for who in (run.supervisor, worker) for each in who.seen().values()]

    with psycopg.connect(url, autocommit=True) as connection:

        def taken() -> int:
            row = connection.execute("select count(*) from inbox").fetchone()
            return int(row[0]) if row else 0

        _until(taken, 1)
        with cpu_of(pids) as spent:
            before = taken()
            _until(taken, wanted)
        # By the server's own clock: what came after the first commit, until the last.
        rate = connection.execute(
            "with taken as (select extract(epoch from pg_xact_commit_timestamp(xmin)) as at from inbox),"
            " ends as (select min(at) as first, max(at) as last from taken)"
            " select count(*) / max(last - first) from taken, ends where at > first"
        ).fetchone()
    return float(rate[0]) if rate else 0.0, spent[0] / (wanted - before)


def _until(taken: Callable[[], int], wanted: int) -> None:
    patience = time.monotonic() + 120
    while taken() < wanted:
        if time.monotonic() > patience:
            raise SystemExit(f"only {taken()} of {wanted} facts arrived")
        time.sleep(0.1)
