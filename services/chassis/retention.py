"""Audit lines older than their retention leave the table, by whole months, for archives.

All of one batch is one transaction: the lines are read and checked, the file is written and
read back, and only then the row that knows the file takes the place of the lines. Who is killed
before the commit leaves the lines where they were, and at most a file that no row names: the
next run writes the same bytes to the same key.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from chassis import audit_archive
from chassis.audit import told
from chassis.audit_archive import Archive, AuditArchiveDamaged, Chain, Line
from chassis.audit_check import GENESIS, check_lines
from chassis.calendar import SHANGHAI
from chassis.db import audit as lines_table
from chassis.db import audit_archives
from chassis.errors import FailedPrecondition
from chassis.objects import ObjectStore

# Some 10 MB of text in memory, 1 MB in the file.
BATCH = 20_000
_LOCK = 0x6B616176
_lock = sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))

# Signs a manifest, and the public key as PEM.
Signer = tuple[Callable[[str], tuple[str, str]], str]
MakeSigner = Callable[[sa.Connection], Signer]


class AuditChainBroken(FailedPrecondition):
    """What does not fit is not sealed: it stays in the table, to be looked into."""

    zh = "审计链有误, 不予归档: {trouble}"
    en = "the audit chain does not fit, nothing is archived: {trouble}"


def cutoff(now: datetime, keep_days: int) -> datetime:
    """Return the beginning of the month, in the city's zone, of the last day that is still kept."""
    kept = (now - timedelta(days=keep_days)).astimezone(SHANGHAI)
    return kept.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def archive_lines(
    tx: sa.Connection,
    objects: ObjectStore,
    chain: Chain,
    *,
    before: datetime,
    signer: MakeSigner | None = None,
    batch: int = BATCH,
    at: datetime,
) -> Archive | None:
    """Move the oldest lines from before a moment into a file; None when there are none, or
    somebody else is at it.

    The newest line stays: the chain goes on from it, for releases, too, that know no archives.
    """
    if not tx.scalar(_lock):
        return None
    archived = audit_archive.listed(tx)
    after = (archived[-1].last_link, archived[-1].last_hash) if archived else (0, GENESIS)
    lines = _old(tx, before, batch)
    if not lines:
        return None
    if trouble := check_lines(lines, after=after, whole=False):
        raise AuditChainBroken(trouble=trouble)
    sign, public_key = signer(tx) if signer else (None, "")
    made, file = audit_archive.seal_lines(chain, lines, after, sign, public_key=public_key)
    objects.keep(made.object_key, file)
    # Read back, as whoever verifies it will.
    if audit_archive.trouble_in(made, objects, after=after):
        raise AuditArchiveDamaged(key=made.object_key)
    subjects = sorted({each["subject_id"] for each in lines if each["subject_id"]})
    tx.execute(audit_archives.insert(), {**vars(made), "subjects": subjects, "archived_at": at})
    gone = lines_table.delete().where(lines_table.c.link.between(made.first_link, made.last_link))
    if tx.execute(gone).rowcount != len(lines):
        raise RuntimeError(f"the lines of {made.object_key} changed while they were archived")
    # That lines left the table is itself on record, and witnessed with the chain.
    tx.execute(
        lines_table.insert(),
        {
            **dict.fromkeys(("account", "username", "request_id"), ""),
            "method": "audit archive",
            "subject_type": "audit_archive",
            "subject_id": made.object_key,
            "detail": {
                "first": made.first_link,
                "last": made.last_link,
                "sha256": made.sha256,
            },
        },
    )
    return made


def _old(tx: sa.Connection, before: datetime, batch: int) -> list[Line]:
    """Return the oldest chained lines up to the first that is not old, without the newest of all."""
    newest = sa.select(sa.func.max(lines_table.c.link)).scalar_subquery()
    chosen = (
        sa.select(lines_table)
        .where(lines_table.c.link < newest)
        .order_by(lines_table.c.link)
        .limit(batch)
    )
    old: list[Line] = []
    with tx.execute(chosen.execution_options(yield_per=1000)) as rows:
        for row in rows:
            if row.at >= before:
                break
            old.append(told(row))
    return old
