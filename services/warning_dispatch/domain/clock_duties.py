"""Cards of a case's own clock: promised (W-01) and legal (W-02) limits, notices (W-03), pauses (W-05)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from math import ceil

from chassis.calendar import Calendar, Pause
from warning_dispatch.domain.duty import Duty
from warning_dispatch.domain.facts import Case, Happening
from warning_dispatch.domain.rules import RED, RED_STATUTORY, YELLOW, Rule

DEALT_WITH = frozenset({"supplement_asked", "accepted", "deemed_accepted", "refused"})


def committed(case: Case, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-01. Its period is the term: an extension begins a new one, a pause does not."""
    term = str(1 + case.count("extended"))
    base_zh = (
        f"起算日 {case.started_on}, 承诺 {case.committed_days} {_unit_zh(case.committed_unit)}"
    )
    base_en = (
        f"counted from {case.started_on}, {case.committed_days} {case.committed_unit} days promised"
    )
    pause_zh, pause_en = _pauses(case)
    yellow, red = rule.level(YELLOW), rule.level(RED)
    if yellow and not _stopped(case):
        marked = _marked_on(case, yellow.whole("used_percent"), calendar)
        if marked:
            day = calendar.working_day_on_or_after(marked)
            zh, en = _used(case, day, calendar)
            yield Duty(
                rule.code,
                rule.version,
                YELLOW,
                term,
                calendar.first_working_moment(day),
                zh=(base_zh, *pause_zh, zh, f"承诺到期日 {case.committed_due}"),
                en=(base_en, *pause_en, en, f"promised due date {case.committed_due}"),
            )
    if red and case.committed_due and not _stopped(case):
        day = calendar.add_working_days(case.committed_due, red.whole("working_days_over"))
        yield Duty(
            rule.code,
            rule.version,
            RED,
            term,
            calendar.first_working_moment(day),
            zh=(base_zh, *pause_zh, f"承诺到期日 {case.committed_due}", f"{day} 起超期未办结"),
            en=(
                base_en,
                *pause_en,
                f"promised due date {case.committed_due}",
                f"overdue from {day}",
            ),
        )


def statutory(case: Case, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-02. The due date itself is still in time."""
    due = case.statutory_due
    if due is None or _stopped(case):
        return
    term = str(1 + case.count("extended"))
    base_zh = (
        f"起算日 {case.started_on}, 法定 {case.statutory_days} {_unit_zh(case.statutory_unit)}"
    )
    base_en = (
        f"counted from {case.started_on}, {case.statutory_days} {case.statutory_unit} days by law"
    )
    pause_zh, pause_en = _pauses(case)
    yellow, red = rule.level(YELLOW), rule.level(RED_STATUTORY)
    if yellow:
        left = yellow.whole("working_days_left")
        day = calendar.add_working_days(calendar.next_working_day(due), -left - 1)
        if case.started_on:  # the first day that counts, for a limit that begins so short
            day = max(day, calendar.next_working_day(case.started_on))
        if day <= due:
            yield Duty(
                rule.code,
                rule.version,
                YELLOW,
                term,
                calendar.first_working_moment(day),
                zh=(base_zh, *pause_zh, f"法定到期日 {due}, 自 {day} 起剩余不超过 {left} 个工作日"),
                en=(
                    base_en,
                    *pause_en,
                    f"due by law {due}: {left} working days or fewer from {day}",
                ),
            )
    if red:
        day = calendar.add_working_days(due, red.whole("working_days_over"))
        yield Duty(
            rule.code,
            rule.version,
            RED_STATUTORY,
            term,
            calendar.first_working_moment(day),
            zh=(base_zh, *pause_zh, f"法定到期日 {due}", f"{day} 起超过法定期限未办结"),
            en=(base_en, *pause_en, f"due by law {due}", f"past the statutory limit from {day}"),
        )


def notice(case: Case, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-03. Papers handed in again begin a new period; on-the-spot limits have no yellow."""
    yellow, red = rule.level(YELLOW), rule.level(RED)
    received = case.last("received", "supplemented")
    period = str(1 + case.count("supplemented"))
    if yellow and case.notice_due and received:
        after = calendar.next_working_day(case.notice_due)
        day = calendar.add_working_days(after, -yellow.whole("working_days_left") - 1)
        dealt = next_after(case, received, DEALT_WITH)
        moment = calendar.first_working_moment(day)
        ends = dealt.at if dealt else None
        if day > received.on and (ends is None or moment < ends):
            yield Duty(
                rule.code,
                rule.version,
                YELLOW,
                period,
                moment,
                ends,
                zh=(f"{received.on} 收件, 告知期限 {case.notice_due}", f"{day} 仍未处理"),
                en=(
                    f"received {received.on}, notice due {case.notice_due}",
                    f"not dealt with on {day}",
                ),
            )
    deemed = case.last("deemed_accepted")
    if red and deemed and deemed.at:
        yield Duty(
            rule.code,
            rule.version,
            RED,
            period,
            deemed.at,
            zh=(f"告知期限 {case.notice_due or ''} 届满未告知", f"自 {deemed.on} 起视为受理"),
            en=(f"no notice by {case.notice_due or ''}", f"deemed accepted as of {deemed.on}"),
        )


def paused_too_long(case: Case, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-05. Each pause is a period of its own."""
    yellow, red = rule.level(YELLOW), rule.level(RED)
    pauses = [each for each in case.happenings if each.kind == "paused"]
    for number, pause in enumerate(pauses, start=1):
        resumed = next_after(case, pause, frozenset({"resumed"}))
        ends = resumed.at if resumed else None
        found: list[tuple[str, date, str, str]] = []
        if yellow and pause.expected_end:
            day = calendar.next_working_day(pause.expected_end)
            found.append(
                (
                    YELLOW,
                    day,
                    f"预计 {pause.expected_end} 恢复, {day} 仍停表",
                    f"expected to end {pause.expected_end}, still paused on {day}",
                )
            )
        if red:
            most = pause.days or red.whole("most_working_days")
            last = calendar.add_working_days(pause.on, most)
            day = calendar.next_working_day(last)
            found.append(
                (
                    RED,
                    day,
                    f"最长 {most} 个工作日, 至 {last}",
                    f"at most {most} working days, until {last}",
                )
            )
        for colour, day, zh, en in found:
            moment = calendar.first_working_moment(day)
            if ends is None or moment < ends:
                yield Duty(
                    rule.code,
                    rule.version,
                    colour,
                    str(number),
                    moment,
                    ends,
                    zh=(f"{pause.on} 起停表", zh),
                    en=(f"paused since {pause.on}", en),
                )


# --- counting -----------------------------------------------------------------------------------


def _stopped(case: Case) -> bool:
    """Say whether the clock stands still or has not begun: then it makes nothing due."""
    return case.stands_still or case.started_on is None


def _marked_on(case: Case, percent: int, calendar: Calendar) -> date | None:
    """Return the first day on which this share of the promised limit is used.

    approval_tracking says it for 80 % while the clock runs; another share, set by a newer rule,
    and the mark of a clock that has ended are counted here.
    """
    if percent == 80 and case.yellow_on:
        return case.yellow_on
    if case.started_on is None or case.committed_days < 1 or case.committed_due is None:
        return None
    unit, pauses = case.committed_unit, _pause_spans(case)
    limit = case.committed_days
    if case.count("extended"):
        limit = calendar.used(case.started_on, case.committed_due, unit, pauses)
    wanted = max(1, limit - 1) if limit <= 3 else ceil(limit * percent / 100)
    count = calendar.due_working if unit == "working" else calendar.raw_due_calendar
    marked = count(case.started_on, wanted, pauses)
    return marked if marked <= case.committed_due else None


def _pause_spans(case: Case) -> list[Pause]:
    spans: list[Pause] = []
    began: date | None = None
    for each in case.happenings:
        if each.kind == "paused":
            began = each.on
        elif each.kind == "resumed" and began is not None:
            spans.append((began, each.on))
            began = None
    if began is not None:
        spans.append((began, date.max))
    return spans


def _used(case: Case, day: date, calendar: Calendar) -> tuple[str, str]:
    if case.started_on is None:
        return "", ""
    used = calendar.used(case.started_on, day, case.committed_unit, _pause_spans(case))
    left = calendar.working_days_between(day, case.committed_due) if case.committed_due else 0
    return (
        f"{day} 为第 {used} 个计入日, 剩余 {left} 个工作日",
        f"{day} is day {used} of the limit, working days left: {left}",
    )


def _pauses(case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    spans = [span for span in _pause_spans(case) if span[1] != date.max]
    return (
        tuple(f"停表不计: {start} 次日至 {end}" for start, end in spans),
        tuple(f"not counted, paused: after {start} until {end}" for start, end in spans),
    )


def next_after(case: Case, first: Happening, kinds: frozenset[str]) -> Happening | None:
    """Return the first happening of these kinds that is recorded after `first`."""
    position = case.happenings.index(first)
    return next((each for each in case.happenings[position + 1 :] if each.kind in kinds), None)


def _unit_zh(unit: str) -> str:
    return "个工作日" if unit == "working" else "日(日历日)"
