"""When a project can start, from how long its items took before, and what would change that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from approval_tracking.domain.catalogue import read_attribute_texts
from approval_tracking.domain.forecast import Forecast, Past, Terms, forecast
from approval_tracking.domain.guidance import read_changes
from approval_tracking.domain.what_if import Change, WhatIfItemUnknown, check
from approval_tracking.store import Project, ProjectStore, Reference
from approval_tracking.usecases.projects import FINAL_STAGE, Ground, survey
from chassis.calendar import Calendar

# How far back a body's work says how it works now.
_YEARS_BACK = 2


@dataclass(frozen=True)
class Prospect:
    """A forecast with what it is about: the items, by code, and the open cases among them."""

    forecast: Forecast
    ground: Ground
    case_ids: dict[str, UUID]


@dataclass(frozen=True)
class Comparison:
    before: Prospect
    after: Prospect


def forecast_project(
    projects: ProjectStore, reference: Reference, project_id: UUID, *, today: date
) -> Prospect:
    """Forecast the project's start as things stand."""
    project = projects.get(project_id)
    ground = survey(projects, reference, project, today)
    return _prospect(projects, project, ground, Terms())


def what_if(
    projects: ProjectStore,
    reference: Reference,
    project_id: UUID,
    changes: Sequence[Change],
    attributes: str,
    *,
    today: date,
) -> Comparison:
    """Forecast as things stand and as they would be: the chances are the same for both."""
    project = projects.get(project_id)
    before = survey(projects, reference, project, today)
    after = before
    if attributes:
        catalogue = before.catalogue
        read = read_changes(catalogue, attributes, field="attributes")
        given = {**read_attribute_texts(project.attributes), **read}
        needed = {item.code for item in catalogue.pick(catalogue.read_attributes(given))}
        after = survey(projects, reference, project, today, needed=needed)
    after, terms = _changed(after, changes)
    return Comparison(
        before=_prospect(projects, project, before, Terms()),
        after=_prospect(projects, project, after, terms),
    )


def _changed(ground: Ground, changes: Sequence[Change]) -> tuple[Ground, Terms]:
    """Return what the plan would be laid from, once every change has been found lawful."""
    items = {item.code: item for item in ground.items}
    beside, not_before, days = set[tuple[str, str]](), dict[str, date](), dict[str, int]()
    for change in changes:
        item = items.get(change.code)
        if item is None or item.done_on:
            raise WhatIfItemUnknown(code=change.code, field="changes")
        if change.code in ground.catalogue.items:
            check(
                change,
                ground.catalogue.item(change.code),
                started=item.started_on is not None,
                needed=items,
                today=ground.today,
            )
        elif change.kind == "parallel" and change.prerequisite not in item.after:
            raise WhatIfItemUnknown(code=change.prerequisite, field="changes")
        match change.kind:
            case "parallel":
                beside.add((change.code, change.prerequisite))
            case "shorten":
                days[change.code] = change.days
            case "drop":
                del items[change.code]
            case "defer" if change.until:
                not_before[change.code] = change.until
    kept = tuple(item for item in ground.items if item.code in items)
    return replace(ground, items=kept), Terms(frozenset(beside), not_before, days)


def _prospect(projects: ProjectStore, project: Project, ground: Ground, terms: Terms) -> Prospect:
    forecasted = forecast(
        ground.items,
        ground.calendar,
        _past(projects, ground),
        today=ground.today,
        gates=ground.catalogue.start_gates,
        final_stage=FINAL_STAGE,
        planned_start=ground.planned_start,
        terms=terms,
        # The project's own chances: asked twice on a day, it answers the same.
        seed=project.id.int % 2**32,
    )
    items = projects.items(project.id)
    cases = {code: item.case_id for code, item in items.items() if item.case_id}
    return Prospect(forecasted, ground, cases)


def _past(projects: ProjectStore, ground: Ground) -> dict[str, Past]:
    """Return how long the open items took before, in working days."""
    orgs = {item.code: item.org for item in ground.items if not item.done_on}
    since = ground.today.replace(year=ground.today.year - _YEARS_BACK, day=1)
    since = max(since, ground.calendar.first_day)
    own: dict[str, list[int]] = {}
    others: dict[str, list[int]] = {}
    for each in projects.durations.recent(list(orgs), since=since, until=ground.today):
        taken = _taken(each.started_on, each.decided_on, ground.calendar)
        mine = each.org == orgs[each.code]
        (own if mine else others).setdefault(each.code, []).append(taken)
    return {code: Past(tuple(own.get(code, ())), tuple(others.get(code, ()))) for code in orgs}


def _taken(started: date, decided: date, calendar: Calendar) -> int:
    first = max(started, calendar.first_day)
    return max(calendar.working_days_between(first, max(decided, first)), 0)
