"""What a joint review refuses."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)


class JointReviewUnknown(NotFound):
    zh = "没有联审会办 {review_id}"
    en = "no joint review {review_id}"


class JointReviewClosed(FailedPrecondition):
    zh = "联审会办 {review_id} 现为{status_zh}, 不能{act_zh}; {allowed_zh}"
    en = "joint review {review_id} is {status}, it cannot be {act_en}; {allowed_en}"


class JointCaseNotOpen(FailedPrecondition):
    zh = "办件 {case_id} 现为 {status}, 只能会办尚未决定的办件"
    en = "case {case_id} is {status}: only cases that are not decided yet are reviewed jointly"


class CaseOfAnotherProject(InvalidArgument):
    zh = "办件 {case_id} 不属于项目 {project_id}"
    en = "case {case_id} is not one of project {project_id}"


class NamedTwice(InvalidArgument):
    zh = "{what} 重复"
    en = "{what} is named twice"


class BodyUnknown(InvalidArgument):
    zh = "没有机关 {org}"
    en = "there is no body {org}"


class NotAmongTheReviewed(InvalidArgument):
    zh = "办件 {case_id} 不在本次会办之列"
    en = "case {case_id} is not among those of this joint review"


class InThePast(InvalidArgument):
    zh = "{day} 早于 {now}, 不能定在过去"
    en = "{day} is before {now}: it cannot lie in the past"


class NotInvited(PermissionDenied):
    zh = "{org_zh}未受邀参加本次会办, 只有受邀机关的人员可以反馈意见"
    en = "{org_en} was not invited: only people of an invited body give its opinion"


class OpinionAlreadyGiven(AlreadyExists):
    zh = "{org} 已于 {on} 对办件 {case_id} 反馈意见, 每件只反馈一次"
    en = "{org} gave its opinion on case {case_id} on {on}, and gives one only"


class OpinionTooLate(FailedPrecondition):
    zh = "{org} 的反馈期限已于 {due} 届满, 逾期未反馈已视为同意"
    en = "the limit of {org} for its opinion passed on {due}: its silence counts as consent"


class OpinionMissing(FailedPrecondition):
    zh = "尚缺意见, 不能形成结论: {missing}"
    en = "nothing can be concluded while opinions are missing: {missing}"


class MeetingNotYetHeld(FailedPrecondition):
    zh = "会议定于 {meets_at} 召开, 尚不能记录"
    en = "the meeting is set for {meets_at}, there is nothing to record yet"


class ConclusionMissing(InvalidArgument):
    zh = "每件都须有结论, 尚缺: {missing}"
    en = "every case needs its conclusion, these have none: {missing}"


class ConditionsMismatch(InvalidArgument):
    zh = "有条件通过须逐条列明条件、责任单位和期限, 其他结论不得附条件: 办件 {case_id}"
    en = (
        "a conclusion with conditions lists each with its body and due day, any other has none: "
        "case {case_id}"
    )


class BodyNotInvited(InvalidArgument):
    zh = "{org} 未受邀参加本次会办"
    en = "{org} was not invited to this joint review"


class ConditionsOrReasonMissing(InvalidArgument):
    zh = "有条件同意须写明条件, 不同意须写明理由"
    en = "consent with conditions states them, and an objection its reason"


class MinutesMissing(FailedPrecondition):
    zh = "联审会办 {review_id} 尚未记录会议"
    en = "joint review {review_id} has no minutes yet"
