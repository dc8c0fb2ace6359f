"""Who calls, as the use cases need to know him."""

from __future__ import annotations

from chassis.identity import Function, Right
from chassis.rpc import Call
from project_registry.domain.authority import Desk
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
