"""Reads that change nothing; plain rows out. Every list is in the caller's scope and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.errors import PageTokenInvalid
from chassis.identity import Scope, scope_clause
from chassis.paging import Page
from project_registry.domain.details import LEVELS
from project_registry.domain.progress import POOLS
from project_registry.store.tables import (
    agents,
    annual_list_projects,
    annual_lists,
    organisations,
    project_history,
    projects,
)

Row = sa.Row[Any]

# Built once, with bind parameters: the shape of a statement does not depend on who asks.
_projects_in_scope = scope_clause(projects)
_lists_in_scope = scope_clause(annual_lists)
_project = sa.select(projects).where(projects.c.id == sa.bindparam("project_id"))


def find_project(connection: sa.Connection, project_id: UUID) -> Row | None:
    return connection.execute(_project, {"project_id": project_id}).one_or_none()


def list_projects(
    connection: sa.Connection,
    scope: Scope,
    page: Page,
    *,
    text: str = "",
    region_path: str = "",
    **equal: object,
) -> tuple[list[Row], int]:
    """Return one page, the newest year first, then by name, and how many there are in all.

    `equal` names columns and the values they must have; empty values do not filter.
    """
    wanted = [
        _projects_in_scope,
        *(projects.c[name] == value for name, value in equal.items() if value),
    ]
    if text:
        like = f"%{_escaped(text)}%"
        wanted.append(
            sa.or_(
                projects.c.name.ilike(like, escape="\\"),
                projects.c.enterprise_name.ilike(like, escape="\\"),
                projects.c.code.ilike(like, escape="\\"),
            )
        )
    if region_path:
        wanted.append(_within(projects.c.region_path, region_path))
    total = _count(connection, projects, wanted, scope)
    chosen = sa.select(projects).where(*wanted)
    if page.after is not None:
        year, name, last = page.after
        chosen = chosen.where(
            sa.or_(
                projects.c.year < _integer(year),
                sa.and_(
                    projects.c.year == _integer(year),
                    sa.tuple_(projects.c.name, projects.c.id) > sa.tuple_(str(name), _uuid(last)),
                ),
            )
        )
    chosen = chosen.order_by(projects.c.year.desc(), projects.c.name, projects.c.id)
    return list(connection.execute(chosen.limit(page.size + 1), scope.bind())), total


def list_history(
    connection: sa.Connection, project_id: UUID, page: Page, *, field: str = ""
) -> list[Row]:
    """Return one page of a project's changes, the newest first."""
    chosen = sa.select(project_history).where(project_history.c.project_id == project_id)
    if field:
        chosen = chosen.where(project_history.c.field == field)
    if page.after is not None:
        chosen = chosen.where(project_history.c.id < _integer(page.after[0]))
    chosen = chosen.order_by(project_history.c.id.desc()).limit(page.size + 1)
    return list(connection.execute(chosen))


def count_pools(
    connection: sa.Connection, scope: Scope, *, year: int = 0, region_path: str = ""
) -> Mapping[tuple[str, str], Row]:
    """Return count and investment by (pool, level); a territory's statistics hold every level."""
    statistics = replace(scope, levels=LEVELS)
    wanted = [_projects_in_scope, projects.c.status != "withdrawn"]
    wanted.append(projects.c.pool == sa.any_(sa.literal(list(POOLS), sa.ARRAY(sa.Text))))
    if year:
        wanted.append(projects.c.year == year)
    if region_path:
        wanted.append(_within(projects.c.region_path, region_path))
    counted = (
        sa.select(
            projects.c.pool,
            projects.c.level,
            sa.func.count().label("projects"),
            sa.func.sum(projects.c.total_investment_wan).label("investment"),
        )
        .where(*wanted)
        .group_by(projects.c.pool, projects.c.level)
    )
    return {(row.pool, row.level): row for row in connection.execute(counted, statistics.bind())}


def list_organisations(
    connection: sa.Connection,
    page: Page,
    *,
    on: date,
    region_path: str = "",
    text: str = "",
    **equal: object,
) -> tuple[list[Row], int]:
    """Return one page of the bodies as they were called on a day, in the order of their codes."""
    wanted = [
        organisations.c.valid_from <= on,
        sa.or_(organisations.c.valid_to.is_(None), organisations.c.valid_to >= on),
        *(organisations.c[name] == value for name, value in equal.items() if value),
    ]
    if region_path:
        wanted.append(_within(organisations.c.region_path, region_path))
    if text:
        wanted.append(organisations.c.name.ilike(f"%{_escaped(text)}%", escape="\\"))
    total = _count(connection, organisations, wanted)
    chosen = sa.select(organisations).where(*wanted)
    if page.after is not None:
        chosen = chosen.where(organisations.c.org > str(page.after[0]))
    chosen = chosen.order_by(organisations.c.org).limit(page.size + 1)
    return list(connection.execute(chosen)), total


def list_agents(
    connection: sa.Connection,
    page: Page,
    *,
    within: tuple[str, ...],
    region_path: str = "",
    text: str = "",
    everybody: bool = False,
) -> tuple[list[Row], int]:
    """Return one page of the roster of these territories, by account."""
    wanted: list[sa.ColumnElement[bool]] = [
        sa.or_(sa.false(), *(_within(agents.c.region_path, path) for path in within))
    ]
    if not everybody:
        wanted.append(agents.c.active)
    if region_path:
        wanted.append(_within(agents.c.region_path, region_path))
    if text:
        like = f"%{_escaped(text)}%"
        wanted.append(
            sa.or_(
                agents.c.name.ilike(like, escape="\\"), agents.c.username.ilike(like, escape="\\")
            )
        )
    total = _count(connection, agents, wanted)
    chosen = sa.select(agents).where(*wanted)
    if page.after is not None:
        chosen = chosen.where(agents.c.account_id > str(page.after[0]))
    chosen = chosen.order_by(agents.c.account_id).limit(page.size + 1)
    return list(connection.execute(chosen)), total


_listed = [column for column in annual_lists.c if column.name not in ("rows", "headings")]


def list_annual_lists(
    connection: sa.Connection, scope: Scope, page: Page, **equal: object
) -> tuple[list[Row], int]:
    """Return one page of lists, the newest first."""
    wanted = [
        _lists_in_scope,
        *(annual_lists.c[name] == value for name, value in equal.items() if value),
    ]
    total = _count(connection, annual_lists, wanted, scope)
    chosen = sa.select(*_listed).where(*wanted)
    if page.after is not None:
        at, last = page.after
        key = sa.tuple_(annual_lists.c.uploaded_at, annual_lists.c.id)
        chosen = chosen.where(key < sa.tuple_(_instant(at), _uuid(last)))
    chosen = chosen.order_by(annual_lists.c.uploaded_at.desc(), annual_lists.c.id.desc())
    return list(connection.execute(chosen.limit(page.size + 1), scope.bind())), total


def find_annual_list(connection: sa.Connection, list_id: UUID) -> Row | None:
    return connection.execute(sa.select(*_listed).where(annual_lists.c.id == list_id)).one_or_none()


def members_of_list(connection: sa.Connection, list_id: UUID) -> list[UUID]:
    chosen = (
        sa.select(annual_list_projects.c.project_id)
        .where(annual_list_projects.c.list_id == list_id)
        .order_by(annual_list_projects.c.position)
    )
    return list(connection.scalars(chosen))


def _count(
    connection: sa.Connection,
    table: sa.Table,
    wanted: list[sa.ColumnElement[bool]],
    scope: Scope | None = None,
) -> int:
    counted = sa.select(sa.func.count()).select_from(table).where(*wanted)
    return connection.scalar(counted, scope.bind() if scope else {}) or 0


def _within(column: sa.ColumnElement[str], path: str) -> sa.ColumnElement[bool]:
    return sa.or_(column == path, column.like(f"{path}/%"))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _integer(value: Any) -> int:
    if not isinstance(value, int) or not -(2**31) <= value < 2**63:
        raise PageTokenInvalid(field="page_token")
    return value


def _uuid(value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


def _instant(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error
    if at.tzinfo is None:
        raise PageTokenInvalid(field="page_token")
    return at
