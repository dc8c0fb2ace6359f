"""Who did what, when: a line per command and per read of personal data, chained by hash.

The lines are chained after commit, in the order in which they became visible. A line that
is altered, removed or put in between breaks the chain at a place that `verify` names.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from chassis.db import audit as table
from chassis.events import instant

_LOCK = 0x6B616175
_lock = sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))
_last = (
    sa.select(table.c.link, table.c.hash)
    .where(table.c.link.is_not(None))
    .order_by(table.c.link.desc())
    .limit(1)
)
_unlinked = (
    sa.select(table).where(table.c.link.is_(None)).order_by(table.c.id).limit(sa.bindparam("batch"))
)
_link = (
    table.update()
    .where(table.c.id == sa.bindparam("row_id"))
    .values(link=sa.bindparam("new_link"), hash=sa.bindparam("new_hash"))
)
_GENESIS = b"\0" * 32


def _hash(previous: bytes, row: sa.Row[Any]) -> bytes:
    line = {
        "id": row.id,
        "at": instant(row.at),
        "account": row.account,
        "username": row.username,
        "method": row.method,
        "subject_type": row.subject_type,
        "subject_id": row.subject_id,
        "request_id": row.request_id,
        "detail": row.detail,
    }
    text = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode()).digest()


def link_lines(tx: sa.Connection, *, batch: int = 500) -> int:
    """Chain the lines that are not chained yet, oldest first, and return how many."""
    if not tx.scalar(_lock):
        return 0
    rows = tx.execute(_unlinked, {"batch": batch}).all()
    if not rows:
        return 0
    last = tx.execute(_last).first()
    link, previous = (last.link, last.hash) if last else (0, _GENESIS)
    updates = []
    for row in rows:
        link, previous = link + 1, _hash(previous, row)
        updates.append({"row_id": row.id, "new_link": link, "new_hash": previous})
    tx.execute(_link, updates)
    return len(rows)


def verify(tx: sa.Connection) -> int:
    """Return the link of the first line that does not fit its predecessor, 0 when all fit."""
    previous, expected = _GENESIS, 1
    chained = sa.select(table).where(table.c.link.is_not(None)).order_by(table.c.link)
    with tx.execute(chained.execution_options(yield_per=1000)) as rows:
        for row in rows:
            if row.link != expected or _hash(previous, row) != row.hash:
                return expected
            previous, expected = row.hash, expected + 1
    return 0
