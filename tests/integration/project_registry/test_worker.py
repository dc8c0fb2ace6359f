"""The worker as a process: others' facts in through the broker, ours out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from chassis import amqp
from chassis.events import Envelope
from chassis.ids import new_id
from support import services
from support.registry import CITY, NAVIGATOR, NOON, Client
from support.waiting import eventually


def test_facts_of_others_change_projects_and_ours_leave(
    call: Client, amqp_url: str, redis_url: str
) -> None:
    project_id = call.register(CITY)
    settings = {"database_url": call.db.url, "amqp_url": amqp_url, "redis_url": redis_url}
    services.run("project_registry", "migrate", **settings)

    def publish(source: str, kind: str, **data: Any) -> None:
        body = Envelope(new_id(), kind, "", UUID(project_id), 1, NOON, data).body()
        publisher = amqp.Publisher(
            amqp_url, exchange=f"{source}.events", stamp={"source": f"321100/{source}"}
        )
        publisher.publish_all([body])
        publisher.close()

    def project() -> Any:
        return call(CITY, "GetProject", project_id=project_id).project

    def is_so(check: Callable[[Any], bool]) -> None:
        eventually(lambda: check(project()), timeout=20)

    with services.running("project_registry", "worker", **settings):
        publish(
            "proxy_log",
            "agent_assigned.v1",
            project_id=project_id,
            version=1,
            agents=[NAVIGATOR.account_id],
            agent_names=["张三"],
            assigned_by=CITY.account_id,
        )
        is_so(lambda now: list(now.agent_names) == ["张三"])
        publish(
            "approval_tracking",
            "project_progressed.v1",
            project_id=project_id,
            version=1,
            items=[{"item_code": "S4-01", "stage": "S4", "state": "in_progress", "done_on": ""}],
        )
        is_so(lambda now: now.stage == "S4")
        eventually(lambda: call.facts() == [], timeout=20)
