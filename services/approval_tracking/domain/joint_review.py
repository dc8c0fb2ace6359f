"""A joint review 联审会办: bodies are invited to cases, each says what it thinks, a meeting concludes.

It never stops or moves the clock of a case: meetings are not among the procedures whose time the
law leaves out (行政许可法 第四十五条).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.events import (
    JointConclusion,
    JointInvitation,
    JointOpinionGiven,
    JointOpinionOverdue,
    JointReviewCancelled,
    JointReviewConcluded,
    JointReviewConvened,
)
from approval_tracking.domain.joint_review_errors import (
    BodyNotInvited,
    BodyUnknown,
    CaseOfAnotherProject,
    ConclusionMissing,
    ConditionsMismatch,
    ConditionsOrReasonMissing,
    InThePast,
    JointCaseNotOpen,
    JointReviewClosed,
    MeetingNotYetHeld,
    NamedTwice,
    NotAmongTheReviewed,
    NotInvited,
    OpinionAlreadyGiven,
    OpinionMissing,
    OpinionTooLate,
)
from chassis.calendar import SHANGHAI, local_day
from chassis.events import Event

# Bodies that decide on one project may be brought together (行政许可法 第二十六条第二款).
BASIS = "行政许可法 第二十六条第二款"

CONVENED, MET, CONCLUDED, CANCELLED = "convened", "met", "concluded", "cancelled"
STATUSES = {CONVENED: "已召集", MET: "已开会", CONCLUDED: "已办结", CANCELLED: "已取消"}
CONSENT, CHASED = "silence_is_consent", "silence_is_chased"
AGREE, AGREE_WITH_CONDITIONS, OPPOSE = "agree", "agree_with_conditions", "oppose"
PROCEED, PROCEED_WITH_CONDITIONS, DO_NOT_PROCEED = (
    "proceed",
    "proceed_with_conditions",
    "do_not_proceed",
)
GIVEN, DEEMED, PENDING, OVERDUE = "given", "deemed", "pending", "overdue"

# An act of nobody: the day passed. Its reason is the body that was reminded.
_CHASED = "chased"

_OVER = ("已经结束, 可另行召集", "it is over, another may be convened")
_ALLOWED = {
    CONVENED: (
        "可反馈意见、记录会议或取消",
        "opinions may be given, the meeting be recorded, or all be cancelled",
    ),
    MET: (
        "可反馈意见、形成结论或取消",
        "opinions may be given, conclusions be drawn, or all be cancelled",
    ),
    CONCLUDED: _OVER,
    CANCELLED: _OVER,
}


@dataclass(frozen=True)
class Paper:
    """What the bodies are to read; the file itself stays where the document lies."""

    title: str
    document: str


@dataclass(frozen=True)
class ReviewedCase:
    case_id: UUID
    project_id: UUID
    item_code: str
    item_name: str
    org_name: str
    status: str
    is_open: bool


@dataclass(frozen=True)
class Subject:
    """A case as it was put on the agenda."""

    case_id: UUID
    item_code: str
    item_name: str
    org_name: str


@dataclass(frozen=True)
class Opinion:
    org: str
    case_id: UUID
    view: str
    text: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """Where a body stands on a case: it said so, its silence counts, or it still owes its opinion."""

    invitation: JointInvitation
    case_id: UUID
    # state is given, deemed, pending or overdue.
    state: str
    # view is empty while there is none.
    view: str
    text: str = ""
    by: str = ""
    at: datetime | None = None
    late: bool = False


@dataclass(frozen=True)
class Attendant:
    """Who was present; org is empty for somebody of no invited body."""

    name: str
    org: str


@dataclass(frozen=True)
class Act:
    """Who did what to the review, when, why and on which basis."""

    kind: str
    by: str
    at: datetime
    reason: str = ""
    basis: str = BASIS


@dataclass
class JointReview:
    id: UUID
    project_id: UUID
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    subject: str
    meets_at: datetime
    place: str
    cases: tuple[Subject, ...]
    invitations: tuple[JointInvitation, ...]
    papers: tuple[Paper, ...]
    status: str = CONVENED
    version: int = 1
    opinions: list[Opinion] = field(default_factory=list)
    minutes: str = ""
    present: tuple[Attendant, ...] = ()
    conclusions: tuple[JointConclusion, ...] = ()
    acts: list[Act] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    def convene(self, by: str, *, at: datetime) -> None:
        self.acts.append(Act("convened", by, at))
        self.told.append(
            JointReviewConvened(
                review_id=self.id,
                version=self.version,
                project_id=self.project_id,
                project_name=self.project_name,
                region_path=self.region_path,
                level=self.level,
                uscc=self.uscc,
                agents=self.agents,
                subject=self.subject,
                meets_at=self.meets_at,
                place=self.place,
                case_ids=tuple(each.case_id for each in self.cases),
                invitations=self.invitations,
                by=by,
            )
        )

    def give_opinion(
        self, case_id: UUID, view: str, text: str, *, org: str, by: str, at: datetime
    ) -> None:
        """Take a body's one opinion on a case. Where silence is chased, it may come late."""
        invitation = self._invitation(org)
        self._in_status("反馈意见", "given an opinion", CONVENED, MET)
        self._check_case(case_id, field="case_id")
        if view != AGREE and not text.strip():
            raise ConditionsOrReasonMissing(field="text")
        for given in self.opinions:
            if (given.org, given.case_id) == (org, case_id):
                raise OpinionAlreadyGiven(
                    org=invitation.org_name,
                    case_id=case_id,
                    on=local_day(given.at),
                    field="case_id",
                )
        late = local_day(at) > invitation.opinion_due
        if late and invitation.silence == CONSENT:
            raise OpinionTooLate(org=invitation.org_name, due=invitation.opinion_due)
        self.opinions.append(Opinion(org, case_id, view, text, by, at))
        self.told.append(
            JointOpinionGiven(
                review_id=self.id,
                version=self.version + 1,
                project_id=self.project_id,
                region_path=self.region_path,
                level=self.level,
                uscc=self.uscc,
                agents=self.agents,
                case_id=case_id,
                org=org,
                view=view,
                late=late,
                by=by,
            )
        )

    @property
    def chase_on(self) -> date | None:
        """Return the earliest last day of a body that is to be chased, has not been, and still owes."""
        return min((each.opinion_due for each in self._to_chase()), default=None)

    def chase(self, *, at: datetime) -> None:
        """Remind each body whose opinion is overdue and whose silence says nothing, once."""
        today = local_day(at)
        for each in list(self._to_chase()):
            if each.opinion_due < today:
                self.acts.append(Act(_CHASED, "", at, each.org))
                self.told.append(
                    JointOpinionOverdue(
                        review_id=self.id,
                        version=self.version + 1,
                        project_id=self.project_id,
                        project_name=self.project_name,
                        region_path=self.region_path,
                        level=self.level,
                        subject=self.subject,
                        org=each.org,
                        org_name=each.org_name,
                        opinion_due=each.opinion_due,
                    )
                )

    def _to_chase(self) -> Iterator[JointInvitation]:
        if self.status not in (CONVENED, MET):
            return
        chased = {act.reason for act in self.acts if act.kind == _CHASED}
        said = {(each.org, each.case_id) for each in self.opinions}
        for each in self.invitations:
            owes = any((each.org, case.case_id) not in said for case in self.cases)
            if each.silence == CHASED and owes and each.org not in chased:
                yield each

    def record_meeting(
        self, minutes: str, present: Sequence[Attendant], *, by: str, at: datetime
    ) -> None:
        self._in_status("记录会议", "given minutes", CONVENED)
        if at < self.meets_at:
            meets_at = self.meets_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
            raise MeetingNotYetHeld(meets_at=meets_at)
        invited = {each.org for each in self.invitations}
        for place, attendant in enumerate(present):
            if attendant.org and attendant.org not in invited:
                raise BodyNotInvited(org=attendant.org, field=f"present[{place}].org")
        self.status, self.minutes, self.present = MET, minutes, tuple(present)
        self.acts.append(Act("met", by, at))

    def conclude(self, conclusions: Sequence[JointConclusion], *, by: str, at: datetime) -> None:
        """Say for each case how it goes on; every body has spoken, or its silence counts."""
        self._in_status("形成结论", "concluded", MET)
        today = local_day(at)
        missing = [
            f"{each.invitation.org_name} ({self.subject_of(each.case_id).item_code})"
            for each in self.standings(today)
            if each.state in (PENDING, OVERDUE)
        ]
        if missing:
            raise OpinionMissing(missing="、".join(missing))
        drawn = set[UUID]()
        for place, each in enumerate(conclusions):
            where = f"conclusions[{place}]"
            self._check_case(each.case_id, field=f"{where}.case_id")
            if each.case_id in drawn:
                raise NamedTwice(what=each.case_id, field=f"{where}.case_id")
            drawn.add(each.case_id)
            if bool(each.tasks) != (each.outcome == PROCEED_WITH_CONDITIONS):
                raise ConditionsMismatch(case_id=each.case_id, field=f"{where}.tasks")
            for number, task in enumerate(each.tasks):
                if task.due_on < today:
                    raise InThePast(
                        day=task.due_on, now=today, field=f"{where}.tasks[{number}].due_on"
                    )
        left = [each.item_code for each in self.cases if each.case_id not in drawn]
        if left:
            raise ConclusionMissing(missing="、".join(left), field="conclusions")
        self.status, self.conclusions = CONCLUDED, tuple(conclusions)
        self.acts.append(Act("concluded", by, at))
        self.told.append(
            JointReviewConcluded(
                review_id=self.id,
                version=self.version + 1,
                project_id=self.project_id,
                project_name=self.project_name,
                region_path=self.region_path,
                level=self.level,
                uscc=self.uscc,
                agents=self.agents,
                subject=self.subject,
                conclusions=self.conclusions,
                by=by,
            )
        )

    def cancel(self, reason: str, *, by: str, at: datetime) -> None:
        self._in_status("取消", "cancelled", CONVENED, MET)
        self.status = CANCELLED
        self.acts.append(Act("cancelled", by, at, reason))
        self.told.append(
            JointReviewCancelled(
                review_id=self.id,
                version=self.version + 1,
                project_id=self.project_id,
                region_path=self.region_path,
                level=self.level,
                uscc=self.uscc,
                agents=self.agents,
                bodies=tuple(each.org for each in self.invitations),
                reason=reason,
                by=by,
            )
        )

    def standings(self, today: date) -> Iterator[Standing]:
        """Yield where each body stands on each case, as of a day or of the day it all ended."""
        if self.status in (CONCLUDED, CANCELLED):
            today = min(today, local_day(self.acts[-1].at))
        given = {(each.org, each.case_id): each for each in self.opinions}
        for case in self.cases:
            for invitation in self.invitations:
                due = invitation.opinion_due
                said = given.get((invitation.org, case.case_id))
                if said is not None:
                    late = local_day(said.at) > due
                    yield Standing(
                        invitation,
                        case.case_id,
                        GIVEN,
                        said.view,
                        said.text,
                        said.by,
                        said.at,
                        late,
                    )
                elif today <= due:
                    yield Standing(invitation, case.case_id, PENDING, "")
                elif invitation.silence == CONSENT:
                    text = f"至 {due} 未反馈意见, 视为同意"
                    yield Standing(invitation, case.case_id, DEEMED, AGREE, text)
                else:
                    yield Standing(invitation, case.case_id, OVERDUE, "")

    def subject_of(self, case_id: UUID) -> Subject:
        return next(each for each in self.cases if each.case_id == case_id)

    def _invitation(self, org: str) -> JointInvitation:
        for each in self.invitations:
            if org and each.org == org:
                return each
        raise NotInvited(
            org_zh=f"{org} " if org else "本账号不属于任何机关, ",
            org_en=org or "an account of no body",
        )

    def _check_case(self, case_id: UUID, *, field: str) -> None:
        if case_id not in {each.case_id for each in self.cases}:
            raise NotAmongTheReviewed(case_id=case_id, field=field)

    def _in_status(self, act_zh: str, act_en: str, *expected: str) -> None:
        if self.status not in expected:
            allowed_zh, allowed_en = _ALLOWED[self.status]
            raise JointReviewClosed(
                review_id=self.id,
                status=self.status,
                status_zh=STATUSES[self.status],
                act_zh=act_zh,
                act_en=act_en,
                allowed_zh=allowed_zh,
                allowed_en=allowed_en,
            )


@dataclass(frozen=True)
class Bodies:
    """The bodies there are."""

    known: Collection[str]

    def check(self, org: str, *, field: str) -> None:
        if org not in self.known:
            raise BodyUnknown(org=org, field=field)


def check_agenda(
    project_id: UUID,
    cases: Sequence[ReviewedCase],
    invitations: Sequence[JointInvitation],
    *,
    meets_at: datetime,
    now: datetime,
) -> tuple[Subject, ...]:
    """Return what is put on the agenda, unless something about it is wrong."""
    if meets_at <= now:
        day, today = meets_at.astimezone(SHANGHAI), now.astimezone(SHANGHAI)
        raise InThePast(
            day=day.strftime("%Y-%m-%d %H:%M"),
            now=today.strftime("%Y-%m-%d %H:%M"),
            field="meets_on",
        )
    seen = set[UUID]()
    for place, case in enumerate(cases):
        where = f"case_ids[{place}]"
        if case.case_id in seen:
            raise NamedTwice(what=case.case_id, field=where)
        seen.add(case.case_id)
        if case.project_id != project_id:
            raise CaseOfAnotherProject(case_id=case.case_id, project_id=project_id, field=where)
        if not case.is_open:
            raise JointCaseNotOpen(case_id=case.case_id, status=case.status, field=where)
    invited = set[str]()
    for place, each in enumerate(invitations):
        where = f"invitations[{place}]"
        if each.org in invited:
            raise NamedTwice(what=each.org, field=f"{where}.org")
        invited.add(each.org)
        if each.opinion_due < local_day(now):
            raise InThePast(day=each.opinion_due, now=local_day(now), field=f"{where}.opinion_due")
    return tuple(
        Subject(case.case_id, case.item_code, case.item_name, case.org_name) for case in cases
    )
