"""Two ledgers on real databases, without the brokers between them: the messages are carried by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from chassis.db import Database, directives, link_children, link_facts, origin_facts
from chassis.events import Envelope
from chassis.ids import new_id
from chassis.links.events import HeadTold
from chassis.links.ledger import FromBelow, Links
from chassis.links.state import birth, find_state
from support.clocks import at
from support.servers import Databases

NOW = at("2026-11-24 10:00")
KINDS = ("project_registered.v1", "project_changed.v1")


@dataclass
class End:
    """One service of one instance: its links and its database."""

    links: Links
    db: Database
    carried: list[dict[str, Any]] = field(default_factory=list)

    def record(self, *kinds: str, aggregate: UUID | None = None) -> list[UUID]:
        ids = []
        for kind in kinds:
            fact = Envelope(new_id(), kind, "", aggregate or uuid4(), 1, NOW, {"project": {}})
            ids.append(fact.id)
            with self.db.begin() as tx:
                self.links.record(tx, [fact.body()])
        return ids

    def up(self) -> list[dict[str, Any]]:
        """Take what waits for the parent, as the relay does."""
        with self.db.begin() as tx:
            rows = tx.execute(
                sa.select(link_facts)
                .where(sa.not_(link_facts.c.sent))
                .order_by(link_facts.c.position)
            ).all()
            tx.execute(link_facts.update().values(sent=True))
            stamp = {"via": self.links.instance, "birth": birth(tx)}
        return [{**row.envelope, **stamp} for row in rows]

    def down(self) -> list[tuple[str, dict[str, Any]]]:
        with self.db.begin() as tx:
            rows = tx.execute(
                sa.select(directives)
                .where(sa.not_(directives.c.sent))
                .order_by(directives.c.position)
            ).all()
            tx.execute(directives.update().values(sent=True))
        return [(row.target, row.envelope) for row in rows]

    def take(self, bodies: list[dict[str, Any]]) -> FromBelow:
        with self.db.begin() as tx:
            return self.links.take(tx, bodies, at=NOW)

    def receive(self, body: dict[str, Any]) -> Envelope | None:
        with self.db.begin() as tx:
            return self.links.receive(tx, body, at=NOW)

    def count(self, table: sa.Table) -> int:
        with self.db.read() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


@dataclass
class Pair:
    child: End
    parent: End
    forgotten: list[UUID] = field(default_factory=list)
    taken: list[UUID] = field(default_factory=list)

    def carry(self) -> None:
        """Carry up and down until nothing moves."""
        while True:
            up, down = self.child.up(), self.parent.down()
            if not up and not down:
                return
            brought = self.parent.take(up)
            self.taken += [fact.envelope.id for fact in brought.facts]
            self.forgotten += brought.forgotten
            for target, body in down:
                assert target.startswith(f"{self.child.links.instance}.")
                self.child.receive(body)

    def give(self) -> UUID:
        """Give the child a directive, as a use case of the parent does."""
        asked = HeadTold("321100", "project_registry", 1, "", "2026-11-24T10:00:00+08:00")
        with self.parent.db.begin() as tx:
            return self.parent.links.give(tx, asked, child="321181", at=NOW)

    def give_again(self) -> int:
        with self.parent.db.begin() as tx:
            return self.parent.links.give_again(tx, child="321181")

    def settle(self, body: dict[str, Any]) -> None:
        with self.child.db.begin() as tx:
            directive = self.child.links.receive(tx, body, at=NOW)
            assert directive
            self.child.links.settle(tx, directive, at=NOW)

    def outcomes(self) -> dict[UUID, str]:
        with self.parent.db.read() as connection:
            rows = connection.execute(sa.select(directives.c.id, directives.c.outcome))
            return {row.id: row.outcome for row in rows}

    def compare(self, *, repair: bool = True) -> list[dict[str, Any]]:
        with self.parent.db.begin() as tx:
            (request,) = self.parent.links.ask_ledgers(
                tx, {"project_registry": KINDS}, at=NOW, repair=repair
            )
        self.carry()
        with self.parent.db.read() as connection:
            return list(find_state(connection, f"compared {request}")["differences"])


def links(instance: str, parent: str = "") -> Links:
    return Links(service="project_registry", instance=instance, parent=parent, goes_up=KINDS)


@pytest.fixture
def pair(database: Databases) -> Iterator[Pair]:
    ends = [
        End(made, Database(database("project_registry"), pool_size=2))
        for made in (links("321181", "321100"), links("321100"))
    ]
    child, parent = ends
    yield Pair(child, parent)
    for end in ends:
        end.db.close()


def test_what_is_told_is_taken_once_however_often_it_comes(pair: Pair) -> None:
    ids = pair.child.record(*KINDS, "something_else.v1")
    bodies = pair.child.up()

    first = pair.parent.take([*bodies, *bodies])
    again = pair.parent.take(bodies)

    assert [fact.envelope.id for fact in first.facts] == ids[:2]
    assert {fact.origin for fact in first.facts} == {"321181"}
    assert again.facts == []
    labels = {"service": "project_registry", "child": "321181"}
    heard = REGISTRY.get_sample_value("link_heard_seconds", labels)
    assert heard == pytest.approx(time.time(), abs=60)


def test_both_ends_are_equal_when_everything_arrived(pair: Pair) -> None:
    pair.child.record(*KINDS)
    pair.carry()

    assert pair.compare() == []


def test_what_was_lost_on_the_way_is_named_and_sent_again(pair: Pair) -> None:
    ids = pair.child.record(*KINDS * 3)
    lost = pair.child.up()[2:4]
    kept = [body for body in _all(pair.child) if body["id"] not in {each["id"] for each in lost}]
    pair.parent.take(kept)

    named = pair.compare()

    assert {(each["kind"], each["child"], each["parent"]) for each in named} == {
        (KINDS[0], 3, 2),
        (KINDS[1], 3, 2),
    }
    assert pair.compare() == []
    assert pair.parent.count(origin_facts) == len(ids) + 2  # the answers to two questions


def test_what_the_child_forgot_with_a_backup_is_dropped_and_told_anew(pair: Pair) -> None:
    aggregate = uuid4()
    first, *_ = pair.child.record(KINDS[0], aggregate=aggregate)
    (later,) = pair.child.record(KINDS[1], aggregate=aggregate)
    pair.carry()
    with pair.child.db.begin() as tx:
        tx.execute(link_facts.delete().where(link_facts.c.event_id == later))

    named = pair.compare()
    again = pair.compare()

    assert [(each["child"], each["parent"]) for each in named] == [(0, 1)]
    assert pair.forgotten == [aggregate]
    # The fact that the child still has came again, so the copy can be made from it.
    assert pair.taken == [first, later, first]
    assert again == []


def test_a_directive_that_a_lost_broker_took_along_is_given_again_and_done_once(pair: Pair) -> None:
    given = pair.give()
    pair.parent.down()  # the broker had it, and is gone

    assert pair.give_again() == 1
    ((_, body),) = pair.parent.down()
    assert UUID(body["id"]) == given
    pair.settle(body)
    assert pair.give_again() == 1, "the answer is still on its way"
    ((_, again),) = pair.parent.down()
    assert pair.child.receive(again) is None, "it was done already"
    pair.carry()

    assert pair.give_again() == 0
    assert pair.outcomes() == {given: "done"}


def test_what_became_of_a_directive_is_told_again_to_a_parent_out_of_a_backup(pair: Pair) -> None:
    given = pair.give()
    ((_, body),) = pair.parent.down()
    pair.settle(body)
    pair.child.up()  # the parent heard it, and forgot it with its backup
    assert pair.outcomes() == {given: ""}

    pair.give_again()
    pair.carry()

    assert pair.outcomes() == {given: "done"}


def test_questions_about_the_link_are_not_asked_again(pair: Pair) -> None:
    with pair.parent.db.begin() as tx:
        pair.parent.links.ask_ledgers(tx, {"project_registry": KINDS}, at=NOW, repair=False)
    pair.parent.down()

    assert pair.give_again() == 0


def test_without_repair_the_difference_is_only_named(pair: Pair) -> None:
    pair.child.record(*KINDS)
    pair.parent.take(pair.child.up()[:1])

    assert len(pair.compare(repair=False)) == 1
    assert len(pair.compare(repair=False)) == 1


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param("321100", id="itself"),
        pytest.param("320281", id="a region of another city"),
        pytest.param("", id="nobody"),
    ],
)
def test_who_is_not_below_is_not_taken(pair: Pair, stranger: str) -> None:
    pair.child.record(*KINDS)
    bodies = [{**body, "via": stranger} for body in pair.child.up()]

    assert pair.parent.take(bodies).facts == []
    assert pair.parent.count(link_children) == 0


def test_a_second_instance_in_a_child_s_place_is_told_that_it_is_refused(
    pair: Pair, database: Databases
) -> None:
    pair.child.record(*KINDS)
    pair.carry()
    twin = End(links("321181", "321100"), Database(database("project_registry"), pool_size=2))
    twin.record(*KINDS)

    brought = pair.parent.take(twin.up())
    for _, body in pair.parent.down():
        pair.child.receive(body)
        twin.receive(body)
    refused = []
    for end in (pair.child, twin):
        with end.db.read() as connection:
            refused.append(find_state(connection, "refused"))
    twin.db.close()

    assert brought.facts == []
    assert refused[0] is None
    assert "另一实例" in refused[1]["zh"]


def test_a_town_s_facts_reach_the_city_through_the_district(database: Databases) -> None:
    ends = [
        End(made, Database(database("project_registry"), pool_size=2))
        for made in (
            links("321181113", "321181"),
            links("321181", "321100"),
            links("321100"),
        )
    ]
    town, district, city = ends
    told = town.record(*KINDS)
    district.take(town.up())
    brought = city.take(district.up())
    for end in ends:
        end.db.close()

    assert [fact.envelope.id for fact in brought.facts] == told
    assert {(fact.origin, fact.via) for fact in brought.facts} == {("321181113", "321181")}


def _all(end: End) -> list[dict[str, Any]]:
    with end.db.begin() as tx:
        stamp = {"via": end.links.instance, "birth": birth(tx)}
        rows = tx.execute(sa.select(link_facts).order_by(link_facts.c.position)).all()
    return [{**row.envelope, **stamp} for row in rows]
