"""What the documents of a case and the one-off notices refuse."""

from __future__ import annotations

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied


class DocumentNotYetPossible(FailedPrecondition):
    zh = "办件 {case_id} 没有可出具{name}的事实"
    en = "nothing has happened to case {case_id} that a document of kind {kind} would tell of"


class DocumentUnknown(NotFound):
    zh = "没有查验码为 {code} 的文书, 请核对是否为本平台出具"
    en = "no document was issued here with the code {code}"


class NoticeUnknown(NotFound):
    zh = "没有一次性告知 {notice_id}"
    en = "no one-off notice {notice_id}"


class NoticeUnchanged(AlreadyExists):
    zh = "与已给出的第 {number} 号一次性告知内容相同, 无须重复告知"
    en = "notice {number} already says the same, there is nothing new to be told"


class NoticeAlreadySigned(AlreadyExists):
    zh = "第 {number} 号一次性告知已由 {name} 于 {on} 签收"
    en = "notice {number} was signed for by {name} on {on}"


class NoticeReplaced(FailedPrecondition):
    zh = "第 {number} 号一次性告知已被第 {last} 号取代, 请签收第 {last} 号"
    en = "notice {number} was replaced by notice {last}: sign for that one"


class NotTheRecipient(PermissionDenied):
    zh = "一次性告知由被告知的企业签收; 窗口代录的, 须附企业签字的凭证"
    en = "only the company that was told signs for a notice; the window records its signed paper"


class SharedGuideUnknown(NotFound):
    zh = "没有分享码为 {code} 的办事指南, 或分享已被停止"
    en = "no guide is shared with the code {code}, or its sharing was ended"


class SharedGuideExpired(FailedPrecondition):
    zh = "该办事指南的分享已于 {until} 到期, 请向企业或窗口索取新的链接"
    en = "this guide was shared until {until}: ask the company or the window for a new link"
