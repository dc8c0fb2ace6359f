"""What warning_dispatch refuses."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
)


class CardNotFound(NotFound):
    zh = "没有编号为 {card_id} 的牌"
    en = "there is no card {card_id}"


class WorkOrderNotFound(NotFound):
    zh = "没有工单 {order_id}"
    en = "there is no work order {order_id}"


class CaseNotFound(NotFound):
    zh = "没有办件 {case_id}"
    en = "there is no case {case_id}"


class ProjectNotFound(NotFound):
    zh = "没有项目 {project_id}"
    en = "there is no project {project_id}"


class RuleNotFound(NotFound):
    zh = "没有预警规则 {code}"
    en = "there is no warning rule {code}"


class RuleNeverFires(InvalidArgument):
    zh = "规则 {code} 的 {colour} 级别在任何期限下都不会触发, 不予发布"
    en = "the level {colour} of rule {code} would never come, whatever the limit: it is refused"


class RuleOutOfOrder(InvalidArgument):
    zh = "规则 {code} 的黄牌总是晚于红牌, 不予发布"
    en = "the yellow of rule {code} would always come after its red: it is refused"


class DirectiveUnknown(InvalidArgument):
    zh = "本版本不认识指令 {kind}, 请升级下级实例"
    en = "this release does not know the directive {kind}: the instance below needs an upgrade"


class ItemsUnknown(InvalidArgument):
    zh = "没有任何办件或数轴图含事项 {items}, 该例外不会生效"
    en = "no case and no plan has the item {items}: the exception would never count"


class NotificationNotFound(NotFound):
    zh = "您没有编号为 {notification_id} 的通知"
    en = "you have no notification {notification_id}"


class CardNotOpen(FailedPrecondition):
    zh = "牌 {card_id} 已是{status_zh}, 不能签收"
    en = "card {card_id} is {status}, it cannot be acknowledged"


class CardFinished(FailedPrecondition):
    zh = "牌 {card_id} 已是{status_zh}, 不再变动"
    en = "card {card_id} is {status} and stays so"


class CardNotRectified(FailedPrecondition):
    zh = "牌 {card_id} 尚未整改完成 (现为{status_zh}), 不能销牌"
    en = "card {card_id} is {status}, only a rectified card can be closed"


class StatutoryCardNotWaivable(FailedPrecondition):
    zh = "法定红牌 {card_id} 不能豁免"
    en = "card {card_id} is for a limit of the law, it cannot be waived"


class StatementMissing(FailedPrecondition):
    zh = "法定红牌须附书面说明 (优化营商环境条例第三十六条)"
    en = "a statutory red card needs a written statement"


class OwnCard(PermissionDenied):
    zh = "责任单位不能处置自己的牌"
    en = "the responsible body cannot dispose of its own card"


class NotResponsible(PermissionDenied):
    zh = "只有责任单位 {org} 可以办理"
    en = "only the responsible body {org} can do this"


class CityCentreOnly(PermissionDenied):
    zh = "红牌须由市专班复核后销牌"
    en = "a red card is closed by the city's centre after its check"


class DispatcherOnly(PermissionDenied):
    zh = "只有调度侧可以销牌"
    en = "only a dispatcher can close a card"


class OrderUnderWay(AlreadyExists):
    zh = "牌 {card_id} 已有在办工单 {number}"
    en = "card {card_id} already has order {number} under way"


class OrderSubjectMissing(InvalidArgument):
    zh = "请指明牌、办件或项目"
    en = "name a card, a case or a project"


class OrderSourceMissing(InvalidArgument):
    zh = "不因红黄牌派出的工单须注明来源"
    en = "an order that is not for a card must say where it comes from"


class OrderBodyMissing(InvalidArgument):
    zh = "请指明牵头单位"
    en = "name the body that leads"


class OrderNotInState(FailedPrecondition):
    zh = "工单 {number} 现为{status_zh}, 不能{step_zh}"
    en = "order {number} is {status}, it cannot be {step}"


class ReturnTooLate(FailedPrecondition):
    zh = "工单 {number} 下发已超过 24 小时, 不能退回"
    en = "order {number} was issued more than 24 hours ago, it cannot be returned"


class NotHelping(PermissionDenied):
    zh = "工单 {number} 的协同单位不含您所在单位"
    en = "your body is not among those that help with order {number}"


class OwnOrder(PermissionDenied):
    zh = "责任单位不能复核自己的工单"
    en = "the responsible body cannot check its own order"


class RefusalNeedsNote(InvalidArgument):
    zh = "复核不通过须说明理由"
    en = "say what is missing when an answer is refused"


class CalendarMissing(Unavailable):
    zh = "工作日历尚未发布, 无法计算期限"
    en = "no calendar was published yet, limits cannot be counted"
