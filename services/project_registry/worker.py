"""The AMQP edge: what others publish comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.worker import Injected, subscribe
from project_registry.store import Registry
from project_registry.usecases import following


class Worker:
    """Follows approvals, for the stages and pools; assignments and accounts, for the navigators."""

    name = "project_registry"

    db: Database = Injected("db")
    now: Clock = Injected("now")

    @subscribe("approval_tracking", "project_progressed.v1", consumer=name)
    def on_project_progressed(self, body: dict[str, Any]) -> None:
        self._follow(
            body,
            "on_project_progressed",
            lambda registry, event: following.follow_progress(registry, event.data, now=self.now()),
        )

    @subscribe("proxy_log", "agent_assigned.v1", consumer=name)
    def on_agent_assigned(self, body: dict[str, Any]) -> None:
        self._follow(
            body,
            "on_agent_assigned",
            lambda registry, event: following.follow_assignment(
                registry, event.data, now=self.now()
            ),
        )

    @subscribe("identity", "account_changed.v1", consumer=name)
    def on_account_changed(self, body: dict[str, Any]) -> None:
        self._follow(
            body,
            "on_account_changed",
            lambda registry, event: following.follow_account(registry, event.data["account"]),
        )

    def _follow(
        self, body: dict[str, Any], consumer: str, take: Callable[[Registry, Envelope], None]
    ) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            registry = Registry(tx)
            if registry.inbox.take(consumer=consumer, event_id=event.id):
                take(registry, event)
