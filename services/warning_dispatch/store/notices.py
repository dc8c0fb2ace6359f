"""What people were told: the rows are the truth, channels may lose what they carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.bulk import insert_all
from warning_dispatch.domain import Notice
from warning_dispatch.store.tables import notification_reads, notifications

_add = insert_all(
    notifications, *(column.name for column in notifications.c if column.name != "sent")
)
_unsent = (
    sa.select(notifications)
    .where(sa.not_(notifications.c.sent))
    .order_by(notifications.c.id)
    .limit(sa.bindparam("batch"))
    .with_for_update(skip_locked=True)
)

_mark_sent = (
    notifications.update()
    .where(notifications.c.id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .values(sent=True)
)


class NoticeStore:
    """The notifications as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def add(self, notices: Sequence[tuple[UUID, Notice]], *, at: datetime) -> None:
        if notices:
            rows = [{"id": each, "at": at, **vars(notice)} for each, notice in notices]
            self._tx.execute(_add, {"rows": rows})

    def claim_unsent(self, *, batch: int) -> list[sa.Row[Any]]:
        """Lock and return notifications that no channel has taken yet, oldest first."""
        return list(self._tx.execute(_unsent, {"batch": batch}))

    def mark_sent(self, ids: list[UUID]) -> None:
        self._tx.execute(_mark_sent, {"ids": ids})

    def mark_read(self, notification_id: UUID, *, account: str, at: datetime) -> None:
        """Remember that the account has read it; the first time counts."""
        row = {"notification_id": notification_id, "account": account, "read_at": at}
        self._tx.execute(insert(notification_reads).values(row).on_conflict_do_nothing())
