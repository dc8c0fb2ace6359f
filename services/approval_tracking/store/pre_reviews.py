"""Pre-reviews: one row each, read and written whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.domain.case_record import PaperOf
from approval_tracking.domain.pre_review import Opinion, PreReview
from approval_tracking.domain.pre_review_errors import PreReviewAlreadyOpen, PreReviewUnknown
from approval_tracking.store.tables import ASKED_PRE_REVIEW, pre_reviews
from chassis.errors import Stale
from chassis.events import plain, read_instant

_held = (
    sa.select(pre_reviews)
    .where(pre_reviews.c.id == sa.bindparam("pre_review_id", type_=sa.Uuid))
    .with_for_update()
)
_STATE = (
    "project_name",
    "item_name",
    "org_name",
    "question",
    "papers",
    "asked_by",
    "opinion",
    "void_reason",
    "void_by",
    "case_id",
)


class PreReviewStore:
    """The pre-reviews as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def hold(self, pre_review_id: UUID) -> PreReview:
        row = self._tx.execute(_held, {"pre_review_id": pre_review_id}).one_or_none()
        if row is None:
            raise PreReviewUnknown(pre_review_id=pre_review_id, field="pre_review_id")
        return read_pre_review(row)

    def add(self, review: PreReview) -> None:
        put = insert(pre_reviews).values(
            id=review.id,
            version=review.version,
            project_id=review.project_id,
            item_code=review.item_code,
            status=review.status,
            org=review.org,
            region_path=review.region_path,
            level=review.level,
            uscc=review.uscc,
            agents=list(review.agents),
            asked_at=review.asked_at,
            state=_state(review),
        )
        once = put.on_conflict_do_nothing(
            index_elements=["project_id", "item_code"], index_where=ASKED_PRE_REVIEW
        ).returning(pre_reviews.c.id)
        if self._tx.scalar(once) is None:
            raise PreReviewAlreadyOpen(
                project_id=review.project_id, code=review.item_code, field="item_code"
            )

    def save(self, review: PreReview) -> None:
        seen, review.version = review.version, review.version + 1
        saved = self._tx.execute(
            pre_reviews.update()
            .where(pre_reviews.c.id == review.id, pre_reviews.c.version == seen)
            .values(version=review.version, status=review.status, state=_state(review))
        )
        if saved.rowcount != 1:
            raise Stale(subject=review.id, version=review.version, expected=seen)


def _state(review: PreReview) -> Any:
    return plain({name: getattr(review, name) for name in _STATE})


def read_pre_review(row: Any) -> PreReview:
    """Return the pre-review that a row holds."""
    state = row.state
    given, case_id = state["opinion"], state["case_id"]
    return PreReview(
        id=row.id,
        version=row.version,
        project_id=row.project_id,
        project_name=state["project_name"],
        item_code=row.item_code,
        item_name=state["item_name"],
        org=row.org,
        org_name=state["org_name"],
        region_path=row.region_path,
        level=row.level,
        uscc=row.uscc,
        agents=tuple(row.agents),
        question=state["question"],
        papers=tuple(PaperOf(**each) for each in state["papers"]),
        asked_by=state["asked_by"],
        asked_at=row.asked_at,
        status=row.status,
        opinion=(
            Opinion(tuple(given["missing"]), given["text"], given["by"], read_instant(given["at"]))
            if given
            else None
        ),
        void_reason=state["void_reason"],
        void_by=state["void_by"],
        case_id=UUID(case_id) if case_id else None,
    )
