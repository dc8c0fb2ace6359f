"""The worker as a process: projects in through the broker, the law's acceptance at its moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases.cases import submit_case
from chassis import amqp
from chassis.clock_state import set_clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.ids import new_id
from support import services
from support.approvals import COMPANY, MONDAY, project_state, shanghai
from support.servers import Databases
from support.waiting import eventually


class House:
    """The worker's settings, and the registry that publishes."""

    def __init__(self, db: Database, amqp_url: str, redis_url: str) -> None:
        self.db, self.amqp_url = db, amqp_url
        self.settings = {
            "database_url": db.url,
            "amqp_url": amqp_url,
            "redis_url": redis_url,
            "movable_clock": "1",
        }
        self._generation = 0

    def publish(self, kind: str, **data: Any) -> None:
        body = Envelope(new_id(), kind, "", uuid4(), 1, MONDAY, data).body()
        publisher = amqp.Publisher(
            self.amqp_url,
            exchange="project_registry.events",
            stamp={"source": "321100/project_registry"},
        )
        publisher.publish_all([body, body])
        publisher.close()

    def move_clock(self, to: datetime) -> None:
        self._generation += 1
        seconds = round((to - datetime.now(UTC)).total_seconds())
        set_clock(self.db, generation=self._generation, offset_seconds=seconds)

    def all(self, statement: str) -> list[Any]:
        with self.db.read() as connection:
            return list(connection.execute(sa.text(statement)))


@pytest.fixture
def house(database: Databases, amqp_url: str, redis_url: str) -> Iterator[House]:
    db = Database(database("approval_tracking"))
    made = House(db, amqp_url, redis_url)
    services.run("approval_tracking", "migrate", **made.settings)
    services.run("approval_tracking", "load-data", **made.settings)
    services.run("approval_tracking", "load-demo", **made.settings)
    yield made
    db.close()


def test_a_project_gets_its_list_its_plan_and_the_laws_acceptance(house: House) -> None:
    state = project_state()
    house.move_clock(MONDAY)
    with services.running("approval_tracking", "worker", **house.settings):
        decisions = [
            {"item_code": "S2-01", "accepted_on": "2026-02-03", "decided_on": "2026-02-04"}
        ]
        house.publish(
            "past_decisions_recorded.v1", project_id=state["project_id"], decisions=decisions
        )
        house.publish("project_registered.v1", project=state)
        eventually(lambda: house.all("select 1 from plans"))
        eventually(lambda: house.all("select 1 from project_items where state = 'done'"))
        with house.db.begin() as tx:
            submit_case(
                CaseStore(tx),
                ProjectStore(tx),
                UUID(state["project_id"]),
                "S2-06",
                mode="single",
                case_id=uuid4(),
                principal=COMPANY,
                now=MONDAY,
            )
        house.move_clock(shanghai("2026-03-09T23:50:00"))
        assert [row.status for row in house.all("select status from cases")] == ["received"]
        house.move_clock(shanghai("2026-03-16T09:00:00"))
        eventually(lambda: house.all("select 1 from cases where status = 'in_review'"))

        (row,) = house.all("select state from cases")
        eventually(lambda: house.all("select 1 from plans where laid_on = '2026-03-16'"))
    happening = row.state["clock"]["happenings"][-1]
    assert (happening["kind"], happening["on"]) == ("deemed_accepted", "2026-03-02")
    assert happening["at"].startswith("2026-03-09T16:00:00")
    assert len(house.all("select 1 from projects")) == 1
