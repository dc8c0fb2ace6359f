"""The AMQP edge: what others publish comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.links.ledger import Links
from chassis.worker import Injected, subscribe, subscribe_below, subscribe_directives
from project_registry.store import Registry
from project_registry.usecases import following

# What a parent keeps copies of.
PROJECT_FACTS = ("project_registered.v1", "project_changed.v1")


class Worker:
    """Follows approvals, for the stages and pools; assignments and accounts, for the navigators."""

    name = "project_registry"

    db: Database = Injected("db")
    now: Clock = Injected("now")
    links: Links = Injected("links")
    goes_up = (*PROJECT_FACTS, "project_stage_changed.v1")

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

    @subscribe_below(consumer=name, sources={name: PROJECT_FACTS})
    def on_facts_from_below(self, bodies: list[dict[str, Any]]) -> None:
        with self.db.begin() as tx:
            taken = self.links.take(tx, bodies, at=self.now())
            projects = Registry(tx).projects
            projects.forget_copies(taken.forgotten)
            for fact in taken.facts:
                projects.keep_copy(
                    fact.envelope.data["project"], origin=fact.origin, at=fact.envelope.time
                )

    @subscribe_directives(consumer=name)
    def on_directive(self, body: dict[str, Any]) -> None:
        with self.db.begin() as tx:
            self.links.receive(tx, body, at=self.now())

    def _follow(
        self, body: dict[str, Any], consumer: str, take: Callable[[Registry, Envelope], None]
    ) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            registry = Registry(tx)
            if registry.inbox.take(consumer=consumer, event_id=event.id):
                take(registry, event)
