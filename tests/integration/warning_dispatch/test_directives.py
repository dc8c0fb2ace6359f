"""What comes down from above is done, refused by our rules, or not known to this release: all three are told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from chassis.db import link_facts
from chassis.events import Envelope
from chassis.ids import new_id
from chassis.links.ledger import Links
from support.clocks import at
from support.desk import Desk
from support.links import witness
from warning_dispatch.worker import Worker


@pytest.fixture
def below(desk: Desk) -> Worker:
    made = Worker()
    made.db, made.now, made.instance = desk.db, lambda: desk.now, "321181"
    made.links = Links(
        service="warning_dispatch", instance="321181", parent="321100", goes_up=Worker.goes_up
    )
    made.witness = witness("321181")
    return made


def given(kind: str, **data: Any) -> dict[str, Any]:
    made = Envelope(new_id(), kind, "", uuid4(), 1, at("2026-10-08 09:00"), data)
    return {**made.body(), "source": "321100/warning_dispatch"}


def outcome(desk: Desk) -> tuple[str, str]:
    with desk.db.read() as connection:
        (row,) = connection.execute(sa.select(link_facts.c.envelope)).all()
    return row.envelope["data"]["outcome"], row.envelope["data"]["note_en"]


def test_a_directive_of_a_later_release_is_answered_with_that(desk: Desk, below: Worker) -> None:
    below.on_directive(given("leader_replaced.v9", region="321181"))

    told, why = outcome(desk)
    assert told == "refused"
    assert "leader_replaced.v9" in why


def test_what_our_rules_refuse_is_told_and_changes_nothing(desk: Desk, below: Worker) -> None:
    act = {
        "act": "waive_card",
        "subject_id": str(uuid4()),
        "arguments": {"reason": "已核实"},
        "by": "d5",
        "username": "d5.city",
        "by_name": "示例",
        "roles": ["D5"],
        "region_path": "321100",
    }
    below.on_directive(given("act_directed.v1", **act))

    assert outcome(desk)[0] == "refused"
    assert "no card" in outcome(desk)[1]
