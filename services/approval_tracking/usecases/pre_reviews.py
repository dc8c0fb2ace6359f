"""What may be done with a pre-review 预研预审, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.case_record import PaperOf
from approval_tracking.domain.intermediaries import refuse_naming
from approval_tracking.domain.pre_review import PreReview, check_papers
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.store.intermediaries import IntermediaryStore
from approval_tracking.store.pre_reviews import PreReviewStore
from approval_tracking.usecases.admission import actor, applying, check_applicant
from approval_tracking.usecases.cases import free_item
from chassis.calendar import local_day
from chassis.errors import Stale
from chassis.identity import Principal, Scope


def ask(
    reviews: PreReviewStore,
    cases: CaseStore,
    projects: ProjectStore,
    project_id: UUID,
    item_code: str,
    question: str,
    papers: Sequence[PaperOf],
    *,
    pre_review_id: UUID,
    principal: Principal,
    now: datetime,
) -> PreReview:
    """Ask the body that will decide. Prerequisites may still be open: nothing is applied for yet."""
    project = projects.get(project_id)
    applying(principal, project)
    item = free_item(cases, projects, project, item_code)
    deciders = cases.reference.deciders(local_day(now))
    org = deciders.org(item, project.region_path)
    review = PreReview(
        id=pre_review_id,
        project_id=project.id,
        project_name=project.name,
        item_code=item.code,
        item_name=item.name,
        org=org,
        org_name=deciders.name(org),
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        question=question,
        papers=check_papers(papers),
        asked_by=principal.account_id,
        asked_at=now,
    )
    reviews.add(review)
    return review


def give(
    reviews: PreReviewStore,
    agencies: IntermediaryStore,
    pre_review_id: UUID,
    ready: bool,
    missing: Sequence[str],
    text: str,
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> PreReview:
    review = _hold(reviews, pre_review_id, expected_version, principal)
    named = agencies.named_in([*missing, text])
    refuse_naming(missing, named, field="missing")
    refuse_naming([text], named, field="text")
    review.give(ready, missing, text, actor(principal), at=now)
    reviews.save(review)
    return review


def void(
    reviews: PreReviewStore,
    pre_review_id: UUID,
    reason: str,
    *,
    expected_version: int,
    principal: Principal,
) -> PreReview:
    """Let the body, or the applicant's side, make it void."""
    review = _hold(reviews, pre_review_id, expected_version, principal)
    if principal.org != review.org:
        check_applicant(
            principal,
            project_id=str(review.project_id),
            uscc=review.uscc,
            region_path=review.region_path,
            agents=review.agents,
        )
    review.void(reason, actor(principal))
    reviews.save(review)
    return review


def _hold(
    reviews: PreReviewStore, pre_review_id: UUID, expected_version: int, principal: Principal
) -> PreReview:
    review = reviews.hold(pre_review_id)
    Scope.of(principal).check(
        region_path=review.region_path,
        level=review.level,
        uscc=review.uscc,
        agents=review.agents,
        org=review.org,
        project_id=str(review.project_id),
    )
    if expected_version and review.version != expected_version:
        raise Stale(subject=review.id, version=review.version, expected=expected_version)
    return review
