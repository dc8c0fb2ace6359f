"""What a conversation and its issues refuse."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)


class MessageUnknown(NotFound):
    zh = "没有留言 {message_id}"
    en = "no message {message_id}"


class MessageFileUnknown(NotFound):
    zh = "没有附件 {file_id}"
    en = "no file {file_id}"


class NotInTheConversation(PermissionDenied):
    zh = "只有申请企业、其帮办人员、办理机关和窗口参与本办件的会话"
    en = "the company, its navigator, the deciding body and the window talk on a case, nobody else"


class NotAParticipant(InvalidArgument):
    zh = "{name} 不在本办件的会话中"
    en = "{name} is not in the conversation on this case"


class NotYourMessage(PermissionDenied):
    zh = "留言 {message_id} 由他人发出"
    en = "message {message_id} is somebody else's"


class MessageSettled(FailedPrecondition):
    zh = "留言 {message_id} 已撤回或发出已超过 {minutes} 分钟, 不能再改"
    en = "message {message_id} was withdrawn or is older than {minutes} minutes and stays as it is"


class TooManyFiles(ResourceExhausted):
    zh = "一条留言最多 {most} 个附件"
    en = "a message has at most {most} files"


class AlreadyRaised(AlreadyExists):
    zh = "留言 {message_id} 已转为问题或工单"
    en = "an issue or an order came of message {message_id} already"


class IssueUnknown(NotFound):
    zh = "没有问题单 {issue_id}"
    en = "no issue {issue_id}"


class IssueTextMissing(InvalidArgument):
    zh = "须写明要解决的问题"
    en = "say what is to be solved"


class NotADispatcher(PermissionDenied):
    zh = "派发工单须有督办派发权限; 可改为提出问题单"
    en = "a work order is dispatched by who may: raise an issue instead"


class NotTheLeadingBody(PermissionDenied):
    zh = "问题由 {org} 牵头, 由其答复"
    en = "{org} leads and answers"


class NotYourIssue(PermissionDenied):
    zh = "问题单由提出人或调度人员销号"
    en = "an issue is closed by who raised it or by who coordinates"


class IssueNotInState(FailedPrecondition):
    zh = "问题单 {number} {status_zh}, 不能{act_zh}"
    en = "issue {number} is {status} and cannot be {act}"
