"""Each consumer takes each fact once, in the transaction of its effect."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.db import inbox as table

# rowcount does not say 1 on the first insert; RETURNING does.
_take = insert(table).on_conflict_do_nothing().returning(table.c.event_id)
_take_many = (
    insert(table)
    .from_select(
        ["consumer", "event_id"],
        sa.select(
            sa.bindparam("consumer", type_=sa.Text),
            sa.func.unnest(sa.bindparam("event_ids", type_=sa.ARRAY(sa.Uuid))),
        ),
    )
    .on_conflict_do_nothing()
    .returning(table.c.event_id)
)


class Inbox:
    """The inbox as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def take(self, *, consumer: str, event_id: UUID) -> bool:
        """Return whether the fact is new to `consumer`, and remember it.

        A second transaction that takes the same fact waits for the first to end.
        """
        values = {"consumer": consumer, "event_id": event_id}
        return self._tx.execute(_take, values).first() is not None

    def take_many(self, *, consumer: str, event_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `event_ids` that are new to `consumer`, and remember them."""
        # Sorted, so that two batches with the same facts cannot wait for each other in a ring.
        ids = sorted(set(event_ids))
        if not ids:
            return set()
        rows = self._tx.execute(_take_many, {"consumer": consumer, "event_ids": ids})
        return {row.event_id for row in rows}
