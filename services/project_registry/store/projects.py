"""Load and save projects, with their events and their history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import HeldElsewhere, Stale
from chassis.events import Envelope
from chassis.outbox import Outbox
from project_registry.domain.details import Details
from project_registry.domain.errors import CodeTaken, NameTaken, ProjectNotFound
from project_registry.domain.progress import ItemProgress
from project_registry.domain.projects import Past, Project
from project_registry.store.tables import project_history, projects

_LOCK = 0x6B616970  # entering and renaming projects, one transaction at a time
_lock = sa.select(sa.func.pg_advisory_xact_lock(_LOCK))
_by_id = sa.select(projects).where(projects.c.id == sa.bindparam("id")).with_for_update()
_by_ids = sa.select(projects).where(
    projects.c.id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
)
_by_codes = sa.select(projects).where(
    projects.c.code == sa.func.any(sa.bindparam("codes", type_=sa.ARRAY(sa.Text))),
    projects.c.origin == "",
)
_by_names = sa.select(projects).where(
    projects.c.year == sa.func.any(sa.bindparam("years", type_=sa.ARRAY(sa.Integer))),
    projects.c.name == sa.func.any(sa.bindparam("names", type_=sa.ARRAY(sa.Text))),
    projects.c.origin == "",
)
_said = [each.name for each in fields(Details)]
# What a project's home tells of it, and what it does not.
_TOLD = (
    *("version", "name", "code", "year", "level", "category", "enterprise_name", "uscc"),
    *("admin_region", "managing_region", "region_path", "industry", "content"),
    *("stage", "status", "pool", "historical"),
)
_TOLD_DAYS = ("sign_date", "planned_start", "planned_completion", "actual_start")
_UNTOLD: dict[str, Any] = {
    **{"note": "", "agent_names": [], "assigned": 0, "withdrawn_reason": "", "scheme": ""},
    **{"progress": {}, "progress_version": 0, "past": {}},
}


class ProjectStore:
    """The projects as one transaction sees them.

    Who may write a project locks it when he loads it: news that nobody else can see is saved
    without a new version, so the version alone would not keep it from being written over.
    """

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.outbox = Outbox(tx)

    def get(self, project_id: UUID, *, field: str = "project_id") -> Project:
        project = self.find(project_id)
        if project is None:
            raise ProjectNotFound(project_id=project_id, field=field)
        return project

    def find(self, project_id: UUID) -> Project | None:
        row = self._tx.execute(_by_id, {"id": project_id}).one_or_none()
        if row is not None and row.origin:
            raise HeldElsewhere(subject=row.name, origin=row.origin)
        return None if row is None else read_project(row)

    def lock_names(self) -> None:
        """Let no other transaction enter or rename a project until this one ends."""
        self._tx.execute(_lock)

    def refuse_taken(self, project: Project) -> None:
        """Refuse a code, or a name within year and level, that another project has; names are locked."""
        said = project.details
        others = projects.c.id != project.id
        if said.code:
            same = sa.select(projects.c.name).where(others, projects.c.code == said.code)
            name = self._tx.scalar(same)
            if name is not None:
                raise CodeTaken(code=said.code, name=name, field="details.code")
        same = sa.select(projects.c.id).where(
            others,
            projects.c.year == said.year,
            projects.c.level == said.level,
            projects.c.name == said.name,
        )
        if self._tx.scalar(same) is not None:
            raise NameTaken(year=said.year, level=said.level, name=said.name, field="details.name")

    def by_codes(self, codes: Iterable[str], *, lock: bool = False) -> dict[str, Project]:
        wanted = sorted({code for code in codes if code})
        if not wanted:
            return {}
        rows = self._tx.execute(_locking(_by_codes, lock), {"codes": wanted})
        return {row.code: read_project(row) for row in rows}

    def by_names(
        self, years: Iterable[int], names: Iterable[str], *, lock: bool = False
    ) -> dict[tuple[int, str, str], Project]:
        wanted = {"years": sorted(set(years)), "names": sorted(set(names))}
        rows = self._tx.execute(_locking(_by_names, lock), wanted)
        return {(row.year, row.level, row.name): read_project(row) for row in rows}

    def by_ids(self, ids: Iterable[UUID]) -> dict[UUID, Project]:
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        rows = self._tx.execute(_by_ids, {"ids": wanted})
        return {row.id: read_project(row) for row in rows}

    def unfinished_of(self, year: int, levels: Sequence[str], region_path: str) -> list[Project]:
        """Return the projects of a year and a territory that are not over, locked, by name."""
        rows = self._tx.execute(
            sa.select(projects)
            .where(
                projects.c.year == year,
                projects.c.level.in_(levels),
                projects.c.status.in_(("active", "reserve")),
                projects.c.origin == "",
                sa.or_(
                    projects.c.region_path == region_path,
                    projects.c.region_path.startswith(f"{region_path}/", autoescape=True),
                ),
            )
            .order_by(projects.c.name, projects.c.id)
            .with_for_update()
        )
        return [read_project(row) for row in rows]

    def ids_of_other_schemes(self, scheme: str, *, limit: int) -> list[UUID]:
        """Return projects whose stage was derived by another scheme, and lock them."""
        chosen = (
            sa.select(projects.c.id)
            .where(projects.c.scheme != scheme, projects.c.origin == "")
            .order_by(projects.c.id)
            .limit(limit)
            .with_for_update()
        )
        return list(self._tx.scalars(chosen))

    def add(self, *added: Project, at: datetime) -> None:
        """Insert new projects; the names are locked and checked before."""
        if not added:
            return
        for project in added:
            project.version = 1
        self._tx.execute(
            projects.insert(), [{**_row(each, at), "registered_at": at} for each in added]
        )
        self._publish(added, at)

    def keep_copy(self, state: Mapping[str, Any], *, origin: str, at: datetime) -> None:
        """Keep what an instance below says of its project, unless ours is as new."""
        values = {
            **{name: state[name] for name in _TOLD},
            "total_investment_wan": Decimal(state["total_investment_wan"] or 0),
            "annual_plan_wan": _decimal(state["annual_plan_wan"]),
            **{name: _day(state[name]) for name in _TOLD_DAYS},
            "attributes": dict(state["attributes"]),
            "agents": list(state["agents"]),
            "predecessors": [UUID(each) for each in state.get("predecessors") or ()],
            "successors": [UUID(each) for each in state.get("successors") or ()],
            "changed_at": at,
        }
        made = insert(projects).values(
            id=UUID(state["project_id"]), origin=origin, registered_at=at, **_UNTOLD, **values
        )
        self._tx.execute(
            made.on_conflict_do_update(
                index_elements=[projects.c.id],
                set_=values,
                where=(made.excluded.version > projects.c.version) & (projects.c.origin == origin),
            )
        )

    def forget_copies(self, ids: Sequence[UUID]) -> None:
        """Drop these copies: their home was set back to a backup and tells anew what it has."""
        mine = projects.c.id.in_(ids) & (projects.c.origin != "")
        self._tx.execute(projects.delete().where(mine))

    def save(self, project: Project, *, at: datetime) -> None:
        """Write the project; its version moves only when somebody else can see a difference."""
        seen = project.version
        if project.events:
            project.version = seen + 1
        mine = (projects.c.id == project.id) & (projects.c.version == seen)
        if self._tx.execute(projects.update().where(mine).values(_row(project, at))).rowcount != 1:
            raise Stale(subject=project.details.name, version="?", expected=seen)
        self._publish([project], at)

    def _publish(self, saved: Sequence[Project], at: datetime) -> None:
        lines = [
            {
                "project_id": project.id,
                "version": project.version,
                "at": at,
                "by": change.actor.account,
                "by_name": change.actor.name,
                "source": change.actor.source,
                "field": change.field,
                "old": change.old,
                "new": change.new,
                "reason": change.actor.reason,
            }
            for project in saved
            for change in project.changes
        ]
        if lines:
            self._tx.execute(project_history.insert(), lines)
        envelopes = [
            Envelope.seal(event, aggregate_id=project.id, version=project.version, at=at)
            for project in saved
            for event in project.events
        ]
        if envelopes:
            self.outbox.append(*envelopes)
        for project in saved:
            project.events.clear()
            project.changes.clear()


def _locking(chosen: sa.Select[Any], lock: bool) -> sa.Select[Any]:
    return chosen.with_for_update() if lock else chosen


def _row(project: Project, at: datetime) -> dict[str, Any]:
    said = {name: getattr(project.details, name) for name in _said}
    return {
        **said,
        "id": project.id,
        "version": project.version,
        "region_path": project.region_path,
        "actual_start": project.actual_start,
        "agents": list(project.agents),
        "agent_names": list(project.agent_names),
        "assigned": project.assigned,
        "withdrawn_on": project.withdrawn_on,
        "withdrawn_reason": project.withdrawn_reason,
        "archived_on": project.archived_on,
        "archived_reason": project.archived_reason,
        "predecessors": list(project.predecessors),
        "successors": list(project.successors),
        "progress": {
            code: {"state": each.state, "done_on": _day_text(each.done_on)}
            for code, each in project.progress.items()
        },
        "progress_version": project.progress_version,
        "past": {
            code: {
                "accepted_on": each.accepted_on.isoformat(),
                "decided_on": each.decided_on.isoformat(),
                "late": each.late,
            }
            for code, each in project.past.items()
        },
        "scheme": project.scheme,
        "stage": project.stage,
        "status": project.status,
        "pool": project.pool,
        "historical": project.historical,
        "changed_at": at,
    }


def read_project(row: sa.Row[Any]) -> Project:
    values = row._mapping
    return Project(
        id=row.id,
        details=Details(**{name: values[name] for name in _said}),
        scheme=row.scheme,
        agents=tuple(row.agents),
        agent_names=tuple(row.agent_names),
        assigned=row.assigned,
        actual_start=row.actual_start,
        withdrawn_on=row.withdrawn_on,
        withdrawn_reason=row.withdrawn_reason,
        archived_on=row.archived_on,
        archived_reason=row.archived_reason,
        predecessors=tuple(row.predecessors),
        successors=tuple(row.successors),
        progress={
            code: ItemProgress(each["state"], _day(each["done_on"]))
            for code, each in row.progress.items()
        },
        progress_version=row.progress_version,
        past={
            code: Past(
                code,
                date.fromisoformat(each["accepted_on"]),
                date.fromisoformat(each["decided_on"]),
                each["late"],
            )
            for code, each in row.past.items()
        },
        version=row.version,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _day_text(day: date | None) -> str:
    return day.isoformat() if day else ""
