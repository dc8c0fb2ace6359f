"""Reads that change nothing: plain rows out."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from chassis import regions
from chassis.db import audit
from chassis.paging import Page
from identity.domain import Manager, Mandate, authority
from identity.domain.roles import DISTRICT_GRANTS
from identity.store import accounts, companies, mandates, read_mandate

_ZONE = ZoneInfo("Asia/Shanghai")


def list_accounts(
    connection: sa.Connection,
    manager: Manager,
    page: Page,
    *,
    search: str,
    role: str,
    region: str,
    uscc: str,
    now: datetime,
) -> list[tuple[sa.Row[Any], frozenset[str]]]:
    """Return the accounts he manages, by user name, each with the companies it acts for today."""
    query = sa.select(accounts).where(_managed(manager)).order_by(accounts.c.username)
    if search:
        query = query.where(
            accounts.c.username.contains(search, autoescape=True)
            | accounts.c.name.contains(search, autoescape=True)
        )
    if role:
        query = query.where(accounts.c.roles.contains([role]))
    if region:
        query = query.where(_below(accounts.c.region_path, regions.path_of(region)))
    if uscc:
        query = query.where(_acts_for(mandates.c.uscc == uscc))
    if page.after:
        query = query.where(accounts.c.username > page.after[0])
    rows = connection.execute(query.limit(page.size + 1)).all()
    held = _mandates(connection, mandates.c.account_id.in_([row.id for row in rows]))
    return [
        (row, authority((mandate for owner, mandate in held if owner.account_id == row.id), now)[0])
        for row in rows
    ]


def list_companies(
    connection: sa.Connection, manager: Manager, page: Page, *, search: str
) -> list[sa.Row[Any]]:
    query = sa.select(companies).order_by(companies.c.uscc)
    if not manager.manages_all:
        mine: list[sa.ColumnElement[bool]] = [companies.c.uscc.in_(sorted(manager.own_companies))]
        if manager.territory:
            mine.append(_below(companies.c.region_path, manager.territory))
        query = query.where(sa.or_(*mine))
    if search:
        query = query.where(
            companies.c.uscc.startswith(search, autoescape=True)
            | companies.c.name.contains(search, autoescape=True)
        )
    if page.after:
        query = query.where(companies.c.uscc > page.after[0])
    return list(connection.execute(query.limit(page.size + 1)))


def mandates_of_company(connection: sa.Connection, uscc: str) -> list[tuple[sa.Row[Any], Mandate]]:
    return _mandates(connection, mandates.c.uscc == uscc)


def list_audit_lines(
    connection: sa.Connection,
    page: Page,
    *,
    account_id: str,
    subject_id: str,
    from_day: date | None,
    to_day: date | None,
) -> list[sa.Row[Any]]:
    """Return lines newest first; days are those of Asia/Shanghai, both included."""
    query = sa.select(audit).order_by(audit.c.id.desc())
    if account_id:
        query = query.where(audit.c.account == account_id)
    if subject_id:
        query = query.where(audit.c.subject_id == subject_id)
    if from_day:
        query = query.where(audit.c.at >= datetime.combine(from_day, time(), _ZONE))
    if to_day:
        query = query.where(audit.c.at <= datetime.combine(to_day, time.max, _ZONE))
    if page.after:
        query = query.where(audit.c.id < page.after[0])
    return list(connection.execute(query.limit(page.size + 1)))


def _mandates(
    connection: sa.Connection, which: sa.ColumnElement[bool]
) -> list[tuple[sa.Row[Any], Mandate]]:
    """Return mandates with the row that also names their holder."""
    query = (
        sa.select(mandates, accounts.c.username, accounts.c.name)
        .join(accounts, accounts.c.id == mandates.c.account_id)
        .where(which)
        .order_by(mandates.c.granted_at.desc(), mandates.c.id)
    )
    return [(row, read_mandate(row)) for row in connection.execute(query)]


def _managed(manager: Manager) -> sa.ColumnElement[bool]:
    """Say of the table what `Manager.manages` says of one account."""
    if manager.manages_all:
        return sa.true()
    mine: list[sa.ColumnElement[bool]] = [sa.false()]
    if manager.territory:
        grants = sa.literal(sorted(DISTRICT_GRANTS), type_=accounts.c.roles.type)
        mine.append(
            accounts.c.roles.contained_by(grants)
            & _below(accounts.c.region_path, manager.territory)
        )
    if manager.own_companies:
        own = mandates.c.uscc.in_(sorted(manager.own_companies))
        mine.append(
            (accounts.c.roles == sa.literal(["E2"], type_=accounts.c.roles.type))
            & _acts_for(own)
            & ~_acts_for(~own)
        )
    return sa.or_(*mine)


def _acts_for(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where((mandates.c.account_id == accounts.c.id) & which)


def _below(column: sa.ColumnElement[str], path: str) -> sa.ColumnElement[bool]:
    return sa.or_(column == path, column.startswith(f"{path}/", autoescape=True))
