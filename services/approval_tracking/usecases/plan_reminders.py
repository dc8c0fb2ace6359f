"""Reminding of a plan by itself: whenever it is laid, which is daily and after every move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from approval_tracking.domain.bodies import Deciders
from approval_tracking.domain.events import PlanNodeReminded, PlanReminded
from approval_tracking.domain.plan_watch import (
    BLOCKED,
    DUE,
    OVERDUE,
    SLIPPED,
    WHOLE,
    Reminder,
    Target,
    news,
    reference,
    reminders,
    slip,
    targets_of,
)
from approval_tracking.plan import Laid, Node
from approval_tracking.store import Project, ProjectStore
from approval_tracking.store.projects import KeptPlan
from chassis.calendar import Calendar, local_day

_OVER = ("withdrawn", "archived")


def remind(
    projects: ProjectStore,
    project: Project,
    laid: Laid,
    calendar: Calendar,
    deciders: Deciders,
    *,
    started: Sequence[str],
    version: int,
    now: datetime,
) -> None:
    """Tell, once each, of nodes that fall due, are late or blocked, and of a slip.

    The first time a plan is laid nothing is told: what is late then was late before Kaigong.
    """
    if project.status in _OVER:
        return
    store, today = projects.reminders, local_day(now)
    told = store.told(project.id)
    first = (SLIPPED, WHOLE) not in told
    baseline = projects.last_baseline(project.id)
    targets = _targets(projects.plan(project.id, baseline)) if baseline else targets_of(laid)
    found = news(reminders(laid, targets, calendar, started=started, today=today), told)
    seen = told.get((SLIPPED, WHOLE))
    slipped = slip(laid, seen, calendar)
    days = {(each.kind, each.node.code): each.day for each in found}
    start = reference(laid, seen, slipped)
    if start and start != seen:
        days[SLIPPED, WHOLE] = start
    store.remember(project.id, days)
    if first:
        return

    def tell(kind: str, nodes: tuple[PlanNodeReminded, ...], **more: date | int | None) -> None:
        whole = {"days": 0, "earliest_before": None, "earliest_after": None, **more}
        store.tell(
            PlanReminded(
                project_id=project.id,
                version=version,
                project_name=project.name,
                region_path=project.region_path,
                level=project.level,
                uscc=project.uscc,
                agents=project.agents,
                kind=kind,
                nodes=nodes,
                planned_start=laid.planned_start,
                **whole,  # type: ignore[arg-type]
            ),
            at=now,
        )

    for kind in (DUE, OVERDUE, BLOCKED):
        of_kind = [each for each in found if each.kind == kind]
        if of_kind:
            tell(kind, tuple(_reminded(each, deciders) for each in of_kind))
    if slipped:
        path = tuple(_on_path(node, calendar, deciders, today) for node in slipped.path)
        tell(
            SLIPPED,
            path,
            days=slipped.days,
            earliest_before=slipped.before,
            earliest_after=slipped.after,
        )


def _targets(baseline: KeptPlan) -> dict[str, Target]:
    return {
        node["item_code"]: Target(
            date.fromisoformat(node["early_start"]), date.fromisoformat(node["early_finish"])
        )
        for node in baseline.content["nodes"]
    }


def _reminded(each: Reminder, deciders: Deciders) -> PlanNodeReminded:
    node = each.node
    return PlanNodeReminded(
        item_code=node.code,
        item_name=node.name,
        org=node.org,
        org_name=deciders.name(node.org) if node.org else "",
        due_on=each.day,
        days_left=each.days_left,
        waits_for=each.waits_for,
    )


def _on_path(node: Node, calendar: Calendar, deciders: Deciders, today: date) -> PlanNodeReminded:
    left = calendar.working_days_between(today, node.early_finish)
    return _reminded(Reminder(SLIPPED, node, node.early_finish, left), deciders)
