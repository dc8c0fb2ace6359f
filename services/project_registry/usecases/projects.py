"""What people do with projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import regions
from chassis.calendar import local_day
from chassis.errors import FieldInvalid
from chassis.identity import Scope
from project_registry.domain.authority import Desk
from project_registry.domain.details import Details, faults, read_attributes
from project_registry.domain.errors import NotTheAdministrator, StageSchemeNotFound
from project_registry.domain.projects import Actor, Past, Project, refuse
from project_registry.domain.reference import Fault, items
from project_registry.store import Registry


@dataclass(frozen=True)
class Caller:
    """Who asks: for the history, for the row scope, and where he sits."""

    actor: Actor
    scope: Scope
    desk: Desk


def register_project(
    registry: Registry,
    project_id: UUID,
    said: Details,
    attributes: Mapping[str, str],
    caller: Caller,
    *,
    now: datetime,
) -> Project:
    details = with_attributes(said, attributes)
    refuse(list(faults(details)))
    caller.desk.may_enter(details.level, regions.path_of(details.managing_region))
    registry.projects.lock_names()
    project = Project(project_id, details, registry.reference.scheme())
    if "B1" in caller.desk.roles:
        # A navigator sees what is bound to him, so what he enters is his until it is assigned.
        project.agents, project.agent_names = (caller.actor.account,), (caller.actor.name,)
    registry.projects.refuse_taken(project)
    project.register(caller.actor)
    registry.projects.add(project, at=now)
    return project


def update_project(
    registry: Registry,
    project_id: UUID,
    said: Mapping[str, Any],
    attributes: Mapping[str, str],
    caller: Caller,
    *,
    expected_version: int,
    now: datetime,
) -> Project:
    """Set the fields in `said` and the attributes; what they do not name stays as it is."""
    renamed = any(name in said for name in ("name", "code", "year", "level"))
    if renamed:
        # Before the project's own lock: an import takes them in this order.
        registry.projects.lock_names()
    project = _mine(registry, project_id, caller, expected_version)
    details = with_attributes(replace(project.details, **said), attributes)
    if details == project.details:
        return project
    refuse(list(faults(details)))
    caller.desk.may_adjust(project.details, details, caller.actor.reason)
    project.amend(details, caller.actor, today=local_day(now))
    if renamed:
        registry.projects.refuse_taken(project)
    registry.projects.save(project, at=now)
    return project


def withdraw_project(
    registry: Registry,
    project_id: UUID,
    caller: Caller,
    *,
    expected_version: int,
    now: datetime,
) -> Project:
    project = _seen(registry, project_id, caller.scope)
    caller.desk.may_withdraw(project.details.level)
    project.expect(expected_version)
    project.withdraw(caller.actor, today=local_day(now))
    registry.projects.save(project, at=now)
    return project


def archive_project(
    registry: Registry,
    project_id: UUID,
    caller: Caller,
    *,
    expected_version: int,
    now: datetime,
) -> Project:
    project = _seen(registry, project_id, caller.scope)
    caller.desk.may_withdraw(project.details.level)
    project.expect(expected_version)
    project.archive(caller.actor, today=local_day(now))
    registry.projects.save(project, at=now)
    return project


def set_actual_start(
    registry: Registry,
    project_id: UUID,
    on: date,
    caller: Caller,
    *,
    expected_version: int,
    now: datetime,
) -> Project:
    project = _mine(registry, project_id, caller, expected_version)
    project.start(on, caller.actor, today=local_day(now))
    registry.projects.save(project, at=now)
    return project


def record_past_decisions(
    registry: Registry,
    project_id: UUID,
    decisions: Iterable[Past],
    caller: Caller,
    *,
    expected_version: int,
    now: datetime,
) -> tuple[Project, list[Past]]:
    """Return the project and what was new."""
    project = _mine(registry, project_id, caller, expected_version)
    new = project.record_past(decisions, caller.actor, today=local_day(now))
    if new:
        registry.projects.save(project, at=now)
    return project, new


def choose_stage_scheme(registry: Registry, scheme: str, caller: Caller, *, now: datetime) -> int:
    """Derive every project's stage by another scheme; return how many stages have another code."""
    if "S1" not in caller.desk.roles:
        raise NotTheAdministrator()
    if scheme not in items().schemes:
        raise StageSchemeNotFound(scheme=scheme, field="scheme")
    # New projects would be missed otherwise.
    registry.projects.lock_names()
    registry.reference.choose_scheme(scheme)
    return _batches(lambda: _follow_scheme(registry, scheme, caller.actor, now))


def _follow_scheme(registry: Registry, scheme: str, actor: Actor, now: datetime) -> tuple[int, int]:
    ids = registry.projects.ids_of_other_schemes(scheme, limit=500)
    moved = 0
    for project in registry.projects.by_ids(ids).values():
        before = project.stage
        project.follow_scheme(scheme, replace(actor, source="scheme"), today=local_day(now))
        moved += project.stage != before
        registry.projects.save(project, at=now)
    return len(ids), moved


def _batches(take: Callable[[], tuple[int, int]]) -> int:
    total = 0
    while True:
        taken, counted = take()
        if not taken:
            return total
        total += counted


def _seen(registry: Registry, project_id: UUID, scope: Scope) -> Project:
    project = registry.projects.get(project_id)
    check_scope(project, scope)
    return project


def check_scope(project: Project, scope: Scope) -> None:
    scope.check(
        region_path=project.region_path,
        level=project.details.level,
        uscc=project.details.uscc,
        agents=project.agents,
        project_id=str(project.id),
    )


def _mine(registry: Registry, project_id: UUID, caller: Caller, expected_version: int) -> Project:
    project = _seen(registry, project_id, caller.scope)
    caller.desk.may_change(project.details.level)
    project.expect(expected_version)
    return project


def with_attributes(said: Details, given: Mapping[str, str]) -> Details:
    amount = "total_investment_wan"
    values, wrong = read_attributes(given, onto=said.attributes)
    if amount in given and not wrong and float(values[amount]) != float(said.total_investment_wan):
        wrong.append(
            Fault(
                f"attributes.{amount}",
                "FOLLOWS_FROM_AMOUNT",
                "由总投资得出, 请修改 total_investment_wan",
                "follows from total_investment_wan, set that",
            )
        )
    refuse(wrong)
    return replace(said, attributes=values).settled()


def refuse_unknown_fields(fields: Iterable[str], known: Iterable[str]) -> None:
    allowed = set(known)
    for place, name in enumerate(fields):
        if name not in allowed and not name.startswith("attributes."):
            raise FieldInvalid(
                field=f"fields[{place}]",
                zh_why=f"没有字段 {name}",
                en_why=f"there is no field {name}",
            )
