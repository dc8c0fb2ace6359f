"""What a service keeps of its links beside the facts: who its database is, and what waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.db import directives, link_facts, link_state
from chassis.ids import new_id


def birth(tx: sa.Connection) -> str:
    """Return what tells this database from every other; it is made once and moves with the data."""
    made = insert(link_state).values(name="birth", value=str(new_id()))
    tx.execute(made.on_conflict_do_nothing())
    return str(find_state(tx, "birth"))


def find_state(tx: sa.Connection, name: str) -> Any:
    return tx.scalar(sa.select(link_state.c.value).where(link_state.c.name == name))


def put_state(tx: sa.Connection, name: str, value: Any) -> None:
    made = insert(link_state).values(name=name, value=value)
    tx.execute(
        made.on_conflict_do_update(index_elements=[link_state.c.name], set_={"value": value})
    )


def drop_state(tx: sa.Connection, name: str) -> None:
    tx.execute(link_state.delete().where(link_state.c.name == name))


def last_directive(tx: sa.Connection, subject_id: UUID) -> sa.Row[Any] | None:
    """Return what was last handed down about a card, an order or a matter."""
    chosen = sa.select(directives).where(directives.c.subject_id == subject_id)
    return tx.execute(chosen.order_by(directives.c.position.desc()).limit(1)).first()


def waiting(tx: sa.Connection) -> Mapping[str, int]:
    """Return how many facts wait to go up and how many directives to go down."""
    counts: dict[str, int] = defaultdict(int)
    for name, table in (("up", link_facts), ("down", directives)):
        counts[name] = tx.scalar(sa.select(sa.func.count()).where(sa.not_(table.c.sent))) or 0
    return counts
