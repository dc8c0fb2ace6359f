"""Send what waits for the parent and for the children; a link that is down holds back nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from chassis import logs, metrics
from chassis.amqp import Publisher
from chassis.clock import system_clock
from chassis.db import Database, directives, link_facts
from chassis.links.ledger import Links
from chassis.links.state import birth, drop_state, find_state, put_state

log = logs.get(__name__)

_LOCK = 0x6B616972
# How often the other side is told where the audit chain ends.
_HEAD_SECONDS = 60.0
_lock = sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))


class LinkRelay:
    """Moves the ledger and the directives to the broker, each in its own order."""

    def __init__(self, db: Database, links: Links, amqp_url: str) -> None:
        self._db, self._links = db, links
        with db.begin(quietly=True) as tx:
            self._birth = birth(tx)
            self._note_parent(tx)
        stamp = {"via": links.instance, "birth": self._birth}
        self._up = Publisher(amqp_url, exchange=UPLINK_OUT, stamp=stamp, mandatory=True)
        self._down = Publisher(amqp_url, exchange=DIRECTIVES)
        self._rung = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="link-relay", daemon=True)

    @property
    def has_parent(self) -> bool:
        return bool(self._links.parent)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        self._stopping = True
        self._rung.set()
        self._thread.join(timeout=10)
        for each in (self._up, self._down):
            each.close()

    def _note_parent(self, tx: sa.Connection) -> None:
        """Tell a new parent everything, from the first fact."""
        parent = self._links.parent
        if parent and find_state(tx, "parent") != parent:
            tx.execute(link_facts.update().values(sent=False))
            put_state(tx, "parent", parent)
            drop_state(tx, "refused")

    def _run(self) -> None:
        told = time.monotonic() - _HEAD_SECONDS
        while not self._stopping:
            self._rung.wait(timeout=1)
            self._rung.clear()
            if time.monotonic() - told >= _HEAD_SECONDS:
                self._safely(self._tell_head)
                told = time.monotonic()
            self._safely(self._send_down)
            if self._links.parent:
                self._safely(self._send_up)
                self._measure()

    def _safely(self, send: Callable[[], int]) -> None:
        try:
            while send():
                pass
        except Exception as error:
            # The rows stay; a queue that is full or a broker that is away is tried again.
            log.warning("link relay failed", error=repr(error))
            time.sleep(0.5)

    def _tell_head(self) -> int:
        with self._db.begin(quietly=True) as tx:
            self._links.tell_head(tx, at=system_clock())
        return 0

    def _send_up(self) -> int:
        with self._db.begin(quietly=True) as tx:
            if find_state(tx, "refused"):
                return 0
            return _send(tx, link_facts, lambda rows: self._up.publish_all(_bodies(rows)))

    def _send_down(self) -> int:
        def publish(rows: Sequence[sa.Row[Any]]) -> None:
            self._down.publish_all(_bodies(rows), keys=[row.target for row in rows])

        with self._db.begin(quietly=True) as tx:
            return _send(tx, directives, publish)

    def _measure(self) -> None:
        try:
            with self._db.read() as connection:
                unsent = sa.select(sa.func.count()).where(sa.not_(link_facts.c.sent))
                metrics.uplink_waiting.labels(self._links.service).set(
                    connection.scalar(unsent) or 0
                )
                metrics.uplink_refused.labels(self._links.service).set(
                    1 if find_state(connection, "refused") else 0
                )
        except Exception as error:
            log.warning("link not measured", error=repr(error))


def _send(
    tx: sa.Connection,
    table: sa.Table,
    publish: Callable[[Sequence[sa.Row[Any]]], None],
    *,
    batch: int = 1000,
) -> int:
    """Publish the oldest rows that were not sent, in order, and mark them; one relay at a time."""
    if not tx.scalar(_lock):
        return 0
    rows = tx.execute(
        sa.select(table).where(sa.not_(table.c.sent)).order_by(table.c.position).limit(batch)
    ).all()
    if not rows:
        return 0
    publish(rows)
    mine = table.c.position == sa.func.any(sa.bindparam("positions"))
    tx.execute(
        table.update().where(mine).values(sent=True), {"positions": [row.position for row in rows]}
    )
    return len(rows)


def _bodies(rows: Sequence[sa.Row[Any]]) -> list[dict[str, Any]]:
    return [row.envelope for row in rows]


# At the child: a fanout that only the queue `uplink` is bound to, so that a full queue refuses
# the uplink's own facts and no others (facts measured: a refusal holds for the whole exchange).
UPLINK_OUT = "uplink.out"
DIRECTIVES = "directives"
