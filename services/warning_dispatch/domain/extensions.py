"""A longer limit that a body asks for 延期, and what the dispatcher made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.events import read_instant
from warning_dispatch.domain.steps import Actor

REQUESTED, APPROVED, REJECTED = "requested", "approved", "rejected"


@dataclass(frozen=True)
class Extension:
    """One request for more working days; an order has one at most while it is with one body."""

    working_days: int
    reason: str
    at: datetime
    by: str
    by_name: str
    status: str = REQUESTED
    decided_at: datetime | None = None
    decided_by: str = ""
    decided_by_name: str = ""
    decision: str = ""

    def decided(self, status: str, by: Actor, *, reason: str, at: datetime) -> Extension:
        return replace(
            self,
            status=status,
            decided_at=at,
            decided_by=by.account,
            decided_by_name=by.name,
            decision=reason,
        )

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Extension:
        decided = body["decided_at"]
        return cls(
            **{
                **body,
                "at": read_instant(body["at"]),
                "decided_at": read_instant(decided) if decided else None,
            }
        )
