"""What a responsible body says against a card 申辩, and what the reviewer made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.events import read_instant
from warning_dispatch.domain.steps import Actor

RAISED, UPHELD, TURNED_DOWN = "raised", "upheld", "turned_down"


@dataclass(frozen=True)
class Objection:
    """One objection; a card has one at most, and it stays on record whatever came of it."""

    reason: str
    evidence: str
    at: datetime
    by: str
    by_name: str
    status: str = RAISED
    decided_at: datetime | None = None
    decided_by: str = ""
    decided_by_name: str = ""
    decision: str = ""

    def decided(self, status: str, by: Actor, *, reason: str, at: datetime) -> Objection:
        return replace(
            self,
            status=status,
            decided_at=at,
            decided_by=by.account,
            decided_by_name=by.name,
            decision=reason,
        )

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Objection:
        decided = body["decided_at"]
        return cls(
            **{
                **body,
                "at": read_instant(body["at"]),
                "decided_at": read_instant(decided) if decided else None,
            }
        )
