"""Copies of what instances below own: their projects and cases, to read, with no clock of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.store.tables import cases, projects
from chassis.events import read_instant

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

    def keep_project(self, state: Mapping[str, Any], *, origin: str) -> None:
        values = {
            "version": state["version"],
            "name": state["name"],
            "region_path": state["region_path"],
            "level": state["level"],
            "uscc": state.get("uscc", ""),
            "agents": list(state.get("agents", ())),
            "state": dict(state),
        }
        self._keep(projects, UUID(state["project_id"]), values, origin)

    def keep_case(self, state: Mapping[str, Any], *, origin: str) -> None:
        clock, status = state["clock"], state["status"]
        dues = [clock[name] for name in ("committed_due", "statutory_due") if clock[name]]
        due_on = min(dues) if dues and status in _UNDECIDED else None
        act_by = {
            "received": clock["notice_due"],
            "in_review": due_on,
            "decided": clock["delivery_due"],
        }.get(status)
        values = {
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
        self._keep(cases, UUID(state["case_id"]), values, origin)

    def forget(self, ids: Sequence[UUID]) -> None:
        """Drop these copies: their home was set back to a backup and tells anew what it has."""
        for table in (projects, cases):
            self._tx.execute(table.delete().where(table.c.id.in_(ids), table.c.origin != ""))

    def _keep(
        self, table: sa.Table, aggregate_id: UUID, values: Mapping[str, Any], origin: str
    ) -> None:
        made = insert(table).values(id=aggregate_id, origin=origin, **values)
        self._tx.execute(
            made.on_conflict_do_update(
                index_elements=["id"],
                set_=dict(values),
                where=(made.excluded.version > table.c.version) & (table.c.origin == origin),
            )
        )


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
