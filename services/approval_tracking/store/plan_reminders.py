"""What was told of a plan, so that it is told once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.domain.events import PlanReminded
from approval_tracking.store.tables import plan_reminders
from chassis.events import Envelope
from chassis.outbox import Outbox

_told = sa.select(plan_reminders).where(
    plan_reminders.c.project_id == sa.bindparam("project_id", type_=sa.Uuid)
)


class PlanReminderStore:
    """Who reminds holds the project's lock."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def told(self, project_id: UUID) -> dict[tuple[str, str], date]:
        rows = self._tx.execute(_told, {"project_id": project_id})
        return {(row.kind, row.code): row.day for row in rows}

    def remember(self, project_id: UUID, days: Mapping[tuple[str, str], date]) -> None:
        if not days:
            return
        put = insert(plan_reminders).values(
            [
                {"project_id": project_id, "kind": kind, "code": code, "day": day}
                for (kind, code), day in days.items()
            ]
        )
        self._tx.execute(
            put.on_conflict_do_update(
                index_elements=["project_id", "kind", "code"], set_={"day": put.excluded.day}
            )
        )

    def tell(self, reminded: PlanReminded, *, at: datetime) -> None:
        self._outbox.append(
            Envelope.seal(
                reminded, aggregate_id=reminded.project_id, version=reminded.version, at=at
            )
        )
