"""Who did what, when: a line per command and per read of personal data, chained by hash.

The lines are chained after commit, in the order in which they became visible. A line that
is altered, removed or put in between breaks the chain at a place that `verify` names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from chassis.audit_check import (
    FIELDS,
    GENESIS,
    Trouble,
    check_heads,
    check_lines,
    digest_of,
    hash_of,
)
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


def line_of(row: sa.Row[Any]) -> dict[str, Any]:
    """Return a line as it is hashed, exported and checked."""
    line = {name: getattr(row, name) for name in FIELDS}
    return {**line, "at": instant(row.at)}


def link_lines(tx: sa.Connection, *, batch: int = 500) -> int:
    """Chain the lines that are not chained yet, oldest first, and return how many."""
    if not tx.scalar(_lock):
        return 0
    rows = tx.execute(_unlinked, {"batch": batch}).all()
    if not rows:
        return 0
    last = tx.execute(_last).first()
    link, previous = (last.link, last.hash) if last else (0, GENESIS)
    updates = []
    for row in rows:
        link, previous = link + 1, hash_of(previous, digest_of(line_of(row)))
        updates.append({"row_id": row.id, "new_link": link, "new_hash": previous})
    tx.execute(_link, updates)
    return len(rows)


def count_unlinked(connection: sa.Connection) -> int:
    """Return how many lines are not chained yet; the partial index makes it cheap."""
    unlinked = sa.select(sa.func.count()).where(table.c.link.is_(None))
    return int(connection.scalar(unlinked) or 0)


def verify(tx: sa.Connection, heads: Sequence[Mapping[str, Any]] = ()) -> Trouble | None:
    """Return the first line that does not fit, also what others witnessed; None when all do."""
    return check_heads(heads) or check_lines(exported(tx), heads)


def exported(
    tx: sa.Connection, *, after: int = 0, until: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the chained lines in order, each with its link and hash."""
    chained = sa.select(table).where(table.c.link > after).order_by(table.c.link)
    if until is not None:
        chained = chained.where(table.c.link <= until)
    with tx.execute(chained.execution_options(yield_per=1000)) as rows:
        for row in rows:
            yield {"link": row.link, "hash": row.hash.hex(), **line_of(row)}


def head(tx: sa.Connection) -> tuple[int, str]:
    """Return the link and the hash of the newest chained line, 0 and nothing before the first."""
    last = tx.execute(_last).first()
    return (last.link, last.hash.hex()) if last else (0, "")


def segment(
    tx: sa.Connection, subject_ids: Collection[str]
) -> tuple[tuple[int, str], list[dict[str, Any]]]:
    """Return the part of the chain with all lines about these subjects, and what stands before it.

    Lines about anything else are given by their digest alone: the chain can be checked, and says
    nothing of them.
    """
    about = table.c.subject_id.in_(list(subject_ids)) & table.c.link.is_not(None)
    first, last = tx.execute(
        sa.select(sa.func.min(table.c.link), sa.func.max(table.c.link)).where(about)
    ).one()
    if first is None:
        return head(tx), []
    before = tx.execute(sa.select(table.c.hash).where(table.c.link == first - 1)).scalar()
    lines = []
    for line in exported(tx, after=first - 1, until=last):
        if line["subject_id"] in subject_ids:
            lines.append(line)
        else:
            digest = {"link": line["link"], "hash": line["hash"], "digest": digest_of(line).hex()}
            lines.append(digest)
    return (first - 1, (before or GENESIS).hex()), lines
