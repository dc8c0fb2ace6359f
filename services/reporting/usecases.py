"""What the service does: takes batches of facts, and freezes reports."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.calendar import local_day
from chassis.events import Envelope, instant, read_instant
from reporting import store
from reporting.domain import AlreadyIssued, ReportIssued
from reporting.store import ReadModels, ReportShelf, Tally, read_day, read_moment

SOURCES = {
    "project_registry": [
        "project_registered.v1",
        "project_changed.v1",
        "project_stage_changed.v1",
        "annual_list_published.v1",
    ],
    "approval_tracking": [
        "case_submitted.v1",
        "case_accepted.v1",
        "case_clock_changed.v1",
        "case_decided.v1",
        "case_delivered.v1",
        "calendar_published.v1",
    ],
    "proxy_log": ["log_filed.v1"],
    "warning_dispatch": [
        "card_issued.v1",
        "card_changed.v1",
        "card_cleared.v1",
        "work_order_dispatched.v1",
        "work_order_changed.v1",
        "work_order_answered.v1",
        "work_order_closed.v1",
    ],
}


# A child's lists and calendar are its own affair.
SOURCES_BELOW = {
    service: [
        kind for kind in kinds if kind not in ("annual_list_published.v1", "calendar_published.v1")
    ]
    for service, kinds in SOURCES.items()
}


def apply_facts(models: ReadModels, facts: Sequence[Envelope]) -> int:
    """Take a batch in one transaction and return how many of its facts were new.

    Copies compare versions, counts go by event id: the batch may hold duplicates, arrive late
    and out of order.
    """
    new = models.inbox.take_many(consumer="on_facts", event_ids=[each.id for each in facts])
    taken: dict[UUID, Envelope] = {each.id: each for each in facts if each.id in new}
    batch = list(taken.values())
    for table, types, row in _COPIES:
        models.keep(table, (row(each) for each in batch if each.type in types))
    models.add(store.logs, [_log(each) for each in batch if each.type == "log_filed.v1"])
    models.add(
        store.stage_moves,
        [_move(each) for each in batch if each.type == "project_stage_changed.v1"],
    )
    for each in batch:
        if each.type == "annual_list_published.v1":
            ids = (UUID(text) for text in each.data["project_ids"])
            models.keep_annual_list(int(each.data["year"]), ids)
        elif each.type == "calendar_published.v1":
            models.keep_calendar(each.version, each.data)
    models.count(Counter(tally for each in batch for tally in tallies(each)))
    return len(batch)


def tallies(fact: Envelope) -> Iterable[Tally]:
    """Yield what a fact adds one to."""
    day, data = local_day(fact.time), fact.data
    match fact.type:
        case "case_submitted.v1":
            yield _tally(day, "submitted", data["case"])
        case "case_accepted.v1":
            yield _tally(day, "deemed" if data["deemed"] else "accepted", data["case"])
        case "case_decided.v1":
            yield _tally(day, data["case"]["outcome"] or "refused", data["case"])
        case "case_delivered.v1":
            yield _tally(day, "delivered", data["case"])
        case "card_issued.v1":
            yield _tally(day, f"card_{data['card']['colour']}", data["card"])
        case "work_order_dispatched.v1":
            order = data["order"]
            yield (day, "order", order["region_path"], order["level"], order["lead_org"])
        case "log_filed.v1":
            yield (day, "visit" if data["on_site"] else "log", data["region_path"], "", "")


def _tally(day: Any, kind: str, state: dict[str, Any]) -> Tally:
    return (day, kind, state["region_path"], state["level"], state["org"])


def issue_report(
    shelf: ReportShelf,
    figures: bytes,
    *,
    report_id: UUID,
    period: str,
    region: str,
    by: str,
    now: datetime,
) -> str:
    """Freeze the figures and return their SHA-256."""
    digest = hashlib.sha256(figures).hexdigest()
    row = {
        "id": report_id,
        "kind": "month",
        "period": period,
        "region": region,
        "digest": digest,
        "issued_by": by,
        "issued_at": now,
        "figures": figures,
    }
    fact = ReportIssued(report_id, "month", period, region, instant(now), digest)
    if not shelf.add(row, fact):
        raise AlreadyIssued(region=region, period=period, field="period")
    return digest


# --- from the facts to rows -------------------------------------------------------------------


def _where(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "region_path": state["region_path"],
        "level": state["level"],
        "uscc": state["uscc"],
        "agents": list(state["agents"]),
    }


def _project(fact: Envelope) -> dict[str, Any]:
    state = fact.data["project"]
    return {
        "id": UUID(state["project_id"]),
        "version": int(state["version"]),
        **_where(state),
        **{name: state[name] for name in ("name", "stage", "status", "pool")},
        "year": int(state["year"]),
        "historical": bool(state["historical"]),
        **{name: read_day(state[name]) for name in ("sign_date", "planned_start", "actual_start")},
    }


def _case(fact: Envelope) -> dict[str, Any]:
    state = fact.data["case"]
    clock = state["clock"]
    happened = {each["kind"]: each["on"] for each in clock["happenings"]}
    texts = ("project_name", "item_code", "item_name", "status", "outcome", "org", "org_name")
    return {
        "id": UUID(state["case_id"]),
        "version": int(state["version"]),
        **_where(state),
        "project_id": UUID(state["project_id"]),
        **{name: state[name] for name in texts},
        "duty_bearer": state["duty_bearer"],
        "historical": bool(state["historical"]),
        "deemed": "deemed_accepted" in happened,
        **{name: read_day(clock[name]) for name in ("committed_due", "statutory_due", "yellow_on")},
        "decided_on": read_day(happened.get("decided") or happened.get("refused")),
        "delivered_on": read_day(happened.get("delivered")),
    }


def _card(fact: Envelope) -> dict[str, Any]:
    state = fact.data["card"]
    return {
        "id": UUID(state["card_id"]),
        "version": int(state["version"]),
        **_where(state),
        "project_id": UUID(state["project_id"]) if state["project_id"] else None,
        **{name: state[name] for name in ("rule", "colour", "shows", "status", "org", "org_name")},
        "issued_at": read_moment(state["issued_at"]),
        "closed_at": read_moment(state["closed_at"]),
    }


def _order(fact: Envelope) -> dict[str, Any]:
    state = fact.data["order"]
    texts = ("number", "project_name", "lead_org", "lead_org_name", "colour", "status")
    moments = ("issued_at", "sign_by", "feedback_by", "signed_at", "answered_at", "closed_at")
    return {
        "id": UUID(state["order_id"]),
        "version": int(state["version"]),
        **_where(state),
        **{name: state[name] for name in texts},
        **{name: read_moment(state[name]) for name in moments},
    }


def _log(fact: Envelope) -> dict[str, Any]:
    data = fact.data
    return {
        "id": UUID(data["log_id"]),
        "project_id": UUID(data["project_id"]),
        **{name: data[name] for name in ("region_path", "agent", "problem")},
        "on_site": bool(data["on_site"]),
        "needs_coordination": bool(data["needs_coordination"]),
        "filed_at": read_instant(data["filed_at"]),
    }


def _move(fact: Envelope) -> dict[str, Any]:
    data = fact.data
    return {
        "event_id": fact.id,
        "project_id": UUID(data["project_id"]),
        "from_stage": data["from_stage"],
        "to_stage": data["to_stage"],
        "on": read_day(data["on"]) or local_day(fact.time),
    }


_COPIES: tuple[tuple[Any, frozenset[str], Callable[[Envelope], dict[str, Any]]], ...] = (
    (store.projects, frozenset({"project_registered.v1", "project_changed.v1"}), _project),
    (
        store.cases,
        frozenset(each for each in SOURCES["approval_tracking"] if each.startswith("case_")),
        _case,
    ),
    (store.cards, frozenset({"card_issued.v1", "card_changed.v1", "card_cleared.v1"}), _card),
    (
        store.orders,
        frozenset(each for each in SOURCES["warning_dispatch"] if each.startswith("work_")),
        _order,
    ),
)
