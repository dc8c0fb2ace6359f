"""Cards under faults: many workers, deaths, a database that is away, news at the very moment."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
import sqlalchemy as sa
from kombu.connection import Connection
from kombu.entity import Queue

from chassis import amqp
from chassis.db import Database
from chassis.events import Envelope
from chassis.live import STREAM
from instance.ports import free_block
from instance.processes import Process
from instance.servers import Postgres
from support import services
from support.clocks import at, case_state, happening
from support.desk import Desk
from support.house import House
from support.servers import Databases, scratch, started
from support.waiting import eventually
from warning_dispatch.store.tables import metadata

RED_DUE = at("2026-10-22 00:30")
OUTBOX = metadata.tables["outbox"]
DUES = metadata.tables["dues"]
CARDS = metadata.tables["cards"]
NOTICES = metadata.tables["notifications"]


@pytest.fixture
def facts(house: House) -> Iterator[Callable[[], list[Envelope]]]:
    """Everything that warning_dispatch publishes from now on, as a consumer would get it."""
    with Connection(house.amqp_url) as connection:
        source = amqp.exchange_of("warning_dispatch")
        queue = Queue(f"races.{uuid4()}", source, routing_key="#", durable=True)
        bound = queue(connection.default_channel)
        bound.declare()

        def taken() -> list[Envelope]:
            got = []
            while message := bound.get(no_ack=True):
                got.append(Envelope.open(json.loads(message.body)))
            return got

        yield taken
        bound.delete()


@pytest.fixture
def pushed(redis_url: str) -> Iterator[Callable[[], Counter[str]]]:
    """How often each notification was handed to the browsers."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.delete(STREAM)

        def counted() -> Counter[str]:
            entries: Any = client.xrange(STREAM)
            return Counter(json.loads(each["data"])["notification_id"] for _, each in entries)

        yield counted


def accepted(desk: Desk, cases: int) -> None:
    """Cases that each owe four cards, two of them with an order, by November 6."""
    desk.now = at("2026-10-08 10:00")
    for _ in range(cases):
        desk.case(case_state())


def reached(desk: Desk, cards: int) -> bool:
    """Whether so many cards are there; when time is up it says which are."""
    raised = Counter((row.rule, row.subject_type, row.colour) for row in desk.cards)
    owed = Counter((row.rule, row.subject_type, row.colour) for row in desk.rows(DUES))
    assert raised.total() == cards, f"{dict(raised)}; still owed {dict(owed)}"
    return True


def all_told(desk: Desk) -> bool:
    return not desk.rows(OUTBOX) and all(row.sent for row in desk.notices)


def assert_each_once(desk: Desk, *, cards: int) -> None:
    """Each card once, each order once and for a card of its own, each notice once, no number missing."""
    raised, orders = desk.cards, desk.orders
    identities = {
        (row.rule, row.subject_type, row.subject_id, row.colour, row.period) for row in raised
    }
    assert (len(raised), len(identities)) == (cards, cards)
    assert {row.card_id for row in orders} == {row.id for row in raised if row.colour != "yellow"}
    assert len({row.card_id for row in orders}) == len(orders) == cards // 2
    assert [int(row.number[-6:]) for row in orders] == list(range(1, len(orders) + 1))
    told = Counter((row.kind, row.card_id, row.order_id) for row in desk.notices)
    assert set(told.values()) == {1}
    kinds = Counter(row.kind for row in desk.notices)
    assert (kinds["card_issued"], kinds["order_issued"]) == (cards, len(orders))


def assert_published(desk: Desk, facts: list[Envelope]) -> None:
    """Whoever listens heard of each card and order, and under one id however often it was said."""
    heard: dict[tuple[str, UUID], set[UUID]] = {}
    for fact in facts:
        heard.setdefault((fact.type, fact.aggregate_id), set()).add(fact.id)
    expected = {("card_issued.v1", row.id) for row in desk.cards}
    expected |= {("work_order_dispatched.v1", row.id) for row in desk.orders}
    assert {key for key in heard if key[0] in ("card_issued.v1", "work_order_dispatched.v1")} == (
        expected
    )
    assert all(len(heard[key]) == 1 for key in expected)


def workers(house: House, home: Path, count: int) -> list[Process]:
    first = free_block(count)
    return [
        Process(
            name=f"worker-{each}",
            argv=(sys.executable, "-m", "warning_dispatch", "worker"),
            environ=services.environ(
                metrics_listen=f"127.0.0.1:{first + each}", **house.settings()
            ),
            log=home / f"worker-{each}.log",
            ready=lambda port=first + each: services.is_healthy(f"127.0.0.1:{port}"),  # type: ignore[misc]
        )
        for each in range(count)
    ]


def test_ten_workers_at_once_raise_each_card_once(
    house: House, facts: Callable[[], list[Envelope]], pushed: Callable[[], Counter[str]]
) -> None:
    house.desk.load()
    accepted(house.desk, 200)
    house.move_clock("2026-10-08 11:00", 1)
    with scratch() as home, started(*workers(house, home, 10)):
        house.move_clock("2026-11-06 09:00", 2)
        eventually(lambda: reached(house.desk, 800), timeout=100)
        eventually(lambda: all_told(house.desk), timeout=60)

    assert_each_once(house.desk, cards=800)
    assert_published(house.desk, facts())
    assert pushed() == Counter(str(row.id) for row in house.desk.notices)


@pytest.mark.parametrize("times", [2, pytest.param(12, marks=pytest.mark.long)])
def test_a_worker_killed_again_and_again_between_issuing_and_telling_loses_and_doubles_nothing(
    house: House,
    facts: Callable[[], list[Envelope]],
    pushed: Callable[[], Counter[str]],
    times: int,
) -> None:
    house.desk.load()
    accepted(house.desk, 250)
    house.move_clock("2026-11-06 09:00", 1)
    with house.desk.db.engine.connect() as held:
        # However fast the worker is, it dies with these 50 cards, orders and notices before it.
        hold_back(held, red=50)
        for _ in range(times):
            with services.running("warning_dispatch", "worker", **house.settings()) as worker:
                wanted = progress(house.desk) + random.randint(1, 2400 // times)
                eventually(
                    lambda wanted=wanted: progress(house.desk) >= min(wanted, 2300),  # type: ignore[misc]
                    timeout=60,
                    every=0.001,
                )
                for process in worker.supervisor.seen().values():
                    os.kill(process.pid, signal.SIGKILL)
                eventually(lambda worker=worker: not worker.supervisor.seen())  # type: ignore[misc]

    with services.running("warning_dispatch", "worker", **house.settings()):
        eventually(lambda: reached(house.desk, 1000), timeout=60)
        eventually(lambda: all_told(house.desk), timeout=60)

    assert_each_once(house.desk, cards=1000)
    assert_published(house.desk, facts())
    assert set(pushed()) == {str(row.id) for row in house.desk.notices}


def progress(desk: Desk) -> int:
    """Cards raised and notices sent: what moves from the first card to the last word."""
    with desk.db.read() as connection:
        raised = sa.select(sa.func.count()).select_from(CARDS).scalar_subquery()
        told = sa.select(sa.func.count()).where(NOTICES.c.sent).scalar_subquery()
        return int(connection.execute(sa.select(raised + told)).scalar_one())


def test_cards_that_fall_due_while_the_database_is_down_are_issued_once_when_it_is_back(
    amqp_url: str, redis_url: str
) -> None:
    with scratch() as home, contextlib.ExitStack() as opened:
        # Durable, or what was committed in the last moment would go with the server.
        server = Postgres(home / "postgres", free_block(1), "kaigong")
        server.prepare()
        process = server.process(home / "postgres.log")
        with started(process) as database:
            url = Databases(server.url)("warning_dispatch")
            house = House(Desk(opened.enter_context(closing(url))), amqp_url, redis_url)
            services.run("warning_dispatch", "migrate", **house.settings())
            house.desk.load()
            accepted(house.desk, 300)
            house.desk.sweep("2026-10-21 10:00")
            held = opened.enter_context(house.desk.db.engine.connect())
            hold_back(held, red=100)
            house.move_clock("2026-10-21 11:00", 1)
            worker = opened.enter_context(
                services.running("warning_dispatch", "worker", **house.settings())
            )
            ahead = RED_DUE - timedelta(seconds=2) - datetime.now(UTC)
            house.move_clock_by(ahead, 2)
            eventually(lambda: len(house.desk.cards) > 300, every=0.002)
            os.kill(database.seen()["postgres"].pid, signal.SIGQUIT)
            eventually(lambda: not database.seen())
            held.invalidate()
        back_at = RED_DUE + timedelta(seconds=6)
        eventually(lambda: datetime.now(UTC) + ahead > back_at, timeout=30)

        with started(process):
            desk = Desk(opened.enter_context(closing(url)))
            eventually(lambda: reached(desk, 600), timeout=60)
            eventually(lambda: all_told(desk), timeout=60)
            assert_each_once(desk, cards=600)
            red = [row for row in desk.cards if row.colour == "red"]
        assert worker.supervisor.seen(), "the worker outlives its database"

    late = [row for row in red if row.issued_at > back_at]
    assert late, "all cards were issued before the database went"
    assert len(late) < len(red), "the database went before its moment"
    assert {row.due_moment for row in red} == {RED_DUE}


def hold_back(connection: sa.Connection, *, red: int) -> None:
    """Let every sweep pass over some that fall due, for as long as the connection stands."""
    connection.execute(sa.text("set local idle_in_transaction_session_timeout = 0"))
    owed = DUES.select().where(DUES.c.rule == "W-01", DUES.c.colour == "red")
    connection.execute(owed.limit(red).with_for_update())


@contextlib.contextmanager
def closing(url: str) -> Iterator[Database]:
    made = Database(url, application_name="test", pool_size=4)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "afterwards"),
    [("decided", "rectified"), ("paused", "open"), ("extended", "rectified")],
)
def test_news_of_the_very_moment_at_which_a_card_falls_due_has_one_outcome(
    db: Database, kind: str, afterwards: str
) -> None:
    """Up to that moment nobody keeps a card or an order; after it there is one, whoever was faster."""
    desk = Desk(db)
    desk.load()
    desk.now = at("2026-10-08 10:00")
    moments = {uuid4(): random.choice(_MOMENTS) for _ in range(120)}
    for each in moments:
        desk.case(case_state(case_id=each))
    desk.sweep("2026-10-21 10:00")
    over = threading.Event()

    def sweeps() -> None:
        sweeper = Desk(db, "2026-10-22 00:32")
        while not over.is_set():
            sweeper.sweep(batch=7)

    def tells(ids: list[UUID]) -> None:
        teller = Desk(db, "2026-10-22 00:32")
        for each in ids:
            teller.case(news(kind, each, moments[each]), moments[each])

    ids = list(moments)
    with ThreadPoolExecutor(4) as pool:
        sweepers = [pool.submit(sweeps) for _ in range(2)]
        tellers = [pool.submit(tells, ids[half::2]) for half in range(2)]
        try:
            for teller in tellers:
                teller.result()
        finally:
            over.set()
        for sweeper in sweepers:
            sweeper.result()
    desk.sweep("2026-10-22 00:32")

    raised = [row for row in desk.cards if row.colour == "red"]
    assert len({row.subject_id for row in raised}) == len(raised)
    outcome = {row.subject_id: row.status for row in raised if row.status != "revoked"}
    assert outcome == {each: afterwards for each in ids if at(moments[each]) > RED_DUE}
    ordered = [row.case_id for row in desk.orders if row.status != "closed"]
    assert sorted(ordered) == sorted(outcome)


_MOMENTS = [f"2026-10-22 {each}" for each in ("00:29", "00:29:59", "00:30", "00:30:01", "00:31")]


def news(kind: str, case_id: UUID, when: str) -> dict[str, Any]:
    """The case as it is after it was decided, paused or extended at that moment."""
    if kind == "decided":
        return case_state(case_id=case_id, version=2, status="decided", decided=at(when))
    before = case_state(case_id=case_id)["clock"]["happenings"]
    if kind == "paused":
        happened = [*before, happening("paused", *when.split())]
        return case_state(case_id=case_id, version=2, status="suspended", happenings=happened)
    happened = [*before, happening("extended", *when.split(), days=10)]
    return case_state(
        case_id=case_id, version=2, committed_days=20, statutory_days=30, happenings=happened
    )
