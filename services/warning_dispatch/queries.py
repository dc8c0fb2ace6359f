"""Reads that change nothing; plain rows out. Every list is in the caller's scope and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis import regions
from chassis.errors import PageTokenInvalid
from chassis.events import plain
from chassis.identity import Principal, Scope, scope_clause
from chassis.paging import Page
from warning_dispatch.domain import AWAITING_FEEDBACK, COLOURS, FINISHED, UNFINISHED
from warning_dispatch.store.copies import rules_of_the_day
from warning_dispatch.store.tables import (
    cards,
    deliveries,
    escalations,
    notification_reads,
    notifications,
    warning_rules,
    work_orders,
)

Row = sa.Row[Any]

_ruled = cards.outerjoin(
    warning_rules,
    (warning_rules.c.code == cards.c.rule) & (warning_rules.c.version == cards.c.rule_version),
)
_titled = (
    cards,
    warning_rules.c.body["title_zh"].astext.label("rule_title_zh"),
    warning_rules.c.body["title_en"].astext.label("rule_title_en"),
)
_card = sa.select(*_titled).select_from(_ruled).where(cards.c.id == sa.bindparam("card_id"))
_order = sa.select(work_orders).where(work_orders.c.id == sa.bindparam("order_id"))
_orders_of_cards = (
    sa.select(work_orders.c.card_id, work_orders.c.id)
    .where(work_orders.c.card_id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .order_by(work_orders.c.issued_at, work_orders.c.id)
)
_cards_in_scope = scope_clause(cards)
_orders_in_scope = scope_clause(work_orders)
_escalations_in_scope = scope_clause(escalations)

# The last territory of the path: a town's, or the district's own.
_region = sa.func.regexp_replace(work_orders.c.region_path, "^.*/", "")
OPEN_STATUSES = ("issued", "signed", "handling", "feedback", "checking", "rework", "returned")
_MOST_LINES = 500

# Above this the badge says "99+" anyway.
_MOST_UNREAD = 100


def find_card(connection: sa.Connection, card_id: UUID) -> Row | None:
    return connection.execute(_card, {"card_id": card_id}).one_or_none()


def find_order(connection: sa.Connection, order_id: UUID) -> Row | None:
    return connection.execute(_order, {"order_id": order_id}).one_or_none()


def rule_version(connection: sa.Connection, code: str, version: int) -> Any:
    """Return one version of a rule as it was made."""
    return connection.scalar(
        sa.select(warning_rules.c.body).where(
            warning_rules.c.code == code, warning_rules.c.version == version
        )
    )


def told_about(connection: sa.Connection, **subject: UUID) -> list[dict[str, Any]]:
    """Return what was told about a card or an order, to whom, and what became of each delivery."""
    ((name, value),) = subject.items()
    told = connection.execute(
        sa.select(notifications)
        .where(notifications.c[name] == value)
        .order_by(notifications.c.at, notifications.c.id)
    ).all()
    sent = connection.execute(
        sa.select(deliveries)
        .where(deliveries.c.notification_id.in_([row.id for row in told]))
        .order_by(deliveries.c.queued_at, deliveries.c.id)
    ).all()
    return [
        {
            **plain(dict(row._mapping)),
            "deliveries": [
                plain(dict(each._mapping)) for each in sent if each.notification_id == row.id
            ],
        }
        for row in told
    ]


def list_cards(
    connection: sa.Connection,
    scope: Scope,
    page: Page,
    *,
    live: bool = False,
    untriaged: bool = False,
    objection: str = "",
    **equal: object,
) -> tuple[list[Row], int]:
    """Return one page of cards, the latest due first, and how many there are in all.

    `equal` names columns and the values they must have; empty values do not filter.
    """
    wanted = [
        _cards_in_scope,
        *(cards.c[name] == value for name, value in equal.items() if value),
    ]
    if live:
        wanted.append(cards.c.status.not_in(FINISHED))
    if untriaged:
        wanted.append((cards.c.cause == "") & cards.c.status.in_(sorted(UNFINISHED)))
    if objection:
        wanted.append(cards.c.objection["status"].astext == objection)
    counted = sa.select(sa.func.count()).select_from(cards).where(*wanted)
    total = connection.scalar(counted, scope.bind()) or 0
    paged = _after(page, cards.c.due_moment, cards.c.id)
    chosen = (
        sa.select(*_titled)
        .select_from(_ruled)
        .where(*wanted, *paged)
        .order_by(cards.c.due_moment.desc(), cards.c.id.desc())
        .limit(page.size + 1)
    )
    return list(connection.execute(chosen, scope.bind())), total


def orders_of_cards(connection: sa.Connection, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for row in connection.execute(_orders_of_cards, {"ids": list(ids)}):
        found.setdefault(row.card_id, []).append(row.id)
    return found


def list_orders(
    connection: sa.Connection,
    scope: Scope,
    principal: Principal,
    page: Page,
    *,
    still_open: bool = False,
    overdue_at: datetime | None = None,
    mine: bool = False,
    co_org: str = "",
    region: str = "",
    due_before: datetime | None = None,
    **equal: object,
) -> tuple[list[Row], int]:
    """Return one page of work orders, the newest first; a body also sees those it helps with."""
    wanted = [
        _seen_by(principal),
        *(work_orders.c[name] == value for name, value in equal.items() if value),
    ]
    if mine:
        names = {principal.name, principal.username} - {""}
        wanted.append(work_orders.c.handler.in_(sorted(names)))
    if co_org:
        wanted.append(work_orders.c.co_orgs.contains([co_org]))
    if region:
        top = regions.path_of(region)
        path = work_orders.c.region_path
        wanted.append((path == top) | path.like(f"{top}/%"))
    if due_before:
        wanted.append((work_orders.c.status != "closed") & (_next_limit() < due_before))
    if still_open:
        wanted.append(work_orders.c.status != "closed")
    if overdue_at:
        wanted.append(_overdue(overdue_at))
    counted = sa.select(sa.func.count()).select_from(work_orders).where(*wanted)
    total = connection.scalar(counted, scope.bind()) or 0
    chosen = (
        sa.select(work_orders)
        .where(*wanted, *_after(page, work_orders.c.issued_at, work_orders.c.id))
        .order_by(work_orders.c.issued_at.desc(), work_orders.c.id.desc())
        .limit(page.size + 1)
    )
    return list(connection.execute(chosen, scope.bind())), total


def summarise_orders(
    connection: sa.Connection, scope: Scope, principal: Principal, *, by: str, at: datetime
) -> list[Row]:
    """Count what is under way per person, body or region, the most pressing first, in one query."""
    columns = work_orders.c
    key, name = {
        "person": (columns.handler, columns.handler),
        "body": (columns.lead_org, sa.func.max(columns.lead_org_name)),
        "region": (_region, _region),
    }[by]
    soon = (_next_limit() >= at) & (_next_limit() < at + timedelta(days=1))
    overdue = sa.func.count().filter(_overdue(at))
    chosen = (
        sa.select(
            key.label("key"),
            name.label("name"),
            sa.func.count().label("open"),
            *(sa.func.count().filter(columns.status == each).label(each) for each in OPEN_STATUSES),
            *(sa.func.count().filter(columns.colour == each).label(each) for each in COLOURS),
            overdue.label("overdue"),
            sa.func.count().filter(soon).label("due_soon"),
        )
        .where(_seen_by(principal), columns.status != "closed")
        .group_by(key)
        .order_by(overdue.desc(), sa.func.count().desc(), key)
        .limit(_MOST_LINES)
    )
    return list(connection.execute(chosen, scope.bind()))


def find_escalation(connection: sa.Connection, escalation_id: UUID) -> Row | None:
    chosen = sa.select(escalations).where(escalations.c.id == escalation_id)
    return connection.execute(chosen).one_or_none()


def list_escalations(
    connection: sa.Connection,
    scope: Scope,
    page: Page,
    *,
    still_open: bool = False,
    overdue_at: datetime | None = None,
    measures_before: date | None = None,
    **equal: object,
) -> tuple[list[Row], int]:
    """Return one page of matters on the ladder, the newest first, and how many there are in all."""
    wanted = [
        _escalations_in_scope,
        *(escalations.c[name] == value for name, value in equal.items() if value),
    ]
    if still_open or overdue_at or measures_before:
        wanted.append(escalations.c.status.not_in(("closed", "merged")))
    if overdue_at:
        wanted.append(escalations.c.due_at < overdue_at)
    if measures_before:
        wanted.append(escalations.c.measure_due < measures_before)
    counted = sa.select(sa.func.count()).select_from(escalations).where(*wanted)
    total = connection.scalar(counted, scope.bind()) or 0
    chosen = (
        sa.select(escalations)
        .where(*wanted, *_after(page, escalations.c.opened_at, escalations.c.id))
        .order_by(escalations.c.opened_at.desc(), escalations.c.id.desc())
        .limit(page.size + 1)
    )
    return list(connection.execute(chosen, scope.bind())), total


def count_escalations(
    connection: sa.Connection, scope: Scope, now: datetime, *, top: str = ""
) -> list[Row]:
    """Count matters by class and status, and how many of them are past the limit of their rung."""
    columns = escalations.c
    late = columns.status.not_in(("closed", "merged")) & (columns.due_at < now)
    wanted = [_escalations_in_scope]
    if top:
        wanted.append(sa.or_(columns.region_path == top, columns.region_path.like(f"{top}/%")))
    chosen = (
        sa.select(
            columns.cause,
            columns.status,
            sa.func.count().label("total"),
            sa.func.count().filter(late).label("late"),
        )
        .where(*wanted)
        .group_by(columns.cause, columns.status)
        .order_by(columns.cause, columns.status)
    )
    return list(connection.execute(chosen, scope.bind()))


def list_notifications(
    connection: sa.Connection, scope: Scope, principal: Principal, page: Page, *, unread: bool
) -> list[Row]:
    chosen = _mine(scope, principal)
    if unread:
        chosen = chosen.where(notification_reads.c.read_at.is_(None))
    return list(
        connection.execute(
            chosen.where(*_after(page, notifications.c.at, notifications.c.id))
            .order_by(notifications.c.at.desc(), notifications.c.id.desc())
            .limit(page.size + 1)
        )
    )


def find_notification(
    connection: sa.Connection, scope: Scope, principal: Principal, notification_id: UUID
) -> Row | None:
    """Return a notification if it went to the caller: what went to others is as if it were not."""
    chosen = _mine(scope, principal).where(notifications.c.id == notification_id)
    return connection.execute(chosen).one_or_none()


def list_deliveries(connection: sa.Connection, account: str, page: Page) -> list[Row]:
    """Return one page of what was sent to an account, the newest first, with its title."""
    chosen = (
        sa.select(deliveries, notifications.c.title_zh)
        .join(notifications, notifications.c.id == deliveries.c.notification_id)
        .where(
            deliveries.c.account == account,
            *_after(page, deliveries.c.queued_at, deliveries.c.id),
        )
        .order_by(deliveries.c.queued_at.desc(), deliveries.c.id.desc())
        .limit(page.size + 1)
    )
    return list(connection.execute(chosen))


def count_unread(connection: sa.Connection, scope: Scope, principal: Principal) -> int:
    """Count the caller's unread notifications, up to a hundred."""
    unread = (
        _mine(scope, principal)
        .where(notification_reads.c.read_at.is_(None))
        .limit(_MOST_UNREAD)
        .subquery()
    )
    return connection.scalar(sa.select(sa.func.count()).select_from(unread)) or 0


def list_rules(connection: sa.Connection, today: date) -> list[dict[str, Any]]:
    return list(connection.scalars(rules_of_the_day, {"today": today}))


def _mine(scope: Scope, principal: Principal) -> sa.Select[Any]:
    """Notifications whose audience the caller belongs to, with when he read each."""
    texts = sa.ARRAY(sa.Text)
    regions = [
        pattern
        for top in ([principal.region_path] if principal.region_path else [])
        for pattern in (top, f"{top}/%")
    ]
    arms: list[sa.ColumnElement[bool]] = [
        sa.literal(principal.account_id) == sa.func.any(notifications.c.accounts)
    ]
    if principal.org:
        arms.append(sa.literal(principal.org) == sa.func.any(notifications.c.orgs))
    if scope.companies:
        company = notifications.c.uscc == sa.func.any(sa.literal(list(scope.companies), texts))
        if scope.projects is not None:
            company &= sa.cast(notifications.c.project_id, sa.Text).in_(scope.projects)
        arms.append(company)
    if regions:
        arms.append(
            sa.and_(
                notifications.c.roles.op("&&")(sa.literal(sorted(principal.roles), texts)),
                notifications.c.region_path.like(sa.func.any(sa.literal(regions, texts))),
                notifications.c.level.in_(scope.levels),
            )
        )
    reads = (notification_reads.c.notification_id == notifications.c.id) & (
        notification_reads.c.account == principal.account_id
    )
    return (
        sa.select(notifications, notification_reads.c.read_at)
        .select_from(notifications.outerjoin(notification_reads, reads))
        .where(sa.or_(*arms))
    )


def _seen_by(principal: Principal) -> sa.ColumnElement[bool]:
    """Say which orders are in scope, or are helped with by the caller's body or company."""
    helps_as = [each for each in (principal.org, *principal.companies) if each]
    helps = work_orders.c.co_orgs.op("&&")(sa.literal(helps_as, sa.ARRAY(sa.Text)))
    return sa.or_(_orders_in_scope, helps) if helps_as else _orders_in_scope


def _next_limit() -> sa.ColumnElement[datetime]:
    """The limit that counts next: to sign, to answer, to close."""
    columns = work_orders.c
    return sa.case(
        (columns.status == "issued", columns.sign_by),
        (columns.status.in_(AWAITING_FEEDBACK), columns.feedback_by),
        else_=columns.close_by,
    )


def _overdue(at: datetime) -> sa.ColumnElement[bool]:
    columns = work_orders.c
    waiting = columns.status.in_(AWAITING_FEEDBACK)
    return sa.or_(
        sa.and_(columns.status == "issued", columns.sign_by < at),
        sa.and_(waiting, columns.feedback_by < at),
        sa.and_(columns.status != "closed", columns.close_by < at),
    )


def _after(
    page: Page, at: sa.ColumnElement[datetime], row_id: sa.ColumnElement[UUID]
) -> list[sa.ColumnElement[bool]]:
    if page.after is None:
        return []
    try:
        when, which = datetime.fromisoformat(str(page.after[0])), UUID(str(page.after[1]))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error
    return [sa.tuple_(at, row_id) < sa.tuple_(sa.literal(when), sa.literal(which))]
