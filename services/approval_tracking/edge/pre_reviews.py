"""Pre-reviews 预研预审 over gRPC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.domain.case_record import PaperOf
from approval_tracking.domain.pre_review import NO_EFFECT, PreReview
from approval_tracking.edge.cases import token_place
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.intermediaries import IntermediaryStore
from approval_tracking.store.pre_reviews import PreReviewStore, read_pre_review
from approval_tracking.usecases import pre_reviews as acts
from chassis.clock import Clock
from chassis.db import Database
from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_uuid, to_timestamp


class PreReviews:
    db: Database
    now: Clock

    @command
    def AskPreReview(self, request: pb.AskPreReviewRequest, call: Call) -> pb.AskPreReviewResponse:
        review = acts.ask(
            PreReviewStore(call.tx),
            CaseStore(call.tx),
            ProjectStore(call.tx),
            read_uuid("project_id", request.project_id),
            request.item_code,
            request.question,
            [PaperOf(each.title, each.sha256) for each in request.papers],
            pre_review_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        return pb.AskPreReviewResponse(pre_review=_audited(review, call))

    @command
    def GivePreReview(
        self, request: pb.GivePreReviewRequest, call: Call
    ) -> pb.GivePreReviewResponse:
        review = acts.give(
            PreReviewStore(call.tx),
            IntermediaryStore(call.tx),
            read_uuid("pre_review_id", request.pre_review_id),
            request.ready,
            list(request.missing),
            request.text,
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        return pb.GivePreReviewResponse(pre_review=_audited(review, call))

    @command
    def VoidPreReview(
        self, request: pb.VoidPreReviewRequest, call: Call
    ) -> pb.VoidPreReviewResponse:
        review = acts.void(
            PreReviewStore(call.tx),
            read_uuid("pre_review_id", request.pre_review_id),
            request.reason,
            expected_version=request.expected_version,
            principal=call.principal,
        )
        return pb.VoidPreReviewResponse(pre_review=_audited(review, call, reason=request.reason))

    @query(transaction=True)
    def GetPreReview(self, request: pb.GetPreReviewRequest, call: Call) -> pb.GetPreReviewResponse:
        pre_review_id = read_uuid("pre_review_id", request.pre_review_id)
        review = read_pre_review(queries.find_pre_review(call.tx, pre_review_id, call.scope))
        told = _told(review)
        projects = ProjectStore(call.tx)
        items = projects.items(review.project_id)
        catalogue = Reference(call.tx).catalogue(projects.get(review.project_id).catalogue)

        def standing(codes: Iterable[str]) -> list[pb.ItemStanding]:
            return [
                pb.ItemStanding(
                    item_code=code,
                    item_name=catalogue.items[code].name,
                    state=items[code].state,
                    done_on=str(items[code].done_on or ""),
                )
                for code in codes
                if code in items and items[code].applicable
            ]

        told.before.extend(standing(catalogue.item(review.item_code).prerequisites))
        waiting = [
            code for code, item in catalogue.items.items() if review.item_code in item.prerequisites
        ]
        told.after.extend(standing(waiting))
        return pb.GetPreReviewResponse(pre_review=told)

    @query(transaction=True)
    def ListPreReviews(
        self, request: pb.ListPreReviewsRequest, call: Call
    ) -> pb.ListPreReviewsResponse:
        wanted, project_id, status = page(request, width=2), None, ""
        if request.project_id:
            project_id = read_uuid("project_id", request.project_id)
            queries.check_project(call.tx, project_id, call.scope)
        if request.status:
            name = pb.PreReviewStatus.Name(request.status)
            status = name.removeprefix("PRE_REVIEW_STATUS_").lower()
        rows = queries.list_pre_reviews(
            call.tx,
            call.scope,
            size=wanted.size + 1,
            after=token_place(*wanted.after) if wanted.after else None,
            project_id=project_id,
            org=request.org,
            status=status,
        )
        given = rows[: wanted.size]
        token = ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].asked_at), str(given[-1].id))
        return pb.ListPreReviewsResponse(
            pre_reviews=[_told(read_pre_review(row)) for row in given], next_page_token=token
        )


def _audited(review: PreReview, call: Call, **detail: Any) -> pb.PreReview:
    call.audit(
        subject_type="pre_review",
        subject_id=review.id,
        item=review.item_code,
        status=review.status,
        version=review.version,
        **detail,
    )
    return _told(review)


def _told(review: PreReview) -> pb.PreReview:
    opinion, (effect, effect_en) = review.opinion, NO_EFFECT
    return pb.PreReview(
        pre_review_id=str(review.id),
        version=review.version,
        project_id=str(review.project_id),
        project_name=review.project_name,
        item_code=review.item_code,
        item_name=review.item_name,
        org=review.org,
        org_name=review.org_name,
        region_path=review.region_path,
        question=review.question,
        papers=[pb.PaperDigest(title=each.title, sha256=each.sha256) for each in review.papers],
        asked_by=review.asked_by,
        asked_at=to_timestamp(review.asked_at),
        status=review.status,
        opinion=(
            pb.PreReviewOpinion(
                missing=opinion.missing,
                text=opinion.text,
                by=opinion.by,
                at=to_timestamp(opinion.at),
            )
            if opinion
            else None
        ),
        void_reason=review.void_reason,
        case_id=str(review.case_id or ""),
        effect=effect,
        effect_en=effect_en,
    )
