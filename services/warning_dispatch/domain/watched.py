"""What is watched beside cases and projects: plans, themes, licences, ratings, reports of investment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.calendar import SHANGHAI, local_day
from chassis.events import instant, read_instant
from warning_dispatch.domain.facts import Bearer, Project, body_name

PLAN, THEME, LICENCE, RATING, INVESTMENT = "plan", "theme", "licence", "rating", "investment"
# Where each sort of watched facts keeps the project that it belongs to is the same: `project_id`.
WATCHED = (PLAN, THEME, LICENCE, RATING, INVESTMENT)
_MOST_SLACKS = 200


@dataclass(frozen=True)
class Node:
    """A node of a frozen plan 数轴图节点: when it was to be done, and when it was."""

    code: str
    name: str
    org: str
    finish: date
    after: tuple[str, ...]
    done_at: datetime | None


@dataclass(frozen=True)
class Plan:
    """A project's frozen plan, held against what comes of it. `slacks` are its slack since each moment."""

    id: UUID
    bearer: Bearer
    baseline: int
    nodes: tuple[Node, ...]
    slacks: tuple[tuple[datetime, int], ...]
    planned_start: date | None
    has_started: bool


@dataclass(frozen=True)
class Theme:
    """An application for a theme 一件事 with its own clock. No due day is known while that stands still."""

    id: UUID
    bearer: Bearer
    statutory_due: date | None
    target_due: date | None
    extended: bool
    is_open: bool
    ended_at: datetime | None

    @property
    def stands_still(self) -> bool:
        return self.is_open and self.statutory_due is None


@dataclass(frozen=True)
class Licence:
    """A licence that came of an approval 证照."""

    id: UUID
    bearer: Bearer
    name: str
    number: str
    valid_until: date


@dataclass(frozen=True)
class Rating:
    """What a company said of how it was served 评价, from 1 (very bad) to 5."""

    id: UUID
    bearer: Bearer
    score: int
    rated_at: datetime
    contacted_at: datetime | None


@dataclass(frozen=True)
class Investment:
    """The newest report of what was invested since January, against the year's plan."""

    id: UUID
    bearer: Bearer
    year: int
    month: int
    reported_at: datetime
    # behind is by how many percentage points it lags an even pace 序时进度.
    behind: Decimal


Watched = Plan | Theme | Licence | Rating | Investment


def read_watched(kind: str, state: Mapping[str, Any], project: Project) -> Watched | None:
    """Return what the state tells, None where nothing of it is (or is any longer) to be watched."""
    if kind != RATING and not project.is_active:
        return None
    return _READERS[kind](state, project)


# --- a plan is told again and again: the baseline stands, what is done and the slack move --------


def follow_plan(
    known: Mapping[str, Any], told: Mapping[str, Any], *, at: datetime
) -> dict[str, Any] | None:
    """Return what is kept of a plan after it was told as it is at `at`, None when it is old news."""
    state = {"version": 0, "baseline": 0, "nodes": [], "done": {}, "slacks": [], **known}
    version, baseline = int(told["version"]), int(told["baseline"])
    freezes = baseline > state["baseline"]
    if version <= state["version"] and not freezes:
        return None
    if freezes:
        state["baseline"] = baseline
        state["nodes"] = [
            {name: each[name] for name in ("item_code", "item_name", "org", "after")}
            | {"finish": each["early_finish"]}
            for each in told["nodes"]
        ]
    if version > state["version"]:
        before = state["done"]
        done = {each["item_code"]: each["done_on"] for each in told["nodes"] if each["done_on"]}
        state["done"] = {
            code: before.get(code) or instant(_done_at(day, at)) for code, day in done.items()
        }
        if state["baseline"]:
            state["slacks"] = _with_slack(state["slacks"], int(told["slack_days"]), at)
        state["version"], state["planned_start"] = version, told.get("planned_start")
    state["project_id"] = told["project_id"]
    return state


def _done_at(day: str, told_at: datetime) -> datetime:
    """Return the moment of the news where it came the same day, else the end of the day."""
    done = date.fromisoformat(day)
    end = datetime.combine(done + timedelta(days=1), time.min, SHANGHAI)
    return told_at if local_day(told_at) == done else end


def _with_slack(slacks: Sequence[list[Any]], days: int, at: datetime) -> list[list[Any]]:
    if slacks and slacks[-1][1] == days:
        return list(slacks)
    return [*slacks, [instant(at), days]][-_MOST_SLACKS:]


# --- readers -----------------------------------------------------------------------------------


def _plan(state: Mapping[str, Any], project: Project) -> Plan | None:
    if not state["baseline"]:
        return None
    return Plan(
        id=project.id,
        bearer=project.bearer,
        baseline=int(state["baseline"]),
        nodes=tuple(
            Node(
                code=each["item_code"],
                name=each["item_name"],
                org=each["org"],
                finish=date.fromisoformat(each["finish"]),
                after=tuple(each["after"]),
                done_at=_instant(state["done"].get(each["item_code"])),
            )
            for each in state["nodes"]
        ),
        slacks=tuple((read_instant(at), int(days)) for at, days in state["slacks"]),
        planned_start=_day(state.get("planned_start")),
        has_started=project.has_started,
    )


def _theme(state: Mapping[str, Any], project: Project) -> Theme | None:
    if state["mode"] != "theme" or not state["started_on"]:
        return None
    is_open = not state["ended_on"] and state["status"] != "done"
    return Theme(
        id=UUID(state["application_id"]),
        bearer=replace(
            project.bearer,
            org=state["lead_org"] or project.bearer.org,
            org_name=state["lead_org_name"] or project.bearer.org_name,
            duty_bearer="authority",
            item_code=state["theme"],
            item_name=state["theme_name"],
        ),
        statutory_due=_day(state["statutory_due"]),
        target_due=_day(state["target_due"]),
        extended=bool(state["extended"]),
        is_open=is_open,
        ended_at=None if is_open else read_instant(state["at"]),
    )


def _licence(state: Mapping[str, Any], project: Project) -> Licence | None:
    if state["state"] != "in_force" or not state["valid_until"]:
        return None
    if state["until_start"] and project.has_started:
        return None
    return Licence(
        id=UUID(state["licence_id"]),
        bearer=replace(
            project.bearer,
            duty_bearer="enterprise",
            item_code=state["item_code"],
            item_name=state["name"],
        ),
        name=state["name"],
        number=state["number"],
        valid_until=date.fromisoformat(state["valid_until"]),
    )


def _rating(state: Mapping[str, Any], project: Project) -> Rating:
    org = state["org"] or project.bearer.org
    return Rating(
        id=UUID(state["rating_id"]),
        bearer=replace(
            project.bearer,
            org=org,
            org_name=body_name(org),
            duty_bearer="authority",
            item_name="服务评价",
        ),
        score=int(state["score"]),
        rated_at=read_instant(state["rated_at"]),
        contacted_at=_instant(state["contacted_at"]),
    )


def _investment(state: Mapping[str, Any], project: Project) -> Investment | None:
    planned = Decimal(state["planned_wan"] or 0)
    if planned <= 0:
        return None
    even = Decimal(100) * state["month"] / 12
    return Investment(
        id=project.id,
        bearer=replace(project.bearer, item_name="投资进度"),
        year=int(state["year"]),
        month=int(state["month"]),
        reported_at=read_instant(state["reported_at"]),
        behind=even - Decimal(100) * Decimal(state["completed_wan"]) / planned,
    )


_READERS = {
    PLAN: _plan,
    THEME: _theme,
    LICENCE: _licence,
    RATING: _rating,
    INVESTMENT: _investment,
}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _instant(text: str | None) -> datetime | None:
    return read_instant(text) if text else None
