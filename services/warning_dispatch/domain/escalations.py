"""三级联动: a matter that climbs town → district → city → vice mayor, with one owner at every moment.

Measures articles 14 and 16, warnings.md section 4. Up to L2 it climbs by itself when limits
pass; beyond that only with the signature of the leader who is answerable, on exactly the words
he signed. `holder` is the instance that may act; the others have copies by version.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from uuid import UUID

from chassis.calendar import Calendar
from chassis.events import plain
from warning_dispatch.domain.escalation_errors import (
    ContentChanged,
    CrossingMissing,
    EscalationNotInState,
    ReturnedBefore,
    SignatureMissing,
    TriedMissing,
)
from warning_dispatch.domain.events import (
    DispatchRecord,
    EscalationMeasure,
    EscalationMoved,
    EscalationState,
    EscalationStep,
    Instruction,
    LeaderSignature,
    ServiceReport,
    Tried,
)
from warning_dispatch.domain.facts import Bearer, district_of, service_centre
from warning_dispatch.domain.steps import SYSTEM, Actor

L1, L2, L3, L4, L5 = RUNGS = ("L1", "L2", "L3", "L4", "L5")
HANDLING, DRAFTED, SIGNED, SUBMITTED = "handling", "drafted", "signed", "submitted"
RETURNED, INSTRUCTED, EXECUTED, CLOSED, MERGED = (
    *("returned", "instructed", "executed", "closed", "merged"),
)
FINISHED = frozenset({CLOSED, MERGED})
STATUS_ZH = {
    HANDLING: "办理中",
    DRAFTED: "待签字",
    SIGNED: "已签字待上报",
    SUBMITTED: "已上报待受理",
    RETURNED: "被退回",
    INSTRUCTED: "已批示待落实",
    EXECUTED: "批示已落实",
    CLOSED: "已办结",
    MERGED: "已并入他件",
}


@dataclass
class Escalation:
    """One matter on the ladder. Every change is a step with its rung, and nothing is taken back."""

    escalation_id: UUID
    number: str
    holder: str
    project_id: str
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    subject: str
    problem: str
    opened_at: datetime
    entered_at: datetime
    due_at: datetime
    rung: str = L1
    status: str = HANDLING
    route: tuple[str, ...] = ()
    case_id: str = ""
    card_id: str = ""
    order_id: str = ""
    wanted: str = ""
    crosses: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()
    signature: LeaderSignature | None = None
    report: ServiceReport | None = None
    instruction: Instruction | None = None
    orders: tuple[str, ...] = ()
    merged_into: str = ""
    returns: int = 0
    conclusion: str = ""
    closed_at: datetime | None = None
    steps: tuple[EscalationStep, ...] = ()
    # In the library of problems 问题库: its class, the body that leads, and what is done about it.
    cause: str = ""
    lead_org: str = ""
    lead_org_name: str = ""
    measures: tuple[EscalationMeasure, ...] = ()
    version: int = 0
    events: list[EscalationMoved] = field(default_factory=list, compare=False)

    # --- what it is

    @property
    def is_open(self) -> bool:
        return self.status not in FINISHED

    @property
    def entries(self) -> int:
        """Count how often a rung was entered: each entry is a period of its own for cards."""
        return sum(
            step.step in ("opened", "raised", "submitted", "returned") for step in self.steps
        )

    @property
    def awaits_signature(self) -> bool:
        return self.status == DRAFTED

    @property
    def bearer(self) -> Bearer:
        """Who answers for it now: the district's service centre, or its leader when he is to sign."""
        district = district_of(self.region_path)
        org, org_name = service_centre(self.region_path)
        if self.rung in (L3, L4, L5):
            org, org_name = service_centre(district.partition("/")[0])
        elif self.awaits_signature:
            org = f"{district.rpartition('/')[2]}:分管领导"
            org_name = org_name.replace("政务服务", "分管领导")
        return Bearer(
            project_id=UUID(self.project_id) if self.project_id else None,
            project_name=self.project_name,
            region_path=self.region_path,
            level=self.level,
            uscc=self.uscc,
            agents=self.agents,
            org=org,
            org_name=org_name,
            duty_bearer="government",
            item_name=self.subject,
        )

    @property
    def bearer_at_home(self) -> Bearer:
        """Who would answer for it in its district: whom an instruction binds unless it names another."""
        org, org_name = service_centre(self.region_path)
        return replace(self.bearer, org=org, org_name=org_name)

    @property
    def seen_at_level(self) -> str:
        """A district's own project is seen by the city once it was reported there (roles.md R1)."""
        reported = any(step.rung in (L3, L4, L5) for step in self.steps)
        return "市级" if reported and self.level == "区级" else self.level

    @property
    def content_sha256(self) -> str:
        """The digest of the words that a leader signs; without details of a record as before them."""
        words = {
            "number": self.number,
            "project_id": self.project_id,
            "subject": self.subject,
            "problem": self.problem,
            "wanted": self.wanted,
            "crosses": self.crosses,
            "regions": self.regions,
            "bodies": self.bodies,
            "tried": [
                {name: value for name, value in plain(each).items() if name != "details" or value}
                for each in self.tried
            ],
            "report": plain(self.report),
        }
        text = json.dumps(words, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    # --- the lower rungs

    @classmethod
    def open(
        cls,
        escalation_id: UUID,
        by: Actor,
        bearer: Bearer,
        *,
        number: str,
        holder: str,
        rung: str,
        subject: str,
        problem: str,
        days: int,
        calendar: Calendar,
        at: datetime,
        case_id: str = "",
        card_id: str = "",
        order_id: str = "",
        cause: str = "",
    ) -> Escalation:
        made = cls(
            escalation_id=escalation_id,
            number=number,
            holder=holder,
            project_id=str(bearer.project_id or ""),
            project_name=bearer.project_name,
            region_path=bearer.region_path,
            level=bearer.level,
            uscc=bearer.uscc,
            agents=bearer.agents,
            subject=subject,
            problem=problem,
            case_id=case_id,
            card_id=card_id,
            order_id=order_id,
            cause=cause,
            rung=rung,
            opened_at=at,
            entered_at=at,
            due_at=calendar.office_day_after(at, days),
        )
        made._step("opened", by, at, problem)
        return made

    def record(
        self, by: Actor, *, text: str, at: datetime, details: DispatchRecord | None = None
    ) -> None:
        """Put on record what was tried at this rung; it goes up with the matter."""
        self.check_recordable()
        self.tried = (*self.tried, Tried(self.rung, text, at, by.account, by.name, details))
        self._unsign(by, at)
        self._step("recorded", by, at, text)

    def check_recordable(self) -> None:
        self._only({HANDLING, RETURNED, DRAFTED}, "recorded on", "登记处理")

    def raise_to_district(
        self, by: Actor, *, note: str, days: int, calendar: Calendar, at: datetime
    ) -> None:
        """L1 → L2: confirmed by the head of the territory, or by itself when the limit passed."""
        self._only({HANDLING}, "raised", "上报", rungs=(L1,))
        if by != SYSTEM:
            self._need_tried(L1)
        self._enter(L2, HANDLING, "raised", by, at, note, days=days, calendar=calendar)

    # --- the application and the report, with the signature

    def draft(
        self,
        by: Actor,
        *,
        crosses: tuple[str, ...],
        regions: tuple[str, ...],
        bodies: tuple[str, ...],
        problem: str,
        wanted: str,
        at: datetime,
    ) -> None:
        """Write the application 联动申请; whoever signed an earlier wording signs again."""
        self._only({HANDLING, RETURNED, DRAFTED, SIGNED}, "drafted", "起草联动申请", rungs=(L2,))
        if not crosses:
            raise CrossingMissing(field="crosses")
        if by != SYSTEM:
            self._need_tried(L2)
        self.crosses, self.regions, self.bodies = crosses, regions, bodies
        self.problem, self.wanted, self.report = problem or self.problem, wanted, None
        self._unsign(by, at)
        self.status = DRAFTED
        self._step("drafted", by, at, wanted)

    def write_report(self, by: Actor, *, title: str, text: str, at: datetime) -> None:
        """Draft the 重大项目服务专报 by which the local government asks the vice mayor."""
        self._only({HANDLING, RETURNED, DRAFTED, SIGNED}, "reported", "起草专报", rungs=(L2,))
        self._need_tried(L2)
        self.report = ServiceReport(title, text, by.account, by.name, at)
        self._unsign(by, at)
        self.status = DRAFTED
        self._step("report_drafted", by, at, title)

    def sign(
        self,
        by: Actor,
        *,
        on_behalf_of: str,
        method: str,
        document: str,
        sha256: str,
        note: str,
        at: datetime,
    ) -> None:
        """The leader signs what he read, told by its digest (article 14)."""
        self._only({DRAFTED}, "signed", "签字", rungs=(L2,))
        if sha256 != self.content_sha256:
            raise ContentChanged(field="content_sha256")
        self.signature = LeaderSignature(
            by.account, by.name, on_behalf_of, method, document, sha256, at
        )
        self.status = SIGNED
        self._step("signed", by, at, note)

    def submit(self, by: Actor, *, days: int, calendar: Calendar, at: datetime) -> None:
        """Report it up: the application to L3, a special report to L4. Nothing leaves unsigned."""
        if self.signature is None or self.signature.sha256 != self.content_sha256:
            raise SignatureMissing
        self._only({SIGNED}, "submitted", "上报", rungs=(L2,))
        rung = L4 if self.report else L3
        self._enter(rung, SUBMITTED, "submitted", by, at, "", days=days, calendar=calendar)

    # --- the city

    def accept(self, by: Actor, *, note: str, days: int, calendar: Calendar, at: datetime) -> None:
        self._only({SUBMITTED}, "accepted", "受理", rungs=(L3,))
        self.due_at, self.status = calendar.office_day_after(at, days), HANDLING
        self._step("accepted", by, at, note)

    def send_back(
        self,
        by: Actor,
        *,
        reason: str,
        for_report: bool,
        days: int,
        calendar: Calendar,
        at: datetime,
    ) -> None:
        """Send it back to the district, once for more; or because it needs the vice mayor."""
        self._only({SUBMITTED, HANDLING}, "sent back", "退回", rungs=(L3, L4))
        if not for_report:
            if self.returns:
                raise ReturnedBefore(number=self.number)
            self.returns += 1
        step = "report_advised" if for_report else "returned"
        self._unsign(by, at)
        self._enter(L2, RETURNED, step, by, at, reason, days=days, calendar=calendar)

    def refer(self, by: Actor, *, note: str, days: int, calendar: Calendar, at: datetime) -> None:
        """Put it before the dispatch meeting 督办调度会 that a leader of the city convenes."""
        self._only({SUBMITTED, HANDLING}, "referred", "提请督办调度会", rungs=(L3, L4))
        self._enter(L5, HANDLING, "referred", by, at, note, days=days, calendar=calendar)

    def instruct(self, by: Actor, instruction: Instruction, *, order: str, at: datetime) -> None:
        """The leader's instruction 批示, or the meeting's minutes: it goes down as an order."""
        self._only(
            {SUBMITTED, HANDLING, INSTRUCTED, EXECUTED}, "instructed on", "批示", rungs=(L4, L5)
        )
        self.instruction, self.orders = instruction, (*self.orders, order)
        self.status = INSTRUCTED
        self._step("instructed", by, at, instruction.text)

    def merge_into(self, other: Escalation, by: Actor, *, at: datetime) -> None:
        self._only({SUBMITTED, HANDLING}, "merged", "合并", rungs=(L3, L4, L5))
        self.merged_into, self.status, self.closed_at = str(other.escalation_id), MERGED, at
        self._step("merged", by, at, other.number)
        other.record(by, text=f"并入 {self.number}: {self.subject}", at=at)

    def executed(self, *, note: str, at: datetime) -> None:
        """The orders that came of the instruction were checked and closed."""
        if self.status == INSTRUCTED:
            self.status = EXECUTED
            self._step("executed", SYSTEM, at, note)

    def close(self, by: Actor, *, conclusion: str, at: datetime) -> None:
        self._only({HANDLING, RETURNED, EXECUTED}, "closed", "办结")
        self.conclusion, self.closed_at, self.status = conclusion, at, CLOSED
        self._step("closed", by, at, conclusion)

    def settled(self, *, note: str, at: datetime) -> None:
        """What it was opened for by the platform is settled, and no one had taken it further."""
        self.conclusion, self.closed_at, self.status = note, at, CLOSED
        self._step("closed", SYSTEM, at, note)

    def hand_to(self, holder: str, *, route: tuple[str, ...]) -> None:
        """Give it to another instance; from this version on nobody else acts."""
        self.holder, self.route = holder, route
        self.events[-1] = EscalationMoved(self.state())

    def note(self, step: str, by: Actor, at: datetime, note: str) -> None:
        """Put a step on record that moves it nowhere; what is over takes no more."""
        self._only(set(STATUS_ZH) - FINISHED, step, "登记")
        self._step(step, by, at, note)

    # --- facts

    def state(self) -> EscalationState:
        names = [each.name for each in fields(EscalationState)]
        return EscalationState(**{name: getattr(self, name) for name in names})

    def _enter(
        self,
        rung: str,
        status: str,
        step: str,
        by: Actor,
        at: datetime,
        note: str,
        *,
        days: int,
        calendar: Calendar,
    ) -> None:
        self.rung, self.status, self.entered_at = rung, status, at
        self.due_at = calendar.office_day_after(at, days)
        self._step(step, by, at, note)

    def _unsign(self, by: Actor, at: datetime) -> None:
        """Whatever changes the words takes the signature off them."""
        if self.signature is not None:
            gone = f"{self.signature.signer_name} {self.signature.sha256[:12]}"
            self.signature = None
            if self.status == SIGNED:
                self.status = DRAFTED
            self.steps = (
                *self.steps,
                EscalationStep(self.rung, "signature_lapsed", at, by.account, by.name, gone),
            )

    def _need_tried(self, rung: str) -> None:
        if not any(each.rung == rung for each in self.tried):
            raise TriedMissing(rung=rung)

    def _only(
        self, statuses: set[str], step: str, step_zh: str, *, rungs: tuple[str, ...] = RUNGS
    ) -> None:
        if self.status not in statuses or self.rung not in rungs:
            raise EscalationNotInState(
                number=self.number,
                rung=self.rung,
                status=self.status,
                status_zh=STATUS_ZH[self.status],
                step=step,
                step_zh=step_zh,
            )

    def _step(self, step: str, by: Actor, at: datetime, note: str) -> None:
        self.version += 1
        self.steps = (
            *self.steps,
            EscalationStep(self.rung, step, at, by.account, by.name, note),
        )
        self.events.append(EscalationMoved(self.state()))


def home_of(rung: str, region_path: str) -> str:
    """Return the path of the region whose people deal with a rung."""
    parts = region_path.split("/")
    return "/".join(parts[: {L1: len(parts), L2: 2}.get(rung, 1)])


def instruction_of(
    by: Actor, *, text: str, lead_org: str, lead_org_name: str, due_on: date | None, at: datetime
) -> Instruction:
    return Instruction(text, lead_org, lead_org_name, due_on, by.account, by.name, at)
