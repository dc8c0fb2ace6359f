"""A worker as a process on a real broker: nothing acknowledged is unfinished, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from chassis import amqp, db
from chassis.clock_state import set_clock
from chassis.events import Envelope
from chassis.ids import new_id
from chassis.outbox import Outbox
from chassis.worker import subscriptions_of
from support import services
from support.servers import Databases
from support.waiting import eventually

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@dataclass
class Toy:
    """The toy's database and broker, and what its worker has done."""

    database: db.Database
    amqp_url: str
    redis_url: str

    def say(self, kind: str, count: int = 1, **data: Any) -> list[str]:
        facts = [Envelope(new_id(), kind, "", UUID(int=1), 1, NOON, data) for _ in range(count)]
        with self.database.begin() as tx:
            Outbox(tx).append(*facts)
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            connection.execute("notify outbox")
        return [str(each.id) for each in facts]

    def effects(self, handler: str = "on_") -> list[str]:
        with psycopg.connect(self.database.url) as connection:
            rows = connection.execute(
                "select event_id from effects where handler like %s order by id", [f"{handler}%"]
            )
            return [row[0] for row in rows]

    def settings(self) -> dict[str, str]:
        return {
            "database_url": self.database.url,
            "amqp_url": self.amqp_url,
            "redis_url": self.redis_url,
            "movable_clock": "1",
        }

    def command(self, *arguments: str) -> list[dict[str, Any]]:
        said = services.run("toy", *arguments, **self.settings())
        return [json.loads(line) for line in said.splitlines()]


@pytest.fixture
def toy(database: Databases, amqp_url: str, redis_url: str) -> Iterator[Toy]:
    from toy.worker import Worker

    made = db.Database(database("toy"))
    amqp.declare(amqp_url, publisher="toy", subscriptions=subscriptions_of(Worker), retry_ms=200)
    yield Toy(made, amqp_url, redis_url)
    made.close()


def test_each_fact_has_its_effect_once_whoever_sends_it_again(toy: Toy) -> None:
    with services.running("toy", "worker", **toy.settings()):
        said = toy.say("said.v1", 20)
        eventually(lambda: sorted(toy.effects()) == sorted(said))
        publisher = amqp.Publisher(toy.amqp_url, exchange="toy.events", stamp={"source": "test"})
        again = Envelope(UUID(said[0]), "said.v1", "", UUID(int=1), 1, NOON, {})
        publisher.publish_all([again.body()])
        publisher.close()
        last = toy.say("said.v1")

        eventually(lambda: last[0] in toy.effects())

        assert sorted(toy.effects()) == sorted(said + last)


def test_a_bad_message_parks_alone_and_can_be_replayed_or_dropped(toy: Toy) -> None:
    with services.running("toy", "worker", **toy.settings()):
        good = toy.say("counted.v1", 30)
        bad = toy.say("counted.v1", fail=True)
        good += toy.say("counted.v1", 30)
        eventually(lambda: sorted(toy.effects()) == sorted(good))
        parked = eventually(lambda: toy.command("parked", "list"), timeout=20, every=0.5)

        assert [json.loads(each["message"])["id"] for each in parked] == bad
        assert "as asked" in parked[0]["why"]
        queue = parked[0]["queue"]
        assert toy.command("parked", "replay", queue, *bad)[0]["messages"] == 1
        eventually(lambda: toy.command("parked", "list"), timeout=20, every=0.5)
        assert toy.command("parked", "drop", queue, "--all")[0]["messages"] == 1
        assert toy.command("parked", "list") == []


def test_what_cannot_be_read_is_parked_and_blocks_nothing(toy: Toy) -> None:
    with services.running("toy", "worker", **toy.settings()):
        publisher = amqp.Publisher(toy.amqp_url, exchange="toy.events", stamp={"source": "test"})
        publisher.send("toy.toy.said.v1", "{not json", headers={})
        publisher.close()
        said = toy.say("said.v1", 3)

        eventually(lambda: sorted(toy.effects()) == sorted(said))

        parked = eventually(lambda: toy.command("parked", "list"), timeout=20, every=0.5)
        assert parked[0]["message"] == "{not json"
        toy.command("parked", "drop", "toy.toy.said.v1", "--all")


def test_sigterm_lets_what_is_in_flight_finish_and_leaves_nothing_unacknowledged(
    toy: Toy,
) -> None:
    with services.running("toy", "worker", **toy.settings()):
        slow = toy.say("said.v1", 5, seconds=1)
        eventually(lambda: outbox_is_empty(toy))

    assert sorted(toy.effects()) == sorted(slow)
    with amqp.connect(toy.amqp_url) as connection:
        left = connection.channel().queue_declare("toy.toy.said.v1", passive=True)
    assert left.message_count == 0


def outbox_is_empty(toy: Toy) -> bool:
    with toy.database.read() as connection:
        return Outbox(connection).waiting()[0] == 0


def test_moving_the_clock_reaches_the_worker_and_wakes_its_timers(toy: Toy) -> None:
    with services.running("toy", "worker", **toy.settings()):
        eventually(lambda: toy.effects("tick"))

        assert set_clock(toy.database, generation=1, offset_seconds=30 * 86_400) == 1

        ticks = eventually(lambda: toy.effects("tick")[1:])
        assert datetime.fromisoformat(ticks[0]) > datetime.now(UTC).replace(microsecond=0)


def test_what_waits_is_in_work_and_was_parked_is_measured_at_the_broker(toy: Toy) -> None:
    with services.running("toy", "worker", **toy.settings()) as worker:
        good = toy.say("counted.v1", 5)
        toy.say("counted.v1", fail=True)
        eventually(lambda: sorted(toy.effects()) == sorted(good))
        queue = "toy.toy.batch"

        parked = eventually(
            lambda: services.metric(worker.metrics, "messages_parked_count", queue=queue),
            timeout=40,
        )

        assert parked == 1
        assert services.metric(worker.metrics, "queue_consumers_count", queue=queue) == 1
        assert services.metric(worker.metrics, "queue_ready_count", queue=queue) == 0
        assert services.metric(worker.metrics, "messages_in_flight_count", queue=queue) == 0
        assert services.metric(worker.metrics, "fact_seconds_count", queue=queue) == 5
        assert services.metric(worker.metrics, "broker_connected", service="toy") == 1
