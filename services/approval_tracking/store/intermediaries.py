"""The directory of agencies as one transaction sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.domain.intermediaries import Intermediary
from approval_tracking.domain.intermediary_errors import IntermediaryUnknown
from approval_tracking.store.tables import intermediaries

_shown = intermediaries.c.removed_why == ""
# One round trip says which agencies any of the texts names.
_named = sa.select(intermediaries.c.name).where(
    _shown,
    sa.func.strpos(sa.bindparam("text", type_=sa.Text), intermediaries.c.name) > 0,
)


class IntermediaryStore:
    """Agencies; who was removed stays on record with the reason."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def all(self) -> list[Intermediary]:
        rows = self._tx.execute(sa.select(intermediaries).where(_shown))
        return [
            Intermediary(row.uscc, row.name, tuple(row.services), row.address, row.phone)
            for row in rows
        ]

    def named_in(self, texts: Sequence[str]) -> list[str]:
        """Return the names of agencies that stand in any of the texts."""
        return list(self._tx.scalars(_named, {"text": "\n".join(texts)}))

    def put(self, agency: Intermediary, *, by: str, now: datetime) -> None:
        told = {
            "name": agency.name,
            "services": list(agency.services),
            "address": agency.address,
            "phone": agency.phone,
            "set_by": by,
            "set_at": now,
            "removed_why": "",
        }
        self._tx.execute(
            insert(intermediaries)
            .values(uscc=agency.uscc, **told)
            .on_conflict_do_update(index_elements=["uscc"], set_=told)
        )

    def remove(self, uscc: str, reason: str, *, by: str, now: datetime) -> None:
        gone = self._tx.execute(
            intermediaries.update()
            .where(intermediaries.c.uscc == uscc, _shown)
            .values(removed_why=reason, set_by=by, set_at=now)
        )
        if gone.rowcount != 1:
            raise IntermediaryUnknown(uscc=uscc, field="uscc")
