"""Editing a project's plan, and templates of what districts add to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.plan_errors import NothingOfItsOwn, TemplateUnknown
from approval_tracking.domain.plan_shape import (
    DONE,
    Bench,
    EditMade,
    PlanEdit,
    Shape,
    edited,
    from_template,
)
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.store.plan_edits import PlanEditStore, Template
from approval_tracking.store.projects import KeptPlan
from approval_tracking.usecases.projects import FINAL_STAGE, lay_plan, survey
from chassis.calendar import local_day
from chassis.errors import Stale
from chassis.identity import Principal

_COMPANY_SIDE = ("E1", "E2", "B1", "B2", "B3")


def edit_plan(
    projects: ProjectStore,
    reference: Reference,
    project_id: UUID,
    asked: Sequence[PlanEdit],
    *,
    reason: str,
    expected_edits: int = 0,
    principal: Principal,
    now: datetime,
) -> tuple[KeptPlan, Shape, int]:
    """Make all edits or none, and lay the draft anew."""
    project, today = projects.get(project_id, lock=True), local_day(now)
    edits = projects.edits.edits(project_id)
    if expected_edits and len(edits) != expected_edits:
        raise Stale(subject=project_id, version=len(edits), expected=expected_edits)
    shape = Shape.of(each.edit for each in edits)
    ground = survey(projects, reference, project, today, shaped=False)
    bench = Bench(
        items=ground.items,
        catalogue=ground.catalogue,
        final_stage=FINAL_STAGE,
        today=today,
        side=principal.has_role(*_COMPANY_SIDE),
        org=principal.org,
    )
    made = []
    for place, each in enumerate(asked):
        if each.kind == DONE and each.done_on is None:
            each = replace(each, done_on=today)
        shape, whole = edited(shape, each, bench, field=f"edits[{place}]")
        made.append(EditMade(len(edits) + place + 1, whole, reason, principal.account_id, now))
    projects.edits.add(project_id, made)
    return lay_plan(projects, reference, project_id, now=now), shape, len(edits) + len(made)


def save_template(
    projects: ProjectStore,
    project_id: UUID,
    name: str,
    *,
    template_id: UUID,
    principal: Principal,
    now: datetime,
) -> Template:
    """Keep the project's own nodes, open again, for the other projects of its district."""
    project = projects.get(project_id)
    shape = projects.edits.shape(project_id)
    if not shape.own:
        raise NothingOfItsOwn
    nodes = tuple(replace(node, done_on=None) for node in shape.own.values())
    template = Template(
        template_id, _district(project.region_path), name, nodes, principal.account_id, now
    )
    projects.edits.keep(template)
    return template


def templates_for(edits: PlanEditStore, region_path: str) -> list[Template]:
    """Return the templates of a district and of those above it."""
    return edits.templates([part for part in region_path.split("/") if part])


def apply_template(
    projects: ProjectStore,
    reference: Reference,
    project_id: UUID,
    template_id: UUID,
    *,
    reason: str,
    principal: Principal,
    now: datetime,
) -> tuple[KeptPlan, Shape, int]:
    project = projects.get(project_id, lock=True)
    template = projects.edits.template(template_id)
    if template.region not in project.region_path.split("/"):
        raise TemplateUnknown(template_id=template_id, field="template_id")
    ground = survey(projects, reference, project, local_day(now))
    edits = from_template(projects.edits.shape(project_id), template.nodes, ground.items)
    return edit_plan(
        projects, reference, project_id, edits, reason=reason, principal=principal, now=now
    )


def _district(region_path: str) -> str:
    parts = region_path.split("/")
    return parts[1] if len(parts) > 1 else parts[0]
