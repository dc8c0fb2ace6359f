"""The facts that warning_dispatch publishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chassis.events import Event
from warning_dispatch.domain.steps import Step


@dataclass(frozen=True)
class Feedback:
    """The answer: without a cause, measures, a day, evidence and a head who signs it is none."""

    cause: str
    measures: str
    completion_date: date
    evidence: str
    signer_name: str
    at: datetime
    by: str


@dataclass(frozen=True)
class CardState:
    card_id: UUID
    version: int
    rule: str
    rule_version: int
    colour: str
    subject_type: str
    subject_id: UUID
    period: str
    project_id: str
    project_name: str
    item_code: str
    item_name: str
    org: str
    org_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    duty_bearer: str
    status: str
    due_moment: datetime
    issued_at: datetime
    closed_at: datetime | None
    explanation: tuple[str, ...]
    shows: str
    statement: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class CardIssued(Event):
    card: CardState


@dataclass(frozen=True)
class CardChanged(Event):
    card: CardState


@dataclass(frozen=True)
class CardCleared(Event):
    card: CardState


@dataclass(frozen=True)
class WorkOrderState:
    order_id: UUID
    version: int
    number: str
    card_id: str
    project_id: str
    project_name: str
    case_id: str
    lead_org: str
    lead_org_name: str
    region_path: str
    level: str
    colour: str
    status: str
    issued_at: datetime
    sign_by: datetime
    feedback_by: datetime
    close_by: datetime
    signed_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    uscc: str
    agents: tuple[str, ...]
    subject: str
    requirement: str
    reworks: int
    escalated: bool
    source: str = ""
    co_orgs: tuple[str, ...] = ()
    item_code: str = ""
    item_name: str = ""
    duty_bearer: str = ""
    handler: str = ""
    returned_to: str = ""
    statement: str = ""
    dispatched_by: str = ""
    round: int = 1
    round_began: datetime | None = None
    feedback: Feedback | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class WorkOrderDispatched(Event):
    order: WorkOrderState


@dataclass(frozen=True)
class WorkOrderChanged(Event):
    order: WorkOrderState


@dataclass(frozen=True)
class WorkOrderAnswered(Event):
    order: WorkOrderState
    cause: str


@dataclass(frozen=True)
class WorkOrderClosed(Event):
    order: WorkOrderState
