"""What a project needs and by when: kept up to date as the project and its cases move."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import APPROVED
from approval_tracking.domain.catalogue import Catalogue, Item, read_attribute_texts
from approval_tracking.domain.clock import whole_days
from approval_tracking.domain.events import PlanBaselined, PlanNode
from approval_tracking.domain.plan_shape import Shape
from approval_tracking.plan import Laid, PlanItem, lay
from approval_tracking.store import CaseStore, Project, ProjectItem, ProjectStore, Reference
from approval_tracking.store.projects import KeptPlan, PastDecision
from approval_tracking.usecases.data import committed_limit
from approval_tracking.usecases.plan_reminders import remind
from chassis.calendar import Calendar, local_day
from chassis.events import plain

FINAL_STAGE = "S6"
# A plan looks this many years past what the project itself plans, which is no more than so many ahead.
_PLAN_YEARS, _MOST_YEARS = 3, 20


def take_project(
    projects: ProjectStore, cases: CaseStore, state: Mapping[str, Any], *, now: datetime
) -> Project | None:
    """Keep what the registry says of a project, pick its items and lay its plan; None when outdated."""
    if not projects.take(state):
        return None
    project = projects.get(UUID(state["project_id"]), lock=True)
    pick_items(projects, cases.reference, project, now=now)
    for case_id in cases.open_of(project.id):
        held = cases.hold(case_id, today=local_day(now))
        if held.case.follow_project(
            name=project.name,
            region_path=project.region_path,
            level=project.level,
            uscc=project.uscc,
            agents=project.agents,
        ):
            cases.save(held.case, held.calendar, at=now)
    projects.share_scope(project)
    lay_plan(projects, cases.reference, project.id, now=now)
    return project


def record_past_decisions(
    projects: ProjectStore,
    reference: Reference,
    project_id: UUID,
    decisions: list[PastDecision],
    *,
    now: datetime,
) -> None:
    """Mark items as decided before Kaigong; they may be told of before the project itself is."""
    projects.remember(project_id, decisions)
    project = projects.find(project_id)
    if project is not None:
        project = projects.get(project_id, lock=True)
        pick_items(projects, reference, project, now=now)


def pick_items(
    projects: ProjectStore, reference: Reference, project: Project, *, now: datetime
) -> dict[str, ProjectItem]:
    """Apply the catalogue's rules to the project's attributes; what is under way or done stays."""
    catalogue = reference.catalogue_on(local_day(now))
    attributes = catalogue.read_attributes(read_attribute_texts(project.attributes))
    needed = {item.code for item in catalogue.pick(attributes)}
    before, past = projects.items(project.id), projects.past_decisions(project.id)
    items: dict[str, ProjectItem] = {}
    for code in sorted(needed | before.keys() | past.keys()):
        if code not in catalogue.items:
            continue
        item = before.get(code, ProjectItem(code))
        decided = past.get(code)
        if decided and item.case_id is None:
            item = replace(
                item,
                state="done",
                started_on=decided.accepted_on,
                done_on=decided.decided_on,
                historical=True,
            )
        # What was decided counts, whether or not today's attributes would ask for it.
        items[code] = replace(item, applicable=code in needed or item.state != "not_started")
    if items != before or catalogue.version != project.catalogue:
        _put(projects, project, items, catalogue, now=now)
    return items


def follow_catalogue(
    projects: ProjectStore, reference: Reference, *, most: int, now: datetime
) -> int:
    """Pick anew the items of projects under another catalogue than today's; return how many."""
    due = projects.under_another_catalogue(reference.version_on(local_day(now)), most=most)
    for project_id in due:
        pick_items(projects, reference, projects.get(project_id), now=now)
    return len(due)


def follow_case(projects: ProjectStore, reference: Reference, case: Case, *, now: datetime) -> None:
    """Take over how far a case has brought its item, and how long it took."""
    projects.durations.follow(case)
    project = projects.find(case.project_id)
    if project is None:
        return
    project = projects.get(case.project_id, lock=True)
    items = projects.items(project.id)
    item = items.get(case.item_code, ProjectItem(case.item_code))
    ended = case.story.ended
    if ended is None:
        moved = replace(
            item, state="in_progress", started_on=local_day(case.received_at), done_on=None
        )
    elif case.outcome == APPROVED and case.status != "revoked":
        moved = replace(item, state="done", done_on=ended.on)
    else:
        moved = replace(item, state="not_started", started_on=None, done_on=None)
    moved = replace(moved, applicable=True, case_id=case.id, historical=case.historical)
    if moved != item:
        catalogue = reference.catalogue(project.catalogue)
        _put(projects, project, {**items, case.item_code: moved}, catalogue, now=now)


def _put(
    projects: ProjectStore,
    project: Project,
    items: Mapping[str, ProjectItem],
    catalogue: Catalogue,
    *,
    now: datetime,
) -> None:
    projects.put_items(
        project,
        items,
        stages={code: item.stage for code, item in catalogue.items.items()},
        order=catalogue.order,
        catalogue=catalogue.version,
        at=now,
    )


# --- plans ----------------------------------------------------------------------------------------


def lay_plan(
    projects: ProjectStore, reference: Reference, project_id: UUID, *, now: datetime
) -> KeptPlan:
    """Lay the plan from today on. A plan that comes out as it was is neither written nor told again."""
    project, today = projects.get(project_id, lock=True), local_day(now)
    ground = survey(projects, reference, project, today)
    laid = ground.lay()
    before = projects.find_plan(project.id)
    plan = _plan_fact(project.id, laid, ground)
    projects.mark_laid(project.id, today)
    remind(
        projects,
        project,
        laid,
        ground.calendar,
        reference.deciders(today),
        started=[item.code for item in ground.items if item.started_on],
        version=before.version if before else 0,
        now=now,
    )
    if before and {**before.content, "version": 0} == plain(plan):
        return before
    return projects.put_plan(
        plan,
        seen=before.version if before else 0,
        provisional=laid.provisional,
        catalogue=ground.catalogue.version,
        laid_on=today,
        at=now,
    )


@dataclass(frozen=True)
class Ground:
    """What a project's plan is laid from."""

    items: tuple[PlanItem, ...]
    catalogue: Catalogue
    calendar: Calendar
    today: date
    planned_start: date | None
    planned_completion: date | None

    def lay(self) -> Laid:
        return lay(
            self.items,
            self.calendar,
            today=self.today,
            gates=self.catalogue.start_gates,
            final_stage=FINAL_STAGE,
            planned_start=self.planned_start,
            planned_completion=self.planned_completion,
        )


def survey(
    projects: ProjectStore,
    reference: Reference,
    project: Project,
    today: date,
    *,
    needed: Container[str] | None = None,
    shaped: bool = True,
) -> Ground:
    """Return the project's items with their promises and how far they are; `needed` picks others.

    `shaped` has the plan as the project made it its own.
    """
    catalogue = reference.catalogue(project.catalogue)
    items = projects.items(project.id)
    if needed is not None:
        items = {
            code: replace(
                items.get(code, ProjectItem(code)),
                applicable=code in needed or (code in items and items[code].state != "not_started"),
            )
            for code in catalogue.items
        }
    dues = projects.open_dues(project.id)
    city = project.region_path.split("/")[0]
    horizon = date(today.year + _MOST_YEARS, 12, 31)
    start, completion = (
        min(day, horizon) if day else None
        for day in (project.planned_start, project.planned_completion)
    )
    last = max(day for day in (today, start, completion) if day)
    deciders = reference.deciders(today)
    plan_items = []
    for code, item in sorted(items.items(), key=lambda pair: catalogue.order.get(pair[0], 0)):
        if not item.applicable or code not in catalogue.items:
            continue
        entry = catalogue.items[code]
        org = deciders.org(entry, project.region_path)
        days, unit = _duration(reference, entry, org.split(":")[0], city, today)
        plan_items.append(
            PlanItem(
                code=code,
                name=entry.name,
                stage=entry.stage,
                org=org,
                days=days,
                unit=unit,
                after=entry.prerequisites,
                done_on=item.done_on if item.state == "done" else None,
                started_on=item.started_on if item.state != "not_started" else None,
                due=dues.get(code),
            )
        )
    shape = projects.edits.shape(project.id) if shaped else Shape()
    return Ground(
        items=shape.applied(plan_items),
        catalogue=catalogue,
        calendar=reference.calendar_reaching(last.year + _PLAN_YEARS),
        today=today,
        planned_start=start,
        planned_completion=completion,
    )


def _duration(
    reference: Reference, item: Item, region: str, city: str, today: date
) -> tuple[int, str]:
    """Return how long an item takes: as promised, else as the law allows, else no time."""
    promised = committed_limit(reference, item, region, city, today=today)
    limit = promised if promised.days is not None else item.statutory
    return whole_days(limit), limit.unit or "working"


def _plan_fact(project_id: UUID, laid: Laid, ground: Ground) -> PlanBaselined:
    return PlanBaselined(
        project_id=project_id,
        version=0,
        baseline=0,
        planned_start=laid.planned_start,
        earliest_start=laid.earliest_start,
        slack_days=laid.slack_days,
        critical_path=laid.critical_path,
        nodes=tuple(
            PlanNode(
                item_code=node.code,
                item_name=node.name,
                stage=node.stage,
                org=node.org,
                duration_days=node.duration_days,
                early_start=node.early_start,
                early_finish=node.early_finish,
                late_start=node.late_start,
                late_finish=node.late_finish,
                slack_days=node.slack_days,
                critical=node.critical,
                after=node.after,
                done_on=node.done_on,
                own=node.code not in ground.catalogue.items,
            )
            for node in laid.nodes
        ),
        calendar_version=ground.calendar.version,
    )
