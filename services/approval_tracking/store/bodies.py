"""Bodies and who decides what, each from a day on; nothing is ever changed backwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from approval_tracking.domain.bodies import Body, Deciders
from approval_tracking.store.tables import bodies, deciders

_DAY = sa.bindparam("day", type_=sa.Date)
_moved = (
    sa.select(deciders.c.item_code, deciders.c.region, deciders.c.org)
    .ext(distinct_on(deciders.c.item_code, deciders.c.region))
    .where(deciders.c.effective_from <= _DAY)
    .order_by(deciders.c.item_code, deciders.c.region, deciders.c.effective_from.desc())
)
_told = (
    sa.select(bodies)
    .ext(distinct_on(bodies.c.org))
    .where(bodies.c.effective_from <= _DAY)
    .order_by(bodies.c.org, bodies.c.effective_from.desc())
)


class BodyStore:
    """Bodies and deciders as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def deciders(self, day: date) -> Deciders:
        """Return what is in force on a day."""
        moved = self._tx.execute(_moved, {"day": day})
        told = self._tx.execute(_told, {"day": day})
        return Deciders(
            moved={(row.item_code, row.region): row.org for row in moved},
            told={
                row.org: Body(row.name, row.window, row.section, row.head, row.phone)
                for row in told
            },
        )

    def history(self, code: str) -> Sequence[Any]:
        """Return every change of who decides an item, the newest first."""
        statement = sa.select(deciders).where(deciders.c.item_code == code)
        order = (deciders.c.effective_from.desc(), deciders.c.region)
        return self._tx.execute(statement.order_by(*order).limit(500)).all()

    def move(
        self, code: str, region: str, org: str, *, effective_from: date, by: str, at: datetime
    ) -> None:
        """Let another body decide from a day on; an empty one gives it back to its department."""
        key = {"item_code": code, "region": region, "effective_from": effective_from}
        self._put(deciders, key, {"org": org, "set_by": by, "set_at": at})

    def tell(self, org: str, body: Body, *, effective_from: date, by: str, at: datetime) -> None:
        told = {
            "name": body.name,
            "window": body.window,
            "section": body.section,
            "head": body.head,
            "phone": body.phone,
        }
        key = {"org": org, "effective_from": effective_from}
        self._put(bodies, key, {**told, "set_by": by, "set_at": at})

    def _put(self, table: sa.Table, key: dict[str, Any], values: dict[str, Any]) -> None:
        self._tx.execute(
            insert(table)
            .values(**key, **values)
            .on_conflict_do_update(index_elements=list(key), set_=values)
        )
