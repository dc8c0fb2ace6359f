"""How a movable clock reaches every process of a service.

The offset is one row of the service's database. Each process listens for it, on a
connection whose application_name is its session, and writes down which generation it
has; so whoever moves the clock can see when all living processes have it.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import logs
from chassis.clock import MovableClock
from chassis.db import CLOCK_CHANNEL, Database, clock_followers, clock_state
from chassis.errors import ClockNotSpread, Unavailable
from chassis.settings import current

log = logs.get(__name__)

_read = sa.select(clock_state.c.generation, clock_state.c.offset_seconds)
_alive = sa.text("select application_name from pg_stat_activity where datname = current_database()")
_behind = sa.select(clock_followers.c.session).where(
    clock_followers.c.generation < sa.bindparam("generation")
)


class Follower:
    """Keeps one process's clock at what the service's row says."""

    def __init__(self, db: Database, clock: MovableClock, *, kind: str) -> None:
        self._db, self._clock = db, clock
        self.session = f"kaigong-{kind}-{os.getpid()}-{secrets.token_hex(4)}"
        self.on_move: Callable[[], None] = lambda: None
        self._ready = threading.Event()

    def start(self) -> None:
        """Begin to follow; returns when the present offset is in force."""
        threading.Thread(target=self._run, name="clock", daemon=True).start()
        if not self._ready.wait(timeout=30):
            raise SystemExit("时钟未就绪 the clock could not be read from the database")

    def _run(self) -> None:
        while True:
            try:
                with psycopg.connect(
                    current(self._db.url),
                    autocommit=True,
                    connect_timeout=5,
                    application_name=self.session,
                ) as connection:
                    connection.execute(f"LISTEN {CLOCK_CHANNEL}")
                    self._take()
                    self._ready.set()
                    while True:
                        for _ in connection.notifies(timeout=5):
                            self._take()
                        connection.execute("select 1")
            except (psycopg.Error, sa.exc.SQLAlchemyError, OSError, Unavailable) as error:
                log.warning("clock not followed", error=repr(error))
                time.sleep(1)

    def _take(self) -> None:
        with self._db.begin() as tx:
            row = tx.execute(_read).first()
            generation, seconds = (row.generation, row.offset_seconds) if row else (0, 0)
            moved = self._clock.move(generation=generation, offset=timedelta(seconds=seconds))
            mine = insert(clock_followers).values(session=self.session, generation=generation)
            tx.execute(
                mine.on_conflict_do_update(
                    index_elements=["session"], set_={"generation": generation}
                )
            )
        if moved:
            self.on_move()


def set_clock(db: Database, *, generation: int, offset_seconds: int, patience: float = 8) -> int:
    """Move the service's clock and return the generation that all its living processes have.

    An older generation changes nothing. Raises ClockNotSpread when a process does not follow in time.
    """
    with db.begin() as tx:
        new = insert(clock_state).values(
            single=True, generation=generation, offset_seconds=offset_seconds
        )
        tx.execute(
            new.on_conflict_do_update(
                index_elements=["single"],
                set_={"generation": generation, "offset_seconds": offset_seconds},
                where=clock_state.c.generation < generation,
            )
        )
        tx.execute(sa.text(f"NOTIFY {CLOCK_CHANNEL}"))
    until = time.monotonic() + patience
    while True:
        with db.begin() as tx:
            alive = set(tx.execute(_alive).scalars())
            waiting = [
                session
                for session in tx.execute(_behind, {"generation": generation}).scalars()
                if session in alive
            ]
            tx.execute(clock_followers.delete().where(clock_followers.c.session.not_in(alive)))
            now_at = tx.execute(_read).one().generation
        if not waiting:
            return int(now_at)
        if time.monotonic() > until:
            raise ClockNotSpread(waiting=", ".join(sorted(waiting)))
        time.sleep(0.02)
