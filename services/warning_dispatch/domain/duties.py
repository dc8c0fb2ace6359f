"""From a clock to the moments at which its cards fall due: each duty is derived, none is remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from chassis.calendar import (
    CARD_MOMENT,
    SHANGHAI,
    Calendar,
    CalendarEnds,
    local_day,
    months_later,
)
from warning_dispatch.domain.clock_duties import (
    DEALT_WITH,
    committed,
    next_after,
    notice,
    paused_too_long,
    statutory,
)
from warning_dispatch.domain.duty import Duty
from warning_dispatch.domain.facts import Case, Happening, Project
from warning_dispatch.domain.orders import AWAITING_FEEDBACK, WorkOrder
from warning_dispatch.domain.rules import RED, RED_STATUTORY, YELLOW, Level, Rule, RuleBook
from warning_dispatch.domain.trust_duties import (
    checked_at,
    handed_over_at,
    late_delivery,
    late_papers,
    supplied_at,
    unchecked_pledge,
)
from warning_dispatch.domain.watched import Watched
from warning_dispatch.domain.watched_duties import duties_of_watched, watched_over_since


def duties_of_case(case: Case, book: RuleBook, calendar: Calendar) -> list[Duty]:
    """Return every card that this case's clock makes due, past and to come.

    While the clock is stopped nothing new falls due, but what was due before the stop still is.
    A case from before the platform's time has none.
    """
    if case.historical:
        return []
    parts = (
        _OF_CASE[rule.code](case, rule, calendar)
        for rule in book.of("case", case.bearer)
        if rule.code in _OF_CASE
    )
    own = list(_known(parts))
    if case.ended_at:
        own = [replace(duty, ends=_earlier(duty.ends, case.ended_at)) for duty in own]
    # What begins with the decision does not end with it.
    after = _known(
        _AFTER_CASE[rule.code](case, rule, calendar)
        for rule in book.of("case", case.bearer)
        if rule.code in _AFTER_CASE
    )
    return _in_order([*own, *after])


def duties_of_project(project: Project, book: RuleBook, calendar: Calendar) -> list[Duty]:
    """Return the cards that a project under way makes due by not starting (W-09) or not ending (W-16).

    What was late before we heard of the project holds, for us, from then on: its card is one of the
    next working day, when all that was told of its past has arrived.
    """
    parts: list[Iterator[Duty]] = []
    start, end = book.rule("W-09", project.bearer), book.rule("W-16", project.bearer)
    if start and project.is_active and not project.has_started:
        parts += _start(project, start, calendar)
    if end and project.planned_completion and not project.is_complete:
        parts += (
            _month(end, level, project.planned_completion, calendar, ("竣工", "completion"), "end")
            for level in end.levels
        )
    first = project.known_since and calendar.first_working_moment(
        local_day(project.known_since) + timedelta(days=1)
    )
    found = _in_order(_known(parts))
    if first is None:
        return found
    return [replace(duty, due_moment=max(duty.due_moment, first)) for duty in found]


def duties_of_log(project: Project, book: RuleBook, calendar: Calendar) -> list[Duty]:
    """Return the cards that a project's silent log, or that nobody goes there, makes due (W-11).

    A new entry, or another visit, begins a new period.
    """
    rule = book.rule("W-11", project.bearer)
    if rule is None or not project.is_active or project.log_since is None:
        return []
    parts = [_silence(rule, level, local_day(project.log_since), calendar) for level in rule.levels]
    if project.visit_since:
        seen = local_day(project.visit_since)
        parts += (
            _unvisited(rule, level, seen, calendar)
            for level in rule.levels
            if "days_without_visit" in level.thresholds
        )
    return _in_order(_known(parts))


def duties_of_facts(facts: Watched, book: RuleBook, calendar: Calendar) -> list[Duty]:
    """Return the cards that a plan, a theme, a licence, a rating or a report makes due."""
    return _in_order(_known(duties_of_watched(facts, book, calendar)))


def duties_of_order(order: WorkOrder, book: RuleBook, calendar: Calendar) -> list[Duty]:
    """Return the cards that a work order makes due by waiting for its feedback (W-13), to the minute."""
    rule = book.rule("W-13", order.bearer)
    if rule is None or order.status == "returned":
        return []
    ends = None if order.status in AWAITING_FEEDBACK else order.answered_at
    if ends is None and order.status not in AWAITING_FEEDBACK:
        return []
    return _in_order(_known(_waiting(order, rule, level, ends, calendar) for level in rule.levels))


def over_since(rule: str, period: str, facts: Case | Project | Watched) -> datetime | None:
    """Return since when what a card of this rule and period complains of is over, None while it is not.

    A card whose moment is not before that should never have been raised: the news came late.
    """
    if not isinstance(facts, Case | Project):
        return watched_over_since(rule, period, facts)
    if isinstance(facts, Project):
        if rule == "W-11":
            since = facts.visit_since if period.startswith("visit:") else facts.log_since
            return since if facts.is_active else None
        started = facts.actual_start if rule == "W-09" else None
        return datetime.combine(started, time.min, SHANGHAI) if started else None
    if rule in STILL_WHILE_PAUSED:
        extended = [each for each in facts.happenings if each.kind == "extended"]
        # A term is over as soon as the next one begins.
        following = extended[int(period) - 1 : int(period)]
        return _earlier(following[0].at if following else None, facts.quiet_since)
    answered: Happening | None = None
    if rule == "W-03":
        handed_in = [each for each in facts.happenings if each.kind in ("received", "supplemented")]
        answered = next_after(facts, handed_in[int(period) - 1], DEALT_WITH)
    elif rule == "W-05":
        pauses = [each for each in facts.happenings if each.kind == "paused"]
        answered = next_after(facts, pauses[int(period) - 1], frozenset({"resumed"}))
    if rule == "W-06":
        supplied = supplied_at(facts, facts.deferrals[int(period) - 1])
        return _earlier(supplied, facts.ended_at)
    if rule == "W-07":
        return checked_at(facts)
    if rule == "W-04":
        return handed_over_at(facts)
    return _earlier(answered.at if answered else None, facts.ended_at)


def light(case: Case, on: date, book: RuleBook, calendar: Calendar) -> str:
    """Return the colour that a case's clock shows on a day: the tightest of what holds."""
    at = datetime.combine(on, CARD_MOMENT, SHANGHAI)
    held = {duty.colour for duty in duties_of_case(case, book, calendar) if duty.holds(at)}
    return next((colour for colour in (RED_STATUTORY, RED, YELLOW) if colour in held), "green")


@lru_cache(maxsize=256)
def local_text(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


_OF_CASE: dict[str, Callable[[Case, Rule, Calendar], Iterator[Duty]]] = {
    "W-01": committed,
    "W-02": statutory,
    "W-03": notice,
    "W-05": paused_too_long,
    "W-06": late_papers,
}

_AFTER_CASE: dict[str, Callable[[Case, Rule, Calendar], Iterator[Duty]]] = {
    "W-04": late_delivery,
    "W-07": unchecked_pledge,
}

# Rules of a clock that stands still while it is paused: what they raised before, stays.
STILL_WHILE_PAUSED = frozenset({"W-01", "W-02", "W-17"})


# --- the rules of projects, logs and orders ---------------------------------------------------


def _start(project: Project, rule: Rule, calendar: Calendar) -> Iterator[Iterator[Duty]]:
    """W-09. Another planned month or another contract is another period."""
    for level in rule.levels:
        if project.planned_start:
            yield _month(rule, level, project.planned_start, calendar, ("开工", "start"), "plan")
        if project.sign_date and "working_days_from_contract" in level.thresholds:
            yield _contract(rule, level, project.sign_date, calendar)


def _month(
    rule: Rule,
    level: Level,
    planned: date,
    calendar: Calendar,
    what: tuple[str, str],
    period: str,
) -> Iterator[Duty]:
    months = level.whole("months")
    last = months_later(planned.replace(day=1), months) - timedelta(days=1)
    zh, en = what
    yield Duty(
        rule.code,
        rule.version,
        level.colour,
        f"{period}:{planned:%Y-%m}",
        calendar.first_working_moment(last + timedelta(days=1)),
        zh=(f"计划{zh} {planned}", f"截至 {last} ({months} 个月) 未{zh}"),
        en=(f"planned {en} {planned}", f"no {en} by {last} ({months} months)"),
    )


def _contract(rule: Rule, level: Level, signed: date, calendar: Calendar) -> Iterator[Duty]:
    days = level.whole("working_days_from_contract")
    last = calendar.add_working_days(signed, days)
    day = calendar.next_working_day(last)
    yield Duty(
        rule.code,
        rule.version,
        level.colour,
        f"contract:{signed}",
        calendar.first_working_moment(day),
        zh=(f"签约 {signed}, 百日开工期限 {last} ({days} 个工作日)", f"{day} 仍未开工"),
        en=(f"contract {signed}, start due {last} ({days} working days)", f"not started on {day}"),
    )


def _silence(rule: Rule, level: Level, since: date, calendar: Calendar) -> Iterator[Duty]:
    days = level.whole("working_days")
    day = calendar.next_working_day(calendar.add_working_days(since, days))
    yield Duty(
        rule.code,
        rule.version,
        level.colour,
        since.isoformat(),
        calendar.first_working_moment(day),
        zh=(f"最近一篇日志(或转为在办): {since}", f"至 {day} 已满 {days} 个工作日无日志"),
        en=(
            f"last entry (or under way since): {since}",
            f"{days} working days without an entry by {day}",
        ),
    )


def _unvisited(rule: Rule, level: Level, since: date, calendar: Calendar) -> Iterator[Duty]:
    days = level.whole("days_without_visit")
    day = calendar.next_working_day(since + timedelta(days=days))
    yield Duty(
        rule.code,
        rule.version,
        level.colour,
        f"visit:{since}",
        calendar.first_working_moment(day),
        zh=(f"最近一次现场走访(或转为在办): {since}", f"至 {day} 已满 {days} 日无实地走访"),
        en=(f"last visit (or under way since): {since}", f"{days} days without a visit by {day}"),
    )


def _waiting(
    order: WorkOrder, rule: Rule, level: Level, ends: datetime | None, calendar: Calendar
) -> Iterator[Duty]:
    moment = order.feedback_by
    zh, en = "已逾期未反馈", "no feedback in time"
    if level.colour == YELLOW:
        share = level.number("working_days_left")
        moment = _office_days_before(moment, share, calendar)
        zh, en = f"剩余不足 {share:g} 个工作日", f"{share:g} working day or less is left"
    by = local_text(order.feedback_by)
    yield Duty(
        rule.code,
        rule.version,
        level.colour,
        str(order.round),
        max(moment, order.round_began),
        ends,
        zh=(f"工单 {order.number} 反馈期限 {by}", zh),
        en=(f"feedback to order {order.number} is due {by}", en),
    )


@lru_cache(maxsize=64)  # a sweep's orders end together
def _office_days_before(at: datetime, days: float, calendar: Calendar) -> datetime:
    minutes = sum(
        (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
        for opens, closes in calendar.office_hours.windows
    )
    return calendar.add_office_hours(at, -days * minutes / 60)


def _known(parts: Iterable[Iterator[Duty]]) -> Iterator[Duty]:
    """Give the duties whose days the calendar knows; the others come with next year's notice."""
    for part in parts:
        try:
            yield from part
        except CalendarEnds:
            continue


def _in_order(duties: Iterable[Duty]) -> list[Duty]:
    held = (duty for duty in duties if duty.ends is None or duty.due_moment < duty.ends)
    return sorted(held, key=lambda duty: duty.due_moment)


def _earlier(*ends: datetime | None) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)
