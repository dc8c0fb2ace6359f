"""Audit chains of others as we saw them, ours as others did, and the keys that sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.links.events import HeadTold, HeadWitnessed
from chassis.seal import SealKey, renew
from warning_dispatch.store.tables import audit_heads, seal_keys

_KEYS_LOCK = 0x77697473


class HeadStore:
    """The heads as one transaction sees them. What was witnessed is never changed."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def keep(self, head: HeadWitnessed) -> None:
        self._tx.execute(insert(audit_heads).values(**vars(head)).on_conflict_do_nothing())

    def contradicting(self, told: HeadTold, *, witness: str) -> str | None:
        """Return the other hash that we witnessed at this very link, if there is one."""
        found = sa.select(audit_heads.c.hash).where(
            audit_heads.c.instance == told.instance,
            audit_heads.c.service == told.service,
            audit_heads.c.link == told.link,
            audit_heads.c.witness == witness,
            audit_heads.c.hash != told.hash,
        )
        return self._tx.scalar(found)

    def listed(self, *, instance: str = "", service: str = "") -> list[dict[str, Any]]:
        """Return what was witnessed, in the order of the chains."""
        chosen = sa.select(audit_heads).order_by(
            audit_heads.c.instance, audit_heads.c.service, audit_heads.c.link, audit_heads.c.witness
        )
        if instance:
            chosen = chosen.where(audit_heads.c.instance == instance)
        if service:
            chosen = chosen.where(audit_heads.c.service == service)
        return [dict(row._mapping) for row in self._tx.execute(chosen)]

    def keys(self, make: Callable[[], SealKey]) -> list[SealKey]:
        """Return the keys, the oldest first; the first use makes the first."""
        found = self._keys()
        if not found:
            self._tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_KEYS_LOCK)))
            found = self._keys()
        if not found:
            made = make()
            self._tx.execute(seal_keys.insert(), vars(made))
            found = [made]
        return found

    def renew_seal(self, made: SealKey) -> None:
        renew(self._tx, seal_keys, made)

    def _keys(self) -> list[SealKey]:
        chosen = sa.select(seal_keys).order_by(seal_keys.c.created_at, seal_keys.c.id)
        return [
            SealKey(row.id, row.public_key, bytes(row.sealed), row.created_at)
            for row in self._tx.execute(chosen)
        ]
