"""The facts approval_tracking publishes; their fields are those of events.proto."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chassis.events import Event


@dataclass(frozen=True)
class Correction:
    """Who put a wrong record right: the record with this number no longer counts, but stays."""

    supersedes: int
    by: str
    at: datetime
    reason: str
    document: str


@dataclass(frozen=True)
class Happening:
    """One recorded event in the life of a clock. `on` is the day that counts, `at` when it was told.

    One that corrects another keeps the other's `at`; its own is in the correction.
    """

    kind: str
    on: date
    at: datetime
    by: str = ""
    reason: str = ""
    basis: str = ""
    expected_end: date | None = None
    days: int = 0
    document: str = ""
    number: int = 0
    correction: Correction | None = None


@dataclass(frozen=True)
class ClockState:
    clock_start: str
    running: bool
    statutory_days: int
    statutory_unit: str
    committed_days: int
    committed_unit: str
    statutory_due: date | None
    committed_due: date | None
    notice_due: date | None
    started_on: date | None
    provisional: bool
    happenings: tuple[Happening, ...]
    calendar_version: str
    yellow_on: date | None
    delivery_due: date | None
    superseded: tuple[Happening, ...]


@dataclass(frozen=True)
class Deferral:
    """A paper that follows after acceptance 容缺, and when it came."""

    paper: str
    due_on: date
    supplied_on: date | None = None


@dataclass(frozen=True)
class Pledge:
    """A notification-and-commitment 告知承诺; found is true or untrue once it was checked."""

    signed_by: str
    signed_on: date
    document: str
    check_due: date | None = None
    found: str = ""
    finding: str = ""
    checked_on: date | None = None
    checked_by: str = ""
    put_right_by: date | None = None


@dataclass(frozen=True)
class CaseState:
    case_id: UUID
    version: int
    project_id: UUID
    project_name: str
    item_code: str
    item_name: str
    stage: str
    status: str
    outcome: str
    org: str
    org_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    duty_bearer: str
    clock: ClockState
    received_at: datetime
    decided_at: datetime | None
    mode: str
    historical: bool
    deferrals: tuple[Deferral, ...] = ()
    pledge: Pledge | None = None
    green: bool = False


@dataclass(frozen=True)
class CaseSubmitted(Event):
    case: CaseState


@dataclass(frozen=True)
class CaseAccepted(Event):
    case: CaseState
    deemed: bool


@dataclass(frozen=True)
class CaseClockChanged(Event):
    case: CaseState
    cause: str


@dataclass(frozen=True)
class CaseDecided(Event):
    case: CaseState


@dataclass(frozen=True)
class CaseDelivered(Event):
    case: CaseState


@dataclass(frozen=True)
class CaseDecisionRevoked(Event):
    case: CaseState
    reason: str


@dataclass(frozen=True)
class PlanNode:
    item_code: str
    item_name: str
    stage: str
    org: str
    duration_days: int
    early_start: date
    early_finish: date
    late_start: date
    late_finish: date
    slack_days: int
    critical: bool
    after: tuple[str, ...]
    done_on: date | None
    own: bool = False


@dataclass(frozen=True)
class PlanNodeReminded:
    item_code: str
    item_name: str
    org: str
    org_name: str
    due_on: date
    days_left: int
    waits_for: tuple[str, ...]


@dataclass(frozen=True)
class PlanReminded(Event):
    project_id: UUID
    version: int
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    kind: str
    nodes: tuple[PlanNodeReminded, ...]
    days: int
    earliest_before: date | None
    earliest_after: date | None
    planned_start: date | None


@dataclass(frozen=True)
class ServiceAgreementMoved(Event):
    agreement_id: UUID
    version: int
    project_id: UUID
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    status: str
    number: str
    services: tuple[str, ...]
    by: str
    reason: str


@dataclass(frozen=True)
class CaseMentioned(Event):
    message_id: UUID
    case_id: UUID
    project_id: UUID
    project_name: str
    item_name: str
    region_path: str
    level: str
    author_name: str
    text: str
    accounts: tuple[str, ...]
    orgs: tuple[str, ...]
    uscc: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class CaseIssueMoved(Event):
    issue_id: UUID
    version: int
    number: str
    case_id: UUID
    message_id: UUID | None
    project_id: UUID
    project_name: str
    item_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    lead_org: str
    lead_org_name: str
    text: str
    status: str
    by: str
    measures: str


@dataclass(frozen=True)
class CaseOrderWanted(Event):
    order_id: UUID
    case_id: UUID
    message_id: UUID | None
    project_id: UUID
    lead_org: str
    lead_org_name: str
    subject: str
    requirement: str
    by: str
    by_name: str


@dataclass(frozen=True)
class PlanBaselined(Event):
    project_id: UUID
    version: int
    baseline: int
    planned_start: date | None
    earliest_start: date | None
    slack_days: int
    critical_path: tuple[str, ...]
    nodes: tuple[PlanNode, ...]
    calendar_version: str


@dataclass(frozen=True)
class ItemProgress:
    item_code: str
    stage: str
    state: str
    done_on: date | None


@dataclass(frozen=True)
class ProjectProgressed(Event):
    project_id: UUID
    version: int
    items: tuple[ItemProgress, ...]


@dataclass(frozen=True)
class CalendarDay:
    day: date
    working: bool
    name: str


@dataclass(frozen=True)
class CalendarYear:
    year: int
    official: bool
    notice: str
    days: tuple[CalendarDay, ...]


@dataclass(frozen=True)
class CalendarPublished(Event):
    version: str
    years: tuple[CalendarYear, ...]
    morning_opens: str
    morning_closes: str
    afternoon_opens: str
    afternoon_closes: str


@dataclass(frozen=True)
class JointInvitation:
    org: str
    org_name: str
    opinion_due: date
    silence: str


@dataclass(frozen=True)
class JointTask:
    text: str
    org: str
    org_name: str
    due_on: date


@dataclass(frozen=True)
class JointConclusion:
    case_id: UUID
    item_code: str
    outcome: str
    text: str
    tasks: tuple[JointTask, ...]


@dataclass(frozen=True)
class JointReviewConvened(Event):
    review_id: UUID
    version: int
    project_id: UUID
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    subject: str
    meets_at: datetime
    place: str
    case_ids: tuple[UUID, ...]
    invitations: tuple[JointInvitation, ...]
    by: str


@dataclass(frozen=True)
class JointReviewConcluded(Event):
    review_id: UUID
    version: int
    project_id: UUID
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    subject: str
    conclusions: tuple[JointConclusion, ...]
    by: str


@dataclass(frozen=True)
class JointReviewCancelled(Event):
    review_id: UUID
    version: int
    project_id: UUID
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    bodies: tuple[str, ...]
    reason: str
    by: str


@dataclass(frozen=True)
class JointOpinionGiven(Event):
    review_id: UUID
    version: int
    project_id: UUID
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    case_id: UUID
    org: str
    view: str
    late: bool
    by: str


@dataclass(frozen=True)
class JointOpinionOverdue(Event):
    review_id: UUID
    version: int
    project_id: UUID
    project_name: str
    region_path: str
    level: str
    subject: str
    org: str
    org_name: str
    opinion_due: date


@dataclass(frozen=True)
class CaseDocumentIssued(Event):
    document_id: UUID
    case_id: UUID
    project_id: UUID
    kind: str
    name: str
    number: str
    org: str
    org_name: str
    issued_on: date
    digest: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]


@dataclass(frozen=True)
class GuideNoticeGiven(Event):
    notice_id: UUID
    version: int
    project_id: UUID
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    number: int
    digest: str
    told_to: str
    by: str


@dataclass(frozen=True)
class GuideNoticeSigned(Event):
    notice_id: UUID
    version: int
    project_id: UUID
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    number: int
    name: str
    by: str


@dataclass(frozen=True)
class LicenceChanged(Event):
    licence_id: UUID
    version: int
    case_id: UUID
    project_id: UUID
    project_name: str
    item_code: str
    name: str
    number: str
    valid_from: date
    valid_until: date | None
    state: str
    org: str
    org_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    until_start: bool


@dataclass(frozen=True)
class ApplicationState:
    application_id: UUID
    version: int
    mode: str
    theme: str
    theme_name: str
    project_id: UUID
    lead_org: str
    lead_org_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    status: str
    started_on: date | None
    statutory_due: date | None
    target_due: date | None
    extended: bool
    ended_on: date | None
    at: datetime
    items: tuple[str, ...]


@dataclass(frozen=True)
class ApplicationChanged(Event):
    application: ApplicationState
