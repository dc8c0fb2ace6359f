"""Cards beside a case's own clock: handed over late (W-04), papers late (W-06), pledges unchecked (W-07)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from chassis.calendar import Calendar
from warning_dispatch.domain.duty import Duty
from warning_dispatch.domain.facts import Case, Deferral
from warning_dispatch.domain.rules import RED, YELLOW, Rule

_ENTERPRISE, _AUTHORITY = "enterprise", "authority"


def late_papers(case: Case, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-06. Each paper is a period of its own, and the company answers for it."""
    agreed = next((each.on for each in case.happenings if each.kind == "deferred"), None)
    for number, each in enumerate(case.deferrals, start=1):
        told = (
            f"容缺材料「{each.paper}」, 补齐期限 {each.due_on}",
            f"paper to follow: {each.paper}, due {each.due_on}",
        )
        ends = supplied_at(case, each)
        yield from _before_and_after(
            rule, calendar, each.due_on, str(number), ends, told, bearer=_ENTERPRISE, since=agreed
        )


def unchecked_pledge(case: Case, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-07. It begins where the case's own clock ended: with the decision."""
    if case.check_due is None:
        return
    told = (
        f"告知承诺核查期限 {case.check_due}",
        f"the pledge is to be checked by {case.check_due}",
    )
    yield from _before_and_after(
        rule, calendar, case.check_due, "1", checked_at(case), told, bearer=_AUTHORITY
    )


def late_delivery(case: Case, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-04. What was granted is handed over within its own limit (行政许可法 第四十四条)."""
    due, ends = case.delivery_due, handed_over_at(case)
    if due is None:
        return
    for level in rule.levels:
        day = calendar.add_working_days(due, level.whole("working_days_over"))
        yield Duty(
            rule.code,
            rule.version,
            level.colour,
            "delivery",
            calendar.first_working_moment(day),
            ends,
            zh=(f"决定后送达期限 {due}", f"{day} 仍未送达"),
            en=(f"to be handed over by {due}", f"not handed over on {day}"),
            duty_bearer=_AUTHORITY,
        )


def handed_over_at(case: Case) -> datetime | None:
    """Return when the result was handed over, or the approval fell."""
    over = (each.at for each in case.happenings if each.kind in ("delivered", "revoked"))
    return next(over, None)


def supplied_at(case: Case, deferral: Deferral) -> datetime | None:
    """Return when the paper was recorded as handed in."""
    if deferral.supplied_on is None:
        return None
    recorded = (
        each.at
        for each in case.happenings
        if each.kind == "deferred_supplied" and each.on == deferral.supplied_on
    )
    return next(recorded, None)


def checked_at(case: Case) -> datetime | None:
    """Return when the pledge was first checked, or the approval that rests on it fell."""
    over = (each.at for each in case.happenings if each.kind in ("pledge_checked", "revoked"))
    return next(over, None)


def _before_and_after(
    rule: Rule,
    calendar: Calendar,
    due: date,
    period: str,
    ends: datetime | None,
    told: tuple[str, str],
    *,
    bearer: str,
    since: date | None = None,
) -> Iterator[Duty]:
    yellow, red = rule.level(YELLOW), rule.level(RED)
    left = yellow.whole("working_days_left") if yellow else 0
    day = calendar.add_working_days(calendar.next_working_day(due), -left - 1)
    if since:  # what is given so little time is warned of from the next day on
        day = max(day, calendar.next_working_day(since))
    if yellow and day <= due:
        yield Duty(
            rule.code,
            rule.version,
            YELLOW,
            period,
            calendar.first_working_moment(day),
            ends,
            zh=(told[0], f"自 {day} 起剩余不超过 {left} 个工作日"),
            en=(told[1], f"{left} working days or fewer from {day}"),
            duty_bearer=bearer,
        )
    if red:
        day = calendar.next_working_day(due)
        yield Duty(
            rule.code,
            rule.version,
            RED,
            period,
            calendar.first_working_moment(day),
            ends,
            zh=(told[0], f"{day} 起逾期"),
            en=(told[1], f"overdue from {day}"),
            duty_bearer=bearer,
        )
