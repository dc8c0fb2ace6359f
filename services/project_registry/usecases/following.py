"""What others' facts change here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.calendar import local_day
from project_registry.domain.progress import ItemProgress
from project_registry.domain.projects import Actor
from project_registry.store import Registry

_NAVIGATORS = frozenset({"B1", "B2"})


def follow_progress(registry: Registry, data: Mapping[str, Any], *, now: datetime) -> None:
    """Take how far a project's items are: its stage and pool follow."""
    project = registry.projects.get(UUID(data["project_id"]))
    progress = {
        item["item_code"]: ItemProgress(item["state"], _day(item.get("done_on")))
        for item in data["items"]
    }
    seen = project.progress_version
    project.advance(
        progress, Actor(source="progress"), version=int(data["version"]), today=local_day(now)
    )
    if project.progress_version != seen:
        registry.projects.save(project, at=now)


def follow_assignment(registry: Registry, data: Mapping[str, Any], *, now: datetime) -> None:
    """Take a project's navigators from proxy_log."""
    project = registry.projects.get(UUID(data["project_id"]))
    agents = tuple(data.get("agents") or ())
    names = tuple(data.get("agent_names") or ())
    if len(names) != len(agents):
        known = registry.reference.names_of(agents)
        names = tuple(known.get(agent, "") for agent in agents)
    by = str(data.get("assigned_by") or "")
    seen = project.assigned
    project.assign(
        agents,
        names,
        Actor(account=by, source="assignment"),
        version=int(data["version"]),
        today=local_day(now),
    )
    if project.assigned != seen:
        registry.projects.save(project, at=now)


def follow_account(registry: Registry, account: Mapping[str, Any]) -> None:
    """Keep the roster: whoever holds, or held, a navigator's role."""
    navigates = bool(_NAVIGATORS & set(account.get("roles") or ()))
    account_id = str(account["account_id"])
    if not navigates and not registry.reference.names_of([account_id]):
        return
    registry.reference.put_agent(
        version=int(account["version"]),
        account_id=account_id,
        name=str(account["name"]),
        username=str(account["username"]),
        region=str(account.get("region") or ""),
        region_path=str(account.get("region_path") or ""),
        active=navigates and bool(account.get("active")),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
