"""Visits 推办 as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.errors import Stale
from chassis.events import Envelope
from chassis.identity import Scope, scope_clause
from chassis.outbox import Outbox
from warning_dispatch.domain.pushes import Push, PushNotFound
from warning_dispatch.store.cards import steps_from_json, steps_to_json
from warning_dispatch.store.tables import pushes

_PLAIN = (
    *("version", "number", "project_id", "project_name", "case_id", "order_id", "escalation_id"),
    *("region_path", "level", "subject", "place", "people", "planned_at", "status", "went_on"),
    *("outcome", "agreed"),
)
_LISTS = ("agents", "bodies", "orders")
_in_scope = scope_clause(pushes)


class PushStore:
    """The visits as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def get(self, push_id: UUID) -> Push:
        """Return a visit, locked until the transaction ends."""
        return self._one(sa.select(pushes).where(pushes.c.id == push_id).with_for_update(), push_id)

    def look(self, push_id: UUID) -> Push:
        return self._one(sa.select(pushes).where(pushes.c.id == push_id), push_id)

    def listed(
        self,
        scope: Scope,
        *,
        limit: int,
        before: tuple[datetime, UUID] | None,
        **equal: object,
    ) -> list[Push]:
        """Return visits in scope, those planned last first."""
        wanted = [pushes.c[name] == value for name, value in equal.items() if value]
        place = sa.tuple_(pushes.c.planned_at, pushes.c.id)
        if before:
            wanted.append(place < sa.tuple_(*map(sa.literal, before)))
        chosen = (
            sa.select(pushes)
            .where(_in_scope, *wanted)
            .order_by(pushes.c.planned_at.desc(), pushes.c.id.desc())
            .limit(limit)
        )
        return [_push(row) for row in self._tx.execute(chosen, scope.bind())]

    def add(self, push: Push) -> None:
        self._tx.execute(pushes.insert(), _row(push))
        self._publish(push)

    def save(self, push: Push) -> None:
        seen = push.version - len(push.events)
        mine = (pushes.c.id == push.push_id) & (pushes.c.version == seen)
        if self._tx.execute(pushes.update().where(mine).values(_row(push))).rowcount != 1:
            raise Stale(subject=f"visit {push.number}", version=push.version, expected=seen)
        self._publish(push)

    def _one(self, chosen: sa.Select[Any], push_id: UUID) -> Push:
        row = self._tx.execute(chosen).one_or_none()
        if row is None:
            raise PushNotFound(push_id=push_id, field="push_id")
        return _push(row)

    def _publish(self, push: Push) -> None:
        at = push.steps[-1].at
        self._outbox.append(
            *(
                Envelope.seal(event, aggregate_id=push.push_id, version=push.version, at=at)
                for event in push.events
            )
        )
        push.events.clear()


def _row(push: Push) -> dict[str, Any]:
    return {
        "id": push.push_id,
        **{name: getattr(push, name) for name in _PLAIN},
        **{name: list(getattr(push, name)) for name in _LISTS},
        "steps": steps_to_json(push.steps),
    }


def _push(row: sa.Row[Any]) -> Push:
    plainly: dict[str, Any] = {
        **{name: getattr(row, name) for name in _PLAIN},
        **{name: tuple(getattr(row, name)) for name in _LISTS},
    }
    return Push(push_id=row.id, steps=tuple(steps_from_json(row.steps)), **plainly)
