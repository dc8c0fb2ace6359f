"""Reads that change nothing."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.errors import OutOfScope
from chassis.events import instant, read_instant
from chassis.identity import Scope, scope_clause
from chassis.paging import Page
from proxy_log.domain import LogNotFound, ProjectNotFound
from proxy_log.store import log_entries, navigators, photos, projects, ratings

_in_scope = scope_clause(projects)
_logs = sa.select(
    log_entries, projects.c.name.label("project_name"), _in_scope.label("visible")
).join_from(log_entries, projects)
_newest_first = (log_entries.c.filed_at.desc(), log_entries.c.id.desc())


def get_project(connection: sa.Connection, project_id: UUID, scope: Scope) -> sa.Row[Any]:
    found = sa.select(projects, _in_scope.label("visible")).where(projects.c.id == project_id)
    row = connection.execute(found, scope.bind()).one_or_none()
    if row is None:
        raise ProjectNotFound(project_id=project_id, field="project_id")
    if not row.visible:
        raise OutOfScope
    return row


def names(connection: sa.Connection, account_ids: list[str]) -> dict[str, str]:
    rows = connection.execute(
        sa.select(navigators.c.account_id, navigators.c.name).where(
            navigators.c.account_id.in_(account_ids)
        )
    )
    return {row.account_id: row.name for row in rows}


def get_log(connection: sa.Connection, log_id: UUID, scope: Scope) -> sa.Row[Any]:
    row = connection.execute(_logs.where(log_entries.c.id == log_id), scope.bind()).one_or_none()
    if row is None:
        raise LogNotFound(log_id=log_id, field="log_id")
    if not row.visible:
        raise OutOfScope
    return row


def photos_of(connection: sa.Connection, log_ids: list[UUID]) -> dict[UUID, list[sa.Row[Any]]]:
    found: dict[UUID, list[sa.Row[Any]]] = {}
    query = sa.select(photos).where(photos.c.log_id.in_(log_ids)).order_by(photos.c.id)
    for row in connection.execute(query):
        found.setdefault(row.log_id, []).append(row)
    return found


def list_logs(
    connection: sa.Connection,
    scope: Scope,
    page: Page,
    *,
    project_id: UUID | None = None,
    agent: str = "",
    since: date | None = None,
    until: date | None = None,
) -> list[sa.Row[Any]]:
    """Return one row more than the page holds when there are more."""
    query = _logs.where(_in_scope)
    if project_id:
        query = query.where(log_entries.c.project_id == project_id)
    if agent:
        query = query.where(log_entries.c.agent == agent)
    if since:
        query = query.where(log_entries.c.worked_on >= since)
    if until:
        query = query.where(log_entries.c.worked_on <= until)
    if page.after:
        filed_at, log_id = page.after
        key = sa.tuple_(log_entries.c.filed_at, log_entries.c.id)
        query = query.where(key < sa.tuple_(read_instant(str(filed_at)), UUID(str(log_id))))
    query = query.order_by(*_newest_first).limit(page.size + 1)
    return list(connection.execute(query, scope.bind()))


def sort_key(row: sa.Row[Any]) -> tuple[str, str]:
    return instant(row.filed_at), str(row.id)


# A rating is seen by its territory, its company, and the body that was rated; not by every body there.
_rated = (
    sa.select(
        ratings,
        projects.c.name.label("project_name"),
        *(projects.c[name] for name in ("region_path", "level", "uscc", "agents")),
    )
    .join_from(ratings, projects)
    .subquery("rated")
)
_ratings = sa.select(_rated).where(scope_clause(_rated))


def list_ratings(
    connection: sa.Connection,
    scope: Scope,
    asked: Page,
    *,
    project_id: UUID | None,
    bad: bool,
    open_only: bool,
) -> list[sa.Row[Any]]:
    """Return the ratings in scope, the newest first, one more than the page holds when there are more."""
    found = _ratings
    if project_id:
        found = found.where(_rated.c.project_id == project_id)
    if bad or open_only:
        found = found.where(_rated.c.score <= 2)
    if open_only:
        found = found.where(_rated.c.contacted_at.is_(None))
    if asked.after:
        rated_at, rating_id = asked.after
        key = sa.tuple_(_rated.c.first_rated_at, _rated.c.id)
        found = found.where(key < sa.tuple_(read_instant(str(rated_at)), UUID(str(rating_id))))
    order = (_rated.c.first_rated_at.desc(), _rated.c.id.desc())
    return list(connection.execute(found.order_by(*order).limit(asked.size + 1), scope.bind()))


def rating_averages(connection: sa.Connection, scope: Scope) -> list[sa.Row[Any]]:
    """Return average and sample per body, and per navigator, of the ratings in scope."""
    of_agent = _rated.c.subject_type == "agent"
    who = sa.case((of_agent, _rated.c.subject_id), else_=_rated.c.org)
    found = (
        sa.select(
            who.label("who"),
            of_agent.label("of_agent"),
            sa.func.avg(_rated.c.score).label("average"),
            sa.func.count().label("sample"),
        )
        .where(scope_clause(_rated))
        .group_by(who, of_agent)
        .order_by(who)
    )
    return list(connection.execute(found, scope.bind()))


def find_rating(connection: sa.Connection, rating_id: UUID) -> sa.Row[Any]:
    return connection.execute(sa.select(_rated).where(_rated.c.id == rating_id)).one()
