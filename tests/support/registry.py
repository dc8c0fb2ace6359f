"""The registry's edge with people who call it; identity is not under test, so a token is a username."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from kaigong.project_registry.v1 import project_registry_pb2 as pb
from kaigong.project_registry.v1 import project_registry_pb2_grpc as pb_grpc

from chassis import db as chassis_db
from chassis.db import Database
from chassis.identity import Principal
from project_registry.api import ProjectRegistry
from support import servicers
from support.servicers import Refusal

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def person(username: str, role: str, path: str = "", **more: Any) -> Principal:
    return Principal(
        username,
        username=username,
        name=username,
        roles=frozenset({role}),
        region=path.rpartition("/")[2],
        region_path=path,
        **more,
    )


CITY = person("d4.city", "D4", "321100")
CITY_HEAD = person("d5.city", "D5", "321100")
VICE_MAYOR = person("d6.city", "D6", "321100")
CITY_TEAM = person("b4.city", "B4", "321100")
CONFIGURER = person("s1.city", "S1", "321100")
SYSTEM = person("s2.city", "S2", "321100")
DANYANG = person("d1.danyang", "D1", "321100/321181")
DANYANG_SECOND = person("d1.danyang2", "D1", "321100/321181")
JURONG = person("d1.jurong", "D1", "321100/321183")
DANBEI = person("b2.danyang", "B2", "321100/321181/321181113")
NAVIGATOR = person("b1.danyang", "B1", "321100/321181/321181113")
REVIEWER = person("a2.danyang", "A2", "321100/321181", org="321181:发改")
COMPANY = person("e1.p02", "E1", companies=frozenset({"91321181000000027K"}))
OTHER_COMPANY = person("e1.p01", "E1", companies=frozenset({"913211710000000199"}))

EVERYBODY = (
    CITY, CITY_HEAD, DANYANG_SECOND,
    VICE_MAYOR, CITY_TEAM, CONFIGURER, SYSTEM, DANYANG, JURONG, DANBEI, NAVIGATOR, REVIEWER,
    COMPANY, OTHER_COMPANY,
)  # fmt: skip


@dataclass(frozen=True)
class Client:
    """Calls the registry as somebody, and looks into its tables."""

    _calls: servicers.Client
    db: Database

    def __call__(self, who: Principal, method: str, key: str = "", **fields: Any) -> Any:
        return self._calls(who, method, key, **fields)

    def refused(self, who: Principal, method: str, key: str = "", **fields: Any) -> Refusal:
        return self._calls.refused(who, method, key, **fields)

    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the type and data of every fact that waits for the relay, in order."""
        with self.db.read() as connection:
            rows = connection.scalars(
                sa.select(chassis_db.outbox.c.envelope).order_by(chassis_db.outbox.c.position)
            )
            return [(each["type"], each["data"]) for each in rows]

    def register(self, who: Principal, **said: Any) -> str:
        """Register a project and return its id."""
        answer = self(who, "RegisterProject", details=described(**said))
        return str(answer.project.project_id)


def described(**said: Any) -> dict[str, Any]:
    return {
        "name": "示例智能装备项目",
        "year": 2026,
        "level": pb.PROJECT_LEVEL_CITY,
        "category": pb.PROJECT_CATEGORY_IMPLEMENTATION,
        "enterprise_name": "示例装备(丹阳)有限公司",
        "uscc": "91321181000000027K",
        "admin_region": "321181",
        "managing_region": "321181113",
        "total_investment_wan": "80000",
        "sign_date": "2026-02-02",
        "planned_start": "2026-09-30",
        **said,
    }


@contextlib.contextmanager
def serving(db: Database) -> Iterator[Client]:
    servicer = ProjectRegistry(db, lambda: NOON)
    with servicers.serving(
        lambda server: pb_grpc.add_ProjectRegistryServiceServicer_to_server(servicer, server),
        pb_grpc.ProjectRegistryServiceStub,
        pb,
        EVERYBODY,
    ) as calls:
        yield Client(calls, db)
