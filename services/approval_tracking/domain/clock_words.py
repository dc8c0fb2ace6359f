"""A clock told day by day, in words that an official can read out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from approval_tracking.domain.clock import ANNULLED, Rules, Story, pauses_of, reckon
from approval_tracking.domain.events import ClockState, Happening
from chassis.calendar import Calendar, Pause, local_day


@dataclass(frozen=True)
class Line:
    """One line of a clock's explanation, with how much of each limit is used after it."""

    first: date
    last: date
    kind: str
    committed: int
    statutory: int
    zh: str
    en: str


_TOLD = {
    "received": ("收到申请", "application received"),
    "supplement_asked": ("一次性告知补正", "one-time notice of what is missing"),
    "supplemented": ("补正齐全", "missing papers handed in"),
    "accepted": ("受理", "accepted"),
    "deemed_accepted": (
        "告知期限届满未告知, 自收到之日视为受理",
        "no notice in time: deemed accepted from receipt",
    ),
    "refused": ("不予受理", "acceptance refused"),
    "paused": ("停表", "clock stopped"),
    "resumed": ("恢复计时, 次日起计入", "clock runs again from the next day"),
    "extended": ("经批准延期", "extension approved"),
    "withdrawn": ("申请人撤回申请", "withdrawn by the applicant"),
    "decided": ("作出决定", "decided"),
    "delivered": ("送达", "delivered"),
    "deferred": ("容缺受理, 材料后补", "accepted with papers that follow"),
    "deferred_supplied": ("补交容缺材料", "papers that were to follow handed in"),
    "green_marked": ("列入绿色通道, 时限不变", "put first in the queue, its limits stay"),
    "green_cleared": ("移出绿色通道", "no longer first in the queue"),
    "pledge_checked": ("告知承诺核查", "pledge checked"),
    "revoked": ("撤销决定", "decision revoked"),
}
_UNIT_ZH = {"working": "个工作日", "calendar": "日"}
# A clock that nobody stopped is explained for so many days at most.
_MOST_DAYS = 400


def explain(
    happenings: Iterable[Happening], rules: Rules, calendar: Calendar, *, until: date
) -> list[Line]:
    """Tell the clock day by day up to `until` or its end, from nothing but its happenings."""
    story = Story.of(happenings)
    state = reckon(story.told, rules, calendar)
    # Without a limit there is nothing to count.
    started = state.started_on if state.committed_unit or state.statutory_unit else None
    lines: list[Line] = []
    ended = story.ended
    last = max(each.on for each in story.told)
    amended = [each.correction for each in (*story.told, *story.superseded) if each.correction]
    last = max([last, *(local_day(each.at) for each in amended)])
    if not ended:
        last = max(last, until)
    first = story.received.on
    last = min(last, first + timedelta(days=_MOST_DAYS), calendar.last_day)
    pauses = _pauses_until(story, rules, last)
    day = first
    while day <= last:
        used = _used(state.started_on, day, state, calendar, pauses)
        if started and day > started and not (ended and day > ended.on):
            _add_day(lines, day, used, state, calendar, pauses)
        for each in (told for told in story.told if told.on == day):
            zh, en = _TOLD[each.kind]
            tail = _details(each)
            lines.append(Line(day, day, "happening", *used, f"{zh}{tail}", f"{en}{tail}"))
        lines += _corrections(story, day, used)
        if day == started:
            lines.append(
                Line(
                    day,
                    day,
                    "happening",
                    0,
                    0,
                    "起算, 当日不计",
                    "the clock starts, this day not counted",
                )
            )
        day += timedelta(days=1)
    return [*lines, *_dues(story, state, rules, calendar)]


def _details(each: Happening) -> str:
    """Return what the record itself says, which is told as it was written."""
    parts = [each.reason, each.basis, each.document]
    if each.expected_end:
        parts.append(f"→ {each.expected_end}")
    if each.days and each.kind == "extended":
        parts.append(f"+{each.days}")
    told = "; ".join(part for part in parts if part)
    return f" ({told})" if told else ""


def _corrections(story: Story, day: date, used: tuple[int, int]) -> Iterator[Line]:
    """Tell on its day of each record that was put right."""
    for each in (*story.told, *story.superseded):
        by = each.correction
        if by is None or local_day(by.at) != day:
            continue
        tail = f" ({by.reason}; {by.document})"
        wrong = next(old for old in story.superseded if old.number == by.supersedes)
        what_zh, what_en = _TOLD[wrong.kind]
        if each.kind == ANNULLED:
            zh = f"第 {by.supersedes} 条记录({what_zh} {wrong.on})作废, 不再计算"
            en = f"record {by.supersedes} ({what_en}, {wrong.on}) annulled, it no longer counts"
        else:
            zh = f"第 {by.supersedes} 条记录({what_zh} {wrong.on})更正为 {each.on}"
            en = f"record {by.supersedes} ({what_en}, {wrong.on}) corrected to {each.on}"
        yield Line(day, day, "happening", *used, f"{zh}{tail}", f"{en}{tail}")


def _dues(story: Story, state: ClockState, rules: Rules, calendar: Calendar) -> list[Line]:
    lines = []
    notice = state.notice_due
    if notice and not (story.accepted or story.ended or story.open_notice):
        zh = f"受理或一次告知的最后一日 {notice}"
        en = f"last day to accept or to give notice: {notice}"
        lines.append(Line(notice, notice, "due", 0, 0, zh, en))
    told = (
        ("承诺", "promised", rules.committed, state.committed_due),
        ("法定", "by law", rules.statutory, state.statutory_due),
    )
    for zh, en, limit, due in told:
        if due and limit.days is not None:
            days = f"{limit.days.normalize():f}"
            longer_zh = longer_en = ""
            open_zh, open_en = (
                ("(暂定)", " (provisional)") if calendar.provisional(due) else ("", "")
            )
            noun = "day" if limit.days <= 1 else "days"
            more = sum(each.days for each in story.all("extended"))
            if more and limit is rules.statutory:
                longer_zh, longer_en, noun = f" + 延长 {more}", f" + {more} more", "days"
            lines.append(
                Line(
                    due,
                    due,
                    "due",
                    state.committed_days,
                    state.statutory_days,
                    f"{zh} {days}{longer_zh} {_UNIT_ZH[limit.unit]}, 到期日 {due}{open_zh}",
                    f"{en}: {days}{longer_en} {limit.unit} {noun}, due {due}{open_en}",
                )
            )
    if state.delivery_due and not story.last("delivered"):
        due = state.delivery_due
        lines.append(
            Line(
                due,
                due,
                "due",
                0,
                0,
                f"准予决定送达的最后一日 {due}",
                f"last day to hand over what was granted: {due}",
            )
        )
    return lines


def _pauses_until(story: Story, rules: Rules, last: date) -> list[Pause]:
    """Return the pauses as they are on the page: an open one lasts to the page's end."""
    told = [replace(each, expected_end=max(each.expected_end or last, last)) for each in story.told]
    return pauses_of(Story.of(told), rules) or []


def _used(
    started: date | None,
    day: date,
    state: ClockState,
    calendar: Calendar,
    pauses: Sequence[Pause],
) -> tuple[int, int]:
    if started is None:
        return 0, 0
    committed, statutory = (
        calendar.used(started, day, unit, pauses) if unit else 0
        for unit in (state.committed_unit, state.statutory_unit)
    )
    return committed, statutory


def _add_day(
    lines: list[Line],
    day: date,
    used: tuple[int, int],
    state: ClockState,
    calendar: Calendar,
    pauses: Sequence[Pause],
) -> None:
    if any(begins < day <= ends for begins, ends in pauses):
        kind, zh, en = "paused", "停表, 不计入", "clock stopped, not counted"
    elif calendar.is_working(day):
        kind, zh, en = "counted", "计入", "counted"
    elif "calendar" in (state.committed_unit, state.statutory_unit):
        kind, zh, en = (
            "rest",
            "休息日, 只计日历日期限",
            "day of rest, counted by limits in calendar days only",
        )
    else:
        kind, zh, en = "rest", "休息日, 不计入", "day of rest, not counted"
    if kind == "counted":
        zh, en = (
            f"{zh}: 承诺第 {used[0]} 日, 法定第 {used[1]} 日",
            f"{en}: day {used[0]} of the promise, {used[1]} of the law",
        )
        if not state.committed_unit:
            zh, en = f"计入: 法定第 {used[1]} 日", f"counted: day {used[1]} of the law"
        elif not state.statutory_unit:
            zh, en = f"计入: 承诺第 {used[0]} 日", f"counted: day {used[0]} of the promise"
    before = lines[-1] if lines else None
    joins = before and before.kind == kind and kind != "counted"
    if before and joins and before.last == day - timedelta(days=1):
        lines[-1] = replace(before, last=day, committed=used[0], statutory=used[1])
    else:
        lines.append(Line(day, day, kind, *used, zh, en))
