"""Read models of everybody's facts: tables, and how a batch of facts enters them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, Insert, insert

from chassis.calendar import Calendar, read_calendar
from chassis.db import new_metadata
from chassis.events import Envelope, Event
from chassis.inbox import Inbox
from chassis.outbox import Outbox

metadata = new_metadata()


def _scoped() -> list[sa.Column[Any]]:
    return [
        sa.Column("region_path", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("uscc", sa.Text, nullable=False),
        sa.Column("agents", ARRAY(sa.Text), nullable=False),
    ]


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _days(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Date) for name in names]


def _instants(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.DateTime(timezone=True)) for name in names]


def _identity() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    ]


projects = sa.Table(
    "projects",
    metadata,
    *_identity(),
    *_scoped(),
    *_text("name", "stage", "status", "pool"),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("historical", sa.Boolean, nullable=False),
    *_days("sign_date", "planned_start", "actual_start"),
    sa.Index("ix_projects_region_path", "region_path", postgresql_ops={"region_path": "text_pattern_ops"}),
)  # fmt: skip

cases = sa.Table(
    "cases",
    metadata,
    *_identity(),
    *_scoped(),
    sa.Column("project_id", sa.Uuid, nullable=False),
    *_text("project_name", "item_code", "item_name", "status", "outcome", "org", "org_name"),
    *_text("duty_bearer"),
    sa.Column("historical", sa.Boolean, nullable=False),
    sa.Column("deemed", sa.Boolean, nullable=False),
    *_days("committed_due", "statutory_due", "yellow_on", "decided_on", "delivered_on"),
    sa.Index("ix_cases_region_path", "region_path", postgresql_ops={"region_path": "text_pattern_ops"}),
    sa.Index(None, "decided_on"),
    sa.Index(None, "project_id"),
)  # fmt: skip

cards = sa.Table(
    "cards",
    metadata,
    *_identity(),
    *_scoped(),
    sa.Column("project_id", sa.Uuid),
    *_text("rule", "colour", "shows", "status", "org", "org_name"),
    *_instants("issued_at", "closed_at"),
    sa.Index(None, "issued_at"),
)

orders = sa.Table(
    "orders",
    metadata,
    *_identity(),
    *_scoped(),
    *_text("number", "project_name", "lead_org", "lead_org_name", "colour", "status"),
    *_instants("issued_at", "sign_by", "feedback_by", "signed_at", "answered_at", "closed_at"),
    sa.Index(None, "issued_at"),
)

logs = sa.Table(
    "logs",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("project_id", sa.Uuid, nullable=False),
    *_text("region_path", "agent", "problem"),
    sa.Column("on_site", sa.Boolean, nullable=False),
    sa.Column("needs_coordination", sa.Boolean, nullable=False),
    sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "project_id", "filed_at"),
)

stage_moves = sa.Table(
    "stage_moves",
    metadata,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("project_id", sa.Uuid, nullable=False),
    *_text("from_stage", "to_stage"),
    sa.Column("on", sa.Date, nullable=False),
    sa.Index(None, "on"),
)

# How often each kind of thing happened on a day, somewhere: what a month is added up from.
daily = sa.Table(
    "daily",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    *[
        sa.Column(name, sa.Text, primary_key=True)
        for name in ("kind", "region_path", "level", "org")
    ],
    sa.Column("count", sa.BigInteger, nullable=False),
)

annual_lists = sa.Table(
    "annual_lists",
    metadata,
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.Uuid, primary_key=True),
)

calendar_copy = sa.Table(
    "calendar",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("body", JSONB, nullable=False),
    sa.CheckConstraint("single", name="one_row"),
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *_text("kind", "period", "region", "digest", "issued_by"),
    sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
    # The figures as the bytes that were digested.
    sa.Column("figures", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("kind", "period", "region"),
)


def _from_json(table: sa.Table) -> Insert:
    """Insert all rows of a batch in one statement, from one parameter: a JSON list of them."""
    names = [column.name for column in table.c]
    listed = ", ".join(f'"{name}"' for name in names)
    rows = sa.text(
        f"select {listed} from json_populate_recordset(cast(null as {table.name}), cast(:rows as json))"
    )
    return insert(table).from_select(names, rows.columns(*table.c))


def _upsert(table: sa.Table) -> Insert:
    """Insert, or overwrite an older version; a newer one stays."""
    new = _from_json(table)
    names = [column.name for column in table.c if column.name != "id"]
    return new.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={name: new.excluded[name] for name in names},
        where=new.excluded.version > table.c.version,
    )


def _as_json(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    # PostgreSQL reads the text of ids, days and instants by itself.
    return {"rows": json.dumps(list(rows), default=str, ensure_ascii=False)}


_UPSERTS = {table.name: _upsert(table) for table in (projects, cases, cards, orders)}
_INSERTS = {
    table.name: _from_json(table).on_conflict_do_nothing()
    for table in (logs, stage_moves, annual_lists)
}
_DIMENSIONS = ("kind", "region_path", "level", "org")
_added = (
    sa.func.unnest(
        sa.bindparam("days", type_=ARRAY(sa.Date)),
        *(sa.bindparam(f"{name}s", type_=ARRAY(sa.Text)) for name in _DIMENSIONS),
        sa.bindparam("counts", type_=ARRAY(sa.BigInteger)),
    )
    .table_valued("day", *_DIMENSIONS, "count")
    .render_derived()
)
_count = insert(daily).from_select(
    ["day", *_DIMENSIONS, "count"],
    sa.select(*(_added.c[name] for name in ("day", *_DIMENSIONS, "count"))),
)
_count = _count.on_conflict_do_update(
    index_elements=[daily.c.day, *(daily.c[name] for name in _DIMENSIONS)],
    set_={"count": daily.c.count + _count.excluded["count"]},
)
# A day, then kind, region path, level and body.
Tally = tuple[date, str, str, str, str]


class ReadModels:
    """All copies and counts, as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.inbox = Inbox(tx)

    def keep(self, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep the newest version of each aggregate of the batch."""
        newest: dict[UUID, Mapping[str, Any]] = {}
        for row in rows:
            held = newest.get(row["id"])
            if held is None or row["version"] > held["version"]:
                newest[row["id"]] = row
        if newest:
            # By id, so that two batches cannot wait for each other in a ring.
            ordered = (newest[each] for each in sorted(newest))
            self._tx.execute(_UPSERTS[table.name], _as_json(ordered))

    def forget(self, ids: Sequence[UUID]) -> None:
        """Drop these copies: their home was set back to a backup and tells anew what it has.

        What was counted on a day stays counted: it did happen, only its home forgot it.
        """
        for table in (projects, cases, cards, orders) if ids else ():
            self._tx.execute(table.delete().where(table.c.id.in_(ids)))

    def count(self, tallies: Counter[Tally]) -> None:
        """Add to the counts of the days, in one statement."""
        if not tallies:
            return
        ordered = sorted(tallies.items())
        columns = list(zip(*(key for key, _ in ordered), strict=True))
        values: dict[str, Any] = {"days": list(columns[0])}
        values |= {f"{n}s": list(columns[i + 1]) for i, n in enumerate(_DIMENSIONS)}
        self._tx.execute(_count, {**values, "counts": [number for _, number in ordered]})

    def add(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._tx.execute(_INSERTS[table.name], _as_json(rows))

    def keep_annual_list(self, year: int, project_ids: Iterable[UUID]) -> None:
        self.add(annual_lists, [{"year": year, "project_id": each} for each in project_ids])

    def keep_calendar(self, version: int, body: Mapping[str, Any]) -> None:
        new = insert(calendar_copy).values(single=True, version=version, body=dict(body))
        self._tx.execute(
            new.on_conflict_do_update(
                index_elements=[calendar_copy.c.single],
                set_={"version": version, "body": dict(body)},
                where=calendar_copy.c.version < version,
            )
        )


class ReportShelf:
    """Issued reports with their frozen figures."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def find(self, *, kind: str, period: str, region: str) -> sa.Row[Any] | None:
        return self._tx.execute(
            sa.select(reports).where(
                reports.c.kind == kind, reports.c.period == period, reports.c.region == region
            )
        ).one_or_none()

    def add(self, row: Mapping[str, Any], fact: Event) -> bool:
        """Freeze the report; return False when another was issued for it already."""
        made = self._tx.execute(
            insert(reports).values(dict(row)).on_conflict_do_nothing().returning(reports.c.id)
        ).first()
        if made is None:
            return False
        Outbox(self._tx).append(
            Envelope.seal(fact, aggregate_id=row["id"], version=1, at=row["issued_at"])
        )
        return True


def load_calendar(connection: sa.Connection) -> tuple[Calendar | None, str]:
    """Return the legal calendar and its version, None before it was published."""
    body = connection.scalar(sa.select(calendar_copy.c.body))
    if body is None:
        return None, ""
    return read_calendar(body), str(body.get("version", ""))


def read_day(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def read_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
