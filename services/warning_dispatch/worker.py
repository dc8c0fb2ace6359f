"""The AMQP edge: what others publish comes in, what falls due goes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import DomainError, Unavailable
from chassis.events import Envelope, read_instant
from chassis.ids import new_id
from chassis.links.ledger import Fact, Links
from chassis.live import Live
from chassis.worker import (
    Injected,
    every,
    poke_timers,
    subscribe,
    subscribe_below,
    subscribe_directives,
)
from warning_dispatch import channels, usecases
from warning_dispatch.domain import (
    INVESTMENT,
    LICENCE,
    PLAN,
    RATING,
    THEME,
    DirectiveUnknown,
    Notice,
    directed,
    of_agreement,
    of_invitation,
    of_issue,
    of_mention,
    of_overdue_opinion,
    of_plan,
    of_project_change,
)
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases import Occasion, Witness

# What a parent keeps copies of.
PROJECT_FACTS = ("project_registered.v1", "project_changed.v1")
OWN_FACTS = (
    *("card_issued.v1", "card_changed.v1", "card_cleared.v1"),
    *("work_order_dispatched.v1", "work_order_changed.v1"),
    *("work_order_answered.v1", "work_order_closed.v1"),
    "escalation_moved.v1",
)


class Worker:
    """Follows cases, projects, logs and the calendar, and sweeps the due table."""

    name = "warning_dispatch"

    db: Database = Injected("db")
    now: Clock = Injected("now")
    live: Live = Injected("live")
    links: Links = Injected("links")
    channels: str = Injected("channels")
    public_url: str = Injected("public_url")
    instance: str = Injected("instance")
    witness: Witness = Injected("witness")
    goes_up = OWN_FACTS

    @subscribe("approval_tracking", "case_submitted.v1", consumer=name)
    def on_case_submitted(self, body: dict[str, Any]) -> None:
        self._follow_case(body, "on_case_submitted")

    @subscribe("approval_tracking", "case_accepted.v1", consumer=name)
    def on_case_accepted(self, body: dict[str, Any]) -> None:
        self._follow_case(body, "on_case_accepted")

    @subscribe("approval_tracking", "case_clock_changed.v1", consumer=name)
    def on_case_clock_changed(self, body: dict[str, Any]) -> None:
        self._follow_case(body, "on_case_clock_changed")

    @subscribe("approval_tracking", "case_decided.v1", consumer=name)
    def on_case_decided(self, body: dict[str, Any]) -> None:
        self._follow_case(body, "on_case_decided")

    @subscribe("approval_tracking", "case_delivered.v1", consumer=name)
    def on_case_delivered(self, body: dict[str, Any]) -> None:
        self._follow_case(body, "on_case_delivered")

    @subscribe("approval_tracking", "joint_review_concluded.v1", consumer=name)
    def on_joint_review_concluded(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if not ledger.inbox.take(consumer="on_joint_review_concluded", event_id=event.id):
                return
            ledger.desks.end_meeting(event.data, "concluded", version=event.version, at=event.time)
            usecases.order_joint_tasks(ledger, event.data, self._occasion())
        poke_timers()

    @subscribe("approval_tracking", "joint_review_convened.v1", consumer=name)
    def on_joint_review_convened(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if ledger.inbox.take(consumer="on_joint_review_convened", event_id=event.id):
                ledger.desks.keep_meeting(event.data, version=event.version)
                usecases.tell(ledger, [of_invitation(event.data)], self._occasion())
        poke_timers()

    @subscribe("approval_tracking", "joint_review_cancelled.v1", consumer=name)
    def on_joint_review_cancelled(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if ledger.inbox.take(consumer="on_joint_review_cancelled", event_id=event.id):
                ledger.desks.end_meeting(
                    event.data, "cancelled", version=event.version, at=event.time
                )

    @subscribe("approval_tracking", "joint_opinion_overdue.v1", consumer=name)
    def on_joint_opinion_overdue(self, body: dict[str, Any]) -> None:
        self._tell_bodies(body, "on_joint_opinion_overdue", of_overdue_opinion)

    @subscribe("approval_tracking", "case_order_wanted.v1", consumer=name)
    def on_case_order_wanted(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if not ledger.inbox.take(consumer="on_case_order_wanted", event_id=event.id):
                return
            usecases.order_from_case(ledger, event.data, self._occasion())
        poke_timers()

    @subscribe("project_registry", "project_change_moved.v1", consumer=name)
    def on_project_change_moved(self, body: dict[str, Any]) -> None:
        self._tell_bodies(body, "on_project_change_moved", of_project_change)

    @subscribe("approval_tracking", "case_mentioned.v1", consumer=name)
    def on_case_mentioned(self, body: dict[str, Any]) -> None:
        self._tell_bodies(body, "on_case_mentioned", of_mention)

    @subscribe("approval_tracking", "case_issue_moved.v1", consumer=name)
    def on_case_issue_moved(self, body: dict[str, Any]) -> None:
        self._tell_bodies(body, "on_case_issue_moved", of_issue)

    @subscribe("approval_tracking", "plan_reminded.v1", consumer=name)
    def on_plan_reminded(self, body: dict[str, Any]) -> None:
        self._tell_bodies(body, "on_plan_reminded", of_plan)

    @subscribe("approval_tracking", "service_agreement_moved.v1", consumer=name)
    def on_service_agreement_moved(self, body: dict[str, Any]) -> None:
        self._tell_bodies(body, "on_service_agreement_moved", of_agreement)

    @subscribe("approval_tracking", "calendar_published.v1", consumer=name)
    def on_calendar_published(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if not ledger.inbox.take(consumer="on_calendar_published", event_id=event.id):
                return
            usecases.follow_calendar(ledger, event.data, version=event.version)
        poke_timers()

    @subscribe("project_registry", "project_registered.v1", consumer=name)
    def on_project_registered(self, body: dict[str, Any]) -> None:
        self._follow_project(body, "on_project_registered")

    @subscribe("project_registry", "project_changed.v1", consumer=name)
    def on_project_changed(self, body: dict[str, Any]) -> None:
        self._follow_project(body, "on_project_changed")

    @subscribe("identity", "account_changed.v1", consumer=name)
    def on_account_changed(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if ledger.inbox.take(consumer="on_account_changed", event_id=event.id):
                ledger.deliveries.keep_person(event.data["account"])

    @subscribe("proxy_log", "log_filed.v1", consumer=name)
    def on_log_filed(self, body: dict[str, Any]) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if not ledger.inbox.take(consumer="on_log_filed", event_id=event.id):
                return
            usecases.follow_log(
                ledger,
                UUID(event.data["project_id"]),
                self._occasion(),
                filed_at=_instant(event.data.get("filed_at"), event.time),
                on_site=bool(event.data.get("on_site")),
            )
        poke_timers()

    @subscribe("approval_tracking", "plan_baselined.v1", consumer=name)
    def on_plan_baselined(self, body: dict[str, Any]) -> None:
        self._watch(body, "on_plan_baselined", PLAN, "project_id")

    @subscribe("approval_tracking", "application_changed.v1", consumer=name)
    def on_application_changed(self, body: dict[str, Any]) -> None:
        self._watch(body, "on_application_changed", THEME, "application_id", within="application")

    @subscribe("approval_tracking", "licence_changed.v1", consumer=name)
    def on_licence_changed(self, body: dict[str, Any]) -> None:
        self._watch(body, "on_licence_changed", LICENCE, "licence_id")

    @subscribe("proxy_log", "service_rated.v1", consumer=name)
    def on_service_rated(self, body: dict[str, Any]) -> None:
        self._watch(body, "on_service_rated", RATING, "rating_id")

    @subscribe("project_registry", "investment_reported.v1", consumer=name)
    def on_investment_reported(self, body: dict[str, Any]) -> None:
        self._watch(body, "on_investment_reported", INVESTMENT, "project_id")

    @subscribe_below(consumer=name, sources={name: OWN_FACTS, "project_registry": PROJECT_FACTS})
    def on_facts_from_below(self, bodies: list[dict[str, Any]]) -> None:
        with self.db.begin() as tx:
            taken = self.links.take(tx, bodies, at=self.now())
            ledger, occasion = Ledger(tx), self._occasion()
            ledger.below.forget(taken.forgotten)
            usecases.tell_again(ledger, taken.forgotten, occasion)
            for head in taken.heads:
                self._hear_head(ledger, head)
            ledger.below.keep(taken.facts)
            for fact in taken.facts:
                data = fact.envelope.data
                if "escalation" in data:
                    usecases.follow_escalation(ledger, data["escalation"], occasion)
                elif "order" in data:
                    order = data["order"]
                    usecases.follow_directed_order(
                        ledger, UUID(order["order_id"]), order["status"], occasion
                    )
        poke_timers()

    def _hear_head(self, ledger: Ledger, fact: Fact) -> None:
        """Witness a chain below, or keep what was witnessed there of ours."""
        data = fact.envelope.data
        if fact.envelope.type == "head_witnessed.v1":
            if data["instance"] == self.instance:
                usecases.keep_witnessed(ledger, data)
        elif data["instance"] == fact.origin:
            made = usecases.witness_head(ledger, data, self.witness, at=self.now())
            self.links.give(ledger.tx, made, child=fact.origin, at=self.now())

    @subscribe_directives(consumer=name)
    def on_directive(self, body: dict[str, Any]) -> None:
        """Do what an instance above asks; a refusal by our rules is its outcome, not a failure."""
        with self.db.begin() as tx:
            directive = self.links.receive(tx, body, at=self.now())
            if directive is None:
                return
            refused = None
            try:
                with tx.begin_nested():
                    self._obey(Ledger(tx), directive)
            except Unavailable:
                raise
            except DomainError as error:
                refused = (error.message_zh, error.message_en)
            self.links.settle(tx, directive, at=self.now(), refused=refused)
        poke_timers()

    def _obey(self, ledger: Ledger, directive: Envelope) -> None:
        data = directive.data
        if directive.type == "escalation_told.v1":
            usecases.follow_escalation(ledger, data["escalation"], self._occasion())
        elif directive.type == "act_directed.v1":
            usecases.obey(ledger, data, self._occasion())
        elif directive.type == "head_told.v1":
            made = usecases.witness_head(ledger, data, self.witness, at=self.now())
            self.links.say(ledger.tx, made, at=self.now())
        elif directive.type == "head_witnessed.v1":
            usecases.keep_witnessed(ledger, data)
        elif directive.type == "order_directed.v1":
            usecases.issue_directed(ledger, directed(data), None, self._occasion())
        else:
            raise DirectiveUnknown(kind=directive.type, field="type")

    @every(0.25)
    def sweep_due(self) -> None:
        """Reckon anew what a new calendar or rule moved, then raise what is due, earliest first."""
        raised = 0
        while self._reckon_batch():
            pass
        while taken := self._raise_batch():
            raised += taken
        if raised:
            poke_timers()

    @every(1.0)
    def send_notices(self) -> None:
        """A timer of its own: a channel that hangs must not keep a card back."""
        while self._send_batch():
            pass

    @every(2.0)
    def deliver(self) -> None:
        """Send what is due through the channels outside: none of them holds back a card or another."""
        while self._deliver_batch():
            pass

    def _deliver_batch(self) -> int:
        occasion = self._occasion()
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            waiting = ledger.deliveries.claim_due(occasion.now, batch=20)
            letters = [usecases.letter_for(each, link=self.public_url) for each in waiting]
            outcomes = channels.send_apart(self.channels, letters) if letters else []
            for each, wrong in zip(waiting, outcomes, strict=True):
                usecases.note_outcome(ledger, each, wrong, occasion)
        return len(waiting)

    def _reckon_batch(self) -> int:
        with self.db.begin() as tx:
            return usecases.reckon_anew(Ledger(tx), self._occasion())

    def _raise_batch(self) -> int:
        with self.db.begin() as tx:
            return usecases.sweep(Ledger(tx), self._occasion())

    def _send_batch(self) -> int:
        """Hand committed notifications to the channels; a crash in between sends some twice."""
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            notices = ledger.notices
            waiting = notices.claim_unsent(batch=200)
            named = usecases.queue_deliveries(ledger, waiting, self._occasion()) if waiting else {}
            for notification in waiting:
                channels.in_app(self.live, notification, also=named.get(notification.id, ()))
            notices.mark_sent([notification.id for notification in waiting])
        return len(waiting)

    def _tell_bodies(
        self, body: dict[str, Any], consumer: str, notice: Callable[[Mapping[str, Any]], Notice]
    ) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if ledger.inbox.take(consumer=consumer, event_id=event.id):
                usecases.tell(ledger, [notice(event.data)], self._occasion())
        poke_timers()

    def _watch(
        self, body: dict[str, Any], consumer: str, kind: str, key: str, *, within: str = ""
    ) -> None:
        event = Envelope.open(body)
        told = event.data[within] if within else event.data
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if not ledger.inbox.take(consumer=consumer, event_id=event.id):
                return
            usecases.follow_watched(
                ledger,
                Subject(kind, UUID(told[key])),
                told,
                self._occasion(),
                version=usecases.version_of(kind, told),
                at=event.time,
            )
        poke_timers()

    def _follow_case(self, body: dict[str, Any], consumer: str) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if not ledger.inbox.take(consumer=consumer, event_id=event.id):
                return
            usecases.follow_case(ledger, event.data["case"], self._occasion(), at=event.time)
        poke_timers()

    def _follow_project(self, body: dict[str, Any], consumer: str) -> None:
        event = Envelope.open(body)
        with self.db.begin() as tx:
            ledger = Ledger(tx)
            if not ledger.inbox.take(consumer=consumer, event_id=event.id):
                return
            usecases.follow_project(ledger, event.data["project"], self._occasion(), at=event.time)
        poke_timers()

    def _occasion(self) -> Occasion:
        return Occasion(self.now(), new_id, self.instance, self.links)


def _instant(text: str | None, otherwise: datetime) -> datetime:
    return read_instant(text) if text else otherwise
