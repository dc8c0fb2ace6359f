"""Plans, themes, licences, ratings and reports: an older version never overwrites a newer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from warning_dispatch.domain import Project, Watched, read_watched
from warning_dispatch.store.copies import CopyStore
from warning_dispatch.store.dues import Subject
from warning_dispatch.store.tables import watched

_one = (watched.c.kind == sa.bindparam("b_kind")) & (watched.c.id == sa.bindparam("b_id"))
_locked = sa.select(watched.c.version, watched.c.state).where(_one).with_for_update()
_many = sa.select(watched.c.id, watched.c.project_id, watched.c.state).where(
    watched.c.kind == sa.bindparam("b_kind"),
    watched.c.id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
)


class WatchedStore:
    """What is watched beside cases and projects, as one transaction sees it."""

    def __init__(self, tx: sa.Connection, copies: CopyStore) -> None:
        self._tx, self._copies = tx, copies

    def lock(self, subject: Subject) -> tuple[int, Mapping[str, Any]]:
        """Return version and state of our copy, 0 and nothing when there is none."""
        blank = {"kind": subject.type, "id": subject.id, "version": 0, "state": {}}
        self._tx.execute(insert(watched).values(blank).on_conflict_do_nothing())
        row = self._tx.execute(_locked, {"b_kind": subject.type, "b_id": subject.id}).one()
        return row.version, row.state

    def save(
        self, subject: Subject, state: Mapping[str, Any], *, version: int, reckoned: str
    ) -> None:
        values = {
            "version": version,
            "project_id": UUID(state["project_id"]) if state.get("project_id") else None,
            "state": dict(state),
            "reckoned": reckoned,
        }
        mine = (watched.c.kind == subject.type) & (watched.c.id == subject.id)
        self._tx.execute(watched.update().where(mine).values(values))

    def find_many(self, kind: str, ids: Iterable[UUID]) -> dict[UUID, Watched]:
        """Return what is to be watched of these, each with its project's present people and scope."""
        rows = self._tx.execute(_many, {"b_kind": kind, "ids": list(ids)}).all()
        projects = self._copies.projects({row.project_id for row in rows if row.project_id})
        read = ((row.id, _read(kind, row.state, projects.get(row.project_id))) for row in rows)
        return {each: found for each, found in read if found}

    def of_project(self, project_id: UUID) -> list[Subject]:
        chosen = sa.select(watched.c.kind, watched.c.id).where(watched.c.project_id == project_id)
        rows = self._tx.execute(chosen.order_by(watched.c.kind, watched.c.id))
        return [Subject(row.kind, row.id) for row in rows]

    def reckoned_otherwise(self, reckoned: str, *, limit: int) -> list[Subject]:
        otherwise = sa.or_(watched.c.reckoned < reckoned, watched.c.reckoned > reckoned)
        chosen = (
            sa.select(watched.c.kind, watched.c.id)
            .where(otherwise)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [Subject(row.kind, row.id) for row in self._tx.execute(chosen)]

    def mark_reckoned(self, subjects: Iterable[Subject], reckoned: str) -> None:
        keys = [(each.type, each.id) for each in subjects]
        mine = sa.tuple_(watched.c.kind, watched.c.id).in_(keys)
        self._tx.execute(watched.update().where(mine).values(reckoned=reckoned))


def _read(kind: str, state: Mapping[str, Any], project: Project | None) -> Watched | None:
    return read_watched(kind, state, project) if state and project else None
