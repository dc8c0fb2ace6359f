"""The AMQP edge: projects come in, silence becomes acceptance, plans follow the days."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.store.applications import ApplicationStore
from approval_tracking.store.conversations import ConversationStore
from approval_tracking.store.copies import CopyStore
from approval_tracking.store.joint_reviews import JointReviewStore
from approval_tracking.store.projects import PastDecision
from approval_tracking.usecases import calendars, demo, joint_reviews, theme_news
from approval_tracking.usecases import cases as case_acts
from approval_tracking.usecases import projects as project_acts
from approval_tracking.usecases.applications import Stores
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.links.ledger import Links
from chassis.worker import Injected, every, subscribe, subscribe_below, subscribe_directives

PROJECT_FACTS = ("project_registered.v1", "project_changed.v1")
# What a parent keeps copies of.
CASE_FACTS = (
    "case_submitted.v1",
    "case_accepted.v1",
    "case_clock_changed.v1",
    "case_decided.v1",
    "case_delivered.v1",
    "case_decision_revoked.v1",
)

# A sweep is an edge: a few aggregates per transaction.
_CASES_AT_ONCE = 20
_PLANS_AT_ONCE = 5
_CLOCKS_AT_ONCE = 2_000


class Worker:
    """Keeps copies of projects, lets the law act when its moment has come, and lays plans anew."""

    name = "approval_tracking"

    db: Database = Injected("db")
    now: Clock = Injected("now")
    links: Links = Injected("links")
    goes_up = CASE_FACTS

    @subscribe("project_registry", "project_registered.v1", consumer=name)
    def on_project_registered(self, body: dict[str, Any]) -> None:
        self._take_project(body, "on_project_registered")

    @subscribe("project_registry", "project_changed.v1", consumer=name)
    def on_project_changed(self, body: dict[str, Any]) -> None:
        self._take_project(body, "on_project_changed")

    @subscribe("project_registry", "past_decisions_recorded.v1", consumer=name)
    def on_past_decisions_recorded(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            cases = CaseStore(tx)
            if not cases.inbox.take(consumer="on_past_decisions_recorded", event_id=event.id):
                return
            project_acts.record_past_decisions(
                ProjectStore(tx),
                cases.reference,
                UUID(event.data["project_id"]),
                [
                    PastDecision(
                        code=each["item_code"],
                        accepted_on=_day(each.get("accepted_on")),
                        decided_on=date.fromisoformat(each["decided_on"]),
                        late=bool(each.get("late", False)),
                    )
                    for each in event.data["decisions"]
                ],
                now=self.now(),
            )

    @subscribe_below(
        consumer=name, sources={"project_registry": PROJECT_FACTS, "approval_tracking": CASE_FACTS}
    )
    def on_facts_from_below(self, bodies: list[dict[str, Any]]) -> None:
        with self.db.begin() as tx:
            taken = self.links.take(tx, bodies, at=self.now())
            copies = CopyStore(tx)
            copies.forget(taken.forgotten)
            copies.keep(taken.facts)

    @subscribe_directives(consumer=name)
    def on_directive(self, body: dict[str, Any]) -> None:
        with self.db.begin() as tx:
            self.links.receive(tx, body, at=self.now())

    @subscribe("warning_dispatch", "work_order_dispatched.v1", consumer=name)
    def on_work_order_dispatched(self, body: dict[str, Any]) -> None:
        self._follow_order(body, "on_work_order_dispatched")

    @subscribe("warning_dispatch", "work_order_changed.v1", consumer=name)
    def on_work_order_changed(self, body: dict[str, Any]) -> None:
        self._follow_order(body, "on_work_order_changed")

    @subscribe("warning_dispatch", "work_order_answered.v1", consumer=name)
    def on_work_order_answered(self, body: dict[str, Any]) -> None:
        self._follow_order(body, "on_work_order_answered")

    @subscribe("warning_dispatch", "work_order_closed.v1", consumer=name)
    def on_work_order_closed(self, body: dict[str, Any]) -> None:
        self._follow_order(body, "on_work_order_closed")

    @every(seconds=1.0)
    def sweep_silence(self) -> None:
        """Accept by law what nobody answered in time, in the order of the due moments."""
        while True:
            with self.db.begin() as tx:
                cases, now = CaseStore(tx), self.now()
                due = cases.due_for_acceptance(now, most=_CASES_AT_ONCE)
                for case_id in due:
                    case_acts.deem_accepted(cases, case_id, now=now)
            if len(due) < _CASES_AT_ONCE:
                return

    @every(seconds=2.0)
    def sweep_clocks(self) -> None:
        """Reckon every open clock anew after a new calendar, and tell whose days moved."""
        while True:
            with self.db.begin() as tx:
                found = calendars.follow_calendar(
                    CaseStore(tx), most=_CLOCKS_AT_ONCE, now=self.now()
                )
            if found < _CLOCKS_AT_ONCE:
                return

    @every(seconds=2.0)
    def sweep_plans(self) -> None:
        """Lay anew the plans of projects that moved, and all of them once a day."""
        while True:
            with self.db.begin() as tx:
                projects, now = ProjectStore(tx), self.now()
                due = projects.due_for_plan(local_day(now), most=_PLANS_AT_ONCE)
                for project_id in due:
                    project_acts.lay_plan(projects, CaseStore(tx).reference, project_id, now=now)
            if len(due) < _PLANS_AT_ONCE:
                return

    @every(seconds=1.0)
    def tell_themes(self) -> None:
        """Tell others of the themes of which something moved."""
        while True:
            with self.db.begin() as tx:
                stores = Stores(ApplicationStore(tx), CaseStore(tx), ProjectStore(tx))
                taken = theme_news.tell_themes(stores, most=_CASES_AT_ONCE, now=self.now())
            if taken < _CASES_AT_ONCE:
                return

    @every(seconds=2.0)
    def sweep_opinions(self) -> None:
        """Remind bodies that owe their opinion to a joint review."""
        while True:
            with self.db.begin() as tx:
                reminded = joint_reviews.chase(
                    JointReviewStore(tx),
                    CaseStore(tx).reference,
                    most=_CASES_AT_ONCE,
                    now=self.now(),
                )
            if reminded < _CASES_AT_ONCE:
                return

    @every(seconds=5.0)
    def sweep_catalogue(self) -> None:
        """Bring projects under the catalogue that came into force; their cases keep theirs."""
        while True:
            with self.db.begin() as tx:
                projects, now = ProjectStore(tx), self.now()
                moved = project_acts.follow_catalogue(
                    projects, CaseStore(tx).reference, most=_PLANS_AT_ONCE, now=now
                )
            if moved < _PLANS_AT_ONCE:
                return

    def _follow_order(self, body: dict[str, Any], consumer: str) -> None:
        """Show in the conversation how far the order is that came of it."""
        event = Envelope.open(body)
        with self.db.begin() as tx:
            if CaseStore(tx).inbox.take(consumer=consumer, event_id=event.id):
                ConversationStore(tx).follow_order(event.data["order"], at=event.time)

    def _take_project(self, body: dict[str, Any], consumer: str) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            cases, projects = CaseStore(tx), ProjectStore(tx)
            if not cases.inbox.take(consumer=consumer, event_id=event.id):
                return
            now = self.now()
            project = project_acts.take_project(projects, cases, event.data["project"], now=now)
            if project is not None:
                demo.play_waiting(projects, cases, project, now=now)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
