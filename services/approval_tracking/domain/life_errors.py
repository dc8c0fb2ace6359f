"""What the life of a case refuses: extensions, days recorded late, records put right."""

from __future__ import annotations

from chassis.errors import FailedPrecondition, InvalidArgument


class ExtensionNotPossible(FailedPrecondition):
    zh = "{code} 没有可延长的法定时限, 须在原期限内办结"
    en = "{code} has no limit in law that may be extended: it is decided within the limit it has"


class ExtensionOnlyOnce(FailedPrecondition):
    zh = "办件 {case_id} 已于 {on} 延期一次, 不得再次延期"
    en = "case {case_id} was extended on {on}, and only once is allowed"


class ExtensionTooLate(FailedPrecondition):
    zh = "法定期限已于 {due} 届满, 届满后不得补批延期, 按超期办理"
    en = "the limit in law ended on {due}: an extension is approved before that, afterwards it is late"


class ExtensionTooLong(InvalidArgument):
    zh = "不能延长 {days} 日, 至多 {most} 日 ({basis})"
    en = "{days} days are too many, at most {most} may be added ({basis})"


class ExtensionAlreadyAsked(FailedPrecondition):
    zh = "办件 {case_id} 已有待批的延期申请"
    en = "case {case_id} already has an extension waiting for approval"


class NoExtensionAsked(FailedPrecondition):
    zh = "办件 {case_id} 没有待批的延期申请"
    en = "case {case_id} has no extension waiting for approval"


class HappensInFuture(InvalidArgument):
    zh = "不能记录将来的日期: {on} 晚于今日 {today}"
    en = "what is still to come is not recorded: {on} is after today, {today}"


class HappenedBeforePrevious(InvalidArgument):
    zh = "{on} 早于前一环节的 {previous}, 只能记录该日及以后"
    en = "{on} is before {previous}, the day of what went before: record that day or later"


class ProofMissing(InvalidArgument):
    zh = "补录 {on} 的送达须注明送达凭证"
    en = "a delivery recorded after its day, {on}, names its proof"
