"""Joint reviews 联审会办 over gRPC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from urllib.parse import quote
from uuid import UUID

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import events_pb2 as facts

from approval_tracking import queries
from approval_tracking.documents import NOTICE_TYPE, joint_minutes
from approval_tracking.domain.events import JointConclusion
from approval_tracking.domain.joint_review import (
    AGREE,
    AGREE_WITH_CONDITIONS,
    CHASED,
    CONSENT,
    DO_NOT_PROCEED,
    OPPOSE,
    PROCEED,
    PROCEED_WITH_CONDITIONS,
    Attendant,
    JointReview,
    Paper,
)
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.joint_reviews import JointReviewStore, read_review
from approval_tracking.usecases import joint_reviews as acts
from chassis.calendar import SHANGHAI, local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import instant, plain, read_instant
from chassis.identity import Principal
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp

_SILENCES = {pb.SILENCE_RULE_CONSENT: CONSENT, pb.SILENCE_RULE_CHASED: CHASED}
_VIEWS = {
    pb.JOINT_VIEW_AGREE: AGREE,
    pb.JOINT_VIEW_AGREE_WITH_CONDITIONS: AGREE_WITH_CONDITIONS,
    pb.JOINT_VIEW_OPPOSE: OPPOSE,
}
_OUTCOMES = {
    pb.JOINT_OUTCOME_PROCEED: PROCEED,
    pb.JOINT_OUTCOME_PROCEED_WITH_CONDITIONS: PROCEED_WITH_CONDITIONS,
    pb.JOINT_OUTCOME_DO_NOT_PROCEED: DO_NOT_PROCEED,
}
# What bodies say among themselves is not for those outside the administration.
_OUTSIDE = frozenset({"E1", "E2", "X1", "X2"})


class JointReviews:
    db: Database
    now: Clock

    @command
    def ConveneJointReview(
        self, request: pb.ConveneJointReviewRequest, call: Call
    ) -> pb.ConveneJointReviewResponse:
        meets_on = read_date("meets_on", request.meets_on)
        review = acts.convene(
            JointReviewStore(call.tx),
            ProjectStore(call.tx),
            CaseStore(call.tx),
            read_uuid("project_id", request.project_id),
            acts.Agenda(
                case_ids=[read_uuid("case_ids", each) for each in request.case_ids],
                subject=request.subject,
                meets_at=datetime.combine(
                    meets_on, time.fromisoformat(request.meets_at), tzinfo=SHANGHAI
                ),
                place=request.place,
                guests=[
                    acts.Guest(
                        org=each.org,
                        opinion_due=read_date(
                            f"invitations[{place}].opinion_due", each.opinion_due
                        ),
                        silence=_SILENCES[each.silence],
                    )
                    for place, each in enumerate(request.invitations)
                ],
                papers=[Paper(each.title, each.document) for each in request.papers],
            ),
            review_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        told = _audited(review, call, cases=[each.item_code for each in review.cases])
        return pb.ConveneJointReviewResponse(review=told)

    @command
    def GiveJointOpinion(
        self, request: pb.GiveJointOpinionRequest, call: Call
    ) -> pb.GiveJointOpinionResponse:
        case_id, view = read_uuid("case_id", request.case_id), _VIEWS[request.view]
        review = acts.give_opinion(
            JointReviewStore(call.tx),
            read_uuid("review_id", request.review_id),
            case_id,
            view,
            request.text,
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        told = _audited(review, call, org=call.principal.org, case_id=str(case_id), view=view)
        return pb.GiveJointOpinionResponse(review=told)

    @command
    def RecordJointMeeting(
        self, request: pb.RecordJointMeetingRequest, call: Call
    ) -> pb.RecordJointMeetingResponse:
        review = acts.record_meeting(
            JointReviewStore(call.tx),
            read_uuid("review_id", request.review_id),
            request.minutes,
            [Attendant(each.name, each.org) for each in request.present],
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        return pb.RecordJointMeetingResponse(review=_audited(review, call))

    @command
    def ConcludeJointReview(
        self, request: pb.ConcludeJointReviewRequest, call: Call
    ) -> pb.ConcludeJointReviewResponse:
        review = acts.conclude(
            JointReviewStore(call.tx),
            Reference(call.tx),
            read_uuid("review_id", request.review_id),
            [_drawn(each, place) for place, each in enumerate(request.conclusions)],
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        outcomes = {each.item_code: each.outcome for each in review.conclusions}
        return pb.ConcludeJointReviewResponse(review=_audited(review, call, outcomes=outcomes))

    @command
    def CancelJointReview(
        self, request: pb.CancelJointReviewRequest, call: Call
    ) -> pb.CancelJointReviewResponse:
        review = acts.cancel(
            JointReviewStore(call.tx),
            read_uuid("review_id", request.review_id),
            request.reason,
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        return pb.CancelJointReviewResponse(review=_audited(review, call, reason=request.reason))

    @query
    def GetJointReview(
        self, request: pb.GetJointReviewRequest, call: Call
    ) -> pb.GetJointReviewResponse:
        return pb.GetJointReviewResponse(review=_told(_find(request.review_id, call), call))

    @query(transaction=True)
    def ListJointReviews(
        self, request: pb.ListJointReviewsRequest, call: Call
    ) -> pb.ListJointReviewsResponse:
        wanted, project_id = page(request, width=2), None
        if request.project_id:
            project_id = read_uuid("project_id", request.project_id)
            queries.check_project(call.tx, project_id, call.scope)
        rows = queries.list_reviews(
            call.tx,
            call.scope,
            size=wanted.size + 1,
            after=_place(*wanted.after) if wanted.after else None,
            project_id=project_id,
        )
        given = rows[: wanted.size]
        token = ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].convened_at), str(given[-1].id))
        return pb.ListJointReviewsResponse(
            reviews=[_told(read_review(row), call) for row in given], next_page_token=token
        )

    @query
    def DownloadJointMinutes(
        self, request: pb.DownloadJointMinutesRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        review = _find(request.review_id, call)
        made = joint_minutes(
            review, local_day(call.now), with_opinions=_sees_opinions(call.principal)
        )
        name = quote(f"会议纪要-{review.subject}.docx", safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=NOTICE_TYPE, data=made)


def conclusions_on(rows: Sequence[Any], case_id: UUID) -> list[pb.JointConclusionOnCase]:
    """Return what joint reviews concluded on one case."""
    told = []
    for row in rows:
        review = read_review(row)
        act = review.acts[-1]
        told += [
            pb.JointConclusionOnCase(
                review_id=str(review.id),
                subject=review.subject,
                concluded_at=to_timestamp(act.at),
                concluded_by=act.by,
                basis=act.basis,
                conclusion=_conclusion(each),
            )
            for each in review.conclusions
            if each.case_id == case_id
        ]
    return told


# --- reading requests ----------------------------------------------------------------------------------


def _find(review_id: str, call: Call) -> JointReview:
    return read_review(queries.find_review(call.tx, read_uuid("review_id", review_id), call.scope))


def _drawn(asked: pb.JointConclusionDrawn, place: int) -> acts.Drawn:
    where = f"conclusions[{place}]"
    return acts.Drawn(
        case_id=read_uuid(f"{where}.case_id", asked.case_id),
        outcome=_OUTCOMES[asked.outcome],
        text=asked.text,
        tasks=[
            acts.TaskAsked(
                each.text, each.org, read_date(f"{where}.tasks[{number}].due_on", each.due_on)
            )
            for number, each in enumerate(asked.tasks)
        ],
    )


def _place(at: object, review_id: object) -> tuple[datetime, UUID]:
    try:
        return read_instant(str(at)), UUID(str(review_id))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


# --- writing answers -----------------------------------------------------------------------------------


def _sees_opinions(principal: Principal) -> bool:
    return bool(principal.roles - _OUTSIDE)


def _audited(review: JointReview, call: Call, **detail: Any) -> pb.JointReview:
    call.audit(
        subject_type="joint_review",
        subject_id=review.id,
        project_id=str(review.project_id),
        status=review.status,
        version=review.version,
        **detail,
    )
    return _told(review, call)


def _told(review: JointReview, call: Call) -> pb.JointReview:
    return pb.JointReview(
        review_id=str(review.id),
        version=review.version,
        project_id=str(review.project_id),
        project_name=review.project_name,
        status=review.status,
        subject=review.subject,
        meets_at=to_timestamp(review.meets_at),
        place=review.place,
        cases=[
            pb.JointSubject(
                case_id=str(each.case_id),
                item_code=each.item_code,
                item_name=each.item_name,
                org_name=each.org_name,
            )
            for each in review.cases
        ],
        invitations=[facts.JointInvitation(**plain(each)) for each in review.invitations],
        papers=[pb.JointPaper(title=each.title, document=each.document) for each in review.papers],
        opinions=_opinions(review, local_day(call.now)) if _sees_opinions(call.principal) else [],
        minutes=review.minutes,
        present=[pb.JointAttendant(name=each.name, org=each.org) for each in review.present],
        conclusions=[_conclusion(each) for each in review.conclusions],
        acts=[
            pb.JointAct(
                kind=each.kind,
                by=each.by,
                at=to_timestamp(each.at),
                reason=each.reason,
                basis=each.basis,
            )
            for each in review.acts
        ],
    )


def _opinions(review: JointReview, today: date) -> list[pb.JointOpinion]:
    return [
        pb.JointOpinion(
            org=each.invitation.org,
            org_name=each.invitation.org_name,
            case_id=str(each.case_id),
            state=each.state,
            view=each.view,
            text=each.text,
            given_by=each.by,
            given_at=to_timestamp(each.at),
            late=each.late,
            opinion_due=each.invitation.opinion_due.isoformat(),
        )
        for each in review.standings(today)
    ]


def _conclusion(conclusion: JointConclusion) -> facts.JointConclusion:
    told = plain(conclusion)
    told["tasks"] = [facts.JointTask(**each) for each in told["tasks"]]
    return facts.JointConclusion(**told)
