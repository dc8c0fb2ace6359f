"""What a pre-review refuses."""

from __future__ import annotations

from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound


class PreReviewUnknown(NotFound):
    zh = "没有预审件 {pre_review_id}"
    en = "no pre-review {pre_review_id}"


class PreReviewAlreadyOpen(AlreadyExists):
    zh = "项目 {project_id} 的 {code} 已有待出具意见的预审件"
    en = "project {project_id} already has a pre-review of {code} that waits for its opinion"


class PreReviewNotOpen(FailedPrecondition):
    zh = "预审件 {pre_review_id} {status_zh}, 不能{act_zh}; 可另行提出预审"
    en = "pre-review {pre_review_id} is {status} and cannot be {act_en}: another may be asked for"


class PreReviewVoid(FailedPrecondition):
    zh = "预审件 {pre_review_id} 已作废 ({reason}), 材料须重新提交"
    en = "pre-review {pre_review_id} is void ({reason}): its papers are handed in again"


class PreReviewOfAnother(InvalidArgument):
    zh = "预审件 {pre_review_id} 属于另一项目或事项 {code}"
    en = "pre-review {pre_review_id} belongs to another project or item, {code}"
