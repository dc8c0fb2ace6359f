"""The AMQP edge: everybody's facts, in batches."""

from __future__ import annotations

from typing import Any

from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.worker import Injected, subscribe_batch
from reporting.store import ReadModels
from reporting.usecases import SOURCES, apply_facts


class Worker:
    """One handler for all facts: a batch is one transaction."""

    name = "reporting"

    db: Database = Injected("db")
    now: Clock = Injected("now")

    @subscribe_batch(consumer=name, sources=SOURCES, size=500)
    def on_facts(self, bodies: list[dict[str, Any]]) -> None:
        facts = [Envelope.open(body) for body in bodies]
        with self.db.begin() as tx:
            apply_facts(ReadModels(tx), facts)
