"""The people around a project in Danyang, and the project as the registry tells of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from chassis.calendar import SHANGHAI
from chassis.identity import Principal
from chassis.objects import ObjectStore
from chassis.seal import Seal

OBJECTS = ObjectStore("memory:///")
SEAL = Seal("the secret of these tests")

USCC = "91321181000000027K"


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


MONDAY = shanghai("2026-03-02T09:30:00")


def person(
    role: str,
    name: str,
    *,
    region_path: str = "321100/321181",
    org: str = "",
    companies: tuple[str, ...] = (),
) -> Principal:
    return Principal(
        account_id=name,
        username=name,
        roles=frozenset({role}),
        region=region_path.split("/")[-1],
        region_path=region_path,
        org=org,
        companies=frozenset(companies),
    )


COMPANY = person("E1", "company", companies=(USCC,))
STRANGER = person("E1", "stranger", companies=("913211710000000199",))
WINDOW = person("A1", "window")
NAVIGATOR = person("B1", "navigator", region_path="321100/321181/321181113")
REVIEWER = person("A2", "reviewer", org="321181:发改")
HEAD = person("A3", "head", org="321181:发改")
DISPATCHER = person("D1", "dispatcher")
BUREAU = person("A4", "bureau", org="321181:发改")
OTHER_BUREAU = person("A4", "other-bureau", org="321181:气象台")
CARRIER = person("B2", "carrier", region_path="321100/321181/321181113")
OTHER_REVIEWER = person("A2", "other-reviewer", org="321181:发改")
OTHER_HEAD = person("A3", "other-head", org="321181:发改")
CONFIGURATOR = person("S1", "configurator", region_path="321100")
NATURE_REVIEWER = person("A2", "nature-reviewer", org="321181:自然资源和规划")
ECO_REVIEWER = person("A2", "eco-reviewer", org="321181:生态环境")
ECO_CHECKER = person("A2", "eco-checker", org="321181:生态环境")
ECO_HEAD = person("A3", "eco-head", org="321181:生态环境")
ELSEWHERE = person("A2", "elsewhere", region_path="321100/321183", org="321183:发改")


def project_state(**changes: Any) -> dict[str, Any]:
    """What the registry says of a project that needs an energy review and little else."""
    return {
        "project_id": str(uuid4()),
        "version": 1,
        "name": "丹阳示例项目",
        "code": "",
        "region_path": "321100/321181/321181113",
        "level": "市级",
        "uscc": USCC,
        "agents": ["navigator"],
        "status": "active",
        "sign_date": "2026-02-02",
        "planned_start": "2026-09-30",
        "planned_completion": "2027-12-31",
        "attributes": {"annual_energy_tce": "2400", "land_type": '"transfer"'},
        **changes,
    }
