"""The worker as a process: everybody's facts through the broker, in batches, whatever dies in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis import amqp
from chassis.db import Database
from chassis.events import Envelope
from reporting import store
from support import newsroom as told
from support import services
from support.newsroom import Newsroom
from support.servers import Databases
from support.waiting import eventually

LOGS = 3_000


class House:
    def __init__(self, database_url: str, amqp_url: str, redis_url: str) -> None:
        self.settings = {"database_url": database_url, "amqp_url": amqp_url, "redis_url": redis_url}
        self.newsroom = Newsroom(Database(database_url))
        self._amqp_url = amqp_url

    def publish(self, source: str, *facts: Envelope) -> None:
        publisher = amqp.Publisher(
            self._amqp_url, exchange=f"{source}.events", stamp={"source": f"321100/{source}"}
        )
        publisher.publish_all([each.body() for each in facts])
        publisher.close()

    def visits(self) -> int:
        query = sa.select(sa.func.sum(store.daily.c["count"])).where(store.daily.c.kind == "visit")
        with self.newsroom.db.read() as connection:
            return int(connection.scalar(query) or 0)

    def count(self, table: sa.Table) -> int:
        with self.newsroom.db.read() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


@pytest.fixture
def house(database: Databases, amqp_url: str, redis_url: str) -> Iterator[House]:
    made = House(database("reporting"), amqp_url, redis_url)
    services.run("reporting", "migrate", **made.settings)
    yield made
    made.newsroom.db.close()


def test_facts_of_every_service_arrive(house: House) -> None:
    with services.running("reporting", "worker", **house.settings):
        house.publish("approval_tracking", told.calendar())
        house.publish("project_registry", told.project())
        house.publish("warning_dispatch", told.card(1, "red", "2026-10-23 00:30"))
        house.publish("proxy_log", told.log(1, "2026-10-23 15:00"))
        copies = (store.calendar_copy, store.projects, store.cards, store.logs)
        eventually(lambda: [house.count(each) for each in copies] == [1, 1, 1, 1])


def test_a_worker_killed_in_the_middle_counts_each_fact_once(house: House) -> None:
    facts = [told.log(number, "2026-10-23 15:00") for number in range(1, LOGS + 1)]
    with services.running("reporting", "worker", **house.settings) as worker:
        house.publish("proxy_log", *facts)
        eventually(lambda: house.visits() > 0, every=0.002)
        for process in worker.supervisor.seen().values():
            os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: not worker.supervisor.seen())

    house.publish("proxy_log", *facts[:500])
    with services.running("reporting", "worker", **house.settings):
        eventually(lambda: house.visits() == LOGS, timeout=60)
        house.publish("proxy_log", told.log(LOGS + 1, "2026-10-23 15:00"))
        eventually(lambda: house.count(store.logs) == LOGS + 1)

    assert house.visits() == LOGS + 1


def test_a_fact_that_cannot_be_read_is_parked_and_its_neighbours_are_not(house: House) -> None:
    broken = told.log(2, "2026-10-23 15:00", filed_at="never")
    with services.running("reporting", "worker", **house.settings):
        house.publish(
            "proxy_log", told.log(1, "2026-10-23 15:00"), broken, told.log(3, "2026-10-23 16:00")
        )
        eventually(lambda: house.count(store.logs) == 2)
        eventually(
            lambda: str(broken.id) in services.run("reporting", "parked", "list", **house.settings),
            timeout=60,
        )

    with house.newsroom.db.read() as connection:
        assert set(connection.scalars(sa.select(store.logs.c.id))) == {UUID(int=1), UUID(int=3)}


def test_a_scrape_finds_how_the_promises_were_kept(house: House) -> None:
    late = told.case("case_accepted.v1", "2026-10-08 10:00", accepted="2026-10-08")
    house.newsroom.take(late)
    labels = {"promise": "case", "by": "department", "of": "321181:发改"}

    with services.running("reporting", "worker", **house.settings) as worker:

        def overdue() -> float:
            return services.metric(worker.metrics, "promises_overdue_count", **labels)

        # Long over by the real clock, and nobody decides it.
        assert eventually(overdue, timeout=30) == 1
        ran = services.metric(
            worker.metrics, "timer_last_run_seconds", service="reporting", timer="measure_promises"
        )
        assert ran > 0
