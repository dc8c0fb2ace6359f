"""reporting on a real database, with everybody else's facts told by the test."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.db import Database
from chassis.events import Envelope
from chassis.ids import new_id
from reporting.store import ReadModels
from reporting.usecases import apply_facts
from support.clocks import at, case_state, project_state, published_calendar

DANBEI = "321100/321181/321181113"
JURONG = "321100/321183/321183102"


def fact(kind: str, when: str, version: int = 1, /, **data: Any) -> Envelope:
    return Envelope(new_id(), kind, "321100/test", UUID(int=1), version, at(when), data)


def project(when: str = "2026-10-08 09:00", **state: Any) -> Envelope:
    told = project_state(**state)
    kind = "project_registered.v1" if told["version"] == 1 else "project_changed.v1"
    return fact(kind, when, told["version"], project=told)


def case(kind: str, when: str, **state: Any) -> Envelope:
    told = case_state(**state)
    more = {"deemed": False} if kind == "case_accepted.v1" else {}
    return fact(kind, when, told["version"], case=told, **more)


def card(card_id: int, colour: str, when: str, **state: Any) -> Envelope:
    told = {
        **{"card_id": str(UUID(int=card_id)), "version": 1, "rule": "W-01", "colour": colour},
        **{"shows": colour, "project_id": str(UUID(int=7)), "org": "321181:发改", "status": "open"},
        **{"org_name": "丹阳市发展和改革委员会", "region_path": DANBEI, "level": "市级"},
        **{"uscc": "91321181000000027K", "agents": [], "closed_at": ""},
        "issued_at": at(when).isoformat(),
        **state,
    }
    kind = "card_issued.v1" if told["version"] == 1 else "card_changed.v1"
    return fact(kind, when, told["version"], card=told)


def order(order_id: int, when: str, **state: Any) -> Envelope:
    told = {
        **{"order_id": str(UUID(int=order_id)), "version": 1, "number": f"ZJDB-{order_id}"},
        **{"project_name": "示例项目", "lead_org": "321181:发改", "colour": "red"},
        **{"lead_org_name": "丹阳市发展和改革委员会", "region_path": DANBEI, "level": "市级"},
        **{"uscc": "", "agents": [], "status": "issued", "issued_at": at(when).isoformat()},
        **dict.fromkeys(("sign_by", "feedback_by", "signed_at", "answered_at", "closed_at"), ""),
        **state,
    }
    kind = "work_order_dispatched.v1" if told["version"] == 1 else "work_order_changed.v1"
    return fact(kind, when, told["version"], order=told)


def log(log_id: int, when: str, **data: Any) -> Envelope:
    told = {
        **{"log_id": str(UUID(int=log_id)), "project_id": str(UUID(int=7)), "case_id": ""},
        **{"agent": "b1", "agent_name": "示例帮办", "region_path": DANBEI, "work": "走访"},
        **{"problem": "", "needs_coordination": False, "photos": 1, "on_site": True},
        **{"filed_at": at(when).isoformat()},
        **data,
    }
    return fact("log_filed.v1", when, **told)


def moved(when: str, before: str, after: str, project_id: int = 7) -> Envelope:
    told = {"project_id": str(UUID(int=project_id)), "on": when[:10]}
    return fact("project_stage_changed.v1", when, from_stage=before, to_stage=after, **told)


def calendar() -> Envelope:
    return fact("calendar_published.v1", "2026-01-01 09:00", **published_calendar())


class Newsroom:
    """Takes facts as the worker does, a batch a transaction."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def take(self, *facts: Envelope) -> int:
        with self.db.begin() as tx:
            return apply_facts(ReadModels(tx), facts)

    def take_shuffled(self, facts: Sequence[Envelope], *, seed: int, batch: int = 7) -> None:
        """Take every fact, some twice, in another order and in small batches."""
        dice = random.Random(seed)
        told = [*facts, *dice.sample(list(facts), len(facts) // 3)]
        dice.shuffle(told)
        for start in range(0, len(told), batch):
            self.take(*told[start : start + batch])

    def rows(self, table: sa.Table) -> list[tuple[Any, ...]]:
        """Every row, in the order of its columns' text."""
        with self.db.read() as connection:
            return sorted((tuple(row) for row in connection.execute(sa.select(table))), key=str)
