"""The outbox relay against the same relay confirm by confirm: one fact, one confirm, one commit."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

from bench.measure import Row, cpu_of, rate
from bench.servers import servers
from chassis import amqp, db
from chassis.clock import system_clock
from chassis.events import Envelope
from chassis.ids import new_id
from chassis.outbox import Outbox

_ONE_BY_ONE = 1_500
_PIPELINED = 30_000
# About the size of a case's whole state.
_DATA: dict[str, Any] = {"case": {f"field_{n}": "x" * 24 for n in range(30)}}


def measure() -> list[Row]:
    with servers() as run:
        toy = db.Database(run.databases("toy"))
        subscription = amqp.Subscription("toy", ("said.v1",), "bench", "said.v1")
        amqp.declare(run.amqp, publisher="toy", subscriptions=[subscription])
        publisher = amqp.Publisher(run.amqp, exchange="toy.events", stamp={"source": "bench"})

        def relay(batch: int) -> int:
            sent = 0
            while True:
                with toy.begin() as tx:
                    count = Outbox(tx).relay(publisher.publish_all, batch=batch)
                if not count:
                    return sent
                sent += count

        def fill(count: int) -> None:
            for _ in range(count // 500):
                with toy.begin() as tx:
                    Outbox(tx).append(*(_fact() for _ in range(500)))

        fill(_ONE_BY_ONE)
        baseline = rate(lambda: relay(1))
        fill(_PIPELINED)
        with cpu_of(
            lambda: [os.getpid(), *(seen.pid for seen in run.supervisor.seen().values())]
        ) as spent:
            ours = rate(lambda: relay(1000))
        publisher.close()
        toy.close()
    return [
        Row(
            "relay, events/s",
            f"{baseline:,.0f} confirm by confirm",
            f"{ours:,.0f}",
            f"{ours / baseline:.1f}",
            "8,000/s, 15 times",
            f"{spent[0] / _PIPELINED * 1e6:.0f} µs an event",
        )
    ]


def _fact() -> Envelope:
    return Envelope(new_id(), "said.v1", "", UUID(int=1), 1, system_clock(), _DATA)
