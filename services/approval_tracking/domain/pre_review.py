"""A pre-review 预研预审: the deciding body looks at papers before there is an application.

Its opinion has no legal effect, starts no clock and binds nobody (themes.yaml, 拿地即开工). What it is
worth is that papers which do not change in between need not be handed in again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.case_record import Actor, PaperOf
from approval_tracking.domain.errors import NotTheDecidingBody
from approval_tracking.domain.pre_review_errors import (
    PreReviewNotOpen,
    PreReviewOfAnother,
    PreReviewVoid,
)
from chassis.errors import FieldInvalid

ASKED, READY, NOT_READY, VOID, FORMAL = "asked", "ready", "not_ready", "void", "formal"
STATUSES = {
    ASKED: ("待出具意见", "waits for its opinion"),
    READY: ("意见: 具备申报条件", "found ready"),
    NOT_READY: ("意见: 尚不具备申报条件", "found not ready"),
    VOID: ("已作废", "void"),
    FORMAL: ("已转正式件", "turned into an application"),
}
NO_EFFECT = (
    "预审意见供申请人准备材料参考, 不具法律效力, 不占用法定时限; 以正式受理后的决定为准。",
    "This opinion helps to prepare the papers. It has no legal effect and starts no limit in law; "
    "what counts is the decision on the application.",
)
UNCHANGED, CHANGED, NEW = "unchanged", "changed", "new"


@dataclass(frozen=True)
class Opinion:
    """What the body said, with everything that it found missing."""

    missing: tuple[str, ...]
    text: str
    by: str
    at: datetime


@dataclass
class PreReview:
    """What was asked before any application, and what the body that will decide says of it."""

    id: UUID
    project_id: UUID
    project_name: str
    item_code: str
    item_name: str
    org: str
    org_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    question: str
    papers: tuple[PaperOf, ...]
    asked_by: str
    asked_at: datetime
    status: str = ASKED
    opinion: Opinion | None = None
    void_reason: str = ""
    void_by: str = ""
    # case_id is the application that it became.
    case_id: UUID | None = None
    version: int = 1

    def give(
        self, ready: bool, missing: Sequence[str], text: str, by: Actor, *, at: datetime
    ) -> None:
        if by.org != self.org:
            raise NotTheDecidingBody(org=self.org)
        if self.status != ASKED:
            raise self._not_open("出具意见", "given an opinion")
        if ready and missing:
            raise FieldInvalid(
                field="missing",
                zh_why="具备条件的不应列出缺项",
                en_why="what is ready lacks nothing",
            )
        if not ready and not missing:
            raise FieldInvalid(
                field="missing",
                zh_why="尚不具备条件的须一次列明全部缺项",
                en_why="what is not ready names everything that is missing",
            )
        self.status = READY if ready else NOT_READY
        self.opinion = Opinion(tuple(dict.fromkeys(missing)), text, by.account, at)

    def void(self, reason: str, by: Actor) -> None:
        """End it, as the conditions it was asked under have changed."""
        if self.status in (VOID, FORMAL):
            raise self._not_open("作废", "made void")
        self.status, self.void_reason, self.void_by = VOID, reason, by.account

    def become(
        self, case_id: UUID, project_id: UUID, item_code: str, handed_in: Iterable[PaperOf]
    ) -> tuple[PaperOf, ...]:
        """Turn into an application: return its papers, each with how it stands to this review."""
        if (self.project_id, self.item_code) != (project_id, item_code):
            raise PreReviewOfAnother(
                pre_review_id=self.id, code=self.item_code, field="pre_review_id"
            )
        if self.status == VOID:
            raise PreReviewVoid(
                pre_review_id=self.id, reason=self.void_reason, field="pre_review_id"
            )
        if self.status == FORMAL:
            raise self._not_open("转为正式件", "turned into an application")
        self.status, self.case_id = FORMAL, case_id
        return compare(self.papers, handed_in)

    def _not_open(self, act_zh: str, act_en: str) -> PreReviewNotOpen:
        status_zh, status = STATUSES[self.status]
        return PreReviewNotOpen(
            pre_review_id=self.id,
            status_zh=status_zh,
            status=status,
            act_zh=act_zh,
            act_en=act_en,
        )


def compare(before: Iterable[PaperOf], handed_in: Iterable[PaperOf]) -> tuple[PaperOf, ...]:
    """Return all papers of an application: what was not handed in again is as it was before."""
    known = {each.title: each.sha256 for each in before}
    told: dict[str, PaperOf] = {}
    for each in handed_in:
        standing = NEW
        if each.title in known:
            standing = UNCHANGED if known[each.title] == each.sha256 else CHANGED
        told[each.title] = replace(each, standing=standing)
    for title, sha256 in known.items():
        told.setdefault(title, PaperOf(title, sha256, UNCHANGED))
    return tuple(told.values())


def check_papers(papers: Sequence[PaperOf]) -> tuple[PaperOf, ...]:
    """Return the papers, each named once."""
    seen: set[str] = set()
    for place, each in enumerate(papers):
        if each.title in seen:
            raise FieldInvalid(
                field=f"papers[{place}].title",
                zh_why=f"「{each.title}」已经列出",
                en_why=f"{each.title} is named twice",
            )
        seen.add(each.title)
    return tuple(papers)
