"""What waits on a desk, as rows. Every part is counted over what is live, which partial indexes hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.events import instant
from chassis.identity import Scope, scope_clause
from warning_dispatch.domain import AWAITING_FEEDBACK
from warning_dispatch.store.tables import (
    cards,
    escalations,
    joint_meetings,
    project_copies,
    pushes,
    work_orders,
)

Row = sa.Row[Any]
_FIRST = 5
_UPPER = ("L3", "L4", "L5")
_OVER = ("closed", "merged")
_ENDED = ("closed", "waived", "revoked", "ignored", "merged")
# How long what became of a matter stays on the desk, and how far back one may have been opened.
_SHOWN_AFTER = timedelta(days=30)
_OPENED_WITHIN = timedelta(days=730)


def _words(*words: str) -> list[sa.ColumnElement[str]]:
    """Return the words as constants of the statement: a partial index is not found by a parameter."""
    return [sa.literal_column(f"'{word}'") for word in words]


def _is(column: sa.Column[str], word: str) -> sa.ColumnElement[bool]:
    return column == _words(word)[0]


_matters, _orders = escalations.c, work_orders.c
_live_card = cards.c.status.not_in(_words(*_ENDED))
_open_order = _orders.status != _words("closed")[0]
_open_matter = _matters.status.not_in(_words(*_OVER))
_unanswered = _orders.status.in_(_words(*sorted(AWAITING_FEEDBACK)))
_under_way = sa.exists().where(_orders.card_id == cards.c.id, _open_order)
_overdue = sa.or_(
    sa.and_(_is(_orders.status, "issued"), _orders.sign_by < sa.bindparam("now")),
    sa.and_(_unanswered, _orders.feedback_by < sa.bindparam("now")),
    _orders.close_by < sa.bindparam("now"),
)

_Heap = tuple[sa.Table, sa.ColumnElement[bool], sa.ColumnElement[Any]]


def _order(*also: sa.ColumnElement[bool]) -> _Heap:
    return work_orders, sa.and_(_open_order, *also), _orders.close_by


def _matter(*also: sa.ColumnElement[bool]) -> _Heap:
    return escalations, sa.and_(_open_matter, *also), _matters.due_at


_WAITS: Mapping[str, _Heap] = {
    "cards": (
        cards,
        sa.and_(_live_card, _is(cards.c.status, "open"), ~_under_way),
        cards.c.due_moment,
    ),
    "orders_returned": _order(_is(_orders.status, "returned")),
    "orders_to_check": _order(
        _orders.status.in_(_words("feedback", "checking")),
        _orders.lead_org != sa.bindparam("centre"),
    ),
    "orders_to_answer": _order(_unanswered, _orders.lead_org == sa.bindparam("centre")),
    "orders_overdue": _order(_overdue),
    "inspections": _order(_orders.source == "inspection"),
    "applications": _matter(_matters.rung == "L3", _is(_matters.status, "submitted")),
    "bulletins": _matter(_matters.rung == "L4"),
    "agenda": _matter(_matters.rung == "L5"),
    "matters": _matter(_matters.rung == "L2"),
    "to_sign": _matter(_is(_matters.status, "drafted")),
    "to_report": _matter(_is(_matters.status, "signed")),
    "reports": _matter(sa.func.jsonb_typeof(_matters.state["report"]) == "object"),
    "instructed": _matter(_is(_matters.status, "instructed")),
    # What became of a matter is told for a while after it is over.
    "reported": (
        escalations,
        sa.and_(
            _matters.opened_at > sa.bindparam("opened_since"),
            sa.or_(_matters.rung.in_(_UPPER), _is(_matters.status, "returned")),
            sa.or_(_open_matter, _matters.state["closed_at"].astext > sa.bindparam("closed_since")),
        ),
        _matters.due_at,
    ),
    "meetings": (
        joint_meetings,
        _is(joint_meetings.c.status, "convened"),
        joint_meetings.c.meets_at,
    ),
    "pushes": (pushes, _is(pushes.c.status, "planned"), pushes.c.planned_at),
}
# Built once: a part's statement has the same shape for everybody.
_STATEMENTS = {
    key: sa.select(table, sa.func.count().over().label("in_all"))
    .where(waits, scope_clause(table))
    .order_by(by, table.c.id)
    .limit(_FIRST)
    for key, (table, waits, by) in _WAITS.items()
}
_projects = sa.select(
    project_copies.c.state["region_path"].astext.label("region_path"),
    project_copies.c.state["level"].astext.label("level"),
    project_copies.c.state["stage"].astext.label("stage"),
    project_copies.c.state["pool"].astext.label("pool"),
    project_copies.c.state["status"].astext.label("status"),
).subquery()


class DeskStore:
    """What waits, as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def waiting(
        self, key: str, scope: Scope, *, centre: str, now: datetime
    ) -> tuple[list[Row], int]:
        """Return the first few of a part, the most pressing first, and how many there are."""
        rows = self._tx.execute(
            _STATEMENTS[key],
            {
                **scope.bind(),
                "centre": centre,
                "now": now,
                "opened_since": now - _OPENED_WITHIN,
                "closed_since": instant(now - _SHOWN_AFTER),
            },
        ).all()
        return list(rows), rows[0].in_all if rows else 0

    def projects_by(self, name: str, scope: Scope) -> dict[str, int]:
        """Count active projects in scope by their stage or pool."""
        column = _projects.c[name]
        chosen = (
            sa.select(column.label("value"), sa.func.count().label("total"))
            .where(scope_clause(_projects), _projects.c.status == "active")
            .group_by(column)
        )
        return {row.value: row.total for row in self._tx.execute(chosen, scope.bind())}

    def cards_by_colour(self, scope: Scope) -> dict[str, int]:
        chosen = (
            sa.select(cards.c.colour, sa.func.count().label("total"))
            .where(scope_clause(cards), _live_card)
            .group_by(cards.c.colour)
        )
        return {row.colour: row.total for row in self._tx.execute(chosen, scope.bind())}

    def logs_overdue(self, scope: Scope) -> int:
        """Count the projects whose log is overdue (rule W-11)."""
        chosen = (
            sa.select(sa.func.count(sa.distinct(cards.c.subject_id)))
            .select_from(cards)
            .where(
                scope_clause(cards),
                _live_card,
                cards.c.rule == "W-11",
                cards.c.status != "rectified",
            )
        )
        return self._tx.scalar(chosen, scope.bind()) or 0

    def matters_overdue(self, scope: Scope, now: datetime) -> int:
        chosen = (
            sa.select(sa.func.count())
            .select_from(escalations)
            .where(scope_clause(escalations), _open_matter, _matters.due_at < now)
        )
        return self._tx.scalar(chosen, scope.bind()) or 0

    def answered_in_time(self, scope: Scope, since: datetime) -> tuple[int, int]:
        """Return how many orders answered since then were answered in time, and how many in all."""
        in_time = sa.func.count().filter(_orders.answered_at <= _orders.feedback_by)
        chosen = sa.select(in_time, sa.func.count()).where(
            scope_clause(work_orders), _orders.answered_at >= since
        )
        timely, all_of_them = self._tx.execute(chosen, scope.bind()).one()
        return int(timely), int(all_of_them)

    def standing_of(self, project_id: UUID) -> tuple[int, int]:
        """Return how many live cards and open orders a project has."""
        live = sa.select(sa.func.count()).where(cards.c.project_id == project_id, _live_card)
        under_way = sa.select(sa.func.count()).where(_orders.project_id == project_id, _open_order)
        return self._tx.scalar(live) or 0, self._tx.scalar(under_way) or 0

    # --- the copies of joint reviews

    def keep_meeting(self, convened: Mapping[str, Any], *, version: int) -> None:
        """Keep a joint review that was convened, unless what we know of it is newer."""
        values = {
            "version": version,
            "project_id": UUID(convened["project_id"]),
            **{name: convened[name] for name in ("project_name", "region_path", "level")},
            **{name: convened[name] for name in ("subject", "place")},
            "agents": list(convened["agents"]),
            "orgs": [each["org"] for each in convened["invitations"]],
            "meets_at": datetime.fromisoformat(convened["meets_at"]),
            "status": "convened",
        }
        made = insert(joint_meetings).values(id=UUID(convened["review_id"]), **values)
        self._tx.execute(
            made.on_conflict_do_update(
                index_elements=["id"],
                set_=values,
                where=made.excluded.version > joint_meetings.c.version,
            )
        )

    def end_meeting(
        self, review: Mapping[str, Any], status: str, *, version: int, at: datetime
    ) -> None:
        """Note that a joint review was concluded or cancelled, even before we hear of its convening."""
        values = {"version": version, "status": status}
        blank = {name: "" for name in ("project_name", "subject", "place")}
        made = insert(joint_meetings).values(
            id=UUID(review["review_id"]),
            project_id=UUID(review["project_id"]),
            region_path=review["region_path"],
            level=review["level"],
            agents=list(review["agents"]),
            orgs=[],
            meets_at=at,
            **blank,
            **values,
        )
        self._tx.execute(
            made.on_conflict_do_update(
                index_elements=["id"],
                set_=values,
                where=made.excluded.version > joint_meetings.c.version,
            )
        )
