"""What comes down from above is done, refused by our rules, or not known to this release: all three are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from chassis.db import directives, link_facts
from chassis.events import Envelope
from chassis.identity import Scope
from chassis.ids import new_id
from chassis.links.ledger import Fact, Links
from support.clocks import at, case_state, project_state
from support.desk import D4, Desk
from support.links import alone, witness
from warning_dispatch import usecases
from warning_dispatch.domain import OrderSourceMissing
from warning_dispatch.store import Ledger
from warning_dispatch.store.tables import cards
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.occasion import Occasion
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


def wish(**more: Any) -> usecases.Wish:
    blank: dict[str, Any] = {
        **dict.fromkeys(("card_id", "case_id", "project_id")),
        **dict.fromkeys(("lead_org", "lead_org_name", "subject", "colour", "source"), ""),
        "co_orgs": (),
        "requirement": "请限时办结",
    }
    return usecases.Wish(**blank | more)


def direct_order(tx: sa.Connection, wanted: usecases.Wish, desk: Desk) -> Any:
    occasion = Occasion(desk.now, new_id, "321100", links=alone("321100"))
    home = usecases.home_of_wish(Ledger(tx), wanted)
    assert home == "321181"
    return usecases.direct_order(Ledger(tx), wanted, Caller(D4, Scope.of(D4)), occasion, home=home)


def test_an_order_given_to_an_instance_below_names_who_leads_it(desk: Desk) -> None:
    desk.case(case_state())
    desk.sweep("2026-10-22 00:30")
    card_id = desk.card("W-01", "yellow").id
    with desk.db.begin() as tx:
        tx.execute(cards.update().where(cards.c.id == card_id).values(origin="321181"))
        order = direct_order(tx, wish(card_id=card_id), desk)

    assert (order.lead_org, order.lead_org_name) == ("321181:政务服务", "丹阳市政务服务")
    assert (order.source, order.colour) == ("warning", "yellow")
    assert order.co_orgs == ("321181:发改",)


def test_an_order_about_a_project_below_goes_to_its_home(desk: Desk) -> None:
    state = project_state(project_id=UUID(int=8))
    told = Envelope(
        new_id(), "project_changed.v1", "", UUID(int=8), 2, desk.now, {"project": state}
    )
    about = wish(project_id=UUID(int=8))
    with desk.db.begin() as tx:
        Ledger(tx).below.keep([Fact("321181", "321181", told)])
        with pytest.raises(OrderSourceMissing):
            direct_order(tx, about, desk)
        order = direct_order(tx, replace(about, source="inspection"), desk)
        given = tx.execute(sa.select(directives.c.target)).scalars().all()

    assert (order.project_id, order.card_id) == (str(UUID(int=8)), "")
    assert (order.lead_org, order.colour) == ("321181:政务服务", "yellow")
    assert given == ["321181.warning_dispatch"]
