"""Report what was invested, and read it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from chassis.calendar import local_day
from project_registry.domain.errors import ProjectWithdrawn
from project_registry.domain.investments import Report
from project_registry.store import Registry
from project_registry.usecases.projects import Caller, check_scope


def report_investment(
    registry: Registry,
    project_id: UUID,
    year: int,
    month: int,
    completed_wan: Decimal,
    visual_progress: str,
    caller: Caller,
    *,
    now: datetime,
) -> Report:
    project = registry.projects.get(project_id)
    check_scope(project, caller.scope)
    if project.status == "withdrawn":
        raise ProjectWithdrawn(name=project.details.name, on=project.withdrawn_on)
    known = registry.investments.of_project(project_id)
    report = next(
        (each for each in known if (each.year, each.month) == (year, month)),
        Report(project_id, year, month, Decimal(0)),
    )
    earlier = [each for each in known if each.year == year and each.month < month]
    report.tell(
        completed_wan,
        visual_progress,
        planned_wan=project.details.annual_plan_wan,
        before=earlier[0].newest.completed_wan if earlier else Decimal(0),
        today=local_day(now),
        actor=caller.actor,
        at=now,
    )
    registry.investments.save(report, project, at=now)
    return report
