"""Facts wait in the outbox and leave in order; consumers take each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis import audit, db
from chassis.events import Envelope
from chassis.ids import new_id
from chassis.inbox import Inbox
from chassis.outbox import Outbox
from support.servers import Databases

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
def toy(database: Databases) -> Iterator[db.Database]:
    made = db.Database(database("toy"))
    yield made
    made.close()


def fact(number: int) -> Envelope:
    return Envelope(new_id(), "said.v1", "", UUID(int=1), number, NOON, {"number": number})


def test_facts_leave_in_the_order_in_which_they_were_written(toy: db.Database) -> None:
    published: list[dict[str, Any]] = []
    with toy.begin() as tx:
        Outbox(tx).append(*(fact(n) for n in range(5)))

    with toy.begin() as tx:
        assert Outbox(tx).relay(published.extend) == 5

    assert [body["data"]["number"] for body in published] == [0, 1, 2, 3, 4]
    with toy.read() as connection:
        assert Outbox(connection).waiting() == (0, 0.0)


def test_a_batch_the_broker_refuses_stays_whole(toy: db.Database) -> None:
    def refuse(_: object) -> None:
        raise ConnectionError("no broker")

    with toy.begin() as tx:
        Outbox(tx).append(fact(1), fact(2))

    with pytest.raises(ConnectionError), toy.begin() as tx:
        Outbox(tx).relay(refuse)

    with toy.read() as connection:
        assert Outbox(connection).waiting()[0] == 2


def test_a_fact_that_becomes_visible_late_is_not_lost(toy: db.Database) -> None:
    """Positions are taken before commit: a watermark would pass the slow one by."""
    published: list[dict[str, Any]] = []
    with toy.engine.connect() as slow, slow.begin():
        Outbox(slow).append(fact(1))
        with toy.begin() as quick:
            Outbox(quick).append(fact(2))
        with toy.begin() as tx:
            Outbox(tx).relay(published.extend)
    with toy.begin() as tx:
        Outbox(tx).relay(published.extend)

    assert [body["data"]["number"] for body in published] == [2, 1]


def test_four_relays_at_once_publish_each_fact_once(toy: db.Database) -> None:
    published: list[dict[str, Any]] = []
    with toy.begin() as tx:
        Outbox(tx).append(*(fact(n) for n in range(400)))
    done = threading.Event()

    def relay(_: int) -> None:
        while not done.is_set():
            with toy.begin() as tx:
                Outbox(tx).relay(published.extend, batch=50)
            with toy.read() as connection:
                if Outbox(connection).waiting()[0] == 0:
                    done.set()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(relay, range(4)))

    assert [body["data"]["number"] for body in published] == list(range(400))


def test_a_fact_is_new_to_a_consumer_once(toy: db.Database) -> None:
    event_id = new_id()
    with toy.begin() as tx:
        first = Inbox(tx).take(consumer="a", event_id=event_id)
    with toy.begin() as tx:
        again = Inbox(tx).take(consumer="a", event_id=event_id)
        other = Inbox(tx).take(consumer="b", event_id=event_id)

    assert (first, again, other) == (True, False, True)


def test_an_effect_that_fails_leaves_the_fact_new(toy: db.Database) -> None:
    event_id = new_id()

    def handle() -> None:
        with toy.begin() as tx:
            assert Inbox(tx).take(consumer="a", event_id=event_id)
            raise RuntimeError("the effect")

    with pytest.raises(RuntimeError):
        handle()

    with toy.begin() as tx:
        assert Inbox(tx).take(consumer="a", event_id=event_id)


def test_a_batch_takes_only_what_is_new(toy: db.Database) -> None:
    old, new = new_id(), new_id()
    with toy.begin() as tx:
        Inbox(tx).take(consumer="a", event_id=old)

    with toy.begin() as tx:
        assert Inbox(tx).take_many(consumer="a", event_ids=[old, new, new]) == {new}


def _audit_lines(toy: db.Database, count: int) -> None:
    line = {
        "account": "1",
        "username": "d4.city",
        "method": "m",
        "subject_type": "case",
        "request_id": "",
        "detail": {"理由": "测试"},
    }
    with toy.begin() as tx:
        tx.execute(db.audit.insert(), [{**line, "subject_id": str(n)} for n in range(count)])


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        pytest.param("select 1", 0, id="an untouched chain fits"),
        pytest.param("update audit set username = 'x' where link = 2", 2, id="an altered line"),
        pytest.param("delete from audit where link = 3", 3, id="a removed line"),
    ],
)
def test_the_audit_chain_names_the_first_line_that_does_not_fit(
    toy: db.Database, harm: str, found: int
) -> None:
    _audit_lines(toy, 3)
    with toy.begin() as tx:
        audit.link_lines(tx, batch=2)
    _audit_lines(toy, 2)
    for _ in range(2):
        with toy.begin() as tx:
            audit.link_lines(tx)
    with toy.begin() as tx:
        tx.execute(sa.text(harm))

    with toy.begin() as tx:
        trouble = audit.verify(tx)
        assert (trouble.link if trouble else 0) == found
