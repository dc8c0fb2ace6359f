"""Signing keys and the movable clock as one transaction sees them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from identity.domain import (
    ClockOffset,
    SigningKey,
)
from identity.store.tables import (
    domain_clock,
    signing_keys,
)

_KEYS_LOCK = 0x6B61696B


class KeyStore:
    """Signing keys as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def lock(self) -> None:
        """Keep other changes of the set of keys away until the transaction ends."""
        self._tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_KEYS_LOCK)))

    def all(self) -> list[SigningKey]:
        rows = self._tx.execute(sa.select(signing_keys).order_by(signing_keys.c.active_from))
        return [
            SigningKey(
                id=row.id,
                public=row.public,
                sealed=row.sealed,
                created_at=row.created_at,
                active_from=row.active_from,
                published_until=row.published_until,
            )
            for row in rows
        ]

    def add(self, key: SigningKey) -> None:
        self._tx.execute(
            signing_keys.insert().values(
                id=key.id,
                public=key.public,
                sealed=key.sealed,
                created_at=key.created_at,
                active_from=key.active_from,
                published_until=key.published_until,
            )
        )

    def save(self, keys: Iterable[SigningKey]) -> None:
        for key in keys:
            self._tx.execute(
                signing_keys.update()
                .where(signing_keys.c.id == key.id)
                .values(published_until=key.published_until, sealed=key.sealed)
            )

    def remove(self, key_id: str) -> bool:
        gone = signing_keys.delete().where(signing_keys.c.id == key_id)
        return self._tx.execute(gone).rowcount == 1

    def remove_unpublished(self, real: datetime) -> None:
        self._tx.execute(signing_keys.delete().where(signing_keys.c.published_until < real))


class ClockStore:
    """The instance's clock as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def get(self) -> ClockOffset:
        return self._read(sa.select(domain_clock))

    def lock(self, *, at: datetime) -> ClockOffset:
        """Return the offset; another move waits until the transaction ends."""
        first = insert(domain_clock).values(
            single=True, generation=0, offset_seconds=0, moved_at=at, moved_by=""
        )
        self._tx.execute(first.on_conflict_do_nothing())
        return self._read(sa.select(domain_clock).with_for_update())

    def save(self, offset: ClockOffset, *, by: str, at: datetime) -> None:
        self._tx.execute(
            domain_clock.update().values(
                generation=offset.generation,
                offset_seconds=offset.seconds,
                moved_at=at,
                moved_by=by,
            )
        )

    def _read(self, query: sa.Select[Any]) -> ClockOffset:
        row = self._tx.execute(query).first()
        return ClockOffset(row.generation, row.offset_seconds) if row else ClockOffset()
