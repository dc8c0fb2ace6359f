"""warning_dispatch's worker as a process, and the others who publish to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chassis import amqp
from chassis.clock_state import set_clock
from chassis.events import Envelope
from chassis.ids import new_id
from support.clocks import at, case_state, published_calendar
from support.desk import Desk

CASE = UUID(int=11)


@dataclass
class House:
    """The worker's settings, and the others who publish."""

    desk: Desk
    amqp_url: str
    redis_url: str

    def settings(self) -> dict[str, str]:
        return {
            "database_url": self.desk.db.url,
            "amqp_url": self.amqp_url,
            "redis_url": self.redis_url,
            "movable_clock": "1",
            "seal_secret": "a secret of this test",
        }

    def publish(
        self, source: str, kind: str, version: int, when: str, /, **data: Any
    ) -> dict[str, Any]:
        subject = UUID(int=1)
        body = Envelope(new_id(), kind, "", subject, version, at(when), data).body()
        self.publish_again(source, body)
        return body

    def publish_again(self, source: str, body: dict[str, Any]) -> None:
        publisher = amqp.Publisher(
            self.amqp_url, exchange=f"{source}.events", stamp={"source": f"321100/{source}"}
        )
        publisher.publish_all([body])
        publisher.close()

    def calendar(self) -> None:
        self.publish(
            "approval_tracking",
            "calendar_published.v1",
            1,
            "2026-01-01 09:00",
            **published_calendar(),
        )

    def case(
        self, kind: str = "case_clock_changed.v1", when: str = "2026-10-08 10:00", **more: Any
    ) -> Any:
        state = case_state(**{"case_id": CASE, **more})
        return self.publish("approval_tracking", kind, state["version"], when, case=state)

    def move_clock(self, to: str, generation: int) -> None:
        self.move_clock_by(at(to) - datetime.now(UTC), generation)

    def move_clock_by(self, ahead: timedelta, generation: int) -> None:
        set_clock(self.desk.db, generation=generation, offset_seconds=round(ahead.total_seconds()))

    def cards(self) -> list[tuple[str, str, str]]:
        return [(row.rule, row.colour, row.status) for row in self.desk.cards]
