"""Changes of the library 动态管理 and the carry-over of a year 年度结转 (article 10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import regions
from chassis.calendar import local_day
from chassis.errors import FieldInvalid
from project_registry.domain.details import CITY_LEVELS, DISTRICT_LEVEL, Details, faults
from project_registry.domain.dynamics import (
    ADD,
    ADJUST,
    APPROVED,
    KINDS,
    MERGE,
    REMOVE,
    RENAME,
    SPLIT,
    Asked,
    ChangeRequest,
    check_asker,
)
from project_registry.domain.errors import NotYourCompany, ProjectArchived, ProjectWithdrawn
from project_registry.domain.projects import Actor, Project, refuse
from project_registry.store import Registry
from project_registry.usecases.projects import Caller, check_scope, with_attributes


@dataclass(frozen=True)
class Reading:
    """How details that were asked for are read: the fields of the domain, and the attributes."""

    fields: Callable[[Mapping[str, Any], tuple[str, ...] | None], dict[str, Any]]
    attributes: Callable[[Mapping[str, Any]], Mapping[str, str]]

    def whole(self, told: Mapping[str, Any]) -> Details:
        return with_attributes(Details(**self.fields(told, None)), self.attributes(told))

    def onto(self, old: Details, told: Mapping[str, Any], names: tuple[str, ...]) -> Details:
        said = self.fields(told, names)
        asked = self.attributes(told) if "attributes" in names else {}
        return with_attributes(replace(old, **said), asked)


def ask_change(
    registry: Registry,
    change_id: UUID,
    asked: Asked,
    reading: Reading,
    caller: Caller,
    *,
    companies: frozenset[str],
    now: datetime,
) -> ChangeRequest:
    """Ask for a change; what could never be done is refused now and not when it is decided."""
    check_asker(asked.kind, caller.desk.roles)
    asked.check()
    if asked.project_id is None:
        assert asked.details is not None
        details = reading.whole(asked.details)
        refuse(list(faults(details)))
        if caller.desk.roles <= {"E1", "E2"} and details.uscc not in companies:
            raise NotYourCompany(field="details.uscc")
        # A navigator sees what is bound to him.
        agents: tuple[str, ...] = (caller.actor.account,) if "B1" in caller.desk.roles else ()
        path = regions.path_of(details.managing_region)
    else:
        project = registry.projects.get(asked.project_id)
        check_scope(project, caller.scope)
        _refuse_over(project)
        _check(registry, asked, project, reading, caller)
        details, agents, path = project.details, project.agents, project.region_path
    change = ChangeRequest(
        id=change_id,
        asked=asked,
        project_name=details.name,
        region_path=path,
        level=details.level,
        uscc=details.uscc,
        agents=agents,
        reason=caller.actor.reason,
        asked_by=caller.actor.account,
        asked_by_name=caller.actor.name,
        asked_at=now,
    )
    registry.changes.add(change)
    return change


def decide_change(
    registry: Registry,
    change_id: UUID,
    approved: bool,
    note: str,
    reading: Reading,
    caller: Caller,
    *,
    new_id: Callable[[], UUID],
    now: datetime,
) -> ChangeRequest:
    """Decide; an approved change is done in the same transaction, or is not approved."""
    # Before any project's own lock: an import takes them in this order.
    registry.projects.lock_names()
    change = registry.changes.get(change_id)
    caller.scope.check(
        region_path=change.region_path,
        level=change.level,
        uscc=change.uscc,
        agents=change.agents,
    )
    caller.desk.may_withdraw(change.level)
    change.decide(approved, note, caller.actor, at=now)
    project_id = change.asked.project_id
    if change.status == APPROVED:
        why = f"{KINDS[change.asked.kind]}: {change.reason}"
        actor = Actor(caller.actor.account, caller.actor.name, "change", why)
        change.made = _do(registry, change.asked, reading, actor, new_id=new_id, now=now)
        if change.asked.kind == ADD:
            (project_id,) = change.made
    registry.changes.save(change, project_id=project_id, at=now)
    return change


def _do(
    registry: Registry,
    asked: Asked,
    reading: Reading,
    actor: Actor,
    *,
    new_id: Callable[[], UUID],
    now: datetime,
) -> tuple[UUID, ...]:
    """Do what was approved; return the projects that came of it."""
    today = local_day(now)
    if asked.project_id is None:
        assert asked.details is not None
        return (_enter(registry, new_id(), reading.whole(asked.details), actor, now=now),)
    project = registry.projects.get(asked.project_id)
    made: tuple[UUID, ...] = ()
    if asked.kind in (ADJUST, RENAME):
        assert asked.details is not None
        details = reading.onto(project.details, asked.details, asked.fields)
        project.amend(details, actor, today=today)
        registry.projects.refuse_taken(project)
    elif asked.kind == REMOVE:
        project.withdraw(actor, today=today)
    elif asked.kind == MERGE:
        others = [registry.projects.get(each, field="other_ids") for each in asked.other_ids]
        for other in others:
            other.become([project.id], actor, today=today)
            registry.projects.save(other, at=now)
        project.absorb([each.id for each in others], actor, today=today)
    elif asked.kind == SPLIT:
        made = tuple(
            _enter(
                registry,
                new_id(),
                reading.whole(part),
                actor,
                now=now,
                predecessors=(project.id,),
                like=project,
            )
            for part in asked.parts
        )
        project.become(made, actor, today=today)
    registry.projects.save(project, at=now)
    return made


def _enter(
    registry: Registry,
    project_id: UUID,
    details: Details,
    actor: Actor,
    *,
    now: datetime,
    predecessors: tuple[UUID, ...] = (),
    like: Project | None = None,
) -> UUID:
    """Enter a project; the part of a split keeps the navigators of the whole."""
    project = Project(
        project_id,
        details,
        registry.reference.scheme(),
        agents=like.agents if like else (),
        agent_names=like.agent_names if like else (),
        predecessors=predecessors,
    )
    registry.projects.refuse_taken(project)
    project.register(actor)
    registry.projects.add(project, at=now)
    return project_id


def _check(
    registry: Registry, asked: Asked, project: Project, reading: Reading, caller: Caller
) -> None:
    if asked.kind in (ADJUST, RENAME):
        assert asked.details is not None
        details = reading.onto(project.details, asked.details, asked.fields)
        refuse(list(faults(details)))
        if details == project.details:
            raise FieldInvalid(
                field="fields", zh_why="与现有内容相同", en_why="it says this already"
            )
    for place, each in enumerate(asked.other_ids):
        other = registry.projects.get(each, field=f"other_ids[{place}]")
        check_scope(other, caller.scope)
        _refuse_over(other)
        if other.details.level != project.details.level:
            raise FieldInvalid(
                field=f"other_ids[{place}]",
                zh_why="并项须为同一级别的项目",
                en_why="only projects of one level are merged",
            )
    for place, part in enumerate(asked.parts):
        details = reading.whole(part)
        wrong = list(faults(details))
        if wrong:
            raise FieldInvalid(
                field=f"parts[{place}].{wrong[0].field}",
                zh_why=wrong[0].zh,
                en_why=wrong[0].en,
            )
        if details.level != project.details.level:
            raise FieldInvalid(
                field=f"parts[{place}].level",
                zh_why="拆分后的项目级别不变",
                en_why="the parts of a project have its level",
            )


def _refuse_over(project: Project) -> None:
    if project.withdrawn_on is not None:
        raise ProjectWithdrawn(name=project.details.name, on=project.withdrawn_on)
    if project.archived_on is not None:
        raise ProjectArchived(name=project.details.name, on=project.archived_on)


# --- the turn of the year ----------------------------------------------------------------------------


@dataclass(frozen=True)
class CarriedOver:
    """What was, or would be, carried over, and what stays with the reason in Chinese."""

    carried: tuple[Project, ...]
    left: tuple[tuple[Project, str], ...]


def carry_over(
    registry: Registry, year: int, caller: Caller, *, dry_run: bool, now: datetime
) -> CarriedOver:
    """Take the unfinished projects of a year into the next; run again it finds none."""
    today = local_day(now)
    if year not in (today.year - 1, today.year):
        raise FieldInvalid(
            field="year",
            zh_why=f"只能结转 {today.year - 1} 或 {today.year} 年的项目",
            en_why=f"only projects of {today.year - 1} or {today.year} are carried over",
        )
    levels = CITY_LEVELS if caller.desk.is_city else (DISTRICT_LEVEL,)
    caller.desk.may_withdraw(levels[0])
    registry.projects.lock_names()
    found = registry.projects.unfinished_of(year, tuple(levels), caller.desk.region_path)
    names = {each.details.name for each in found}
    taken = registry.projects.by_names([year + 1], names)
    actor = replace(caller.actor, source="carry_over")
    carried, left = [], []
    for project in found:
        if (year + 1, project.details.level, project.details.name) in taken:
            left.append((project, f"{year + 1} 年已有同名项目"))
            continue
        carried.append(project)
        if not dry_run:
            project.amend(replace(project.details, year=year + 1), actor, today=today)
            registry.projects.save(project, at=now)
    return CarriedOver(tuple(carried), tuple(left))
