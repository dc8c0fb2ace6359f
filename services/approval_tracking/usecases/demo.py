"""Plays what the demonstration's projects have behind them and under way, once each has arrived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import APPROVED, Actor
from approval_tracking.domain.intermediaries import Intermediary
from approval_tracking.domain.themes import ONLINE
from approval_tracking.store import CaseStore, Project, ProjectStore
from approval_tracking.store.projects import PastDecision
from approval_tracking.usecases.cases import receive
from approval_tracking.usecases.data import read_data
from approval_tracking.usecases.projects import (
    follow_case,
    lay_plan,
    pick_items,
    record_past_decisions,
)
from chassis.calendar import SHANGHAI, Calendar, local_day

_RECEIVED, _REVIEWED, _DECIDED = time(9, 0), time(10, 0), time(16, 0)
_PAUSE_DAYS = 30


def load_demo(projects: ProjectStore, cases: CaseStore, *, now: datetime) -> tuple[int, int]:
    """Have every demonstration project's cases played; return how many were, and how many wait.

    A project that has not arrived yet is played when it does. Safe to run again: what is under
    way or decided is left as it is.
    """
    for each in read_data("demo_intermediaries.yaml")["intermediaries"]:
        agency = Intermediary(**{**each, "services": tuple(each["services"])})
        cases.agencies.put(agency, by="demo", now=now)
    data = read_data("demo_cases.yaml")
    played = waiting = 0
    for content in data["projects"]:
        whole = {**content, "as_of": data["as_of"]}
        project_id = projects.find_by_name(content["name"])
        if project_id is None:
            projects.wait_for_demo(content["name"], whole)
            waiting += 1
        else:
            play(projects, cases, projects.get(project_id), whole, now=now)
            played += 1
    return played, waiting


def play_waiting(
    projects: ProjectStore, cases: CaseStore, project: Project, *, now: datetime
) -> None:
    """Play what waits for this project, if anything does."""
    content = projects.take_demo(project.name)
    if content is not None:
        play(projects, cases, project, content, now=now)


def play(
    projects: ProjectStore,
    cases: CaseStore,
    project: Project,
    content: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Record the past decisions and play the cases, each day moved as the data's day is to today."""
    calendar = cases.reference.calendar()
    moved = _mover(calendar, date.fromisoformat(content["as_of"]), local_day(now))
    catalogue = cases.reference.catalogue_on(local_day(now))
    known = [each for each in content["items"] if each["code"] in catalogue.items]
    past = [
        PastDecision(each["code"], _day(each.get("accepted")), date.fromisoformat(each["decided"]))
        for each in known
        if each["state"] == "completed"
    ]
    record_past_decisions(projects, cases.reference, project.id, past, now=now)
    project = projects.get(project.id)
    items = pick_items(projects, cases.reference, project, now=now)
    for each in known:
        item = items.get(each["code"])
        if each["state"] == "completed" or (item and item.state != "not_started"):
            continue
        told = _Told(
            received=moved(_day(each.get("received") or each.get("accepted"))),
            accepted=moved(_day(each.get("accepted"))),
            asked=moved(_day(each.get("notice_sent"))),
            decided=moved(_day(each.get("decided"))),
            paused=moved(_day(each["pauses"][0][0])) if each.get("pauses") else None,
            missing=tuple(each.get("deferred_materials", ())),
            committed=each["state"] == "committed",
        )
        if told.received is None or told.received > local_day(now):
            continue
        case = receive(
            cases,
            project,
            catalogue.item(each["code"]),
            mode="single",
            case_id=uuid5(NAMESPACE_URL, f"kaigong:demo-case:{project.id}:{each['code']}"),
            at=_at(told.received, _RECEIVED),
        )
        _play_case(case, told, calendar)
        cases.add(case, calendar, at=now)
        follow_case(projects, cases.reference, case, now=now)
    lay_plan(projects, cases.reference, project.id, now=now)


@dataclass(frozen=True)
class _Told:
    """The days of one case, as the data has them."""

    received: date | None
    accepted: date | None
    asked: date | None
    decided: date | None
    paused: date | None
    missing: tuple[str, ...]
    committed: bool


def _play_case(case: Case, told: _Told, calendar: Calendar) -> None:
    applicant, window, reviewer, head = (
        Actor(_account(name), org)
        for name, org in (
            ("demo-applicant", ""),
            ("demo-window", ""),
            ("demo-reviewer", case.org),
            ("demo-head", case.org),
        )
    )
    assert told.received is not None
    case.channel = ONLINE
    case.submit(applicant, at=case.received_at, at_window=False)
    if told.asked:
        missing = told.missing or ("补正材料",)
        case.request_supplement(missing, window, at=_at(told.asked, _REVIEWED))
    if told.accepted:
        case.accept(case.rules.committed, reviewer, at=_at(told.accepted, _REVIEWED))
    if told.paused:
        procedure = next(each for each in case.procedures if each.stops_clock)
        at = _at(told.paused, _REVIEWED)
        days = procedure.max_days or _PAUSE_DAYS
        case.ask_pause(
            procedure.name,
            reviewer,
            starts_on=told.paused,
            expected_end=calendar.add_working_days(told.paused, days),
            reason="",
            calendar=calendar,
            at=at,
        )
        case.decide_pause(True, head, calendar=calendar, at=at + timedelta(hours=1))
    decided = told.decided or (told.accepted if told.committed else None)
    if decided:
        reason = "告知承诺, 事后核查" if told.committed else "超过承诺期限: 材料复核用时"
        case.decide(
            APPROVED,
            reason,
            head,
            open_prerequisites=(),
            calendar=calendar,
            at=_at(decided, _DECIDED),
        )


def _mover(calendar: Calendar, as_of: date, today: date) -> Callable[[date | None], date | None]:
    """Return what moves a day so that it lies as many working days before today as before `as_of`."""
    anchor = calendar.working_day_on_or_before(today)

    def moved(day: date | None) -> date | None:
        if day is None or anchor <= as_of:
            return day
        return calendar.add_working_days(anchor, -calendar.working_days_between(day, as_of))

    return moved


def _account(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"kaigong:account:{name}"))


def _at(day: date, when: time) -> datetime:
    return datetime.combine(day, when, SHANGHAI)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
