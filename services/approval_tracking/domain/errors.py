"""What approval_tracking refuses."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
)


class ItemUnknown(NotFound):
    zh = "事项目录中没有 {code}"
    en = "the catalogue has no item {code}"


class ProjectUnknown(NotFound):
    zh = "未找到项目 {project_id}"
    en = "no project {project_id}"


class CaseUnknown(NotFound):
    zh = "未找到办件 {case_id}"
    en = "no case {case_id}"


class PlanUnknown(NotFound):
    zh = "项目 {project_id} 没有所要的数轴图"
    en = "project {project_id} has no such plan"


class RegionUnknown(NotFound):
    zh = "没有可单独承诺时限的地区 {region}"
    en = "no region {region} that makes promises of its own"


class DraftUnknown(NotFound):
    zh = "没有目录草案 {draft_id}"
    en = "there is no draft {draft_id} of the catalogue"


class CatalogueUnknown(NotFound):
    zh = "没有第 {version} 版事项目录"
    en = "there is no version {version} of the catalogue"


class CatalogueUnchanged(AlreadyExists):
    zh = "与现行第 {version} 版事项目录相同"
    en = "it is the same as version {version} that is in force"


class CatalogueUnreadable(InvalidArgument):
    zh = "{why_zh}"
    en = "{why_en}"


class DraftNotReady(FailedPrecondition):
    zh = "草案 {draft_id} 现为 {state}, 不能{act_zh}"
    en = "draft {draft_id} is {state}, it cannot be {act_en}"


class DraftNotYours(PermissionDenied):
    zh = "起草人不得审核或发布自己的草案"
    en = "who drafted it neither reviews nor publishes it"


class CatalogueMissing(Unavailable):
    zh = "事项目录尚未载入"
    en = "no catalogue was loaded yet"


class CalendarMissing(Unavailable):
    zh = "工作日历尚未载入"
    en = "no working calendar was loaded yet"


class ProjectOver(FailedPrecondition):
    zh = "项目《{name}》已{status_zh}, 不再受理申报"
    en = "the project {name} is {status}: nothing more is applied for"


class ItemNotApplicable(FailedPrecondition):
    zh = "项目 {project_id} 不需要办理 {code} (适用: {rule})"
    en = "project {project_id} does not need {code} (it is for: {rule})"


class ItemAlreadyDone(FailedPrecondition):
    zh = "项目 {project_id} 的 {code} 已于 {done_on} 办结"
    en = "{code} of project {project_id} was decided on {done_on}"


class CaseAlreadyOpen(AlreadyExists):
    zh = "项目 {project_id} 的 {code} 已有在办件 {case_id}"
    en = "project {project_id} already has a case under way for {code}: {case_id}"


class CaseNotOpen(FailedPrecondition):
    zh = "办件 {case_id} 现为{status_zh}, 不能{act_zh}; {allowed_zh}"
    en = "case {case_id} is {status}, it cannot be {act_en}; {allowed_en}"


class NewSupplementEntry(FailedPrecondition):
    zh = "一次告知之后只能重申尚未补齐的内容, 不得新增: {entry}"
    en = "after the one-time notice only its open entries may be repeated, this one is new: {entry}"


class PauseWithoutBasis(FailedPrecondition):
    zh = "{code} 没有可停表的特殊环节 {procedure}: 无法律法规依据的一律计入期限"
    en = "{code} has no procedure {procedure} whose time the law leaves out"


class PauseAlreadyAsked(FailedPrecondition):
    zh = "办件 {case_id} 已有待批的停表申请"
    en = "case {case_id} already has a pause waiting for approval"


class NoPauseAsked(FailedPrecondition):
    zh = "办件 {case_id} 没有待批的停表申请"
    en = "case {case_id} has no pause waiting for approval"


class PrerequisiteOpen(FailedPrecondition):
    zh = "前置事项尚未办结, 不能作出决定: {codes}"
    en = "prerequisites are not done, no decision is possible: {codes}"


class CommitmentTooLong(FailedPrecondition):
    zh = "{region} 对 {code} 的承诺时限不得长于{whose_zh} {limit}"
    en = "{region} cannot promise more for {code} than {whose_en} {limit}"


class DutiesNotSeparated(PermissionDenied):
    zh = "同一办件的收件、审批经办与决定须由不同的人办理, 停表的申请与批准亦同"
    en = "taking in, reviewing and deciding one case need three people, and a pause two"


class NotTheDecidingBody(PermissionDenied):
    zh = "该办件由 {org} 办理"
    en = "the case is with {org}"


class MandateMissing(PermissionDenied):
    zh = "须为该项目绑定的帮办人员并持企业授权"
    en = "only a navigator bound to the project, with the company's mandate, may apply for it"


class NotTheApplicant(PermissionDenied):
    zh = "只能为本企业的项目申报"
    en = "only the project's own company may apply"


class RegionNotYours(PermissionDenied):
    zh = "只能设置本地区 {region} 的承诺时限"
    en = "you set the promises of {region} only"


class CommitmentNotPossible(FailedPrecondition):
    zh = "{code} 是最短期限, 不能承诺压减"
    en = "{code} is a minimum period, it cannot be promised away"
