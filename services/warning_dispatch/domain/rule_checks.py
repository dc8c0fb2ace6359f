"""A rule that nothing can trigger is refused: each colour is tried on facts that are as late as facts get."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.calendar import SHANGHAI, Calendar
from warning_dispatch.domain.duties import (
    duties_of_case,
    duties_of_facts,
    duties_of_log,
    duties_of_order,
    duties_of_project,
)
from warning_dispatch.domain.duty import Duty
from warning_dispatch.domain.errors import RuleNeverFires, RuleOutOfOrder
from warning_dispatch.domain.escalation_duties import duties_of_escalation
from warning_dispatch.domain.escalations import L2, Escalation
from warning_dispatch.domain.facts import Bearer, Case, Deferral, Happening, Project
from warning_dispatch.domain.orders import WorkOrder
from warning_dispatch.domain.rules import RED, RED_STATUTORY, YELLOW, OrderLimits, Rule, RuleBook
from warning_dispatch.domain.steps import SYSTEM
from warning_dispatch.domain.watched import Investment, Licence, Node, Plan, Rating, Theme

_ID = UUID(int=0)
# Limits as the catalogue has them; those of three days and fewer go by what is left, not by a share.
_LIMITS = (5, 7, 10, 15, 20, 30, 45, 60, 90)


def check_fires(rule: Rule, limits: OrderLimits, calendar: Calendar, on: date) -> None:
    """Refuse a rule of which a colour can never come, or only after the more serious one.

    Tried on every length of limit that the catalogue has, each missed by as much as one can miss it;
    with its overrides, each for whom it is meant.
    """
    for bearer in _bearers(rule):
        own = rule.at(bearer)
        book = RuleBook(
            rules={rule.code: own},
            limits={YELLOW: limits, RED: limits, RED_STATUTORY: limits},
            edition="",
        )
        tried = [
            {duty.colour: duty for duty in reversed(found) if duty.rule == rule.code}
            for found in _tried(own, bearer, book, calendar, on)
        ]
        for level in own.levels:
            if not any(level.colour in found for found in tried):
                raise RuleNeverFires(code=rule.code, colour=level.colour, field="levels")
        reds = [level.colour for level in own.levels if level.colour != YELLOW]
        if own.level(YELLOW) and reds and rule.subject_type != "investment":
            before = (
                YELLOW in found
                and not any(
                    found[red].due_moment < found[YELLOW].due_moment for red in reds if red in found
                )
                for found in tried
            )
            if not any(before):
                raise RuleOutOfOrder(code=rule.code, field="levels")


def _bearers(rule: Rule) -> Iterator[Bearer]:
    """Give somebody for whom no override counts, and one for each of them."""
    yield _bearer()
    for each in rule.overrides:
        region = each.regions[0] if each.regions else "321100"
        yield _bearer(
            region=region,
            department=each.departments[0] if each.departments else "部门",
            item=each.items[0] if each.items else "",
        )


def _bearer(*, region: str = "0", department: str = "部门", item: str = "") -> Bearer:
    return Bearer(
        project_id=_ID,
        project_name="",
        region_path=region,
        level="市级",
        uscc="",
        agents=(),
        org=f"{region}:{department}",
        org_name="",
        duty_bearer="authority",
        item_code=item,
    )


def _tried(
    rule: Rule, bearer: Bearer, book: RuleBook, calendar: Calendar, on: date
) -> Iterator[list[Duty]]:
    start = calendar.working_day_on_or_after(on)
    at = datetime.combine(start, time(10), SHANGHAI)
    for made in _EXAMPLES[rule.subject_type](rule, bearer, calendar, start, at):
        match made:
            case Case():
                yield duties_of_case(made, book, calendar)
            case Project():
                derive = duties_of_log if rule.subject_type == "log" else duties_of_project
                yield derive(made, book, calendar)
            case WorkOrder():
                yield duties_of_order(made, book, calendar)
            case Escalation():
                yield duties_of_escalation(made, book, calendar)
            case _:
                yield duties_of_facts(made, book, calendar)


_Made = Iterable[Any]


def _cases(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    for days in _LIMITS:
        due = calendar.due_working(start, days)
        for unit, last in (("working", due), ("calendar", calendar.due_calendar(start, days))):
            yield _case(
                bearer,
                at,
                statutory=(days, unit, last),
                committed=(days, unit, last),
                notice_due=due,
                deferrals=(Deferral("x", due, None),),
                check_due=due,
                delivery_due=due,
                happenings=(
                    Happening("received", start, at),
                    Happening("deemed_accepted", due, at + timedelta(days=days)),
                ),
            )
        paused = Happening("paused", start, at, expected_end=due)
        received = Happening("received", start, at)
        yield _case(bearer, at, status="suspended", happenings=(received, paused))
    yield _case(bearer, at, notice_due=calendar.due_working(start, 5),
                happenings=(Happening("received", start, at),))  # fmt: skip


def _case(
    bearer: Bearer,
    at: datetime,
    *,
    statutory: tuple[int, str, date | None] = (0, "working", None),
    committed: tuple[int, str, date | None] = (0, "working", None),
    status: str = "in_review",
    **more: Any,
) -> Case:
    started = at.astimezone(SHANGHAI).date() if statutory[2] else None
    return Case(
        **{
            "id": _ID,
            "version": 1,
            "status": status,
            "historical": False,
            "bearer": bearer,
            "statutory_days": statutory[0],
            "statutory_unit": statutory[1],
            "committed_days": committed[0],
            "committed_unit": committed[1],
            "statutory_due": statutory[2],
            "committed_due": committed[2],
            "notice_due": None,
            "started_on": started,
            "yellow_on": None,
            "happenings": (),
            "received_at": at,
            "decided_at": None,
            **more,
        }
    )


def _projects(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    yield Project(
        id=_ID,
        version=1,
        bearer=bearer,
        status="active",
        stage="S2",
        pool="signed",
        sign_date=start,
        planned_start=start,
        actual_start=None,
        planned_completion=start,
        log_since=at,
        visit_since=at,
    )


def _orders(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    yield WorkOrder(
        id=_ID,
        number="",
        source="warning",
        colour=YELLOW,
        card_id=None,
        case_id=None,
        bearer=bearer,
        subject="",
        requirement="",
        co_orgs=(),
        dispatched_by="",
        issued_at=at,
        sign_by=calendar.office_day_after(at, 1),
        feedback_by=calendar.office_day_after(at, 3),
        close_by=calendar.office_day_after(at, 5),
        round_began=at,
    )


def _matters(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    made = Escalation.open(
        _ID,
        SYSTEM,
        bearer,
        number="",
        holder="",
        rung=L2,
        subject="",
        problem="",
        days=5,
        calendar=calendar,
        at=at,
    )
    made.draft(SYSTEM, crosses=("level",), regions=(), bodies=(), problem="", wanted="", at=at)
    yield made


def _plans(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    for slack in (300, 60, 30, 10, 5, 1, 0, -1, -5, -30, -300):
        yield Plan(
            id=_ID,
            bearer=bearer,
            baseline=1,
            nodes=(Node("S1-01", "", bearer.org, start, (), None),),
            slacks=((at, 9999), (at + timedelta(days=1), slack)),
            planned_start=start,
            has_started=False,
        )


def _themes(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    for days in _LIMITS:
        due, target = (
            calendar.due_working(start, days),
            calendar.due_working(start, max(1, days // 2)),
        )
        yield Theme(_ID, bearer, due, target, False, True, None)


def _licences(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    yield Licence(_ID, bearer, "", "", start + timedelta(days=400))


def _ratings(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    return (Rating(_ID, bearer, score, at, None) for score in (1, 2, 3, 4, 5))


def _reports(rule: Rule, bearer: Bearer, calendar: Calendar, start: date, at: datetime) -> _Made:
    return (
        Investment(_ID, bearer, start.year, 12, at, Decimal(behind)) for behind in range(0, 101, 5)
    )


_EXAMPLES: Mapping[str, Callable[[Rule, Bearer, Calendar, date, datetime], _Made]] = {
    "case": _cases,
    "project": _projects,
    "log": _projects,
    "work_order": _orders,
    "escalation": _matters,
    "plan": _plans,
    "theme": _themes,
    "licence": _licences,
    "rating": _ratings,
    "investment": _reports,
}
