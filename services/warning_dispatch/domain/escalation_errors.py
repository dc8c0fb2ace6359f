"""What the ladder of linkage refuses."""

from __future__ import annotations

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied


class EscalationNotFound(NotFound):
    zh = "没有联动事项 {escalation_id}"
    en = "there is no escalation {escalation_id}"


class EscalationNotInState(FailedPrecondition):
    zh = "联动事项 {number} 现在 {rung} 级, {status_zh}, 不能{step_zh}"
    en = "escalation {number} is at {rung}, {status}: it cannot be {step}"


class EscalationElsewhere(FailedPrecondition):
    zh = "联动事项 {number} 现由实例 {holder} 办理"
    en = "escalation {number} is with instance {holder} now"


class NotYourRung(PermissionDenied):
    zh = "{rung} 级由{who_zh}办理"
    en = "rung {rung} is dealt with by {who}"


class CrossingMissing(InvalidArgument):
    zh = "联动申请须至少属于跨地区、跨层级之一 (管理办法第十六条)"
    en = "an application crosses regions or levels, or both (article 16)"


class TriedMissing(FailedPrecondition):
    zh = "{rung} 级尚无处理记录, 不能上报 (逐级上报须附本级处理记录)"
    en = "nothing was recorded as tried at {rung}: it cannot go up without"


class SignatureMissing(FailedPrecondition):
    zh = "未经属地政府(管委会)分管领导签字确认, 不能上报 (管理办法第十四条)"
    en = "it cannot be reported up before the leader has signed (article 14)"


class ContentChanged(FailedPrecondition):
    zh = "内容与所读版本不一致, 请重新核对后签字"
    en = "the content is not what was read: read it again, then sign"


class NotTheLeader(PermissionDenied):
    zh = "须由登记的分管领导 {leader} 本人签字, 或登记代签授权"
    en = "the registered leader {leader} signs, or whom he authorised on record"


class ReturnedBefore(FailedPrecondition):
    zh = "{number} 已退回补充过一次, 不能再次退回"
    en = "{number} was sent back once already"


class NoParentInstance(FailedPrecondition):
    zh = "本实例没有上级实例, {rung} 级无处可报"
    en = "this instance has no parent: there is nowhere to report {rung} to"


class EscalationExists(FailedPrecondition):
    zh = "该事项已有在办联动 {number}"
    en = "escalation {number} is open for it already"
