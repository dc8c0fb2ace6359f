"""Who calls, as the use cases need to know him, and what he may see."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from chassis.identity import Function, Right
from chassis.rpc import Call, read_uuid
from project_registry import queries
from project_registry.domain.authority import Desk
from project_registry.domain.errors import ProjectNotFound
from project_registry.domain.projects import Actor
from project_registry.usecases.projects import Caller


def caller_of(call: Call, *, reason: str = "") -> Caller:
    who = call.principal
    desk = Desk(
        who.region_path,
        who.roles,
        adjusts=who.holds(Function.FUNCTION_PROJECT_ENTRY, Right.RIGHT_CHANGE),
    )
    return Caller(Actor(who.account_id, who.name, "rpc", reason), call.scope, desk)


def read_project(call: Call, project_id: str) -> sa.Row[Any]:
    """Return the project's row if the caller may see it."""
    wanted = read_uuid("project_id", project_id)
    row = queries.find_project(call.tx, wanted)
    if row is None:
        raise ProjectNotFound(project_id=wanted, field="project_id")
    call.scope.check(
        region_path=row.region_path,
        level=row.level,
        uscc=row.uscc,
        agents=row.agents,
        project_id=str(row.id),
    )
    return row
