"""Changes of the library: one row each, with what was asked as it was asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import Stale
from chassis.events import Envelope, plain
from chassis.identity import Scope, scope_clause
from chassis.outbox import Outbox
from project_registry.domain.dynamics import Asked, ChangeRequest
from project_registry.domain.dynamics_errors import ChangeAlreadyAsked, ChangeUnknown
from project_registry.domain.events import ProjectChangeMoved
from project_registry.store.tables import project_changes

_SAME = (
    *("project_name", "region_path", "level", "uscc", "reason", "status", "note", "version"),
    *("asked_by", "asked_by_name", "asked_at", "decided_by", "decided_by_name", "decided_at"),
)


class ChangeStore:
    """The changes as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def get(self, change_id: UUID) -> ChangeRequest:
        row = self._tx.execute(
            sa.select(project_changes).where(project_changes.c.id == change_id).with_for_update()
        ).one_or_none()
        if row is None:
            raise ChangeUnknown(change_id=change_id, field="change_id")
        return _read(row)

    def add(self, change: ChangeRequest) -> None:
        asked = change.asked
        put = insert(project_changes).values(
            **{name: getattr(change, name) for name in _SAME},
            id=change.id,
            kind=asked.kind,
            project_id=asked.project_id,
            asked=plain(
                {
                    "details": asked.details,
                    "fields": asked.fields,
                    "other_ids": asked.other_ids,
                    "parts": asked.parts,
                }
            ),
            agents=list(change.agents),
            made=list(change.made),
        )
        once = put.on_conflict_do_nothing().returning(project_changes.c.id)
        if self._tx.scalar(once) is None:
            raise ChangeAlreadyAsked(name=change.project_name, field="project_id")
        self._tell(change, at=change.asked_at)

    def save(self, change: ChangeRequest, *, project_id: UUID | None, at: datetime) -> None:
        seen, change.version = change.version, change.version + 1
        saved = self._tx.execute(
            project_changes.update()
            .where(project_changes.c.id == change.id, project_changes.c.version == seen)
            .values(
                **{name: getattr(change, name) for name in _SAME},
                project_id=project_id,
                made=list(change.made),
            )
        )
        if saved.rowcount != 1:
            raise Stale(subject=change.id, version=change.version, expected=seen)
        self._tell(change, at=at)

    def listed(
        self,
        scope: Scope,
        *,
        size: int,
        after: tuple[datetime, UUID] | None = None,
        project_id: UUID | None = None,
        status: str = "",
    ) -> list[ChangeRequest]:
        wanted = sa.select(project_changes).where(scope_clause(project_changes))
        if project_id:
            wanted = wanted.where(
                sa.or_(
                    project_changes.c.project_id == project_id,
                    sa.literal(project_id) == sa.func.any(project_changes.c.made),
                )
            )
        if status:
            wanted = wanted.where(project_changes.c.status == status)
        if after:
            place = sa.tuple_(project_changes.c.asked_at, project_changes.c.id)
            wanted = wanted.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
        order = (project_changes.c.asked_at.desc(), project_changes.c.id.desc())
        rows = self._tx.execute(wanted.order_by(*order).limit(size), scope.bind())
        return [_read(row) for row in rows]

    def _tell(self, change: ChangeRequest, *, at: datetime) -> None:
        moved = ProjectChangeMoved(
            change_id=change.id,
            version=change.version,
            kind=change.asked.kind,
            status=change.status,
            project_id=change.asked.project_id,
            project_name=change.project_name,
            region_path=change.region_path,
            level=change.level,
            uscc=change.uscc,
            reason=change.reason,
            asked_by=change.asked_by,
            decided_by=change.decided_by,
            note=change.note,
        )
        self._outbox.append(
            Envelope.seal(moved, aggregate_id=change.id, version=change.version, at=at)
        )


def _read(row: Any) -> ChangeRequest:
    told = row.asked
    return ChangeRequest(
        **{name: getattr(row, name) for name in _SAME},
        id=row.id,
        agents=tuple(row.agents),
        made=tuple(row.made),
        asked=Asked(
            kind=row.kind,
            project_id=row.project_id,
            details=told["details"],
            fields=tuple(told["fields"]),
            other_ids=tuple(UUID(each) for each in told["other_ids"]),
            parts=tuple(told["parts"]),
        ),
    )
