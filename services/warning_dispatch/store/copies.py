"""Rules, the calendar, and copies of cases and projects: an older version never overwrites a newer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from chassis.calendar import Calendar, read_calendar
from chassis.events import instant
from warning_dispatch.domain import Bearer, Case, Project, RuleBook, RuleNotFound
from warning_dispatch.store.dues import Subject
from warning_dispatch.store.tables import (
    calendar_copy,
    case_copies,
    escalations,
    project_copies,
    project_logs,
    warning_rules,
    watched,
    work_orders,
)

# What a decision leaves to be done, such as the check of a pledge, is over by then.
_AFTERMATH = timedelta(days=180)
_ids = sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))

# The newest version of each rule that counts on a day.
rules_of_the_day = (
    sa.select(warning_rules.c.body)
    .ext(distinct_on(warning_rules.c.code))
    .where(warning_rules.c.effective_from <= sa.bindparam("today"))
    .order_by(warning_rules.c.code, warning_rules.c.version.desc())
)
_calendar = sa.select(calendar_copy.c.version, sa.cast(calendar_copy.c.body, sa.Text).label("body"))
_case_version = (
    sa.select(case_copies.c.version)
    .where(case_copies.c.id == sa.bindparam("case_id"))
    .with_for_update()
)
_cases = sa.select(case_copies.c.id, case_copies.c.state).where(
    case_copies.c.id == sa.func.any(_ids)
)
_projects = (
    sa.select(
        project_copies.c.id,
        project_copies.c.state,
        project_copies.c.active_since,
        project_logs.c.last_filed_at,
        project_logs.c.last_visited_at,
    )
    .select_from(
        project_copies.outerjoin(project_logs, project_logs.c.project_id == project_copies.c.id)
    )
    .where(project_copies.c.id == sa.func.any(_ids))
)


class CopyStore:
    """What others published, as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    # --- rules and calendar

    def add_rule(self, body: Mapping[str, Any]) -> bool:
        """Add a version of a rule; return whether it is new. A version is never changed."""
        row = {
            "code": body["code"],
            "version": int(body["version"]),
            "effective_from": date.fromisoformat(str(body["effective_from"])),
            "body": dict(body),
        }
        made = insert(warning_rules).values(row).on_conflict_do_nothing()
        return self._tx.execute(made.returning(warning_rules.c.code)).first() is not None

    def newest_rule(self, code: str) -> dict[str, Any]:
        """Return the newest version of a rule, whether or not it counts yet."""
        newest = (
            sa.select(warning_rules.c.body)
            .where(warning_rules.c.code == code)
            .order_by(warning_rules.c.version.desc())
            .limit(1)
        )
        body: dict[str, Any] | None = self._tx.scalar(newest)
        if body is None:
            raise RuleNotFound(code=code, field="code")
        return body

    def versions_of_rule(self, code: str) -> list[dict[str, Any]]:
        """Return every version of a rule, the newest first."""
        chosen = sa.select(warning_rules.c.body).where(warning_rules.c.code == code)
        bodies = list(self._tx.scalars(chosen.order_by(warning_rules.c.version.desc())))
        if not bodies:
            raise RuleNotFound(code=code, field="code")
        return bodies

    def known_items(self, codes: Iterable[str]) -> set[str]:
        """Return those of the items that any case or frozen plan has."""
        wanted = sa.literal(sorted(codes), sa.ARRAY(sa.Text))
        of_cases = sa.select(case_copies.c.state["item_code"].astext).where(
            case_copies.c.state["item_code"].astext == sa.func.any(wanted)
        )
        node = sa.func.jsonb_array_elements(watched.c.state["nodes"]).table_valued("value")
        code = node.c.value.op("->>")("item_code")
        of_plans = (
            sa.select(code)
            .select_from(watched.join(node, sa.true()))
            .where(watched.c.kind == "plan", code == sa.func.any(wanted))
        )
        return set(self._tx.scalars(of_cases.union(of_plans)))

    def rule_book(self, today: date) -> RuleBook:
        return RuleBook.read(self._tx.scalars(rules_of_the_day, {"today": today}))

    def save_calendar(self, body: Mapping[str, Any], *, version: int) -> bool:
        """Keep the calendar unless the one we have is as new; return whether it was kept."""
        row = {"version": version, "label": str(body.get("version", "")), "body": dict(body)}
        made = insert(calendar_copy).values(single=True, **row)
        kept = made.on_conflict_do_update(
            index_elements=[calendar_copy.c.single],
            set_=row,
            where=calendar_copy.c.version < made.excluded.version,
        )
        return self._tx.execute(kept.returning(calendar_copy.c.version)).first() is not None

    def find_calendar(self) -> tuple[int, Calendar] | None:
        row = self._tx.execute(_calendar).first()
        return None if row is None else (row.version, _parse(row.body))

    # --- cases

    def lock_case(self, case_id: UUID) -> int:
        """Return the version of our copy, 0 when there is none; nobody else changes it meanwhile."""
        blank = {"id": case_id, "version": 0, "state": {}}
        self._tx.execute(insert(case_copies).values(blank).on_conflict_do_nothing())
        return int(self._tx.execute(_case_version, {"case_id": case_id}).scalar_one())

    def save_case(self, state: Mapping[str, Any], *, version: int, reckoned: str) -> None:
        project = state.get("project_id")
        self._tx.execute(
            case_copies.update()
            .where(case_copies.c.id == UUID(state["case_id"]))
            .values(
                version=version,
                project_id=UUID(project) if project else None,
                state=dict(state),
                reckoned=reckoned,
            )
        )

    def cases(self, ids: Iterable[UUID]) -> dict[UUID, Case]:
        """Return the cases we have a copy of, each with its project's present navigators and scope."""
        rows = [row for row in self._tx.execute(_cases, {"ids": list(ids)}) if row.state]
        found = {row.id: Case.read(row.state) for row in rows}
        wanted = {case.bearer.project_id for case in found.values()} - {None}
        projects = self.projects(project for project in wanted if project)
        for case_id, case in found.items():
            project = projects.get(case.bearer.project_id) if case.bearer.project_id else None
            if project:
                found[case_id] = replace(case, bearer=_of_project(case.bearer, project.bearer))
        return found

    # --- projects

    def lock_project(self, project_id: UUID) -> int:
        blank = {"id": project_id, "version": 0, "state": {}}
        self._tx.execute(insert(project_copies).values(blank).on_conflict_do_nothing())
        locked = (
            sa.select(project_copies.c.version)
            .where(project_copies.c.id == project_id)
            .with_for_update()
        )
        return int(self._tx.execute(locked).scalar_one())

    def save_project(
        self,
        state: Mapping[str, Any],
        *,
        version: int,
        active_since: datetime | None,
        reckoned: str,
    ) -> None:
        """Keep the project; when it was first seen under way stays as it is."""
        self._tx.execute(
            project_copies.update()
            .where(project_copies.c.id == UUID(state["project_id"]))
            .values(
                version=version,
                state=dict(state),
                active_since=sa.func.coalesce(project_copies.c.active_since, active_since),
                reckoned=reckoned,
            )
        )

    def projects(self, ids: Iterable[UUID]) -> dict[UUID, Project]:
        rows = self._tx.execute(_projects, {"ids": list(ids)})
        return {
            row.id: Project.read(
                row.state,
                log_since=_latest(row.active_since, row.last_filed_at),
                visit_since=_latest(row.active_since, row.last_visited_at),
                known_since=row.active_since,
            )
            for row in rows
            if row.state
        }

    def log_filed(self, project_id: UUID, at: datetime, *, on_site: bool) -> None:
        made = insert(project_logs).values(
            project_id=project_id, last_filed_at=at, last_visited_at=at if on_site else None
        )
        newer = {
            name: sa.func.greatest(project_logs.c[name], made.excluded[name])
            for name in ("last_filed_at", "last_visited_at")
        }
        self._tx.execute(
            made.on_conflict_do_update(index_elements=[project_logs.c.project_id], set_=newer)
        )

    # --- what a rule looks at

    def subjects_of(
        self, kind: str, *, since: datetime, after: UUID | None, limit: int
    ) -> list[Subject]:
        """Return subjects of a kind by id, leaving out what was over before `since`."""
        table, wanted = _subjects(kind, since)
        if after is not None:
            wanted = [*wanted, table.c.id > after]
        chosen = sa.select(table.c.id).where(*wanted).order_by(table.c.id).limit(limit)
        return [Subject(kind, each) for each in self._tx.scalars(chosen)]

    # --- what must be reckoned anew

    def cases_reckoned_otherwise(self, reckoned: str, *, limit: int) -> list[UUID]:
        """Return cases whose due moments come from another calendar or other rules, and lock them."""
        return self._otherwise(case_copies, reckoned, limit)

    def projects_reckoned_otherwise(self, reckoned: str, *, limit: int) -> list[UUID]:
        return self._otherwise(project_copies, reckoned, limit)

    def mark_cases_reckoned(self, ids: list[UUID], reckoned: str) -> None:
        self._mark(case_copies, ids, reckoned)

    def mark_projects_reckoned(self, ids: list[UUID], reckoned: str) -> None:
        self._mark(project_copies, ids, reckoned)

    def _otherwise(self, table: sa.Table, reckoned: str, limit: int) -> list[UUID]:
        # Two ranges of an index, and not `<>`, which would read the whole table every second.
        otherwise = sa.or_(table.c.reckoned < reckoned, table.c.reckoned > reckoned)
        chosen = (
            sa.select(table.c.id).where(otherwise).limit(limit).with_for_update(skip_locked=True)
        )
        return list(self._tx.scalars(chosen))

    def _mark(self, table: sa.Table, ids: list[UUID], reckoned: str) -> None:
        self._tx.execute(table.update().where(table.c.id.in_(ids)).values(reckoned=reckoned))


def _subjects(kind: str, since: datetime) -> tuple[sa.Table, list[sa.ColumnElement[bool]]]:
    if kind == "case":
        decided = case_copies.c.state["decided_at"].astext
        return case_copies, [
            sa.or_(decided.is_(None), decided == "", decided >= instant(since - _AFTERMATH))
        ]
    if kind in ("project", "log"):
        return project_copies, []
    if kind == "work_order":
        closed = work_orders.c.closed_at
        return work_orders, [work_orders.c.origin == "", sa.or_(closed.is_(None), closed >= since)]
    if kind == "escalation":
        return escalations, []
    return watched, [watched.c.kind == kind]


def _latest(*moments: datetime | None) -> datetime | None:
    return max((at for at in moments if at), default=None)


@lru_cache(maxsize=4)
def _parse(body: str) -> Calendar:
    return read_calendar(json.loads(body))


def _of_project(case: Bearer, project: Bearer) -> Bearer:
    """A project's agents, territory and level may have changed since the case last said so."""
    return replace(
        case,
        agents=project.agents or case.agents,
        region_path=project.region_path or case.region_path,
        level=project.level or case.level,
        project_name=project.project_name or case.project_name,
    )
