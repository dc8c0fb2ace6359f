"""Copies of the cards, orders and projects of instances below: to read, with no due moments of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.bulk import keep_copies
from chassis.events import read_instant
from chassis.links.ledger import Fact
from warning_dispatch.domain import Bearer, Project
from warning_dispatch.store.cards import bearer_of
from warning_dispatch.store.tables import cards, projects_below, work_orders

_CARD = (
    *("rule", "rule_version", "colour", "subject_type", "period", "status", "project_name"),
    *("item_code", "item_name", "org", "org_name", "region_path", "level", "duty_bearer"),
    "statement",
)
_ORDER = (
    *("number", "source", "colour", "status", "project_name", "item_code", "item_name"),
    *("subject", "requirement", "lead_org", "lead_org_name", "handler", "region_path", "level"),
    *("duty_bearer", "dispatched_by", "round", "reworks", "escalated", "returned_to", "statement"),
)
_LIMITS = ("sign_by", "feedback_by", "close_by")
_MOMENTS = ("signed_at", "answered_at", "closed_at")


class BelowStore:
    """The copies as one transaction sees them; an older version never overwrites a newer one."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def keep(self, facts: Iterable[Fact]) -> None:
        """Keep what the facts of instances below say of their cards, orders and projects."""
        told = [(each.envelope.data, each.origin) for each in facts]
        for table, name, row in (
            (cards, "card", _card),
            (work_orders, "order", _order),
            (projects_below, "project", _project),
        ):
            keep_copies(
                self._tx,
                table,
                [{**row(data[name]), "origin": origin} for data, origin in told if name in data],
            )

    def home_of_card(self, card_id: UUID) -> str:
        """Return the instance below that owns the card, empty for our own."""
        return self._tx.scalar(sa.select(cards.c.origin).where(cards.c.id == card_id)) or ""

    def bearer_of_card(self, card_id: UUID) -> Bearer:
        row = self._tx.execute(sa.select(cards).where(cards.c.id == card_id)).one()
        return bearer_of(row, org=row.org, org_name=row.org_name)

    def colour_of_card(self, card_id: UUID) -> str:
        return str(self._tx.scalar(sa.select(cards.c.colour).where(cards.c.id == card_id)))

    def home_of_project(self, project_id: UUID) -> str:
        chosen = sa.select(projects_below.c.origin).where(projects_below.c.id == project_id)
        return self._tx.scalar(chosen) or ""

    def bearer_of_project(self, project_id: UUID) -> Bearer:
        chosen = sa.select(projects_below.c.state).where(projects_below.c.id == project_id)
        return Project.read(self._tx.execute(chosen).scalar_one()).bearer

    def home_of_order(self, order_id: UUID) -> str:
        chosen = sa.select(work_orders.c.origin).where(work_orders.c.id == order_id)
        return self._tx.scalar(chosen) or ""

    def forget(self, ids: Sequence[UUID]) -> None:
        """Drop these copies: their home was set back to a backup and tells anew what it has."""
        for table in (cards, work_orders, projects_below):
            self._tx.execute(table.delete().where(table.c.id.in_(ids), table.c.origin != ""))


def _card(state: Mapping[str, Any]) -> dict[str, Any]:
    lines = [line.partition(" | ") for line in state["explanation"]]
    return {
        "id": UUID(state["card_id"]),
        "version": state["version"],
        **{name: state[name] for name in _CARD},
        "subject_id": UUID(state["subject_id"]),
        "project_id": _uuid(state["project_id"]),
        **_scope(state),
        "due_moment": read_instant(state["due_moment"]),
        "issued_at": read_instant(state["issued_at"]),
        "closed_at": _moment(state["closed_at"]),
        "explanation_zh": [zh for zh, _, _ in lines],
        "explanation_en": [en for _, _, en in lines],
        "cause": state.get("cause", ""),
        "merged_into": _uuid(state.get("merged_into", "")),
        "objection": state.get("objection"),
        "steps": state["steps"],
    }


def _order(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": UUID(state["order_id"]),
        "version": state["version"],
        **{name: state[name] for name in _ORDER},
        **{name: _uuid(state[name]) for name in ("card_id", "case_id", "project_id")},
        "co_orgs": list(state["co_orgs"]),
        **_scope(state),
        "issued_at": read_instant(state["issued_at"]),
        **{name: read_instant(state[name]) for name in _LIMITS},
        **{name: _moment(state[name]) for name in _MOMENTS},
        "round_began": read_instant(state["round_began"] or state["issued_at"]),
        "feedback": state["feedback"],
        **{name: state[name] for name in ("parts", "urges", "supervised")},
        "cause": state.get("cause", ""),
        "merged_into": _uuid(state.get("merged_into", "")),
        "extension": state.get("extension"),
        "steps": state["steps"],
    }


def _project(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": UUID(state["project_id"]), "version": state["version"], "state": dict(state)}


def _scope(state: Mapping[str, Any]) -> dict[str, Any]:
    responsible = state["duty_bearer"] == "enterprise"
    return {
        "uscc": state["uscc"] if responsible else "",
        "project_uscc": state["uscc"],
        "agents": list(state["agents"]),
    }


def _uuid(text: str) -> UUID | None:
    return UUID(text) if text else None


def _moment(text: str | None) -> datetime | None:
    return read_instant(text) if text else None
