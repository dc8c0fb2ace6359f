"""Tables; load and save. `Diary` is everything that one transaction of this service sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from chassis.db import new_metadata
from chassis.errors import Stale
from chassis.events import Envelope, instant, read_instant
from chassis.inbox import Inbox
from chassis.outbox import Outbox
from proxy_log.domain import (
    Assignment,
    Change,
    Log,
    LogNotFound,
    Navigator,
    PhotoNotFound,
    ProjectNotFound,
    Rating,
    RatingNotFound,
    Served,
    ServiceRated,
)

metadata = new_metadata()

# `agents` is what is bound here once somebody was assigned; until then, what the registry says.
projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("region_path", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("uscc", sa.Text, nullable=False),
    sa.Column("agents", ARRAY(sa.Text), nullable=False),
    sa.Column("assignment_version", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "agents", postgresql_using="gin"),
)

navigators = sa.Table(
    "navigators",
    metadata,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("region_path", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)

log_entries = sa.Table(
    "logs",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, sa.ForeignKey(projects.c.id), nullable=False),
    sa.Column("case_id", sa.Uuid),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("agent_name", sa.Text, nullable=False),
    sa.Column("worked_on", sa.Date, nullable=False),
    sa.Column("work", sa.Text, nullable=False),
    sa.Column("next_step", sa.Text, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("needs_coordination", sa.Boolean, nullable=False),
    sa.Column("internal_note", sa.Text, nullable=False),
    sa.Column("companions", sa.Text, nullable=False),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("approved_at", sa.DateTime(timezone=True)),
    sa.Column("photos", sa.Integer, nullable=False),
    sa.Column("changes", JSONB, nullable=False),
    sa.Index(None, "project_id", "filed_at"),
    sa.Index(None, "filed_at", "id"),
)

photos = sa.Table(
    "photos",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("log_id", sa.Uuid, sa.ForeignKey(log_entries.c.id), nullable=False, index=True),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("thumbnail_key", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("taken_at", sa.Text, nullable=False),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
)

# What can be rated: cases that were decided, orders that were closed.
served = sa.Table(
    "served",
    metadata,
    sa.Column("subject_type", sa.Text, primary_key=True),
    sa.Column("subject_id", sa.Text, primary_key=True),
    sa.Column("project_id", sa.Uuid, nullable=False),
    sa.Column("org", sa.Text, nullable=False),
)

ratings = sa.Table(
    "ratings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("subject_type", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Text, nullable=False),
    sa.Column("project_id", sa.Uuid, sa.ForeignKey(projects.c.id), nullable=False, index=True),
    sa.Column("org", sa.Text, nullable=False),
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("rated_by", sa.Text, nullable=False),
    sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("first_rated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("contacted_at", sa.DateTime(timezone=True)),
    sa.Column("contacted_by", sa.Text, nullable=False),
    sa.Column("contacted_by_name", sa.Text, nullable=False),
    sa.Column("finding", sa.Text, nullable=False),
    sa.UniqueConstraint("subject_type", "subject_id", "project_id"),
    sa.CheckConstraint("score between 1 and 5", name="score_known"),
    sa.Index(None, "first_rated_at", "id"),
)


@dataclass(frozen=True)
class Project:
    """What a log needs to know of its project."""

    id: UUID
    name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    assignment_version: int

    def row_in_scope(self) -> dict[str, Any]:
        """Return the arguments for Scope.check."""
        return {
            "region_path": self.region_path,
            "level": self.level,
            "uscc": self.uscc,
            "agents": self.agents,
            "project_id": str(self.id),
        }


class Diary:
    """Copies, assignments, logs and photos in one transaction."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.inbox = Inbox(tx)
        self._outbox = Outbox(tx)

    # --- copies

    def keep_project(self, state: Mapping[str, Any]) -> None:
        """Keep the project unless ours is as new. Whom we bound ourselves stays bound."""
        row = {
            "id": UUID(state["project_id"]),
            "version": int(state["version"]),
            "name": state["name"],
            "region_path": state["region_path"],
            "level": state["level"],
            "uscc": state["uscc"],
            "agents": list(state["agents"]),
        }
        new = insert(projects).values(row)
        unbound = projects.c.assignment_version == 0
        self._tx.execute(
            new.on_conflict_do_update(
                index_elements=[projects.c.id],
                set_={
                    **{name: new.excluded[name] for name in row if name not in {"id", "agents"}},
                    "agents": sa.case((unbound, new.excluded.agents), else_=projects.c.agents),
                },
                where=new.excluded.version > projects.c.version,
            )
        )

    def keep_navigator(self, state: Mapping[str, Any]) -> None:
        row = {
            "account_id": state["account_id"],
            "version": int(state["version"]),
            "name": state["name"],
            "roles": list(state["roles"]),
            "region_path": state["region_path"],
            "active": bool(state["active"]),
        }
        new = insert(navigators).values(row)
        self._tx.execute(
            new.on_conflict_do_update(
                index_elements=[navigators.c.account_id],
                set_={name: new.excluded[name] for name in row if name != "account_id"},
                where=new.excluded.version > navigators.c.version,
            )
        )

    def project(self, project_id: UUID, *, lock: bool = False) -> Project:
        found = sa.select(projects).where(projects.c.id == project_id)
        row = self._tx.execute(found.with_for_update() if lock else found).one_or_none()
        if row is None:
            raise ProjectNotFound(project_id=project_id, field="project_id")
        return Project(
            row.id,
            row.name,
            row.region_path,
            row.level,
            row.uscc,
            tuple(row.agents),
            row.assignment_version,
        )

    def navigators(self, account_ids: Iterable[str]) -> dict[str, Navigator]:
        rows = self._tx.execute(
            sa.select(navigators).where(navigators.c.account_id.in_(list(account_ids)))
        )
        return {
            row.account_id: Navigator(
                row.account_id, row.name, frozenset(row.roles), row.region_path, row.active
            )
            for row in rows
        }

    # --- assignments

    def save_assignment(self, assignment: Assignment, *, at: datetime) -> None:
        self._tx.execute(
            projects.update()
            .where(projects.c.id == assignment.project_id)
            .values(agents=list(assignment.agents), assignment_version=assignment.version)
        )
        self._publish(assignment, assignment.project_id, at)

    # --- logs

    def log(self, log_id: UUID) -> Log:
        """Return the entry, locked until the transaction ends."""
        found = sa.select(log_entries).where(log_entries.c.id == log_id).with_for_update()
        row = self._tx.execute(found).one_or_none()
        if row is None:
            raise LogNotFound(log_id=log_id, field="log_id")
        values = dict(row._mapping)
        values["changes"] = [
            Change(**{**each, "at": read_instant(each["at"])}) for each in row.changes
        ]
        return Log(**values)

    def add_log(self, log: Log, *, at: datetime) -> None:
        log.version = 1
        self._tx.execute(log_entries.insert(), _row(log))
        self._publish(log, log.id, at)

    def save_log(self, log: Log, *, at: datetime) -> None:
        seen, log.version = log.version, log.version + 1
        mine = (log_entries.c.id == log.id) & (log_entries.c.version == seen)
        if self._tx.execute(log_entries.update().where(mine).values(_row(log))).rowcount != 1:
            raise Stale(subject=f"log {log.id}", version=log.version, expected=seen)
        self._publish(log, log.id, at)

    def add_photo(self, row: Mapping[str, Any]) -> None:
        self._tx.execute(photos.insert(), dict(row))

    def photo(self, log_id: UUID, photo_id: UUID) -> sa.Row[Any]:
        found = sa.select(photos).where(photos.c.id == photo_id, photos.c.log_id == log_id)
        row = self._tx.execute(found).one_or_none()
        if row is None:
            raise PhotoNotFound(log_id=log_id, photo_id=photo_id, field="photo_id")
        return row

    # --- ratings

    def keep_served(self, told: Served) -> None:
        made = insert(served).values(**asdict(told))
        self._tx.execute(made.on_conflict_do_nothing())

    def find_served(self, subject_type: str, subject_id: str) -> Served | None:
        found = sa.select(served).where(
            served.c.subject_type == subject_type, served.c.subject_id == subject_id
        )
        row = self._tx.execute(found).one_or_none()
        return Served(**row._mapping) if row else None

    def rating(self, rating_id: UUID) -> Rating:
        """Return a rating, locked until the transaction ends."""
        found = self._find_rating(ratings.c.id == rating_id)
        if found is None:
            raise RatingNotFound(rating_id=rating_id, field="rating_id")
        return found

    def rating_of(self, subject: Served) -> Rating | None:
        return self._find_rating(
            (ratings.c.subject_type == subject.subject_type)
            & (ratings.c.subject_id == subject.subject_id)
            & (ratings.c.project_id == subject.project_id)
        )

    def put_rating(self, rating: Rating, project: Project, *, at: datetime) -> None:
        values = {column.name: getattr(rating, column.name) for column in ratings.c}
        made = insert(ratings).values(values)
        self._tx.execute(made.on_conflict_do_update(index_elements=["id"], set_=values))
        told = ServiceRated(
            rating_id=rating.id,
            version=rating.version,
            project_id=project.id,
            project_name=project.name,
            subject_type=rating.subject_type,
            subject_id=rating.subject_id,
            org=rating.org,
            score=rating.score,
            comment=rating.comment,
            uscc=project.uscc,
            agents=project.agents,
            region_path=project.region_path,
            level=project.level,
            rated_by=rating.rated_by,
            rated_at=rating.rated_at,
            contacted_at=rating.contacted_at,
            contacted_by=rating.contacted_by,
            finding=rating.finding,
        )
        self._outbox.append(
            Envelope.seal(told, aggregate_id=rating.id, version=rating.version, at=at)
        )

    def _find_rating(self, which: sa.ColumnElement[bool]) -> Rating | None:
        row = self._tx.execute(sa.select(ratings).where(which).with_for_update()).one_or_none()
        return Rating(**row._mapping) if row else None

    def _publish(self, aggregate: Assignment | Log, aggregate_id: UUID, at: datetime) -> None:
        if aggregate.events:
            self._outbox.append(
                *(
                    Envelope.seal(
                        event, aggregate_id=aggregate_id, version=aggregate.version, at=at
                    )
                    for event in aggregate.events
                )
            )
        aggregate.events.clear()


def _row(log: Log) -> dict[str, Any]:
    row = {column.name: getattr(log, column.name) for column in log_entries.c}
    row["changes"] = [{**asdict(each), "at": instant(each.at)} for each in log.changes]
    return row
