"""The AMQP edge: everybody's facts, in batches."""

from __future__ import annotations

from typing import Any

from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.links.ledger import Links
from chassis.worker import Injected, every, subscribe_batch, subscribe_below
from reporting import promises
from reporting.store import ReadModels
from reporting.usecases import SOURCES, SOURCES_BELOW, apply_facts


class Worker:
    """One handler for all facts: a batch is one transaction."""

    name = "reporting"

    db: Database = Injected("db")
    now: Clock = Injected("now")
    links: Links = Injected("links")

    @subscribe_batch(consumer=name, sources=SOURCES, size=500)
    def on_facts(self, bodies: list[dict[str, Any]]) -> None:
        facts = [Envelope.open(body) for body in bodies]
        with self.db.begin() as tx:
            apply_facts(ReadModels(tx), facts)

    @subscribe_below(consumer=name, sources=SOURCES_BELOW)
    def on_facts_from_below(self, bodies: list[dict[str, Any]]) -> None:
        with self.db.begin() as tx:
            taken = self.links.take(tx, bodies, at=self.now())
            models = ReadModels(tx)
            models.forget(taken.forgotten)
            apply_facts(models, [fact.envelope for fact in taken.facts])

    @every(seconds=30)
    def measure_promises(self) -> None:
        """Show how the state's promises were kept; nothing is pushed, a scrape takes it."""
        with self.db.read() as connection:
            rows = promises.measure(connection, now=self.now())
        promises.gauges.show(rows)
