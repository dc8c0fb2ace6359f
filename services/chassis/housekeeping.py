"""What a service may forget: keys and inbox rows that nobody can send again."""

from __future__ import annotations

import sqlalchemy as sa

from chassis.db import idempotency, inbox

_KEYS_FOR = "7 days"
# A parked message may be replayed weeks later; its inbox row must still be there.
_FACTS_FOR = "180 days"


def forget_old(tx: sa.Connection) -> None:
    for table, kept in ((idempotency, _KEYS_FOR), (inbox, _FACTS_FOR)):
        age = sa.text(f"interval '{kept}'")
        tx.execute(table.delete().where(table.c.taken_at < sa.func.now() - age))
