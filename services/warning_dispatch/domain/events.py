"""The facts that warning_dispatch publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.events import Event
from warning_dispatch.domain.extensions import Extension
from warning_dispatch.domain.objections import Objection
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
class Part:
    """What a body that helps with an order answered for itself."""

    org: str
    org_name: str
    text: str
    evidence: str
    at: datetime
    by: str
    by_name: str


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
    cause: str = ""
    merged_into: str = ""
    objection: Objection | None = None


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
    parts: tuple[Part, ...] = ()
    urges: int = 0
    supervised: bool = False
    cause: str = ""
    merged_into: str = ""
    extension: Extension | None = None


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


@dataclass(frozen=True)
class DispatchRecord:
    """How it was tried 调度记录: where who sat together, what came of it and who is to do what by when."""

    # kind is meeting 会议, on_site 现场办公 or talk.
    kind: str
    participants: tuple[str, ...]
    conclusion: str
    responsible: str
    responsible_name: str
    in_charge: str
    due_on: date | None
    # order is the work order that went out to who is responsible.
    order: str


@dataclass(frozen=True)
class Tried:
    """What was tried at a rung before it went further up."""

    rung: str
    text: str
    at: datetime
    by: str
    by_name: str
    details: DispatchRecord | None = None


@dataclass(frozen=True)
class EscalationMeasure:
    """What a body does about a matter 措施, by when, and what came of it."""

    number: int
    text: str
    org: str
    org_name: str
    due_on: date
    at: datetime
    by: str
    by_name: str
    done_on: date | None = None
    result: str = ""


@dataclass(frozen=True)
class LeaderSignature:
    """Who signed, for whom, how, and the digest of what he signed (article 14)."""

    signer: str
    signer_name: str
    on_behalf_of: str
    # method is handwritten, electronic or scan; document says where the scan lies.
    method: str
    document: str
    sha256: str
    at: datetime


@dataclass(frozen=True)
class ServiceReport:
    """A 重大项目服务专报 of the local government, as drafted."""

    title: str
    text: str
    by: str
    by_name: str
    at: datetime


@dataclass(frozen=True)
class Instruction:
    """What the leader decided 批示: it binds whom it names."""

    text: str
    lead_org: str
    lead_org_name: str
    due_on: date | None
    by: str
    by_name: str
    at: datetime


@dataclass(frozen=True)
class EscalationStep:
    rung: str
    step: str
    at: datetime
    by: str
    by_name: str
    note: str


@dataclass(frozen=True)
class EscalationState:
    """A matter's whole state: it is handed from instance to instance with nothing left behind."""

    escalation_id: UUID
    version: int
    number: str
    holder: str
    route: tuple[str, ...]
    project_id: str
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    case_id: str
    card_id: str
    order_id: str
    subject: str
    problem: str
    wanted: str
    rung: str
    status: str
    opened_at: datetime
    entered_at: datetime
    due_at: datetime
    crosses: tuple[str, ...]
    regions: tuple[str, ...]
    bodies: tuple[str, ...]
    tried: tuple[Tried, ...]
    signature: LeaderSignature | None
    report: ServiceReport | None
    instruction: Instruction | None
    orders: tuple[str, ...]
    merged_into: str
    returns: int
    conclusion: str
    closed_at: datetime | None
    steps: tuple[EscalationStep, ...]
    cause: str = ""
    lead_org: str = ""
    lead_org_name: str = ""
    measures: tuple[EscalationMeasure, ...] = ()


@dataclass(frozen=True)
class EscalationMoved(Event):
    escalation: EscalationState


@dataclass(frozen=True)
class EscalationTold(Event):
    """The same, told down to the instances it came through."""

    escalation: EscalationState


@dataclass(frozen=True)
class OrderDirected(Event):
    """An order that an instance above gives: it is issued where the project is at home."""

    order_id: UUID
    number: str
    source: str
    colour: str
    card_id: str
    case_id: str
    project_id: str
    lead_org: str
    lead_org_name: str
    co_orgs: tuple[str, ...]
    subject: str
    requirement: str
    by: str
    by_name: str
    cause: str = ""


@dataclass(frozen=True)
class ActDirected(Event):
    """What an official above does to a card or an order of ours."""

    act: str
    subject_id: UUID
    arguments: dict[str, str]
    by: str
    username: str
    by_name: str
    roles: tuple[str, ...]
    region_path: str


def directed(data: Mapping[str, Any]) -> OrderDirected:
    """Read an order that came from above."""
    return OrderDirected(
        **{
            **data,
            "order_id": UUID(data["order_id"]),
            "co_orgs": tuple(data["co_orgs"]),
        }
    )
