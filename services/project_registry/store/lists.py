"""Load and save annual lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.events import Envelope, Event
from chassis.outbox import Outbox
from project_registry.domain.errors import ListNotFound
from project_registry.domain.rows import Row, Sheet
from project_registry.store.tables import annual_list_projects, annual_lists

UPLOADED, PREVIEWED, COMMITTED = "uploaded", "previewed", "committed"


@dataclass
class StoredList:
    """One uploaded file and how far it came."""

    id: UUID
    file_name: str
    sheet: Sheet
    # proposed is heading → our heading at upload, mapping what the last preview settled.
    mapping: dict[str, str]
    region_path: str
    level: str
    uploaded_by: str
    uploaded_by_name: str
    uploaded_at: datetime
    status: str = UPLOADED
    year: int = 0
    token: str = ""
    errors: int = 0
    committed_at: datetime | None = None
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    events: list[Event] = field(default_factory=list, compare=False)


class ListStore:
    """The annual lists as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.outbox = Outbox(tx)

    def get(self, list_id: UUID) -> StoredList:
        """Return the list, locked: two previews or commits of one list wait for each other."""
        found = self._tx.execute(
            sa.select(annual_lists).where(annual_lists.c.id == list_id).with_for_update()
        ).one_or_none()
        if found is None:
            raise ListNotFound(list_id=list_id, field="list_id")
        values = dict(found._mapping)
        rows = tuple(Row(number, tuple(cells)) for number, cells in values.pop("rows"))
        sheet = Sheet(tuple(values.pop("headings")), rows)
        values.pop("row_count")
        return StoredList(sheet=sheet, **values)

    def add(self, stored: StoredList) -> None:
        rows = [[row.number, list(row.cells)] for row in stored.sheet.rows]
        self._tx.execute(
            annual_lists.insert().values(
                **_values(stored),
                id=stored.id,
                headings=list(stored.sheet.headings),
                rows=rows,
                row_count=len(rows),
            )
        )

    def save(self, stored: StoredList, *, at: datetime) -> None:
        mine = annual_lists.c.id == stored.id
        self._tx.execute(annual_lists.update().where(mine).values(**_values(stored)))
        if stored.events:
            self.outbox.append(
                *(
                    Envelope.seal(event, aggregate_id=stored.id, version=1, at=at)
                    for event in stored.events
                )
            )
            stored.events.clear()

    def put_projects(self, list_id: UUID, members: Iterable[tuple[UUID, str]]) -> None:
        lines = [
            {"list_id": list_id, "position": place, "project_id": project_id, "level": level}
            for place, (project_id, level) in enumerate(members)
        ]
        if lines:
            self._tx.execute(annual_list_projects.insert(), lines)

    def last_members(
        self, year: int, levels: Iterable[str], region_path: str
    ) -> dict[str, list[UUID]]:
        """Return, by level, the projects of the last committed list of the year that had that level.

        Only lists of the same desk count: a district's list says nothing of its neighbours'.
        """
        found: dict[str, list[UUID]] = {}
        for level in levels:
            last = (
                sa.select(annual_lists.c.id)
                .join(annual_list_projects, annual_list_projects.c.list_id == annual_lists.c.id)
                .where(
                    annual_lists.c.year == year,
                    annual_lists.c.status == COMMITTED,
                    annual_lists.c.region_path == region_path,
                    annual_list_projects.c.level == level,
                )
                .order_by(annual_lists.c.committed_at.desc(), annual_lists.c.id.desc())
                .limit(1)
                .scalar_subquery()
            )
            members = (
                sa.select(annual_list_projects.c.project_id)
                .where(
                    annual_list_projects.c.list_id == last, annual_list_projects.c.level == level
                )
                .order_by(annual_list_projects.c.position)
            )
            found[level] = list(self._tx.scalars(members))
        return found


def _values(stored: StoredList) -> dict[str, Any]:
    return {
        name: getattr(stored, name)
        for name in (
            "file_name", "status", "year", "mapping", "token", "errors", "region_path", "level",
            "uploaded_by", "uploaded_by_name", "uploaded_at", "committed_at", "added", "changed",
            "unchanged", "missing",
        )
    }  # fmt: skip
