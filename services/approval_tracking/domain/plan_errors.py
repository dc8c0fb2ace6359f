"""What a plan of one's own refuses."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)


class PlanNodeUnknown(InvalidArgument):
    zh = "数轴图中没有节点 {code}"
    en = "the plan has no node {code}"


class PlanEditForbidden(FailedPrecondition):
    zh = "{code} {name}: {zh_why} (依据: {article})"
    en = "{code} {name}: {en_why} (by: {article})"


class PlanGoesRound(FailedPrecondition):
    zh = "{code} 的前后关系成环, 无法排定"
    en = "what {code} waits for goes round in a ring"


class NotTheCarrier(PermissionDenied):
    zh = "节点 {code} 由 {carrier} 承担, 由其确认完成"
    en = "node {code} is carried by {carrier}, who says when it is done"


class NothingOfItsOwn(FailedPrecondition):
    zh = "项目的数轴图没有自定义节点, 不能存为模板"
    en = "the plan has no nodes of its own to keep as a template"


class TemplateUnknown(NotFound):
    zh = "没有数轴图模板 {template_id}"
    en = "no plan template {template_id}"


class TemplateNameTaken(AlreadyExists):
    zh = "{region} 已有模板「{name}」"
    en = "{region} has a template {name} already"
