"""What a plan may be asked to do otherwise (what-if), and what the law does not let it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date

from approval_tracking.domain.catalogue import Item
from approval_tracking.domain.clock import whole_days
from chassis.errors import FailedPrecondition, FieldInvalid, InvalidArgument

# Who must do it because a law says so: nobody may leave it out.
_BOUND = ("authority", "government")


class WhatIfForbidden(FailedPrecondition):
    zh = "{code} {name}: {zh_why} (依据: {article})"
    en = "{code} {name}: {en_why} (by: {article})"


class WhatIfItemUnknown(InvalidArgument):
    zh = "项目的计划中没有待办的事项 {code}"
    en = "the plan of the project has no open item {code}"


@dataclass(frozen=True)
class Change:
    """One thing done otherwise. `kind` is parallel, shorten, drop or defer.

    parallel: begin without waiting for `prerequisite`. shorten: take `days` working days. defer:
    begin not before `until`.
    """

    kind: str
    code: str
    prerequisite: str = ""
    days: int = 0
    until: date | None = None


def check(
    change: Change, item: Item, *, started: bool, needed: Container[str], today: date
) -> None:
    """Refuse what the law forbids, with its article, and what makes no sense."""
    match change.kind:
        case "parallel":
            _check_parallel(change, item, needed)
        case "shorten":
            _check_shorten(change, item)
        case "drop":
            _check_drop(item)
        case "defer":
            _check_defer(change, item, started=started, today=today)


def _check_parallel(change: Change, item: Item, needed: Container[str]) -> None:
    if change.prerequisite not in item.prerequisites or change.prerequisite not in needed:
        waits = [code for code in item.prerequisites if code in needed]
        raise FieldInvalid(
            field="changes",
            zh_why=f"{item.code} 的前置只有 {_listed(waits)}",
            en_why=f"{item.code} waits for {_listed(waits)} only",
        )
    if item.clock_start == "event" or item.limit_kind == "minimum":
        raise _forbidden(
            item,
            f"期限自 {change.prerequisite} 完成之事实起算, 不能同时进行",
            f"its period begins with {change.prerequisite}, it cannot run beside it",
        )


def _check_shorten(change: Change, item: Item) -> None:
    least = whole_days(item.statutory)
    if item.limit_kind == "minimum" and change.days < least:
        raise _forbidden(
            item,
            f"法定最短 {least} 日, 不能缩短为 {change.days} 日",
            f"the law asks for {least} days at least, {change.days} are too few",
        )
    if item.limit_kind == "maximum" and item.statutory.unit == "working" and change.days > least:
        raise _forbidden(
            item,
            f"法定时限 {least} 个工作日, 不能定为 {change.days} 日",
            f"the limit in law is {least} working days, {change.days} are too many",
        )


def _check_drop(item: Item) -> None:
    if item.duty_bearer in _BOUND:
        raise _forbidden(
            item,
            f"依法须办 ({item.applies_when or item.applies_rule}), 只有项目属性改变才不适用",
            "the law requires it while the project is what it is: change an attribute instead",
        )


def _check_defer(change: Change, item: Item, *, started: bool, today: date) -> None:
    if started:
        raise _forbidden(
            item,
            "已受理或已收件, 法定时钟在走, 不能推迟",
            "it is under way and its clock runs: it cannot be put off",
        )
    if change.until is None or change.until < today:
        raise FieldInvalid(
            field="changes",
            zh_why=f"{item.code} 的推迟日期须不早于 {today}",
            en_why=f"{item.code} is put off to {today} or later",
        )


def _forbidden(item: Item, zh: str, en: str) -> WhatIfForbidden:
    return WhatIfForbidden(
        code=item.code,
        name=item.name,
        zh_why=zh,
        en_why=en,
        article=item.cited_basis,
        field="changes",
    )


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(codes) or "无 (nothing)"
