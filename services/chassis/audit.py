"""Who did what, when: a line per command and per read of personal data, chained by hash.

The lines are chained after commit, in the order in which they became visible. A line that
is altered, removed or put in between breaks the chain at a place that `verify` names. Old lines
lie in archives (`retention`): the chain is one, and whoever reads it here reads them, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from chassis import audit_archive
from chassis.audit_archive import Line
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
from chassis.db import audit_archives as archives
from chassis.events import instant
from chassis.objects import ObjectStore

_LOCK = 0x6B616175
_lock = sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))
_last = (
    sa.select(table.c.link, table.c.hash)
    .where(table.c.link.is_not(None))
    .order_by(table.c.link.desc())
    .limit(1)
)
_chained = sa.select(table).where(table.c.link.is_not(None)).order_by(table.c.link)
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


def verify(
    tx: sa.Connection,
    heads: Sequence[Mapping[str, Any]] = (),
    objects: ObjectStore | None = None,
) -> Trouble | None:
    """Return the first line or archive that does not fit, also what others witnessed; None when all do.

    A transaction in which the worker goes on archiving has to see one moment.
    """
    if trouble := check_heads(heads):
        return trouble
    after = (0, GENESIS)
    for archive in audit_archive.listed(tx):
        if trouble := audit_archive.trouble_in(archive, objects, after=after, heads=heads):
            return trouble
        after = (archive.last_link, archive.last_hash)
    with tx.execute(_chained.execution_options(yield_per=1000)) as rows:
        return check_lines(map(told, rows), heads, after=after)


def exported(
    tx: sa.Connection,
    objects: ObjectStore | None = None,
    *,
    after: int = 0,
    until: int | None = None,
) -> Iterator[Line]:
    """Yield the chained lines in order, each with its link and hash, archived ones first."""
    chosen = _chained.where(table.c.link > after)
    if until is not None:
        chosen = chosen.where(table.c.link <= until)
    with tx.execute(chosen.execution_options(yield_per=1000)) as rows:
        # The table is looked at before the archives: what leaves it meanwhile is not missed.
        first = rows.fetchone()
        ends = first.link - 1 if first else until
        yield from audit_archive.lines_of(tx, objects, after=after, until=ends)
        if first:
            yield told(first)
        yield from map(told, rows)


def told(row: sa.Row[Any]) -> Line:
    """Return a chained line as it is exported and archived."""
    return {"link": row.link, "hash": row.hash.hex(), **line_of(row)}


def head(tx: sa.Connection) -> tuple[int, str]:
    """Return the link and the hash of the newest chained line, 0 and nothing before the first."""
    last = tx.execute(_last).first()
    return (last.link, last.hash.hex()) if last else (0, "")


def segment(
    tx: sa.Connection, subject_ids: Collection[str], objects: ObjectStore | None = None
) -> tuple[tuple[int, str], list[Line]]:
    """Return the part of the chain with all lines about these subjects, and what stands before it.

    Lines about anything else are given by their digest alone: the chain can be checked, and says
    nothing of them.
    """
    span = _span(tx, list(subject_ids))
    if span is None:
        return head(tx), []
    first, last = span
    before, lines = (0, GENESIS.hex()), list[Line]()
    for line in exported(tx, objects, after=max(first - 2, 0), until=last):
        if line["subject_id"] in subject_ids:
            lines.append(line)
        elif lines:
            digest = {"link": line["link"], "hash": line["hash"], "digest": digest_of(line).hex()}
            lines.append(digest)
        else:
            before = (line["link"], line["hash"])
    while lines and "digest" in lines[-1]:
        lines.pop()
    return before, lines


def _span(tx: sa.Connection, subject_ids: list[str]) -> tuple[int, int] | None:
    """Return links between which all lines about the subjects lie: of an archive, its first and last."""
    about = table.c.subject_id.in_(subject_ids) & table.c.link.is_not(None)
    here = tx.execute(sa.select(sa.func.min(table.c.link), sa.func.max(table.c.link)).where(about))
    away = tx.execute(
        sa.select(sa.func.min(archives.c.first_link), sa.func.max(archives.c.last_link)).where(
            archives.c.subjects.op("&&")(sa.literal(subject_ids, sa.ARRAY(sa.Text)))
        )
    )
    ends = [end for span in (here.one(), away.one()) for end in span if end is not None]
    return (min(ends), max(ends)) if ends else None
