"""What project_registry refuses."""

from __future__ import annotations

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)


class ProjectNotFound(NotFound):
    zh = "没有项目 {project_id}"
    en = "there is no project {project_id}"


class ListNotFound(NotFound):
    zh = "没有年度清单 {list_id}"
    en = "there is no annual list {list_id}"


class StageSchemeNotFound(NotFound):
    zh = "没有阶段方案 {scheme}"
    en = "there is no stage scheme {scheme}"


class CodeTaken(AlreadyExists):
    zh = "项目代码 {code} 已由项目《{name}》使用"
    en = "the project code {code} belongs to the project {name} already"


class NameTaken(AlreadyExists):
    zh = "{year} 年{level}项目中已有《{name}》"
    en = "{name} is a {level} project of {year} already"


class ProjectWithdrawn(FailedPrecondition):
    zh = "项目《{name}》已于 {on} 调出, 不能再修改"
    en = "the project {name} was withdrawn on {on} and cannot be changed"


class ProjectArchived(FailedPrecondition):
    zh = "项目《{name}》已于 {on} 办结归档, 不能再修改"
    en = "the project {name} was closed and archived on {on} and cannot be changed"


class ProjectNotFinished(FailedPrecondition):
    zh = "项目《{name}》尚有事项未办结, 不能归档: {items}"
    en = "the project {name} is archived when all is done; still open: {items}"


class LevelNotYours(PermissionDenied):
    zh = "{level}项目不由您所在层级管理"
    en = "{level} projects are not managed by your tier"


class EntryNotYours(PermissionDenied):
    zh = "您的角色不能调整 {fields}"
    en = "your roles may not change {fields}"


class EnterpriseMayOnlyApply(PermissionDenied):
    zh = "企业只能申请入库, 由市(区)审核后登记"
    en = "an enterprise applies for entry, the district registers"


class NotTheAdministrator(PermissionDenied):
    zh = "只有配置管理员可以切换阶段方案"
    en = "only the configuration administrator switches the stage scheme"


class ReasonMissing(InvalidArgument):
    zh = "调整 {fields} 须说明原因"
    en = "changing {fields} needs a reason"


class PastDecisionDiffers(AlreadyExists):
    zh = "事项 {item_code} 已登记为 {accepted_on} 受理、{decided_on} 办结, 与本次不同"
    en = "item {item_code} is recorded as accepted {accepted_on}, decided {decided_on} already"


class NotXlsx(InvalidArgument):
    zh = "文件不是 .xlsx 工作簿: {zh_why}"
    en = "the file is no .xlsx workbook: {en_why}"


class FileTooLarge(ResourceExhausted):
    zh = "文件过大: {zh_why}"
    en = "the file is too large: {en_why}"


class TooManyRows(ResourceExhausted):
    zh = "清单超过 {most} 行, 请拆分后导入"
    en = "the list has more than {most} rows, split it"


class NoHeadings(InvalidArgument):
    zh = "前 {looked} 行中没有找到表头"
    en = "there is no row of headings among the first {looked} rows"


class ListEmpty(InvalidArgument):
    zh = "表头之下没有数据行"
    en = "there are no rows below the headings"


class HeadingTwice(InvalidArgument):
    zh = "表头“{heading}”出现了两次"
    en = "the heading {heading} occurs twice"


class MappingInvalid(InvalidArgument):
    zh = "列对应有误: {zh_why}"
    en = "the mapping of headings is wrong: {en_why}"


class ListCommitted(FailedPrecondition):
    zh = "清单 {list_id} 已经提交"
    en = "the list {list_id} is committed already"


class ListNotPreviewed(FailedPrecondition):
    zh = "清单 {list_id} 尚未预览, 请先预览再提交"
    en = "the list {list_id} was not previewed, preview it first"


class ListHasErrors(FailedPrecondition):
    zh = "清单仍有 {count} 处错误, 不能提交"
    en = "the list still has {count} errors and cannot be committed"


class PreviewStale(Aborted):
    zh = "预览之后数据有变化, 请重新预览清单 {list_id}"
    en = "what the preview of list {list_id} showed has changed since, preview it again"


class NotYourCompany(PermissionDenied):
    zh = "只能为本企业申请入库"
    en = "a company asks for its own projects only"


class NoAnnualPlan(FailedPrecondition):
    zh = "项目 {project_id} 没有年度计划投资, 无从比较进度"
    en = "project {project_id} has no investment planned for the year to report against"
