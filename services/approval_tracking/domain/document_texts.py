"""What each document 文书 of a case says, from the case as it was when the document's happening happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import APPROVED
from approval_tracking.domain.catalogue import Item, Limit
from approval_tracking.domain.clock import reckon
from approval_tracking.domain.documents import (
    ACCEPTANCE,
    DECISION,
    DEFERRAL,
    DELIVERY,
    EXTENSION,
    PAUSE,
    RECEIPT,
    REFUSAL,
    SUPPLEMENT,
    Content,
    Kind,
    in_words,
)
from approval_tracking.domain.events import ClockState, Happening
from chassis.calendar import Calendar

_PERMIT = "行政许可"
_VOICE = "你单位对本文书有异议的, 可向本机关陈述意见。"
_UNITS = {"working": "个工作日", "calendar": "日"}
# The law of permits is followed for what is no permit, but does not bind there.
_RIGHTS = (
    "你单位就本事项享有陈述权、申辩权, 有权依法申请行政复议或者提起行政诉讼 (行政许可法 第七条)。"
)
_PROVISIONAL = "截止日超出已公布的工作日历, 公布后以重新计算的日期为准。"


@dataclass(frozen=True)
class Subject:
    """What a document is about: the happening, with the case, its item and its clock at that point."""

    case: Case
    item: Item
    happening: Happening
    clock: ClockState
    org_name: str
    applicant: str
    # decision_number is the document that a delivery hands over.
    decision_number: str = ""
    # replaces is the document about the record that this happening put right.
    replaces: str = ""


@dataclass(frozen=True)
class Stamp:
    """What issuing gives a document."""

    number: str
    issued_on: date
    code: str
    verify_url: str


@dataclass(frozen=True)
class Text:
    facts: tuple[tuple[str, str], ...]
    paragraphs: tuple[str, ...]
    basis: str
    entries: tuple[str, ...] = ()
    title: str = ""
    remedy: str = _RIGHTS
    signed_by_recipient: bool = False


def clock_at(case: Case, happening: Happening, calendar: Calendar) -> ClockState:
    """Return the clock as it stood right after the happening, whatever came later."""
    told = case.story.told
    return reckon(told[: told.index(happening) + 1], case.rules, calendar)


def compose(kind: Kind, about: Subject, stamp: Stamp) -> Content:
    """Return all that the document says."""
    text, case = _TEXTS[kind.code](about), about.case
    facts = [
        ("申请人", about.applicant),
        ("项目名称", case.project_name),
        ("办理事项", f"{case.item_code} {case.item_name}"),
        ("收件编号", case.receipt_number),
        *text.facts,
    ]
    if about.happening.correction:
        facts.append(("更正说明", about.happening.correction.reason))
    if about.replaces:
        facts.append(("取代文书", f"{about.replaces}, 自本文书出具之日起失效"))
    permit = about.item.kind == _PERMIT
    basis = text.basis if permit else f"参照 {text.basis}"
    remedy = _VOICE if text.remedy == _RIGHTS and not permit else text.remedy
    return Content(
        kind=kind.code,
        title=text.title or kind.name,
        number=stamp.number,
        org_name=about.org_name,
        issued_on=stamp.issued_on,
        addressee=about.applicant,
        facts=tuple(facts),
        paragraphs=text.paragraphs,
        entries=text.entries,
        basis=(basis, about.item.cited_basis),
        remedy=remedy,
        signed_by_recipient=text.signed_by_recipient,
        code=stamp.code,
        verify_url=stamp.verify_url,
    )


# --- one function for each kind --------------------------------------------------------------------


def _receipt(about: Subject) -> Text:
    due, rules = about.clock.notice_due, about.case.rules
    paragraphs = ["你单位就上述事项提交的申请材料已收到。本凭证只证明收到材料, 不表示已经受理。"]
    if due and rules.deems_acceptance:
        paragraphs.append(
            f"材料不齐全或者不符合法定形式的, 本机关至迟于{in_words(due)}一次告知需要补正的全部内容; "
            "逾期不告知的, 自收到申请材料之日起即为受理。"
        )
    elif due:
        paragraphs.append(f"本机关至迟于{in_words(due)}答复是否受理。")
    return Text(
        facts=(("收件日期", in_words(about.happening.on)),),
        paragraphs=tuple(paragraphs),
        basis="行政许可法 第三十二条第一款",
        signed_by_recipient=False,
    )


def _supplement(about: Subject) -> Text:
    notices = about.case.story.all("supplement_asked")
    first = about.happening == notices[0]
    entries = tuple(
        each.text for each in about.case.notice if first or each.text in about.happening.reason
    )
    head = (
        "你单位提交的申请材料不齐全或者不符合法定形式, 现一次告知需要补正的全部内容如下。"
        if first
        else "前次一次告知的内容中, 下列各项尚未补齐。"
    )
    effect = (
        "补正期间停止计算办理期限, 补正齐全后相应顺延。"
        if about.case.rules.supplement_effect == "pause_and_extend"
        else "补正齐全的, 办理期限自补正齐全之日起计算。"
    )
    rule = about.item.notice_rule
    return Text(
        facts=(("告知日期", in_words(about.happening.on)),),
        paragraphs=(head, effect),
        entries=entries,
        basis=(rule.basis if rule else "") or "行政许可法 第三十二条第一款第四项",
    )


def _acceptance(about: Subject) -> Text:
    deemed = about.happening.kind == "deemed_accepted"
    if deemed:
        said, basis = (
            "本机关未在法定期限内一次告知补正内容, 依法自收到申请材料之日起即为受理。",
            "第四项",
        )
    else:
        said, basis = (
            "上述申请属于本机关职权范围, 申请材料齐全、符合法定形式, 予以受理。",
            "第五项、第二款",
        )
    return Text(
        facts=(
            ("受理日期", in_words(about.happening.on)),
            ("承诺书", about.case.undertaking),
            *_limits(about.clock),
        ),
        paragraphs=(said, *_provisional(about.clock)),
        basis=f"行政许可法 第三十二条第一款{basis}",
    )


def _deferral(about: Subject) -> Text:
    entries = tuple(
        f"{each.paper} (至迟于{in_words(each.due_on)}补齐)" for each in about.case.deferrals
    )
    return Text(
        facts=(
            ("受理日期", in_words(about.happening.on)),
            ("承诺书", about.case.undertaking),
            *_limits(about.clock),
        ),
        paragraphs=(
            "上述申请主要材料齐全, 经你单位承诺, 下列材料容缺后补, 本机关先予受理。",
            "容缺不停止计算办理期限; 缺件未补齐的, 不作出决定。",
            *_provisional(about.clock),
        ),
        entries=entries,
        basis="行政许可法 第三十二条; 《镇江市重大项目审批服务平台运行管理办法》第十二条",
        signed_by_recipient=True,
    )


def _refusal(about: Subject) -> Text:
    returned = about.case.rules.returns_papers
    said = (
        "申请材料退还, 补正后可重新提交, 按新的申请办理。"
        if returned
        else "经审查, 对上述申请决定不予受理。"
    )
    return Text(
        facts=(("决定日期", in_words(about.happening.on)),),
        paragraphs=(said, f"理由: {about.happening.reason}"),
        basis="行政许可法 第三十二条第一款、第二款",
        remedy=about.case.remedy[0],
    )


def _pause(about: Subject) -> Text:
    happening = about.happening
    facts = [("特殊程序", happening.reason), ("停表起始", in_words(happening.on))]
    if happening.expected_end:
        facts.append(("预计结束", in_words(happening.expected_end)))
    return Text(
        facts=tuple(facts),
        paragraphs=(
            "办理上述事项依法需要进行前述特殊程序, 所需时间不计入办理期限, 特此告知。"
            "程序结束后自次一工作日起继续计算。",
        ),
        basis=happening.basis,
    )


def _extension(about: Subject) -> Text:
    happening = about.happening
    unit = _UNITS[about.case.rules.statutory.unit]
    return Text(
        facts=(("批准日期", in_words(happening.on)), *_limits(about.clock)),
        paragraphs=(
            f"在法定期限内不能作出决定, 经本机关负责人批准, 延长 {happening.days} {unit}。",
            f"延长的理由: {happening.reason}",
            *_provisional(about.clock),
        ),
        basis=happening.basis,
    )


def _decision(about: Subject) -> Text:
    case, permit = about.case, about.item.kind == _PERMIT
    what = _PERMIT if permit else "办理"
    approved = case.outcome == APPROVED
    if approved:
        paragraphs = ["经审查, 上述申请符合法定条件、标准, 决定准予" + what + "。"]
        if about.item.result_document:
            paragraphs.append(
                f"据此颁发: {about.item.result_document}, 自本决定之日起十个工作日内送达。"
            )
    else:
        paragraphs = [f"经审查, 决定不予{what}。", f"理由: {about.happening.reason}"]
    if case.public_reason:
        paragraphs.append(f"超过承诺期限的理由: {case.public_reason}")
    return Text(
        title=f"{'准予' if approved else '不予'}{what}决定书",
        facts=(("决定日期", in_words(about.happening.on)),),
        paragraphs=tuple(paragraphs),
        basis=f"行政许可法 第三十八条{'第一款' if approved else '第二款'}",
        remedy=_RIGHTS if approved else case.remedy[0],
    )


def _delivery(about: Subject) -> Text:
    return Text(
        facts=(
            ("送达文书", about.decision_number),
            *((("证件", about.item.result_document),) if _yields(about) else ()),
            ("送达日期", in_words(about.happening.on)),
            *((("送达凭证", about.happening.document),) if about.happening.document else ()),
        ),
        paragraphs=("上列文书已送达受送达人。",),
        basis="行政许可法 第四十四条",
        remedy=about.case.remedy[0] or _RIGHTS,
        signed_by_recipient=True,
    )


_TEXTS: dict[str, Callable[[Subject], Text]] = {
    RECEIPT: _receipt,
    SUPPLEMENT: _supplement,
    ACCEPTANCE: _acceptance,
    DEFERRAL: _deferral,
    REFUSAL: _refusal,
    PAUSE: _pause,
    EXTENSION: _extension,
    DECISION: _decision,
    DELIVERY: _delivery,
}


def period(limit: Limit) -> str:
    """Return a limit as people read it."""
    if limit.days is None:
        return "不设"
    if limit.days == 0:
        return "即办"
    return f"{limit.days.normalize():f} {_UNITS[limit.unit]}"


def _yields(about: Subject) -> bool:
    return about.case.outcome == APPROVED and bool(about.item.result_document)


def _limits(clock: ClockState) -> tuple[tuple[str, str], ...]:
    told = (("法定期限届满日", clock.statutory_due), ("承诺期限届满日", clock.committed_due))
    return tuple((label, in_words(due)) for label, due in told if due)


def _provisional(clock: ClockState) -> tuple[str, ...]:
    return (_PROVISIONAL,) if clock.provisional else ()
