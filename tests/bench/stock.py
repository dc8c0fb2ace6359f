"""nameko's stock event handler doing what reporting's consumer does: the baseline of `rollups`.

`python -m bench.stock` runs it, patched as our workers are, so that ten handlers may wait for
the database at once.
"""

from __future__ import annotations

import os
from typing import Any

from kombu.entity import Exchange, Queue

SOURCE, NAME, METHOD = "approval_tracking", "stock", "on_fact"
TYPES = tuple(
    f"case_{each}.v1" for each in ("submitted", "accepted", "clock_changed", "decided", "delivered")
)


def queues() -> list[Queue]:
    """Return the queues that nameko will consume, for who fills them before it starts."""
    exchange = Exchange(f"{SOURCE}.events", type="topic", durable=True)
    return [
        Queue(f"evt-{SOURCE}-{each}--{NAME}.{METHOD}", exchange, routing_key=each, durable=True)
        for each in TYPES
    ]


def main() -> None:
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
    import eventlet

    eventlet.monkey_patch()

    from nameko.events import event_handler
    from nameko.runners import ServiceRunner

    from chassis.db import Database
    from chassis.events import Envelope
    from reporting.store import ReadModels
    from reporting.usecases import apply_facts

    database = Database(os.environ["KAIGONG_DATABASE_URL"], pool_size=10)

    class Stock:
        name = NAME

        def on_fact(self, body: dict[str, Any]) -> None:
            with database.begin() as tx:
                apply_facts(ReadModels(tx), [Envelope.open(body)])

        for each in TYPES:
            on_fact = event_handler(SOURCE, each)(on_fact)

    runner = ServiceRunner({"AMQP_URI": os.environ["KAIGONG_AMQP_URL"], "max_workers": 10})
    runner.add_service(Stock)
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main()
