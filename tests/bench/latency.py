"""From commit to the committed effect in another process's database."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

import psycopg

from bench.measure import Row
from bench.servers import Servers, servers
from chassis import amqp, db
from chassis.clock import system_clock
from chassis.db import OutboxBell
from chassis.events import Envelope
from chassis.ids import new_id
from chassis.outbox import Outbox
from support import services

_RATE = 200
_SECONDS = 15
_POLLED_SECONDS = 8
_POLL = 0.5


def measure() -> list[Row]:
    from chassis.worker import subscriptions_of
    from toy.worker import Worker

    with servers() as run:
        amqp.declare(run.amqp, publisher="toy", subscriptions=subscriptions_of(Worker))
        here, there = run.databases("toy"), run.databases("toy")
        settings = {
            "database_url": there,
            "amqp_url": run.amqp,
            "redis_url": run.redis,
        }
        with services.running("toy", "worker", **settings):
            ours = _through(run, here, there, seconds=_SECONDS, poll=None)
            polled = _through(run, here, there, seconds=_POLLED_SECONDS, poll=_POLL)
    p50, p99 = _at(ours, 0.5), _at(ours, 0.99)
    base50, base99 = _at(polled, 0.5), _at(polled, 0.99)
    return [
        Row(
            f"commit to effect at {_RATE}/s",
            f"p50 {base50:.0f} ms, p99 {base99:.0f} ms (poll every {_POLL} s)",
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
            f"{base50 / p50:.0f}",
            "p50 10 ms, p99 100 ms, 25 times",
        )
    ]


def _through(
    run: Servers, here: str, there: str, *, seconds: float, poll: float | None
) -> list[float]:
    """Commit facts at a steady rate in one database; return the ms until each effect is committed.

    The relay runs in a thread of ours, on the writer's database; the toy's worker consumes.
    """
    writer = db.Database(here)
    stop = threading.Event()
    relay = threading.Thread(target=_relay, args=(run.amqp, here, stop, poll))
    relay.start()
    time.sleep(1.5)
    committed: dict[str, float] = {}
    bell = OutboxBell(here)
    began = time.perf_counter()
    for number in range(int(seconds * _RATE)):
        wait = began + number / _RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        fact = Envelope(new_id(), "said.v1", "", UUID(int=1), 1, system_clock(), {})
        with writer.begin() as tx:
            Outbox(tx).append(fact)
        committed[str(fact.id)] = time.time()
        bell.ring()
    effects: dict[str, float] = {}
    until = time.monotonic() + 20
    while len(effects.keys() & committed.keys()) < len(committed) and time.monotonic() < until:
        time.sleep(0.2)
        effects = _effects(there)
    stop.set()
    relay.join()
    bell.stop()
    writer.close()
    return sorted((effects[each] - committed[each]) * 1000 for each in committed if each in effects)


def _relay(amqp_url: str, url: str, stop: threading.Event, poll: float | None) -> None:
    database = db.Database(url)
    publisher = amqp.Publisher(amqp_url, exchange="toy.events", stamp={"source": "bench"})
    with psycopg.connect(url, autocommit=True) as ear:
        ear.execute("listen outbox")
        while not stop.is_set():
            if poll is None:
                for _ in ear.notifies(timeout=1, stop_after=1):
                    pass
            else:
                time.sleep(poll)
            sent = 1
            while sent:
                with database.begin() as tx:
                    sent = Outbox(tx).relay(publisher.publish_all)
    publisher.close()
    database.close()


def _effects(url: str) -> dict[str, float]:
    with psycopg.connect(url) as connection:
        rows: list[Any] = connection.execute(
            "select event_id, extract(epoch from pg_xact_commit_timestamp(xmin))"
            " from effects where handler = 'on_said'"
        ).fetchall()
        return {row[0]: float(row[1]) for row in rows}


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
