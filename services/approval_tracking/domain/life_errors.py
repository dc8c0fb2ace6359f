"""What the life of a case refuses: extensions, days recorded late, records put right."""

from __future__ import annotations

from chassis.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound


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


class GreenAlready(FailedPrecondition):
    zh = "办件 {case_id} 的绿色通道标记已经是「{green}」"
    en = "the green channel mark of case {case_id} is set so already"


class RecordUnknown(NotFound):
    zh = "没有有效的第 {number} 条记录"
    en = "no record number {number} that still counts"


class RecordNotCorrectable(FailedPrecondition):
    zh = "不能更正 {kind} 的记录, 可更正的有: {kinds}"
    en = "a record of kind {kind} is not corrected, only these are: {kinds}"


class RecordNotAnnullable(FailedPrecondition):
    zh = "不能作废第 {number} 条记录 ({kind}): 只能作废最后一条停表、恢复或送达, 最后一条是第 {last} 条 ({last_kind})"
    en = (
        "record {number} ({kind}) is not annulled: only the last one is, if it is a pause, its end "
        "or a delivery; the last is {last} ({last_kind})"
    )


class CorrectionChangesNothing(FailedPrecondition):
    zh = "第 {number} 条记录已经如此, 无须更正"
    en = "record {number} says so already"


class CorrectionOutOfOrder(InvalidArgument):
    zh = "{on} 会打乱先后次序, 该记录只能在 {earliest} 至 {latest} 之间"
    en = "{on} would change what happened before what: this record lies between {earliest} and {latest}"


class PauseTooFarBack(InvalidArgument):
    zh = "停表不得补录早于一个工作日之前, 最早 {earliest}"
    en = "a pause is not recorded more than one working day back, {earliest} at the earliest"


class CalendarHasHole(FailedPrecondition):
    zh = "日历现有 {first} 年至 {last} 年, 加入 {year} 年会留下空缺"
    en = "the calendar has {first} to {last}: with {year} it would have a hole"


class YearIsOfficial(FailedPrecondition):
    zh = "{year} 年已是正式日历, 不能改回暂定"
    en = "{year} is official and does not become provisional again"


class CalendarUnchanged(FailedPrecondition):
    zh = "{year} 年的日历与现行的完全相同"
    en = "{year} is published exactly so already"


class CalendarMoved(Aborted):
    zh = "日历现为 {version}, 不是 {expected}, 请重新查看"
    en = "the calendar is at {version}, not {expected}: look again"
