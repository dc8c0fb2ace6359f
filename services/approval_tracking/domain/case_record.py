"""What is known of one application for one item at one deciding body, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from approval_tracking.domain.catalogue import SpecialProcedure
from approval_tracking.domain.clock import Rules, Story, deemed_at, reckon
from approval_tracking.domain.errors import (
    CaseNotOpen,
    DutiesNotSeparated,
    NotTheDecidingBody,
)
from approval_tracking.domain.events import (
    CaseClockChanged,
    CaseState,
    ClockState,
    Deferral,
    Happening,
    Pledge,
)
from approval_tracking.domain.life import ACTS, STATUSES, remedy
from approval_tracking.domain.life_errors import (
    HappenedBeforePrevious,
    HappensInFuture,
)
from chassis.calendar import Calendar, local_day
from chassis.events import Event

APPROVED, REJECTED = "approved", "rejected"
# An application in one of these keeps its project's place for the item.
OPEN = ("received", "supplementing", "in_review", "suspended")


@dataclass(frozen=True)
class Actor:
    """Who acts: the account, and the body it belongs to."""

    account: str
    org: str = ""


@dataclass(frozen=True)
class Entry:
    """One thing that the one-time notice asked for."""

    number: int
    text: str
    filled: bool = False


@dataclass(frozen=True)
class PauseAsked:
    """A pause that waits for its approval by somebody else."""

    procedure: str
    basis: str
    starts_on: date
    expected_end: date
    by: str
    reason: str = ""
    document: str = ""


@dataclass(frozen=True)
class ExtensionAsked:
    """An extension that waits for the head of the body."""

    days: int
    basis: str
    reason: str
    document: str
    by: str


@dataclass(frozen=True)
class PaperOf:
    """A paper by the digest of its content, and how it stands to the pre-review before."""

    title: str
    sha256: str
    # standing is unchanged, changed or new.
    standing: str = ""
    # material_id and version name the paper of the material library that was used.
    material_id: str = ""
    version: int = 0


@dataclass
class CaseRecord:
    """What a case holds. Its status and its clock follow from its happenings."""

    id: UUID
    receipt_number: str
    project_id: UUID
    project_name: str
    item_code: str
    item_name: str
    stage: str
    duty_bearer: str
    org: str
    org_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    mode: str
    rules: Rules
    procedures: tuple[SpecialProcedure, ...]
    prerequisites: tuple[str, ...]
    catalogue: int
    received_at: datetime
    historical: bool = False
    happenings: list[Happening] = field(default_factory=list)
    outcome: str = ""
    reason: str = ""
    received_by: str = ""
    reviewed_by: str = ""
    decided_by: str = ""
    notice: tuple[Entry, ...] = ()
    pause_asked: PauseAsked | None = None
    extension_asked: ExtensionAsked | None = None
    # channel, caller, summary and authorisation tell how it came in.
    channel: str = ""
    caller: str = ""
    summary: str = ""
    authorisation: str = ""
    # application_id is the theme or the whole process it was applied for with, if any.
    application_id: str = ""
    # public_reason is why the promise was passed, for everybody to read (D9).
    public_reason: str = ""
    # deferrals are the papers that follow after acceptance, on a signed undertaking.
    deferrals: tuple[Deferral, ...] = ()
    undertaking: str = ""
    # pledge is what a decision rests on that is checked only afterwards.
    pledge: Pledge | None = None
    # green puts it first in every queue 绿色通道; it moves no limit.
    green: bool = False
    # pre_review_id is the pre-review 预研预审 whose papers it takes over; papers says how each stands.
    pre_review_id: str = ""
    papers: tuple[PaperOf, ...] = ()
    version: int = 0
    told: list[tuple[type[Event], dict[str, Any]]] = field(default_factory=list, compare=False)
    # written is what the store last wrote of it, ready to be shown.
    written: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    # --- what follows from the happenings ---------------------------------------------------

    @property
    def story(self) -> Story:
        return Story.of(self.happenings)

    @property
    def status(self) -> str:
        story = self.story
        if story.last("revoked"):
            return "revoked"
        if story.last("delivered"):
            return "delivered"
        if story.ended:
            return story.ended.kind
        if story.open_pause:
            return "suspended"
        if story.accepted:
            return "in_review"
        return "supplementing" if story.open_notice else "received"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def decided_at(self) -> datetime | None:
        ended = self.story.ended
        return ended.at if ended and ended.kind != "withdrawn" else None

    @property
    def remedy(self) -> tuple[str, str]:
        """Return what the applicant may do against a refusal, in Chinese and English (D6)."""
        return remedy(self.status, self.outcome, org=self.org)

    def clock(self, calendar: Calendar) -> ClockState:
        return reckon(self.happenings, self.rules, calendar)

    def act_by(self, clock: ClockState) -> date | None:
        """Return the last day for what its body does next; None while that is not its turn."""
        match self.status:
            case "received":
                return clock.notice_due
            case "in_review":
                return min(
                    (d for d in (clock.committed_due, clock.statutory_due) if d), default=None
                )
            case "decided":
                return clock.delivery_due
        return None

    def deemed_at(self, calendar: Calendar) -> datetime | None:
        return deemed_at(self.story, self.rules, calendar)

    def state(self, calendar: Calendar) -> CaseState:
        return CaseState(
            case_id=self.id,
            version=self.version,
            project_id=self.project_id,
            project_name=self.project_name,
            item_code=self.item_code,
            item_name=self.item_name,
            stage=self.stage,
            status=self.status,
            outcome=self.outcome,
            org=self.org,
            org_name=self.org_name,
            region_path=self.region_path,
            level=self.level,
            uscc=self.uscc,
            agents=self.agents,
            duty_bearer=self.duty_bearer,
            clock=self.clock(calendar),
            received_at=self.received_at,
            decided_at=self.decided_at,
            mode=self.mode,
            historical=self.historical,
            deferrals=self.deferrals,
            pledge=self.pledge,
            green=self.green,
        )

    # --- how it is written down ----------------------------------------------------------------

    def _happens(
        self, kind: str, at: datetime, *, by: str = "", on: date | None = None, **more: Any
    ) -> None:
        number = len(self.happenings) + 1
        self.happenings.append(Happening(kind, on or local_day(at), at, by, number=number, **more))
        self._tell(CaseClockChanged, cause=kind)

    def _tell(self, kind: type[Event], **more: Any) -> None:
        self.told.append((kind, more))

    def _needs(self, status: str, *, at: tuple[str, str]) -> None:
        if self.status != status:
            raise self._not_open(*at)

    def _not_open(self, act_zh: str, act_en: str) -> CaseNotOpen:
        """Return the refusal, which says what is possible instead."""
        status = self.status
        allowed_zh, allowed_en = ACTS[status]
        return CaseNotOpen(
            case_id=self.id,
            status=status,
            status_zh=STATUSES[status],
            act_zh=act_zh,
            act_en=act_en,
            allowed_zh=allowed_zh,
            allowed_en=allowed_en,
            field="case_id",
        )

    def _day_of(self, on: date | None, at: datetime) -> date:
        """Return the day of a happening recorded now: not to come, nor before what went before it."""
        today, before = local_day(at), self.story.told[-1].on
        if on is None:
            return today
        if on > today:
            raise HappensInFuture(on=on, today=today, field="happened_on")
        if on < before:
            raise HappenedBeforePrevious(on=on, previous=before, field="happened_on")
        return on

    def _belongs_to(self, by: Actor) -> None:
        if by.org != self.org:
            raise NotTheDecidingBody(org=self.org)

    def _apart(self, by: Actor, *others: str) -> None:
        if by.account in others:
            raise DutiesNotSeparated
