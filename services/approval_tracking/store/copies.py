"""Copies of what instances below own: their projects and cases, to read, with no clock of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from approval_tracking.store.tables import cases, projects
from chassis.bulk import keep_copies
from chassis.events import read_instant
from chassis.links.ledger import Fact

# What this service alone knows of a case stays with its home; a copy has blanks.
_UNKNOWN: dict[str, Any] = {
    "receipt_number": "",
    "reason": "",
    "notice": [],
    "procedures": [],
    "prerequisites": [],
    "pause_asked": None,
    "extension_asked": None,
}
_UNDECIDED = ("received", "supplementing", "in_review", "suspended")


class CopyStore:
    """The copies as one transaction sees them; an older version never overwrites a newer one."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def keep(self, facts: Iterable[Fact]) -> None:
        """Keep what the facts of instances below say of their projects and cases."""
        told = [(each.envelope.data, each.origin) for each in facts]
        for table, name, row in ((projects, "project", _project), (cases, "case", _case)):
            rows = [
                {**row(data[name], origin), "origin": origin}
                for data, origin in told
                if name in data
            ]
            keep_copies(self._tx, table, rows)

    def forget(self, ids: Sequence[UUID]) -> None:
        """Drop these copies: their home was set back to a backup and tells anew what it has."""
        for table in (projects, cases):
            self._tx.execute(table.delete().where(table.c.id.in_(ids), table.c.origin != ""))


def _project(state: Mapping[str, Any], origin: str) -> dict[str, Any]:
    return {
        "id": UUID(state["project_id"]),
        "version": state["version"],
        "name": state["name"],
        "region_path": state["region_path"],
        "level": state["level"],
        "uscc": state.get("uscc", ""),
        "agents": list(state.get("agents", ())),
        "state": dict(state),
    }


def _case(state: Mapping[str, Any], origin: str) -> dict[str, Any]:
    clock, status = state["clock"], state["status"]
    dues = [clock[name] for name in ("committed_due", "statutory_due") if clock[name]]
    due_on = min(dues) if dues and status in _UNDECIDED else None
    act_by = {
        "received": clock["notice_due"],
        "in_review": due_on,
        "decided": clock["delivery_due"],
    }.get(status)
    return {
        "id": UUID(state["case_id"]),
        "version": state["version"],
        "project_id": UUID(state["project_id"]),
        **{
            name: state[name]
            for name in ("item_code", "status", "org", "region_path", "level", "uscc")
        },
        "agents": list(state["agents"]),
        "received_at": read_instant(state["received_at"]),
        "due_on": _day(due_on),
        "act_by": _day(act_by),
        "green": bool(state.get("green")),
        # No calendar of ours moves the clock of another's case.
        "calendar_version": f"@{origin}",
        "state": dict(state),
        "record": {**_UNKNOWN, "rules": _rules(clock)},
    }


def _rules(clock: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits as the home's clock tells them, enough to explain it line by line."""
    return {
        "clock_start": clock["clock_start"],
        **{
            name: {
                "days": str(clock[f"{name}_days"]) if clock[f"{name}_days"] else None,
                "unit": clock[f"{name}_unit"],
            }
            for name in ("statutory", "committed")
        },
    }


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
