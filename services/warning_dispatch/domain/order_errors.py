"""What is refused when orders are led, extended, reopened and merged."""

from __future__ import annotations

from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound


class LeadNotServiceDepartment(InvalidArgument):
    zh = "市级派单由{centre}牵头 (管理办法第十五条), {org} 可作协同单位"
    en = "an order of the city is led by {centre} (article 15); {org} can help with it"


class RequirementMissing(InvalidArgument):
    zh = "请写明要求, 或选用模板"
    en = "say what is required, or choose a template"


class TemplateUnknown(NotFound):
    zh = "没有工单模板 {code}"
    en = "there is no order template {code}"


class ExtensionAsked(AlreadyExists):
    zh = "工单 {number} 已申请过延期, 只能申请一次"
    en = "a longer limit was asked for order {number} before; once is all"


class ExtensionTooLate(FailedPrecondition):
    zh = "工单 {number} 的反馈期限已过, 不能再申请延期"
    en = "the limit of order {number} has passed, a longer one cannot be asked for"


class NoExtension(FailedPrecondition):
    zh = "工单 {number} 没有待批的延期申请"
    en = "no request for a longer limit waits for order {number}"


class OrderInstructed(FailedPrecondition):
    zh = "工单 {number} 承办领导批示, 须单独反馈, 不能并入其他工单"
    en = "order {number} executes a leader's instruction and is answered by itself"


class OrderMerged(FailedPrecondition):
    zh = "工单 {number} 已并入其他工单, 请在该工单办理"
    en = "order {number} was merged into another one, go on there"
