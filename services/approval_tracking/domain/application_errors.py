"""What applying for several items at once refuses."""

from __future__ import annotations

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied


class ApplicationUnknown(NotFound):
    zh = "未找到申报 {application_id}"
    en = "no application {application_id}"


class ThemeUnknown(NotFound):
    zh = "没有一件事主题 {theme}"
    en = "there is no theme {theme}"


class ThemeNotApplicable(FailedPrecondition):
    zh = "项目 {project_id} 不适用主题 {theme} (适用: {rule})"
    en = "theme {theme} is not for project {project_id} (it is for: {rule})"


class NothingToApplyFor(FailedPrecondition):
    zh = "主题 {theme} 目前没有可申报的事项: {why_zh}"
    en = "theme {theme} has nothing to apply for now: {why_en}"


class ApplicationOpen(AlreadyExists):
    zh = "项目 {project_id} 已有同类申报 {application_id}"
    en = "project {project_id} already has such an application: {application_id}"


class ItemLocked(FailedPrecondition):
    zh = "{code} 的前置事项尚未办结: {codes}"
    en = "{code} waits for its prerequisites: {codes}"


class ThroughCombinedNotice(FailedPrecondition):
    zh = "办件 {case_id} 属一件事申报, 补正须由综合窗口汇总后一次告知 (申报 {application_id})"
    en = (
        "case {case_id} belongs to a theme: what it lacks goes into the window's one combined notice "
        "(application {application_id})"
    )


class ApplicationNotATheme(FailedPrecondition):
    zh = "申报 {application_id} 不是一件事申报"
    en = "application {application_id} is not for a theme"


class ThemeClockNotRunning(FailedPrecondition):
    zh = "申报 {application_id} 的各办件尚未全部受理, 总时限未起算"
    en = "application {application_id} is not wholly accepted, its limit does not run yet"


class ThemeExtendedAlready(FailedPrecondition):
    zh = "申报 {application_id} 已于 {on} 延期一次"
    en = "application {application_id} was extended on {on}, and only once is allowed"


class ThemeLimitEnded(FailedPrecondition):
    zh = "总时限已于 {due} 届满, 不得补批延期"
    en = "the limit ended on {due}: an extension is approved before that"


class NotADecidingBody(PermissionDenied):
    zh = "只能由本申报办件的审批部门办理延期"
    en = "only a body that decides one of its cases extends it"
