"""What may be done with a joint review 联审会办, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.bodies import Deciders
from approval_tracking.domain.events import JointConclusion, JointInvitation, JointTask
from approval_tracking.domain.joint_review import (
    Attendant,
    Bodies,
    JointReview,
    Paper,
    ReviewedCase,
    check_agenda,
)
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.joint_reviews import JointReviewStore
from approval_tracking.usecases.admission import hold as hold_case
from approval_tracking.usecases.bodies import deciding_regions
from chassis.calendar import local_day
from chassis.errors import OutOfScope, Stale
from chassis.identity import Principal, Scope


@dataclass(frozen=True)
class Guest:
    """A body to invite, with its last day and what its silence means."""

    org: str
    opinion_due: date
    silence: str


@dataclass(frozen=True)
class Agenda:
    case_ids: Sequence[UUID]
    subject: str
    meets_at: datetime
    place: str
    guests: Sequence[Guest]
    papers: Sequence[Paper]


@dataclass(frozen=True)
class TaskAsked:
    text: str
    org: str
    due_on: date


@dataclass(frozen=True)
class Drawn:
    """The conclusion on one case as it was asked for."""

    case_id: UUID
    outcome: str
    text: str
    tasks: Sequence[TaskAsked]


def convene(
    reviews: JointReviewStore,
    projects: ProjectStore,
    cases: CaseStore,
    project_id: UUID,
    agenda: Agenda,
    *,
    review_id: UUID,
    principal: Principal,
    now: datetime,
) -> JointReview:
    project = projects.get(project_id)
    Scope.of(principal).check(
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        project_id=str(project.id),
    )
    reviewed = []
    for case_id in agenda.case_ids:
        case = hold_case(cases, case_id, 0, principal, now).case
        reviewed.append(
            ReviewedCase(
                case_id=case.id,
                project_id=case.project_id,
                item_code=case.item_code,
                item_name=case.item_name,
                org_name=case.org_name,
                status=case.status,
                is_open=case.is_open,
            )
        )
    deciders, bodies = bodies_of(cases.reference, local_day(now))
    for place, guest in enumerate(agenda.guests):
        bodies.check(guest.org, field=f"invitations[{place}].org")
    invitations = tuple(
        JointInvitation(each.org, deciders.name(each.org), each.opinion_due, each.silence)
        for each in agenda.guests
    )
    review = JointReview(
        id=review_id,
        project_id=project.id,
        project_name=project.name,
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        subject=agenda.subject,
        meets_at=agenda.meets_at,
        place=agenda.place,
        cases=check_agenda(project_id, reviewed, invitations, meets_at=agenda.meets_at, now=now),
        invitations=invitations,
        papers=tuple(agenda.papers),
    )
    review.convene(principal.account_id, at=now)
    reviews.add(review, at=now)
    return review


def give_opinion(
    reviews: JointReviewStore,
    review_id: UUID,
    case_id: UUID,
    view: str,
    text: str,
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> JointReview:
    review = hold(reviews, review_id, expected_version, principal)
    review.give_opinion(case_id, view, text, org=principal.org, by=principal.account_id, at=now)
    reviews.save(review, at=now)
    return review


def record_meeting(
    reviews: JointReviewStore,
    review_id: UUID,
    minutes: str,
    present: Sequence[Attendant],
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> JointReview:
    review = hold(reviews, review_id, expected_version, principal)
    review.record_meeting(minutes, present, by=principal.account_id, at=now)
    reviews.save(review, at=now)
    return review


def conclude(
    reviews: JointReviewStore,
    reference: Reference,
    review_id: UUID,
    drawn: Sequence[Drawn],
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> JointReview:
    review = hold(reviews, review_id, expected_version, principal)
    deciders, bodies = bodies_of(reference, local_day(now))
    codes = {each.case_id: each.item_code for each in review.cases}
    for place, each in enumerate(drawn):
        for number, task in enumerate(each.tasks):
            bodies.check(task.org, field=f"conclusions[{place}].tasks[{number}].org")
    conclusions = [
        JointConclusion(
            case_id=each.case_id,
            item_code=codes.get(each.case_id, ""),
            outcome=each.outcome,
            text=each.text,
            tasks=tuple(
                JointTask(task.text, task.org, deciders.name(task.org), task.due_on)
                for task in each.tasks
            ),
        )
        for each in drawn
    ]
    review.conclude(conclusions, by=principal.account_id, at=now)
    reviews.save(review, at=now)
    return review


def cancel(
    reviews: JointReviewStore,
    review_id: UUID,
    reason: str,
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> JointReview:
    review = hold(reviews, review_id, expected_version, principal)
    review.cancel(reason, by=principal.account_id, at=now)
    reviews.save(review, at=now)
    return review


def chase(reviews: JointReviewStore, reference: Reference, *, most: int, now: datetime) -> int:
    """Remind bodies of opinions that are overdue, on working days; return how many reviews."""
    if not reference.calendar().is_working(local_day(now)):
        return 0
    due = reviews.to_chase(local_day(now), most=most)
    for review in due:
        review.chase(at=now)
        reviews.save(review, at=now)
    return len(due)


def hold(
    reviews: JointReviewStore, review_id: UUID, expected_version: int, principal: Principal
) -> JointReview:
    """Return the review if it lies in the caller's territory, or his body was invited."""
    review, scope = reviews.hold(review_id), Scope.of(principal)
    invited = bool(scope.org) and scope.org in {each.org for each in review.invitations}
    if not invited and not scope.admits(
        region_path=review.region_path,
        level=review.level,
        uscc=review.uscc,
        agents=review.agents,
        project_id=str(review.project_id),
    ):
        raise OutOfScope
    if expected_version and review.version != expected_version:
        raise Stale(subject=review.id, version=review.version, expected=expected_version)
    return review


def bodies_of(reference: Reference, today: date) -> tuple[Deciders, Bodies]:
    """Return the bodies that decide something today, by the catalogue or as configured."""
    deciders, catalogue = reference.deciders(today), reference.catalogue_on(today)
    known = {*deciders.told, *deciders.moved.values()} - {""}
    for region in deciding_regions():
        path = f"{region.parent}/{region.code}" if region.parent else region.code
        known.update(item.decided_by(path) for item in catalogue.items.values())
    return deciders, Bodies(frozenset(known))
