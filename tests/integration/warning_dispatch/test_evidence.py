"""Audit chains that instances witness for each other, and packs that are checked without us."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis import audit, retention
from chassis.audit_archive import Chain
from chassis.audit_check import check_pack
from chassis.db import Database, directives, link_facts
from chassis.db import audit as audit_lines
from chassis.links.ledger import Links
from chassis.links.state import birth
from chassis.objects import ObjectStore
from support import desk as people
from support.clocks import at, case_state
from support.desk import Desk
from support.links import alone, witness
from support.servers import Databases
from support.servicers import Client, serving
from warning_dispatch.api import WarningDispatch
from warning_dispatch.store import Ledger
from warning_dispatch.worker import Worker

NOW = at("2026-10-22 10:00")


class End:
    """warning_dispatch of one instance, with an audit chain of a few lines."""

    def __init__(self, db: Database, instance: str, parent: str = "") -> None:
        self.db = db
        self.worker = Worker()
        self.worker.db, self.worker.now, self.worker.instance = db, lambda: NOW, instance
        self.worker.witness = witness(instance)
        self.links = self.worker.links = Links(
            service="warning_dispatch", instance=instance, parent=parent, goes_up=Worker.goes_up
        )
        Desk(db).load()

    def write(self, count: int) -> None:
        with self.db.begin() as tx:
            tx.execute(
                audit_lines.insert(),
                [
                    {
                        **dict.fromkeys(("account", "username", "method"), f"a{number}"),
                        **{"subject_type": "card", "subject_id": str(number), "request_id": ""},
                        "detail": {},
                    }
                    for number in range(count)
                ],
            )
        with self.db.begin() as tx:
            audit.link_lines(tx)
        with self.db.begin() as tx:
            self.links.tell_head(tx, at=NOW)

    def up(self) -> list[dict[str, Any]]:
        return self._taken(link_facts, via=self.links.instance)

    def down(self) -> list[dict[str, Any]]:
        return self._taken(directives)

    def _taken(self, table: sa.Table, **stamp: str) -> list[dict[str, Any]]:
        with self.db.begin() as tx:
            if stamp:
                stamp["birth"] = birth(tx)
            chosen = sa.select(table).where(sa.not_(table.c.sent)).order_by(table.c.position)
            rows = tx.execute(chosen).all()
            tx.execute(table.update().values(sent=True))
        return [{**row.envelope, **stamp} for row in rows]

    def heads(self, instance: str) -> list[dict[str, Any]]:
        with self.db.begin() as tx:
            return Ledger(tx).heads.listed(instance=instance)


@pytest.fixture
def ends(database: Databases) -> Iterator[tuple[End, End]]:
    dbs = [Database(database("warning_dispatch"), pool_size=2) for _ in range(2)]
    yield End(dbs[0], "321181", "321100"), End(dbs[1], "321100")
    for each in dbs:
        each.close()


def carry(child: End, parent: End) -> None:
    while (up := child.up()) + (down := parent.down()):
        if up:
            parent.worker.on_facts_from_below(up)
        for body in down:
            child.worker.on_directive(body)


def test_each_side_witnesses_the_other_and_both_can_prove_it(ends: tuple[End, End]) -> None:
    child, parent = ends
    child.write(3)
    carry(child, parent)
    parent.write(2)
    carry(child, parent)

    for mine, other, link in ((child, parent, 3), (parent, child, 2)):
        instance = mine.links.instance
        (head,) = mine.heads(instance)
        assert head in other.heads(instance)
        assert (head["link"], head["witness"]) == (link, other.links.instance)
        with mine.db.begin() as tx:
            assert audit.verify(tx, mine.heads(instance)) is None


@pytest.mark.parametrize(
    ("harm", "link"),
    [
        pytest.param("delete from audit where link > 2", 3, id="the end cut off"),
        pytest.param(
            "update audit set link = null, hash = null", 1, id="chained anew from scratch"
        ),
    ],
)
def test_a_chain_that_is_whole_in_itself_is_held_against_the_witness(
    ends: tuple[End, End], harm: str, link: int
) -> None:
    child, parent = ends
    child.write(4)
    carry(child, parent)
    with child.db.begin() as tx:
        tx.execute(sa.text("update audit set account = 'x' where link = 1")) if link == 1 else None
        tx.execute(sa.text(harm))
    with child.db.begin() as tx:
        audit.link_lines(tx)

    with child.db.begin() as tx:
        assert audit.verify(tx) is None
        trouble = audit.verify(tx, parent.heads("321181"))

    assert trouble
    assert trouble.link == (4 if link == 1 else 3)
    assert "321100" in trouble.en


def test_a_forged_witness_is_left_out(ends: tuple[End, End]) -> None:
    child, parent = ends
    child.write(2)
    parent.worker.on_facts_from_below(child.up())
    (told,) = [each for each in parent.down() if each["type"] == "head_witnessed.v1"]
    told["data"]["hash"] = "00" * 32
    child.worker.on_directive(told)

    assert child.heads("321181") == []


# --- packs -----------------------------------------------------------------------------------------


@pytest.fixture
def call(desk: Desk, tmp_path: Path) -> Iterator[Client]:
    servicer = WarningDispatch(
        desk.db,
        lambda: desk.now,
        links=alone("321100"),
        witness=witness("321100"),
        objects=ObjectStore(tmp_path.as_uri()),
    )
    everybody = [people.A4, people.D1, people.D4, people.D5, people.K1, people.OTHER_D1]
    with serving(
        lambda server: pb_grpc.add_WarningDispatchServiceServicer_to_server(servicer, server),
        pb_grpc.WarningDispatchServiceStub,
        pb,
        everybody,
    ) as client:
        yield client


@pytest.fixture
def packed(desk: Desk, call: Client) -> Callable[[], bytes]:
    desk.case(case_state(case_id=UUID(int=11)))
    desk.sweep("2026-10-22 00:30")
    desk.now = at("2026-10-22 10:00")
    (card,) = call(people.D4, "ListCards", colour=pb.COLOUR_RED).cards
    call(people.A4, "AcknowledgeCard", card_id=card.card_id)
    call(people.A4, "SignWorkOrder", order_id=card.orders[0])
    with desk.db.begin() as tx:
        audit.link_lines(tx)
    return lambda: bytes(call(people.D4, "GetCardEvidence", card_id=card.card_id).data)


def test_a_pack_holds_what_is_on_record_and_is_the_same_until_something_happens(
    packed: Callable[[], bytes], tmp_path: Path, desk: Desk
) -> None:
    first, again = packed(), packed()
    path = tmp_path / "牌.zip"
    path.write_bytes(first)
    with zipfile.ZipFile(path) as pack:
        state = json.loads(pack.read("state.json"))
        orders = json.loads(pack.read("orders.json"))
        rule = json.loads(pack.read("rule.json"))
        notices = json.loads(pack.read("notices.json"))
        lines = [json.loads(line) for line in pack.read("audit.jsonl").decode().splitlines()]

    assert first == again
    assert check_pack(path) == ""
    assert (state["rule"], [step["step"] for step in state["steps"]]) == (
        "W-01",
        ["open", "acknowledged"],
    )
    assert (rule["code"], rule["version"], len(orders), len(notices) > 0) == ("W-01", 1, 1, True)
    methods = [line["method"].rpartition("/")[2] for line in lines if "method" in line]
    assert methods == ["AcknowledgeCard", "SignWorkOrder"]


def test_a_pack_is_the_same_when_its_lines_lie_in_archives(
    packed: Callable[[], bytes], call: Client, tmp_path: Path, desk: Desk
) -> None:
    first = packed()
    # The line of that pack is chained, too, and stays as the newest of all.
    with desk.db.begin() as tx:
        audit.link_lines(tx)
    chain, objects = Chain("321100", "warning_dispatch"), ObjectStore(tmp_path.as_uri())
    with desk.db.begin() as tx:
        made = retention.archive_lines(
            tx, objects, chain, before=datetime.max.replace(tzinfo=UTC), at=NOW
        )

    assert made
    card = str(desk.card("W-01", "red").id)
    assert bytes(call(people.D4, "GetCardEvidence", card_id=card).data) == first

    (tmp_path / made.object_key).unlink()
    refusal = call.refused(people.D4, "GetCardEvidence", card_id=card)
    assert refusal.reason == "AUDIT_ARCHIVE_DAMAGED"


@pytest.mark.parametrize("name", ["state.json", "audit.jsonl", "manifest.json", "rule.json"])
def test_a_pack_that_was_tampered_with_says_where(
    packed: Callable[[], bytes], tmp_path: Path, name: str
) -> None:
    path, out = tmp_path / "x.zip", io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(packed())) as pack,
        zipfile.ZipFile(out, "w") as changed,
    ):
        for each in pack.namelist():
            content = pack.read(each)
            changed.writestr(
                each, content.replace(b"W-01", b"W-02") + b" " if each == name else content
            )
    path.write_bytes(out.getvalue())

    assert name in check_pack(path)


def test_a_pack_is_for_who_reviews_within_his_territory(
    packed: Callable[[], bytes], call: Client, desk: Desk
) -> None:
    packed()
    card = desk.card("W-01", "red").id

    assert call(people.K1, "GetCardEvidence", card_id=str(card)).data
    for who in (people.A4, people.D1):
        assert call.refused(who, "GetCardEvidence", card_id=str(card)).reason == "NOT_YOUR_ROLE"
    unknown = call.refused(people.D4, "GetCardEvidence", card_id=str(UUID(int=5)))
    assert unknown.reason == "CARD_NOT_FOUND"
    (order,) = desk.orders
    assert call(people.D5, "GetOrderEvidence", order_id=str(order.id)).data
