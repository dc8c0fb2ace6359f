"""The ledger of a link: what went up, what was taken from below, and how the two are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import logs, metrics, regions
from chassis.audit import head
from chassis.bulk import insert_all
from chassis.calendar import local_day
from chassis.db import directives, link_children, link_facts, origin_facts
from chassis.errors import FieldInvalid
from chassis.events import Envelope, Event, event_type, instant, read_instant
from chassis.ids import new_id
from chassis.inbox import Inbox
from chassis.links.events import (
    AggregatesWanted,
    DayCount,
    DirectiveSettled,
    FactsUnknown,
    FactsWanted,
    HeadTold,
    HeadWitnessed,
    LedgerAsked,
    LedgerTold,
    LinkRefused,
)
from chassis.links.state import birth, find_state, put_state

log = logs.get(__name__)

# Between positions of the ledger and their becoming visible: one writer at a time.
_LOCK = 0x6B61696C
_lock = sa.select(sa.func.pg_advisory_xact_lock(_LOCK))
_record = insert_all(
    link_facts, "event_id", "kind", "day", "aggregate_id", "envelope"
).on_conflict_do_nothing(index_elements=[link_facts.c.event_id])
_take = (
    insert_all(origin_facts, *origin_facts.c.keys())
    .on_conflict_do_nothing()
    .returning(origin_facts.c.event_id)
)

# What a child says about the link itself: it is no part of what is compared.
_HEADS = tuple(event_type(kind) for kind in (HeadTold, HeadWitnessed))
ABOUT_THE_LINK = (
    *(event_type(kind) for kind in (LedgerTold, FactsUnknown, DirectiveSettled)),
    *_HEADS,
)
# Directives that `receive` does itself; nobody settles them.
_DONE_BY_THE_LINK = tuple(
    event_type(kind) for kind in (LedgerAsked, FactsWanted, AggregatesWanted, LinkRefused)
)
# Who witnesses the audit chains of other instances, for all services of its own.
WITNESS = "warning_dispatch"


@dataclass(frozen=True)
class Fact:
    """A fact from below: where it happened, and the child that handed it on."""

    origin: str
    via: str
    envelope: Envelope


@dataclass
class FromBelow:
    """What a batch from below brought: new facts in order, and aggregates whose copies go.

    The home of what is `forgotten` was set back to a backup, and tells anew what it still has.
    """

    facts: list[Fact] = field(default_factory=list)
    forgotten: list[UUID] = field(default_factory=list)
    # heads are where audit chains below end, and what was witnessed of ours.
    heads: list[Fact] = field(default_factory=list)


@dataclass(frozen=True)
class Difference:
    """One kind of fact on one day that both ends do not have alike."""

    kind: str
    day: str
    child: int
    parent: int


class Links:
    """The links of one service of one instance: to its parent, if it has one, and to its children."""

    def __init__(self, *, service: str, instance: str, parent: str, goes_up: Sequence[str]) -> None:
        self.service, self.instance, self.parent = service, instance, parent
        self.goes_up = frozenset(goes_up)

    @classmethod
    def alone(cls) -> Links:
        """Return the links of an instance that has none."""
        return cls(service="", instance="", parent="", goes_up=())

    @property
    def records(self) -> bool:
        """Whoever has a parent, or may get one, keeps the ledger of what goes up."""
        return bool(self.parent) or bool(regions.parent(self.instance))

    @property
    def me(self) -> str:
        return f"{self.instance}/{self.service}"

    # --- the child's side

    def record(self, tx: sa.Connection, bodies: Iterable[Mapping[str, Any]]) -> int:
        """Write what goes up of these facts into the ledger, in the transaction that relays them."""
        mine = [
            {**body, "source": self.me}
            for body in bodies
            if self.records and body["type"] in self.goes_up
        ]
        self._write(tx, mine)
        return len(mine)

    def receive(self, tx: sa.Connection, body: dict[str, Any], *, at: datetime) -> Envelope | None:
        """Return a directive that is new and not about the link itself; those are done here."""
        directive = Envelope.open(body)
        if not Inbox(tx).take(consumer="directives", event_id=directive.id):
            self._say_again(tx, directive.id)
            return None
        data = directive.data
        match directive.type:
            case "ledger_asked.v1":
                self._tell_ledger(tx, data, at)
            case "facts_wanted.v1":
                self._send_again(tx, data, at)
            case "aggregates_wanted.v1":
                ids = [UUID(each) for each in data["ids"]]
                tx.execute(
                    link_facts.update().where(link_facts.c.aggregate_id.in_(ids)).values(sent=False)
                )
            case "link_refused.v1":
                if data["birth"] == birth(tx):
                    put_state(tx, "refused", {"zh": data["why_zh"], "en": data["why_en"]})
                    log.error("the parent refuses this instance", why=data["why_en"])
            case _:
                return directive
        return None

    def settle(
        self,
        tx: sa.Connection,
        directive: Envelope,
        *,
        at: datetime,
        refused: tuple[str, str] | None = None,
    ) -> None:
        """Tell who gave the directive what became of it; `refused` is why not, in Chinese and English."""
        zh, en = refused or ("", "")
        asker = directive.source.partition("/")[0]
        outcome = "refused" if refused else "done"
        self._say(tx, DirectiveSettled(directive.id, asker, outcome, zh, en), at)

    def say(self, tx: sa.Connection, event: Event, *, at: datetime) -> None:
        """Tell the parent something about the link itself: it is no part of what is compared."""
        self._say(tx, event, at)

    def _say_again(self, tx: sa.Connection, directive_id: UUID) -> None:
        """Send up once more what became of a directive: who asks again may never have heard."""
        about = link_facts.c.envelope["data"]["directive_id"].astext == str(directive_id)
        settled = (link_facts.c.kind == "") & about
        tx.execute(link_facts.update().where(settled).values(sent=False))

    # --- the parent's side

    def tell_head(self, tx: sa.Connection, *, at: datetime) -> bool:
        """Tell parent and children where our audit chain ends, where it grew since; say whether it did."""
        link, digest = head(tx)
        if link == int(find_state(tx, "head told") or 0):
            return False
        told = HeadTold(self.instance, self.service, link, digest, instant(at))
        if self.parent:
            self._say(tx, told, at)
        known = sa.select(link_children.c.instance).distinct().order_by(link_children.c.instance)
        for child in tx.scalars(known).all():
            self.give(tx, told, child=child, service=WITNESS, at=at)
        put_state(tx, "head told", link)
        return True

    def give(
        self,
        tx: sa.Connection,
        event: Event,
        *,
        child: str,
        at: datetime,
        service: str = "",
        subject_id: UUID | None = None,
    ) -> UUID:
        """Give a directive to an instance below, whoever stands in between; return its id."""
        made = Envelope.seal(event, aggregate_id=subject_id or new_id(), version=1, at=at)
        row = {
            "id": made.id,
            "target": f"{child}.{service or self.service}",
            "subject_id": subject_id,
            "envelope": {**made.body(), "source": self.me},
            "given_at": at,
        }
        tx.execute(directives.insert(), row)
        return made.id

    def take(
        self, tx: sa.Connection, bodies: Sequence[dict[str, Any]], *, at: datetime
    ) -> FromBelow:
        """Take a batch from below in one transaction: what is new, in the order in which it came.

        Facts of an instance that is not ours, or of a second one in the place of a child that
        we know, are left out: they stay in that instance's ledger, and it is told.
        """
        taken = FromBelow()
        opened: dict[UUID, tuple[Fact, dict[str, Any]]] = {}
        # Whether a child is who we know is the same for all that it sent in this batch.
        known: dict[tuple[str, str, str], bool] = {}
        for body in bodies:
            fact, born = _opened(body)
            sender = (fact.via, fact.envelope.source, born)
            if sender not in known:
                known[sender] = self._admits(tx, fact, born, at)
            if known[sender]:
                metrics.link_heard.labels(self.service, fact.via).set_to_current_time()
                opened.setdefault(fact.envelope.id, (fact, body))
            else:
                metrics.link_refused.labels(fact.via).inc()
        rows = [
            {
                "event_id": each.envelope.id,
                "origin": each.origin,
                "via": each.via,
                "kind": "" if each.envelope.type in ABOUT_THE_LINK else each.envelope.type,
                "day": local_day(each.envelope.time),
                "aggregate_id": each.envelope.aggregate_id,
            }
            for each, _ in sorted(opened.values(), key=lambda pair: pair[0].envelope.id)
        ]
        new = set(tx.scalars(_take, {"rows": rows})) if rows else set()
        handed_on = []
        for event_id, (fact, body) in opened.items():
            if event_id not in new:
                continue
            if self.parent and fact.envelope.source.endswith(f"/{self.service}"):
                handed_on.append(
                    {name: value for name, value in body.items() if name not in ("via", "birth")}
                )
            if fact.envelope.type in _HEADS:
                taken.heads.append(fact)
            elif fact.envelope.type in ABOUT_THE_LINK:
                taken.forgotten += self._hear(tx, fact, at)
            else:
                taken.facts.append(fact)
        if handed_on:
            self._write(tx, handed_on)
        return taken

    def give_again(self, tx: sa.Connection, *, child: str = "") -> int:
        """Send what no child has settled once more, and return how much: a child knows what it did.

        A broker that was lost or restored takes along what waited in it for a child that was away.
        """
        unsettled = directives.c.sent & directives.c.settled_at.is_(None)
        ours = directives.c.envelope["type"].astext.not_in(_DONE_BY_THE_LINK)
        theirs = directives.c.target.startswith(f"{child}.") if child else sa.true()
        lost = directives.update().where(unsettled, ours, theirs).values(sent=False)
        return tx.execute(lost).rowcount

    def ask_ledgers(
        self,
        tx: sa.Connection,
        sources: Mapping[str, Sequence[str]],
        *,
        at: datetime,
        repair: bool,
        child: str = "",
    ) -> dict[UUID, tuple[str, str]]:
        """Ask the children what they sent; return (child, service) by the id of each question."""
        asked = {}
        known = sa.select(link_children.c.instance).distinct().order_by(link_children.c.instance)
        for instance in tx.scalars(known).all():
            for service, kinds in sources.items():
                if child in ("", instance):
                    request = new_id()
                    question = LedgerAsked(request, self.me, tuple(kinds), repair)
                    put_state(tx, f"asked {request}", list(kinds))
                    self.give(tx, question, child=instance, service=service, at=at)
                    asked[request] = (instance, service)
        return asked

    # --- what they share

    def _write(self, tx: sa.Connection, bodies: Sequence[Mapping[str, Any]]) -> None:
        if not bodies:
            return
        tx.execute(_lock)
        rows = [
            {
                "event_id": body["id"],
                "kind": "" if body["type"] in ABOUT_THE_LINK else body["type"],
                "day": local_day(read_instant(body["time"])),
                "aggregate_id": body["aggregate_id"],
                "envelope": body,
            }
            for body in bodies
        ]
        tx.execute(_record, {"rows": rows})

    def _say(self, tx: sa.Connection, event: Event, at: datetime) -> None:
        made = Envelope.seal(event, aggregate_id=new_id(), version=1, at=at)
        self._write(tx, [{**made.body(), "source": self.me}])

    def _admits(self, tx: sa.Connection, fact: Fact, born: str, at: datetime) -> bool:
        """Say whether we take what this child tells, and note that we heard of it."""
        via, origin = fact.via, fact.origin
        service = fact.envelope.source.partition("/")[2]
        if not self._is_below(via) or not _is_within(origin, via):
            self._refuse(
                tx,
                via,
                service,
                born,
                (
                    f"{via} 不属于 {self.instance} 的辖区",
                    f"{via} does not lie below {self.instance}",
                ),
                at,
            )
            return False
        known = insert(link_children).values(
            instance=via, service=service, birth=born, first_heard=at, last_heard=at
        )
        row = tx.execute(
            known.on_conflict_do_update(
                index_elements=[link_children.c.instance, link_children.c.service],
                set_={"last_heard": at},
            ).returning(link_children.c.birth, link_children.c.refused)
        ).one()
        if row.birth != born:
            if born not in row.refused:
                tx.execute(
                    link_children.update()
                    .where(link_children.c.instance == via, link_children.c.service == service)
                    .values(
                        refused=sa.func.array_append(
                            link_children.c.refused, sa.literal(born, sa.Text)
                        )
                    )
                )
                self._refuse(
                    tx,
                    via,
                    service,
                    born,
                    (
                        f"{via} 已有另一实例接入, 本实例的数据不予接收",
                        f"another instance is linked as {via}: the facts of this one are not taken",
                    ),
                    at,
                )
            return False
        return True

    def _refuse(
        self,
        tx: sa.Connection,
        via: str,
        service: str,
        born: str,
        why: tuple[str, str],
        at: datetime,
    ) -> None:
        log.error("a child was refused", child=via, why=why[1])
        told = find_state(tx, f"refused {born}")
        if born and told is None:
            put_state(tx, f"refused {born}", {"zh": why[0], "en": why[1]})
            self.give(tx, LinkRefused(born, *why), child=via, service=service, at=at)

    def _is_below(self, via: str) -> bool:
        return via != self.instance and _is_within(via, self.instance)

    def _tell_ledger(self, tx: sa.Connection, asked: Mapping[str, Any], at: datetime) -> None:
        tx.execute(_lock)
        rows = _days(tx, link_facts, link_facts.c.kind.in_(asked["kinds"]))
        days = tuple(DayCount(kind, day, *rest) for (kind, day), rest in rows.items())
        request = UUID(asked["request_id"])
        self._say(tx, LedgerTold(request, asked["asker"], days, bool(asked["repair"])), at)

    def _send_again(self, tx: sa.Connection, wanted: Mapping[str, Any], at: datetime) -> None:
        have = {UUID(each) for each in wanted["have"]}
        day = date.fromisoformat(wanted["day"])
        on_the_day = (link_facts.c.kind == wanted["kind"]) & (link_facts.c.day == day)
        mine = set(tx.scalars(sa.select(link_facts.c.event_id).where(on_the_day)))
        tx.execute(
            link_facts.update()
            .where(on_the_day, link_facts.c.event_id.in_(mine - have))
            .values(sent=False)
        )
        if have - mine:
            ids = tuple(str(each) for each in sorted(have - mine))
            self._say(tx, FactsUnknown(wanted["asker"], wanted["kind"], ids), at)

    def _hear(self, tx: sa.Connection, fact: Fact, at: datetime) -> list[UUID]:
        """Deal with what a child says about the link; return aggregates that it will tell anew."""
        data, kind = fact.envelope.data, fact.envelope.type
        if kind == "directive_settled.v1" and data["asker"] == self.instance:
            tx.execute(
                directives.update()
                .where(directives.c.id == UUID(data["directive_id"]))
                .values(
                    settled_at=at,
                    outcome=data["outcome"],
                    note_zh=data["note_zh"],
                    note_en=data["note_en"],
                )
            )
        elif data["asker"] != self.me:
            return []
        elif kind == "ledger_told.v1":
            self._compare(tx, fact, at)
        elif kind == "facts_unknown.v1":
            return self._forget(tx, fact, at)
        return []

    def _compare(self, tx: sa.Connection, fact: Fact, at: datetime) -> None:
        data = fact.envelope.data
        service = fact.envelope.source.partition("/")[2]
        theirs = {
            (each["kind"], each["day"]): (each["count"], each["digest"]) for each in data["days"]
        }
        kinds = find_state(tx, f"asked {data['request_id']}") or sorted({k for k, _ in theirs})
        ours = _days(
            tx, origin_facts, (origin_facts.c.via == fact.via) & origin_facts.c.kind.in_(kinds)
        )
        differences = [
            Difference(key[0], key[1], theirs.get(key, (0, ""))[0], ours.get(key, (0, ""))[0])
            for key in sorted(theirs.keys() | ours.keys())
            if theirs.get(key) != ours.get(key)
        ]
        put_state(
            tx,
            f"compared {data['request_id']}",
            {
                "facts": sum(count for count, _ in theirs.values()),
                "differences": [vars(each) for each in differences],
            },
        )
        for each in differences if data["repair"] else ():
            have = tx.scalars(
                sa.select(origin_facts.c.event_id)
                .where(
                    origin_facts.c.via == fact.via,
                    origin_facts.c.kind == each.kind,
                    origin_facts.c.day == date.fromisoformat(each.day),
                )
                .order_by(origin_facts.c.event_id)
            )
            wanted = FactsWanted(self.me, each.kind, each.day, tuple(str(one) for one in have))
            self.give(tx, wanted, child=fact.via, service=service, at=at)

    def _forget(self, tx: sa.Connection, fact: Fact, at: datetime) -> list[UUID]:
        ids = [UUID(each) for each in fact.envelope.data["ids"]]
        chosen = sa.select(origin_facts.c.aggregate_id).where(origin_facts.c.event_id.in_(ids))
        aggregates = sorted(set(tx.scalars(chosen)))
        tx.execute(
            origin_facts.delete().where(
                origin_facts.c.aggregate_id.in_(aggregates), origin_facts.c.kind != ""
            )
        )
        service = fact.envelope.source.partition("/")[2]
        wanted = AggregatesWanted(
            self.me, fact.envelope.data["kind"], tuple(str(each) for each in aggregates)
        )
        self.give(tx, wanted, child=fact.via, service=service, at=at)
        return aggregates


def _opened(body: dict[str, Any]) -> tuple[Fact, str]:
    """Return the fact, and the birth of the database that handed it on."""
    envelope = Envelope.open(body)
    origin = envelope.source.partition("/")[0]
    return Fact(origin, str(body.get("via", "")), envelope), str(body.get("birth", ""))


def _days(
    tx: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool]
) -> dict[tuple[str, str], tuple[int, str]]:
    """Return how many facts there are by kind and day, and the digest of their ids in order."""
    ids = sa.cast(table.c.event_id, sa.Text)
    listed = sa.func.string_agg(ids, sa.text("',' order by event_id"))
    rows = tx.execute(
        sa.select(table.c.kind, table.c.day, sa.func.count(), sa.func.md5(listed))
        .where(which)
        .group_by(table.c.kind, table.c.day)
        .order_by(table.c.kind, table.c.day)
    )
    return {(kind, day.isoformat()): (int(count), digest) for kind, day, count, digest in rows}


def _is_within(inner: str, outer: str) -> bool:
    try:
        return regions.within(regions.path_of(inner), regions.path_of(outer))
    except FieldInvalid:
        return False
