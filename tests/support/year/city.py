"""Four services on real databases in one process; what they publish is carried by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any

import sqlalchemy as sa

from approval_tracking.store import Reference
from approval_tracking.usecases.data import load_data
from chassis.db import Database
from chassis.events import Envelope
from chassis.links.ledger import Links
from chassis.outbox import Outbox
from chassis.worker import subscriptions_of
from project_registry.store import Registry
from project_registry.usecases import loading
from support.servers import Databases
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import load_rules

SERVICES = ("project_registry", "approval_tracking", "proxy_log", "warning_dispatch")
INSTANCE = "321100"


class City:
    """The services as their workers run them, at a time that the script moves.

    Every fact is kept in `facts`, in the order in which it was carried, for whoever recounts.
    """

    def __init__(self, databases: Databases, start: datetime) -> None:
        self.now = start
        self.facts: list[Envelope] = []
        self.handled: Counter[str] = Counter()
        self._dbs = {
            name: Database(databases(name), application_name="year", pool_size=2)
            for name in SERVICES
        }
        self._written: set[str] = set()
        for name, db in self._dbs.items():
            db.on_commit = partial(self._written.add, name)
        self._workers = {name: self._worker(name) for name in SERVICES}
        self._readers = self._routes()
        with self.begin("project_registry") as tx:
            loading.load_data(Registry(tx))
        with self.begin("approval_tracking") as tx:
            load_data(Reference(tx), now=start)
        with self.begin("warning_dispatch") as tx:
            load_rules(Ledger(tx))
        self.carry()

    def worker(self, name: str) -> Any:
        return self._workers[name]

    @contextmanager
    def begin(self, service: str) -> Iterator[sa.Connection]:
        with self._dbs[service].begin() as tx:
            yield tx

    def rows(self, service: str, table: sa.Table) -> list[sa.Row[Any]]:
        with self._dbs[service].read() as connection:
            return list(connection.execute(sa.select(table)))

    def carry(self) -> list[Envelope]:
        """Carry what waits in the outboxes to who reads it, until nothing waits; return what was carried."""
        carried: list[Envelope] = []
        while bodies := [body for name in self._who_wrote() for body in self._taken(name)]:
            for body in bodies:
                envelope = Envelope.open(body)
                carried.append(envelope)
                for service, handle in self._readers[envelope.source, envelope.type]:
                    handle(body)
                    self.handled[service] += 1
        self.facts += carried
        return carried

    def close(self) -> None:
        for db in self._dbs.values():
            db.close()

    def _who_wrote(self) -> list[str]:
        """Return whose outbox may hold something, in the services' order."""
        wrote = [name for name in SERVICES if name in self._written]
        self._written.clear()
        return wrote

    def _taken(self, name: str) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        with self._dbs[name].begin(quietly=True) as tx:
            while Outbox(tx).relay(taken.extend):
                pass
        return [{**body, "source": name} for body in taken]

    def _worker(self, name: str) -> Any:
        made = import_module(f"{name}.worker").Worker()
        made.db, made.now = self._dbs[name], lambda: self.now
        made.links = Links(service=name, instance=INSTANCE, parent="", goes_up=())
        made.instance, made.channels, made.public_url = INSTANCE, "", ""
        return made

    def _routes(
        self,
    ) -> defaultdict[tuple[str, str], list[tuple[str, Callable[[dict[str, Any]], None]]]]:
        readers: defaultdict[tuple[str, str], list[tuple[str, Callable[..., None]]]] = defaultdict(
            list
        )
        for service, worker in self._workers.items():
            for name in dir(type(worker)):
                handle = getattr(worker, name)
                for each in getattr(handle, "subscriptions", ()):
                    if not each.exchange:
                        for kind in each.types:
                            readers[each.source, kind].append((service, handle))
            assert subscriptions_of(type(worker))
        return readers
