"""Facts wait here, in the transaction that made them true, until the broker has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, JSONB

from chassis.db import outbox as table
from chassis.events import Envelope

# Whoever has it relays; a backup takes it to hold the facts back. No other lock has this number.
RELAY_LOCK = 0x6B616967

PublishAll = Callable[[Sequence[dict[str, Any]]], None]

_given = sa.func.json_array_elements(sa.bindparam("envelopes", type_=JSON())).column_valued()
_append = sa.insert(table).from_select(
    ["envelope"], sa.select(sa.cast(_given, JSONB)), include_defaults=False
)
_oldest = (
    sa.select(table.c.position, table.c.envelope)
    .order_by(table.c.position)
    .limit(sa.bindparam("batch"))
)
_delete = table.delete().where(table.c.position == sa.func.any(sa.bindparam("sent")))
_lock = sa.select(sa.func.pg_try_advisory_xact_lock(RELAY_LOCK))
_age = sa.select(
    sa.func.count(),
    sa.func.extract("epoch", sa.func.now() - sa.func.min(table.c.queued_at)),
)


class Outbox:
    """The outbox as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def append(self, *envelopes: Envelope) -> None:
        self._tx.execute(_append, {"envelopes": [envelope.body() for envelope in envelopes]})

    def relay(
        self,
        publish_all: PublishAll,
        *,
        also: Callable[[sa.Connection, Sequence[dict[str, Any]]], object] = lambda *_: None,
        batch: int = 1000,
    ) -> int:
        """Publish the oldest waiting facts in order, delete them, and return how many.

        `publish_all` sends the batch without waiting in between and returns when the broker has
        confirmed every message; a refused or returned one raises, and the whole batch stays.
        A row is deleted, not passed by a watermark: positions are taken before commit, so a slow
        transaction may surface a lower position later. Only one relay runs at a time (advisory
        lock), so order holds with any number of replicas. A crash between publish and commit
        publishes again; consumers have an inbox for that. `also` is done with the batch in the
        same transaction.
        """
        if not self._tx.scalar(_lock):
            return 0
        rows = self._tx.execute(_oldest, {"batch": batch}).all()
        if not rows:
            return 0
        bodies = [row.envelope for row in rows]
        publish_all(bodies)
        also(self._tx, bodies)
        self._tx.execute(_delete, {"sent": [row.position for row in rows]})
        return len(rows)

    def waiting(self) -> tuple[int, float]:
        """Return how many facts wait and for how many seconds the oldest has."""
        count, age = self._tx.execute(_age).one()
        return int(count), float(age or 0)
