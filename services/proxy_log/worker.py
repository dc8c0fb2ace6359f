"""The AMQP edge: projects and people come in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.links.ledger import Links
from chassis.worker import Injected, subscribe, subscribe_directives
from proxy_log.domain import Served
from proxy_log.store import Diary


class Worker:
    """Keeps the projects that logs are about and the navigators who write them."""

    name = "proxy_log"

    db: Database = Injected("db")
    now: Clock = Injected("now")
    links: Links = Injected("links")
    goes_up = ("log_filed.v1",)

    @subscribe("project_registry", "project_registered.v1", consumer=name)
    def on_project_registered(self, body: dict[str, Any]) -> None:
        self._keep_project(body, "on_project_registered")

    @subscribe("project_registry", "project_changed.v1", consumer=name)
    def on_project_changed(self, body: dict[str, Any]) -> None:
        self._keep_project(body, "on_project_changed")

    @subscribe("identity", "account_changed.v1", consumer=name)
    def on_account_changed(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            diary = Diary(tx)
            if diary.inbox.take(consumer="on_account_changed", event_id=event.id):
                diary.keep_navigator(event.data["account"])

    @subscribe("approval_tracking", "case_decided.v1", consumer=name)
    def on_case_decided(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        case = event.data["case"]
        if case["historical"]:
            return
        with self.db.begin() as tx:
            diary = Diary(tx)
            if diary.inbox.take(consumer="on_case_decided", event_id=event.id):
                served = Served("case", case["case_id"], UUID(case["project_id"]), case["org"])
                diary.keep_served(served)

    @subscribe("warning_dispatch", "work_order_closed.v1", consumer=name)
    def on_work_order_closed(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        order = event.data["order"]
        if not order["project_id"]:
            return
        with self.db.begin() as tx:
            diary = Diary(tx)
            if diary.inbox.take(consumer="on_work_order_closed", event_id=event.id):
                project = UUID(order["project_id"])
                diary.keep_served(
                    Served("work_order", order["order_id"], project, order["lead_org"])
                )

    @subscribe_directives(consumer=name)
    def on_directive(self, body: dict[str, Any]) -> None:
        with self.db.begin() as tx:
            self.links.receive(tx, body, at=self.now())

    def _keep_project(self, body: dict[str, Any], consumer: str) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            diary = Diary(tx)
            if diary.inbox.take(consumer=consumer, event_id=event.id):
                diary.keep_project(event.data["project"])
