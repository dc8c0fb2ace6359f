"""The errors that may cross a process boundary: a small closed tree with stable reasons.

A subclass is one refusal. It brings a sentence in Chinese and one in English, as
templates over the keyword arguments of the constructor; the class name in
UPPER_SNAKE is the reason that front ends branch on, and is never changed.
Anything else that is raised is a bug and reaches the caller as INTERNAL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar


class Status(Enum):
    """The gRPC codes that Kaigong answers with; the value is the code's number."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True)
class FieldViolation:
    """One bad field of a request, named by its path as the client wrote it."""

    field: str
    zh: str
    en: str
    reason: str = "FIELD_INVALID"


class DomainError(Exception):
    """A refusal with a stable reason, in Chinese and English."""

    status: ClassVar[Status] = Status.INTERNAL
    zh: ClassVar[str] = "系统内部错误"
    en: ClassVar[str] = "internal error"

    def __init__(self, *, field: str = "", **facts: Any) -> None:
        self.facts = {name: str(value) for name, value in facts.items()}
        self.message_zh = self.zh.format_map(self.facts)
        self.message_en = self.en.format_map(self.facts)
        self.violations: tuple[FieldViolation, ...] = (
            (FieldViolation(field, self.message_zh, self.message_en, self.reason()),)
            if field
            else ()
        )
        super().__init__(self.message_en)

    @classmethod
    def reason(cls) -> str:
        # A capital begins a word; the last of several does when a small letter follows: NotANavigator.
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__)
        return words.upper()


class InvalidArgument(DomainError):
    status = Status.INVALID_ARGUMENT
    zh = "请求有误"
    en = "the request is invalid"


class NotFound(DomainError):
    status = Status.NOT_FOUND
    zh = "未找到"
    en = "not found"


class AlreadyExists(DomainError):
    status = Status.ALREADY_EXISTS
    zh = "已经存在"
    en = "already exists"


class PermissionDenied(DomainError):
    status = Status.PERMISSION_DENIED
    zh = "没有权限"
    en = "permission denied"


class Unauthenticated(DomainError):
    status = Status.UNAUTHENTICATED
    zh = "请先登录"
    en = "sign in first"


class FailedPrecondition(DomainError):
    status = Status.FAILED_PRECONDITION
    zh = "当前状态不允许此操作"
    en = "the present state does not allow this"


class Aborted(DomainError):
    status = Status.ABORTED
    zh = "操作冲突, 请重试"
    en = "conflict, try again"


class ResourceExhausted(DomainError):
    status = Status.RESOURCE_EXHAUSTED
    zh = "请求过多或过大"
    en = "too much is asked"


class Unavailable(DomainError):
    status = Status.UNAVAILABLE
    zh = "服务暂不可用, 请稍后重试"
    en = "the service is not available, try again later"


class Stale(Aborted):
    """The aggregate moved on since the caller read it."""

    zh = "{subject} 已被他人修改: 现为第 {version} 版, 您依据的是第 {expected} 版, 请刷新后重试"
    en = "{subject} is at version {version}, not {expected}: read it again"


class FieldInvalid(InvalidArgument):
    """One field is wrong in a way the proto's own rules cannot say."""

    zh = "{field_name}: {zh_why}"
    en = "{field_name}: {en_why}"

    def __init__(self, *, field: str, zh_why: str, en_why: str) -> None:
        super().__init__(field=field, field_name=field, zh_why=zh_why, en_why=en_why)
        self.facts = {"field": field}
        self.violations = (FieldViolation(field, zh_why, en_why),)


class FieldsInvalid(InvalidArgument):
    """Several fields are wrong; all are named at once."""

    zh = "{count} 个字段有误: {fields}"
    en = "{count} fields are invalid: {fields}"

    def __init__(self, violations: list[FieldViolation]) -> None:
        names = ", ".join(dict.fromkeys(violation.field for violation in violations))
        super().__init__(count=len(violations), fields=names)
        self.violations = tuple(violations)


class NotYourRole(PermissionDenied):
    zh = "您的角色没有此项权限 ({method})"
    en = "none of your roles may call {method}"


class OutOfScope(PermissionDenied):
    """The row exists but lies outside what the caller's roles, region and body may see (R8)."""

    zh = "该记录不在您的数据范围内"
    en = "the record is outside your scope"


class TokenMissing(Unauthenticated):
    zh = "请先登录: 请求没有携带令牌"
    en = "sign in first: the request carries no token"


class TokenInvalid(Unauthenticated):
    zh = "登录凭证无效或已过期, 请重新登录"
    en = "the token is invalid or has expired, sign in again"


class TokenRevoked(Unauthenticated):
    zh = "登录已被收回, 请重新登录"
    en = "the sign-in was revoked, sign in again"


class IdempotencyKeyReused(Aborted):
    zh = "同一 Idempotency-Key 已用于内容不同的请求"
    en = "this Idempotency-Key was used for another request"


class IdempotencyKeyInvalid(InvalidArgument):
    zh = "Idempotency-Key 应为 1 至 128 个可见字符"
    en = "an Idempotency-Key has 1 to 128 visible characters"


class PageTokenInvalid(InvalidArgument):
    zh = "page_token 无效, 请从第一页重新读取"
    en = "the page_token is not one of ours, start from the first page"


class DeadlineExceeded(DomainError):
    status = Status.DEADLINE_EXCEEDED
    zh = "处理超时, 请重试"
    en = "the deadline passed before the work was done, try again"


class DatabaseUnavailable(Unavailable):
    zh = "数据库暂不可用, 请稍后重试"
    en = "the database is not available, try again later"


class ClockNotMovable(FailedPrecondition):
    zh = "本实例未启用可移动时钟"
    en = "this instance was not started with a movable clock"


class ClockNotSpread(Unavailable):
    zh = "并非所有进程都已取得新的时钟: {waiting}"
    en = "not every process has the new clock yet: {waiting}"


class HeldElsewhere(FailedPrecondition):
    zh = "{subject} 由实例 {origin} 管理, 此处是只读副本"
    en = "{subject} belongs to instance {origin}; here is a copy to read"
