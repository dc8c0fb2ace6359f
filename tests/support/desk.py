"""warning_dispatch in one process, on a real database, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.db import Database
from chassis.events import Envelope
from chassis.identity import Principal, Scope
from chassis.ids import new_id
from chassis.outbox import Outbox
from support.clocks import at, published_calendar
from warning_dispatch import usecases
from warning_dispatch.store import Ledger
from warning_dispatch.store.tables import cards, dues, notifications, work_orders
from warning_dispatch.usecases import Caller, Occasion


def person(username: str, *roles: str, org: str = "", **more: Any) -> Principal:
    place = more.pop("region_path", "321100/321181")
    return Principal(
        account_id=username,
        username=username,
        roles=frozenset(roles),
        org=org,
        region_path=place,
        region=place.rpartition("/")[2],
        **more,
    )


A4 = person("a4.danyang.fagai", "A4", org="321181:发改")
A2 = person("a2.danyang.fagai", "A2", org="321181:发改")
OTHER_A4 = person("a4.danyang.zhujian", "A4", org="321181:住建")
D1 = person("d1.danyang", "D1")
B3 = person("b3.danyang", "B3")
OTHER_D1 = person("d1.jurong", "D1", region_path="321100/321183")
D4 = person("d4.city", "D4", region_path="321100")
D5 = person("d5.city", "D5", region_path="321100")
K1 = person("k1.city", "K1", region_path="321100")
B1 = person("b1", "B1", region_path="321100/321181/321181113")
E1 = person("e1.p02", "E1", region_path="", companies=frozenset({"91321181000000027K"}))
OTHER_E1 = person("e1.p01", "E1", region_path="", companies=frozenset({"913211710000000199"}))
S1 = person("s1.city", "S1", region_path="321100")
S2 = person("s2.city", "S2", region_path="321100")


class KilledError(Exception):
    """Stands for kill -9 between the work and its commit."""


class Desk:
    """What the worker and the api do, one call each, at the test's own time."""

    def __init__(self, db: Database, now: str = "2026-10-08 09:00") -> None:
        self.db = db
        self.now: datetime = at(now)

    def load(self) -> None:
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            usecases.load_rules(ledger)
            usecases.follow_calendar(ledger, published_calendar(), version=1)

    @property
    def occasion(self) -> Occasion:
        return Occasion(self.now, new_id, "321100")

    def case(self, state: dict[str, Any], when: str | None = None) -> bool:
        """A case event of that time arrives now."""
        moment = at(when) if when else self.now
        with self.db.begin() as tx:
            return usecases.follow_case(Ledger(tx), state, self.occasion, at=moment)

    def project(self, state: dict[str, Any], when: str | None = None) -> bool:
        moment = at(when) if when else self.now
        with self.db.begin() as tx:
            return usecases.follow_project(Ledger(tx), state, self.occasion, at=moment)

    def log(self, project_id: UUID, when: str) -> None:
        with self.db.begin() as tx:
            usecases.follow_log(Ledger(tx), project_id, self.occasion, filed_at=at(when))

    def sweep(self, now: str | None = None, *, batch: int = 50) -> int:
        """Move the clock and do what the worker's sweep does; return how many due moments it took."""
        if now:
            self.now = at(now)
        taken = 0
        while True:
            with self.db.begin() as tx:
                if usecases.reckon_anew(Ledger(tx), self.occasion):
                    continue
            with self.db.begin() as tx:
                here = usecases.sweep(Ledger(tx), self.occasion, batch=batch)
            taken += here
            if not here:
                return taken

    def act(self, use_case: Any, subject: UUID, who: Principal, **more: Any) -> Any:
        """Run a use case on a card or an order, as the api would for `who`."""
        with self.db.begin() as tx:
            caller = Caller(who, Scope.of(who))
            arguments = {"expected_version": 0, **more}
            return use_case(Ledger(tx), subject, caller, self.occasion, **arguments)

    def dies(self, use_case: Callable[[sa.Connection], object]) -> None:
        """Run a use case in a process that dies before its commit."""
        try:
            with self.db.begin() as tx:
                use_case(tx)
                raise KilledError
        except KilledError:
            return

    def rows(self, table: sa.Table, *order: sa.ColumnElement[Any]) -> list[sa.Row[Any]]:
        with self.db.read() as connection:
            return list(connection.execute(sa.select(table).order_by(*order)))

    @property
    def cards(self) -> list[sa.Row[Any]]:
        return self.rows(cards, cards.c.due_moment, cards.c.colour)

    @property
    def orders(self) -> list[sa.Row[Any]]:
        return self.rows(work_orders, work_orders.c.number)

    @property
    def dues(self) -> list[sa.Row[Any]]:
        return self.rows(dues, dues.c.due_moment, dues.c.rule)

    @property
    def notices(self) -> list[sa.Row[Any]]:
        return self.rows(notifications, notifications.c.id)

    def card(self, rule: str, colour: str) -> sa.Row[Any]:
        (found,) = [row for row in self.cards if (row.rule, row.colour) == (rule, colour)]
        return found

    def published(self) -> list[Envelope]:
        """Take everything out of the outbox, in order."""
        sent: list[Envelope] = []
        with self.db.begin() as tx:
            Outbox(tx).relay(lambda bodies: sent.extend(map(Envelope.open, bodies)))
        return sent
