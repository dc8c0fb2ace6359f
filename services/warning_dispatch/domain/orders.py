"""A work order: issued, signed for, handled, answered, checked, closed (warnings.md section 3)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from chassis.calendar import Calendar
from warning_dispatch.domain.bodies import joined
from warning_dispatch.domain.errors import (
    OrderNotInState,
    RefusalNeedsNote,
    ReturnTooLate,
    StatementMissing,
)
from warning_dispatch.domain.events import (
    Feedback,
    Part,
    WorkOrderAnswered,
    WorkOrderChanged,
    WorkOrderClosed,
    WorkOrderDispatched,
    WorkOrderState,
)
from warning_dispatch.domain.extensions import APPROVED, REJECTED, REQUESTED, Extension
from warning_dispatch.domain.facts import Bearer
from warning_dispatch.domain.limits import limit_after
from warning_dispatch.domain.order_errors import (
    ExtensionAsked,
    ExtensionTooLate,
    NoExtension,
    OrderMerged,
)
from warning_dispatch.domain.rules import COLOUR_ZH, COLOURS, RED_STATUTORY, OrderLimits
from warning_dispatch.domain.steps import SYSTEM, Actor, Step
from warning_dispatch.domain.triage_errors import MergedIntoLesser, MergedWithItself, OtherProject

AWAITING_FEEDBACK = frozenset({"issued", "signed", "handling", "rework"})
OPEN = AWAITING_FEEDBACK | {"feedback", "checking", "returned"}
RETURN_WITHIN = timedelta(hours=24)
# The first and second refusal send it back for rework; the third also escalates it.
REFUSALS_THAT_ESCALATE = 3

STATUS_ZH = {
    "issued": "已下发",
    "signed": "已签收",
    "handling": "办理中",
    "feedback": "已反馈",
    "checking": "待复核",
    "rework": "退改",
    "closed": "已办结",
    "returned": "已退回",
}


_Fact = WorkOrderDispatched | WorkOrderChanged | WorkOrderAnswered | WorkOrderClosed


@dataclass
class WorkOrder:
    """One order to one body to act, with limits that count in office hours."""

    id: UUID
    number: str
    source: str
    colour: str
    card_id: UUID | None
    case_id: UUID | None
    bearer: Bearer
    subject: str
    requirement: str
    co_orgs: tuple[str, ...]
    dispatched_by: str
    issued_at: datetime
    sign_by: datetime
    feedback_by: datetime
    close_by: datetime
    # A round begins with each limit for feedback: at issue, for rework, at another body.
    round_began: datetime
    round: int = 1
    status: str = "issued"
    handler: str = ""
    signed_at: datetime | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    reworks: int = 0
    escalated: bool = False
    returned_to: str = ""
    statement: str = ""
    feedback: Feedback | None = None
    # parts are what the bodies that help have answered, each for itself 分项反馈.
    parts: tuple[Part, ...] = ()
    urges: int = 0
    supervised: bool = False
    # cause is what the dispatcher held to be behind it 分类.
    cause: str = ""
    merged_into: UUID | None = None
    extension: Extension | None = None
    steps: list[Step] = field(default_factory=list)
    version: int = 0
    events: list[_Fact] = field(default_factory=list, compare=False)

    @classmethod
    def issue(
        cls,
        order_id: UUID,
        *,
        number: str,
        source: str,
        colour: str,
        card_id: UUID | None,
        case_id: UUID | None,
        bearer: Bearer,
        subject: str,
        requirement: str,
        co_orgs: tuple[str, ...] = (),
        cause: str = "",
        by: Actor = SYSTEM,
        limits: OrderLimits,
        calendar: Calendar,
        at: datetime,
    ) -> WorkOrder:
        order = cls(
            id=order_id,
            number=number,
            source=source,
            colour=colour,
            card_id=card_id,
            case_id=case_id,
            bearer=bearer,
            subject=subject,
            requirement=requirement,
            co_orgs=co_orgs,
            cause=cause,
            dispatched_by=by.account,
            issued_at=at,
            sign_by=limit_after(limits.sign, at, calendar),
            feedback_by=limit_after(limits.feedback, at, calendar),
            close_by=limit_after(limits.close, at, calendar),
            round_began=at,
        )
        order._step("issued", by, at, "", event=WorkOrderDispatched)
        return order

    @property
    def lead_org(self) -> str:
        return self.bearer.org

    @property
    def is_open(self) -> bool:
        return self.status != "closed"

    def sign(self, by: Actor, *, at: datetime) -> None:
        self._only({"issued"}, "signed for", "签收")
        self.signed_at = at
        self._step("signed", by, at, "")

    def handle(self, by: Actor, *, handler: str, note: str, at: datetime) -> None:
        self._only({"signed", "handling", "rework"}, "taken in hand", "转入办理")
        self.handler = handler
        self._step("handling", by, at, note or handler)

    def answer(self, by: Actor, feedback: Feedback, *, at: datetime) -> None:
        self._only({"signed", "handling", "rework"}, "answered", "反馈")
        self.feedback, self.answered_at = feedback, at
        self.steps.append(Step("feedback", at, by.account, by.name, feedback.measures))
        self._step("checking", by, at, "", event=None)
        self.events.append(WorkOrderAnswered(self.state(), feedback.cause))

    def contribute(
        self, by: Actor, *, org: str, org_name: str, text: str, evidence: str, at: datetime
    ) -> None:
        """A body that helps answers for its own part; again, and its newer answer stands."""
        self._only(
            {"issued", "signed", "handling", "rework", "feedback", "checking"},
            "helped with",
            "协同反馈",
        )
        others = tuple(each for each in self.parts if each.org != org)
        self.parts = (*others, Part(org, org_name, text, evidence, at, by.account, by.name))
        self._step(self.status, by, at, f"{org_name}: {text}", named="contributed")

    def urge(self, by: Actor, *, note: str, at: datetime) -> None:
        """催办: remind whom it went to; it changes nobody's duty and no limit."""
        self._only(AWAITING_FEEDBACK, "urged", "催办")
        self.urges += 1
        self._step(self.status, by, at, note, named="urged")

    def supervise(self, by: Actor, *, note: str, at: datetime) -> None:
        """督办: a higher body follows it on record, and wants the answer in writing."""
        self._only(AWAITING_FEEDBACK, "put under supervision", "督办")
        self.supervised = True
        self._step(self.status, by, at, note, named="supervised")

    def visited(self, by: Actor, *, note: str, at: datetime) -> None:
        """推办: somebody went there; it changes nobody's duty and no limit."""
        if self.is_open:
            self._step(self.status, by, at, note, named="visited")

    def send_back(self, by: Actor, *, reason: str, should_go_to: str, at: datetime) -> None:
        self._only({"issued", "signed"}, "returned", "退回")
        if at - self.round_began > RETURN_WITHIN:
            raise ReturnTooLate(number=self.number)
        self.returned_to = should_go_to
        self._step("returned", by, at, f"{reason} → {should_go_to}")

    def reassign(
        self,
        by: Actor,
        *,
        org: str,
        org_name: str,
        note: str,
        limits: OrderLimits,
        calendar: Calendar,
        at: datetime,
    ) -> None:
        """Send it to another body, whose limits begin now."""
        self._only({"returned"}, "reassigned", "改派")
        self.bearer = replace(self.bearer, org=org, org_name=org_name)
        self._begin_anew(limits, calendar, at)
        self.steps.append(Step("reassigned", at, by.account, by.name, note or org))
        self._step("issued", by, at, "")

    def reopen(
        self, by: Actor, *, reason: str, limits: OrderLimits, calendar: Calendar, at: datetime
    ) -> None:
        """What was filed proves not to be settled: the same body has it again, with limits from now."""
        self._only({"closed"}, "reopened", "重开")
        if self.merged_into:
            raise OrderMerged(number=self.number)
        self._begin_anew(limits, calendar, at)
        self.closed_at, self.statement = None, ""
        self.steps.append(Step("reopened", at, by.account, by.name, reason))
        self._step("issued", by, at, "")

    def ask_extension(self, by: Actor, *, working_days: int, reason: str, at: datetime) -> None:
        """The body asks for more time, once and before its limit has passed."""
        self._only(AWAITING_FEEDBACK, "extended", "申请延期")
        if self.extension:
            raise ExtensionAsked(number=self.number)
        if at > self.feedback_by:
            raise ExtensionTooLate(number=self.number)
        self.extension = Extension(working_days, reason, at, by.account, by.name)
        note = f"{working_days} 个工作日: {reason}"
        self._step(self.status, by, at, note, named="extension_requested")

    def decide_extension(
        self, by: Actor, *, approved: bool, reason: str, calendar: Calendar, at: datetime
    ) -> None:
        """Grant the working days, counted from each limit that still runs, or leave the limits."""
        self._only(AWAITING_FEEDBACK, "extended", "批复延期")
        asked = self.extension
        if asked is None or asked.status != REQUESTED:
            raise NoExtension(number=self.number)
        status = APPROVED if approved else REJECTED
        self.extension = asked.decided(status, by, reason=reason, at=at)
        if approved:
            days = asked.working_days
            self.feedback_by = calendar.office_day_after(self.feedback_by, days)
            self.close_by = calendar.office_day_after(self.close_by, days)
        self._step(self.status, by, at, reason, named=f"extension_{status}")

    def merge(self, by: Actor, *, into: WorkOrder, note: str, at: datetime) -> None:
        """A duplicate is dealt with where the other one is: its bodies help there, with their parts."""
        if into.id == self.id:
            raise MergedWithItself(field="into")
        for each in (self, into):
            each._only(OPEN, "merged", "合并")
        if into.bearer.project_id != self.bearer.project_id:
            raise OtherProject(field="into")
        if COLOURS.index(into.colour) < COLOURS.index(self.colour):
            raise MergedIntoLesser(
                colour=self.colour,
                into=into.colour,
                colour_zh=COLOUR_ZH[self.colour],
                into_zh=COLOUR_ZH[into.colour],
            )
        helps = dict.fromkeys((*into.co_orgs, self.lead_org, *self.co_orgs))
        into.co_orgs = tuple(org for org in helps if org and org != into.lead_org)
        into.parts = joined(into.parts, self.parts)
        into._step(into.status, by, at, self.number, named="took_over")
        self.merged_into, self.closed_at = into.id, at
        self.steps.append(Step("merged", at, by.account, by.name, f"{note} → {into.number}"))
        self._step("closed", by, at, note, event=WorkOrderClosed)

    def pass_check(self, by: Actor, *, note: str, statement: str, at: datetime) -> None:
        self._only({"feedback", "checking"}, "checked", "复核")
        if self.colour == RED_STATUTORY and not statement.strip():
            raise StatementMissing(field="statement")
        self.statement, self.closed_at = statement, at
        self._step("closed", by, at, note, event=WorkOrderClosed)

    def refuse(
        self, by: Actor, *, note: str, limits: OrderLimits, calendar: Calendar, at: datetime
    ) -> None:
        """Send the answer back for rework with a new limit; the third refusal escalates."""
        self._only({"feedback", "checking"}, "checked", "复核")
        if not note.strip():
            raise RefusalNeedsNote(field="note")
        self.reworks += 1
        self.feedback_by = limit_after(limits.feedback, at, calendar)
        self.close_by = max(self.close_by, self.feedback_by)
        self._begin_round(at)
        if self.reworks >= REFUSALS_THAT_ESCALATE and not self.escalated:
            self.escalated = True
            self.steps.append(Step("escalated", at, "", "", f"{self.reworks} 次复核不通过"))
        self._step("rework", by, at, note)

    def withdraw(self, *, why: str, at: datetime) -> None:
        """Close it unanswered, because what it was for is off the table."""
        if self.is_open:
            self.closed_at = at
            self.steps.append(Step("withdrawn", at, "", "", why))
            self._step("closed", SYSTEM, at, why, event=WorkOrderClosed)

    def escalate(self, *, why: str, at: datetime) -> None:
        """Mark it for the next higher level; the body it went to still has to answer."""
        if self.is_open and not self.escalated:
            self.escalated = True
            self.version += 1
            self.steps.append(Step("escalated", at, "", "", why))
            self.events.append(WorkOrderChanged(self.state()))

    def state(self) -> WorkOrderState:
        bearer = self.bearer
        return WorkOrderState(
            order_id=self.id,
            version=self.version,
            number=self.number,
            card_id=str(self.card_id or ""),
            project_id=str(bearer.project_id or ""),
            project_name=bearer.project_name,
            case_id=str(self.case_id or ""),
            lead_org=bearer.org,
            lead_org_name=bearer.org_name,
            region_path=bearer.region_path,
            level=bearer.level,
            colour=self.colour,
            status=self.status,
            issued_at=self.issued_at,
            sign_by=self.sign_by,
            feedback_by=self.feedback_by,
            close_by=self.close_by,
            signed_at=self.signed_at,
            answered_at=self.answered_at,
            closed_at=self.closed_at,
            uscc=bearer.uscc,
            agents=bearer.agents,
            subject=self.subject,
            requirement=self.requirement,
            reworks=self.reworks,
            escalated=self.escalated,
            source=self.source,
            co_orgs=self.co_orgs,
            item_code=bearer.item_code,
            item_name=bearer.item_name,
            duty_bearer=bearer.duty_bearer,
            handler=self.handler,
            returned_to=self.returned_to,
            statement=self.statement,
            dispatched_by=self.dispatched_by,
            round=self.round,
            round_began=self.round_began,
            feedback=self.feedback,
            steps=tuple(self.steps),
            parts=self.parts,
            urges=self.urges,
            supervised=self.supervised,
            cause=self.cause,
            merged_into=str(self.merged_into or ""),
            extension=self.extension,
        )

    def _begin_anew(self, limits: OrderLimits, calendar: Calendar, at: datetime) -> None:
        self.sign_by = limit_after(limits.sign, at, calendar)
        self.feedback_by = limit_after(limits.feedback, at, calendar)
        self.close_by = limit_after(limits.close, at, calendar)
        self._begin_round(at)
        self.signed_at, self.returned_to, self.extension = None, "", None

    def _begin_round(self, at: datetime) -> None:
        self.round += 1
        self.round_began, self.answered_at = at, None

    def _only(self, statuses: AbstractSet[str], step: str, step_zh: str) -> None:
        if self.status not in statuses:
            raise OrderNotInState(
                number=self.number,
                status=self.status,
                status_zh=STATUS_ZH[self.status],
                step=step,
                step_zh=step_zh,
            )

    def _step(
        self,
        status: str,
        by: Actor,
        at: datetime,
        note: str,
        *,
        event: type[WorkOrderDispatched | WorkOrderChanged | WorkOrderClosed]
        | None = WorkOrderChanged,
        named: str = "",
    ) -> None:
        """Reach a status, or stay in it and do what is `named`."""
        self.status = status
        self.version += 1
        self.steps.append(Step(named or status, at, by.account, by.name, note))
        if event:
            self.events.append(event(self.state()))


def is_overdue(
    status: str, *, sign_by: datetime, feedback_by: datetime, close_by: datetime, now: datetime
) -> bool:
    """Say whether a limit that still counts in this status has passed."""
    if status == "closed":
        return False
    unsigned = status == "issued" and now > sign_by
    unanswered = status in AWAITING_FEEDBACK and now > feedback_by
    return unsigned or unanswered or now > close_by
