"""The data the software comes with, and the demonstration's projects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml

from chassis import regions
from project_registry.domain.details import Details
from project_registry.domain.projects import Actor, Past, Project
from project_registry.domain.roster import organisations
from project_registry.store import Registry

_DEMO = Actor(name="演示数据", source="demo")
# Who navigates where in the demonstration: the accounts that identity loads, by town.
_NAVIGATORS = (
    ("b1.xinqu", "321171002", "示例帮办员01"),
    ("b1.danyang", "321181113", "示例帮办员02"),
    ("b1.jurong", "321183102", "示例帮办员10"),
)


def load_data(registry: Registry) -> int:
    """Bring the bodies up to date; return how many names there are."""
    return registry.reference.put_organisations(organisations(_read("organisations.yaml")))


def demo_id(kind: str, name: str) -> UUID:
    """Return the id that every service's demonstration data gives to the same thing."""
    return uuid5(NAMESPACE_URL, f"kaigong:{kind}:{name}")


def load_navigators(registry: Registry) -> None:
    for username, region, name in _NAVIGATORS:
        registry.reference.put_agent(
            version=0,
            account_id=str(demo_id("account", username)),
            name=name,
            username=username,
            region=region,
            region_path=regions.path_of(region),
            active=True,
        )


def demo_projects() -> Iterator[Mapping[str, Any]]:
    yield from _read("demo_projects.yaml")["projects"]


def load_demo_project(registry: Registry, said: Mapping[str, Any], *, now: datetime) -> bool:
    """Register one project of the demonstration with what was decided; return whether it was new."""
    project_id = demo_id("project", said["id"])
    if registry.projects.find(project_id) is not None:
        return False
    registry.projects.lock_names()
    details = _details(said)
    agents = _agents(registry, regions.path_of(details.managing_region))
    project = Project(
        project_id,
        details,
        registry.reference.scheme(),
        agents=tuple(agents),
        agent_names=tuple(agents.values()),
    )
    registry.projects.refuse_taken(project)
    project.register(_DEMO)
    registry.projects.add(project, at=now)
    past = [_past(item) for item in said["item_states"] if item["state"].startswith("completed")]
    today = max((each.decided_on for each in past), default=date.min)
    project.record_past(past, _DEMO, today=today)
    began = [each.decided_on for each in past if each.item_code in ("S5-08", "S5-09")]
    if began:
        project.start(min(began), _DEMO, today=today)
    registry.projects.save(project, at=now)
    return True


def _details(said: Mapping[str, Any]) -> Details:
    code = said["project_code"] or ""
    segment = code.split("-")[1] if code else ""
    company = said["enterprise"]
    return Details(
        name=said["name"],
        code=code,
        year=2026,
        level=said["level"],
        category="实施",
        enterprise_name=company["name"],
        uscc=company["uscc"],
        admin_region=segment if regions.find(segment) else said["district_code"],
        managing_region=said["town_code"],
        industry=said["industry"],
        total_investment_wan=Decimal(said["total_investment_wan"]),
        annual_plan_wan=Decimal(said["annual_plan_wan"]),
        sign_date=date.fromisoformat(said["sign_date"]),
        planned_start=date.fromisoformat(said["planned_start"]),
        planned_completion=date.fromisoformat(said["planned_completion"]),
        attributes=said["attributes"],
    ).settled()


def _agents(registry: Registry, region_path: str) -> dict[str, str]:
    district = "/".join(region_path.split("/")[:2])
    return {
        str(demo_id("account", username)): name
        for username, region, name in _NAVIGATORS
        if regions.within(regions.path_of(region), district)
    }


def _past(item: Mapping[str, Any]) -> Past:
    return Past(
        item["code"],
        date.fromisoformat(item["accepted"]),
        date.fromisoformat(item["decided"]),
        item["state"] == "completed_late",
    )


def _read(name: str) -> Any:
    text = files("project_registry").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)
