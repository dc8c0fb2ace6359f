"""Matters on the ladder as rows: those we hold, and those that others do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import Stale
from chassis.events import Envelope, plain, read_instant
from chassis.outbox import Outbox
from warning_dispatch.domain import (
    Escalation,
    EscalationElsewhere,
    EscalationNotFound,
)
from warning_dispatch.domain.events import (
    DispatchRecord,
    EscalationMeasure,
    EscalationStep,
    Instruction,
    LeaderSignature,
    ServiceReport,
    Tried,
)
from warning_dispatch.domain.library import next_measure
from warning_dispatch.store.tables import escalations, leaders, signing_authorisations

_by_id = (
    sa.select(escalations)
    .where(escalations.c.id == sa.bindparam("escalation_id"))
    .with_for_update()
)
_seen_by_ids = (
    sa.select(escalations)
    .where(escalations.c.id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .order_by(escalations.c.id)
)
_by_ids = _seen_by_ids.with_for_update()
_TEXTS = (
    *("number", "holder", "project_id", "project_name", "region_path", "level", "uscc"),
    *("case_id", "card_id", "order_id", "subject", "problem", "wanted", "rung", "status"),
    *("merged_into", "conclusion"),
)
_LISTS = ("route", "agents", "crosses", "regions", "bodies", "orders")


class EscalationStore:
    """The matters as one transaction sees them. Only their holder changes them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def get(self, escalation_id: UUID, *, instance: str) -> Escalation:
        """Return a matter that this instance holds, locked until the transaction ends."""
        row = self._tx.execute(_by_id, {"escalation_id": escalation_id}).one_or_none()
        if row is None:
            raise EscalationNotFound(escalation_id=escalation_id, field="escalation_id")
        if row.holder != instance:
            raise EscalationElsewhere(number=row.number, holder=row.holder)
        return read_escalation(row.state)

    def look(self, escalation_id: UUID) -> Escalation:
        """Return a matter, ours or a copy, without a lock."""
        chosen = sa.select(escalations.c.state).where(escalations.c.id == escalation_id)
        state = self._tx.scalar(chosen)
        if state is None:
            raise EscalationNotFound(escalation_id=escalation_id, field="escalation_id")
        return read_escalation(state)

    def find_many(self, ids: Iterable[UUID], *, locked: bool = True) -> dict[UUID, Escalation]:
        rows = self._tx.execute(_by_ids if locked else _seen_by_ids, {"ids": list(ids)})
        return {row.id: read_escalation(row.state) for row in rows}

    def open_for(self, *, order_id: UUID | None = None, card_id: UUID | None = None) -> str | None:
        """Return the number of the matter that is open for this order or card."""
        columns = escalations.c.state
        chosen = sa.select(escalations.c.number).where(
            escalations.c.status.not_in(("closed", "merged"))
        )
        if order_id:
            chosen = chosen.where(columns["order_id"].astext == str(order_id))
        elif card_id:
            chosen = chosen.where(columns["card_id"].astext == str(card_id))
        return self._tx.scalar(chosen.limit(1))

    def opened_for(self, order_id: UUID, *, locked: bool = True) -> Escalation | None:
        """Return the open matter that an order gave rise to."""
        chosen = sa.select(escalations.c.state).where(
            escalations.c.status.not_in(("closed", "merged")),
            escalations.c.state["order_id"].astext == str(order_id),
        )
        state = self._tx.scalar(chosen.with_for_update() if locked else chosen)
        return read_escalation(state) if state else None

    def instructed_by(self, order_id: UUID) -> Escalation | None:
        """Return the matter that an order executes, if it does."""
        chosen = (
            sa.select(escalations.c.state)
            .where(
                escalations.c.status == "instructed",
                escalations.c.state["orders"].contains([str(order_id)]),
            )
            .with_for_update()
        )
        state = self._tx.scalar(chosen)
        return read_escalation(state) if state else None

    def add(self, new: Escalation) -> None:
        self._tx.execute(escalations.insert(), _row(new))
        self._publish(new)

    def save(self, changed: Escalation) -> None:
        seen = changed.version - len({event.escalation.version for event in changed.events})
        mine = (escalations.c.id == changed.escalation_id) & (escalations.c.version == seen)
        if self._tx.execute(escalations.update().where(mine).values(_row(changed))).rowcount != 1:
            raise Stale(
                subject=f"escalation {changed.number}", version=changed.version, expected=seen
            )
        self._publish(changed)

    def keep(self, state: Mapping[str, Any]) -> Escalation | None:
        """Keep what another instance tells of a matter unless ours is as new; return what was kept."""
        told = read_escalation(state)
        row = _row(told)
        made = insert(escalations).values(row)
        kept = self._tx.execute(
            made.on_conflict_do_update(
                index_elements=["id"],
                set_=row,
                where=made.excluded.version > escalations.c.version,
            ).returning(escalations.c.id)
        ).first()
        return told if kept else None

    # --- who signs

    def leader_of(self, region: str) -> sa.Row[Any] | None:
        """Return the registered leader 分管领导 of a region, if one is."""
        chosen = sa.select(leaders).where(
            leaders.c.region == region, leaders.c.kind == "leader", leaders.c.ended_at.is_(None)
        )
        return self._tx.execute(chosen).first()

    def may_sign_for(self, *, leader: str, account: str, on: date) -> bool:
        """Say whether the leader authorised the account to sign on that day."""
        found = sa.select(
            sa.exists().where(
                signing_authorisations.c.leader == leader,
                signing_authorisations.c.deputy == account,
                signing_authorisations.c.valid_from <= on,
                signing_authorisations.c.valid_to >= on,
                signing_authorisations.c.withdrawn_at.is_(None),
            )
        )
        return bool(self._tx.scalar(found))

    def _publish(self, changed: Escalation) -> None:
        envelopes = [
            Envelope.seal(
                event,
                aggregate_id=changed.escalation_id,
                version=event.escalation.version,
                at=changed.steps[-1].at,
            )
            for event in changed.events
        ]
        changed.events.clear()
        if envelopes:
            self._outbox.append(*envelopes)


def _row(escalation: Escalation) -> dict[str, Any]:
    return {
        "id": escalation.escalation_id,
        "version": escalation.version,
        "number": escalation.number,
        "holder": escalation.holder,
        "rung": escalation.rung,
        "status": escalation.status,
        "project_id": UUID(escalation.project_id) if escalation.project_id else None,
        "case_id": UUID(escalation.case_id) if escalation.case_id else None,
        "cause": escalation.cause,
        "leads": escalation.lead_org,
        "measure_due": next_measure(escalation),
        "region_path": escalation.region_path,
        "level": escalation.seen_at_level,
        "uscc": escalation.uscc,
        "agents": list(escalation.agents),
        "opened_at": escalation.opened_at,
        "due_at": escalation.due_at,
        "state": plain(escalation.state()),
    }


def read_escalation(state: Mapping[str, Any]) -> Escalation:
    plainly: dict[str, Any] = {
        **{name: str(state[name]) for name in _TEXTS},
        **{name: tuple(state[name]) for name in _LISTS},
        **{name: read_instant(state[name]) for name in ("opened_at", "entered_at", "due_at")},
    }
    return Escalation(
        **plainly,
        escalation_id=UUID(state["escalation_id"]),
        version=int(state["version"]),
        returns=int(state["returns"]),
        closed_at=read_instant(state["closed_at"]) if state["closed_at"] else None,
        tried=tuple(_tried(each) for each in state["tried"]),
        signature=LeaderSignature(**_at(state["signature"])) if state["signature"] else None,
        report=ServiceReport(**_at(state["report"])) if state["report"] else None,
        instruction=_instruction(state["instruction"]),
        steps=tuple(EscalationStep(**_at(each)) for each in state["steps"]),
        # An instance of before the library of problems tells nothing of these.
        **{name: state.get(name, "") for name in ("cause", "lead_org", "lead_org_name")},
        measures=tuple(_measure(each) for each in state.get("measures", ())),
    )


def _tried(state: Mapping[str, Any]) -> Tried:
    told = state.get("details")
    details = told and DispatchRecord(
        **{
            **told,
            "participants": tuple(told["participants"]),
            "due_on": _day(told["due_on"]),
        }
    )
    return Tried(**{**_at(state), "details": details})


def _measure(state: Mapping[str, Any]) -> EscalationMeasure:
    days = {"due_on": _day(state["due_on"]), "done_on": _day(state["done_on"])}
    return EscalationMeasure(**{**_at(state), **days})


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _instruction(state: Mapping[str, Any] | None) -> Instruction | None:
    if state is None:
        return None
    return Instruction(**{**_at(state), "due_on": _day(state["due_on"])})


def _at(state: Mapping[str, Any]) -> dict[str, Any]:
    return {**state, "at": read_instant(state["at"])}
