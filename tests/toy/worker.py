"""Handlers that succeed, fail, or take their time, as the fact asks."""

import time
from typing import Any

from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.inbox import Inbox
from chassis.worker import Injected, every, subscribe, subscribe_batch
from toy.store import effects


class Worker:
    name = "toy"

    db: Database = Injected("db")
    now: Clock = Injected("now")

    @subscribe("toy", "said.v1", consumer=name)
    def on_said(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            if not Inbox(tx).take(consumer="on_said", event_id=event.id):
                return
            if event.data.get("fail"):
                raise RuntimeError("as asked")
            time.sleep(event.data.get("seconds", 0))
            tx.execute(effects.insert(), {"handler": "on_said", "event_id": str(event.id)})

    @subscribe_batch(consumer=name, sources={"toy": ["counted.v1"]}, size=100)
    def on_counted(self, bodies: list[dict[str, Any]]) -> None:
        events = [Envelope.open(body) for body in bodies]
        with self.db.begin() as tx:
            new = Inbox(tx).take_many(consumer="on_counted", event_ids=[e.id for e in events])
            if any(event.data.get("fail") for event in events):
                raise RuntimeError("as asked")
            rows = [
                {"handler": f"on_counted/{len(events)}", "event_id": str(event.id)}
                for event in events
                if event.id in new
            ]
            if rows:
                tx.execute(effects.insert(), rows)

    @every(seconds=60)
    def tick(self) -> None:
        with self.db.begin() as tx:
            tx.execute(effects.insert(), {"handler": "tick", "event_id": self.now().isoformat()})
