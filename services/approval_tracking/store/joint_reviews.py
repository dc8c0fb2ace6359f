"""Joint reviews: one row each, read and written whole, with their facts in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from approval_tracking.domain.events import JointConclusion, JointInvitation, JointTask
from approval_tracking.domain.joint_review import (
    Act,
    Attendant,
    JointReview,
    Opinion,
    Paper,
    Subject,
)
from approval_tracking.domain.joint_review_errors import JointReviewUnknown
from approval_tracking.store.tables import joint_reviews
from chassis.errors import Stale
from chassis.events import Envelope, plain, read_instant
from chassis.outbox import Outbox

_held = (
    sa.select(joint_reviews)
    .where(joint_reviews.c.id == sa.bindparam("review_id", type_=sa.Uuid))
    .with_for_update()
)
_to_chase = (
    sa.select(joint_reviews)
    .where(joint_reviews.c.chase_on < sa.bindparam("today", type_=sa.Date))
    .order_by(joint_reviews.c.chase_on)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_STATE = (
    "project_name",
    "subject",
    "meets_at",
    "place",
    "cases",
    "invitations",
    "papers",
    "opinions",
    "minutes",
    "present",
    "conclusions",
    "acts",
)


class JointReviewStore:
    """The joint reviews as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.outbox = Outbox(tx)

    def hold(self, review_id: UUID) -> JointReview:
        """Return it, locked: bodies that give their opinions at once wait for each other."""
        row = self._tx.execute(_held, {"review_id": review_id}).one_or_none()
        if row is None:
            raise JointReviewUnknown(review_id=review_id)
        return read_review(row)

    def to_chase(self, today: date, *, most: int) -> list[JointReview]:
        """Return reviews with a body whose last day is past, locked."""
        rows = self._tx.execute(_to_chase, {"today": today, "most": most})
        return [read_review(row) for row in rows]

    def add(self, review: JointReview, *, at: datetime) -> None:
        self._tx.execute(
            joint_reviews.insert().values(
                id=review.id,
                version=review.version,
                project_id=review.project_id,
                region_path=review.region_path,
                level=review.level,
                uscc=review.uscc,
                agents=list(review.agents),
                bodies=[each.org for each in review.invitations],
                case_ids=[each.case_id for each in review.cases],
                status=review.status,
                convened_at=at,
                chase_on=review.chase_on,
                state=_state(review),
            )
        )
        self._tell(review, at=at)

    def save(self, review: JointReview, *, at: datetime) -> None:
        seen, review.version = review.version, review.version + 1
        saved = self._tx.execute(
            joint_reviews.update()
            .where(joint_reviews.c.id == review.id, joint_reviews.c.version == seen)
            .values(
                version=review.version,
                status=review.status,
                chase_on=review.chase_on,
                state=_state(review),
            )
        )
        if saved.rowcount != 1:
            raise Stale(subject=review.id, version=review.version, expected=seen)
        self._tell(review, at=at)

    def _tell(self, review: JointReview, *, at: datetime) -> None:
        told = [
            Envelope.seal(event, aggregate_id=review.id, version=review.version, at=at)
            for event in review.told
        ]
        if told:
            self.outbox.append(*told)
        review.told.clear()


def _state(review: JointReview) -> Any:
    return plain({name: getattr(review, name) for name in _STATE})


def read_review(row: Any) -> JointReview:
    """Return the review that a row holds."""
    state = row.state
    return JointReview(
        id=row.id,
        version=row.version,
        project_id=row.project_id,
        project_name=state["project_name"],
        region_path=row.region_path,
        level=row.level,
        uscc=row.uscc,
        agents=tuple(row.agents),
        subject=state["subject"],
        meets_at=read_instant(state["meets_at"]),
        place=state["place"],
        cases=tuple(
            Subject(**{**each, "case_id": UUID(each["case_id"])}) for each in state["cases"]
        ),
        invitations=tuple(
            JointInvitation(**{**each, "opinion_due": date.fromisoformat(each["opinion_due"])})
            for each in state["invitations"]
        ),
        papers=tuple(Paper(**each) for each in state["papers"]),
        status=row.status,
        opinions=[
            Opinion(**{**each, "case_id": UUID(each["case_id"]), "at": read_instant(each["at"])})
            for each in state["opinions"]
        ],
        minutes=state["minutes"],
        present=tuple(Attendant(**each) for each in state["present"]),
        conclusions=tuple(read_conclusion(each) for each in state["conclusions"]),
        acts=[Act(**{**each, "at": read_instant(each["at"])}) for each in state["acts"]],
    )


def read_conclusion(data: Mapping[str, Any]) -> JointConclusion:
    return JointConclusion(
        case_id=UUID(data["case_id"]),
        item_code=data["item_code"],
        outcome=data["outcome"],
        text=data["text"],
        tasks=tuple(
            JointTask(**{**each, "due_on": date.fromisoformat(each["due_on"])})
            for each in data["tasks"]
        ),
    )
