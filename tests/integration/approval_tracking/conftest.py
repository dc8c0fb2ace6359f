"""A database with the catalogue and the calendar, and projects that arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc

from approval_tracking.api import ApprovalTracking
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.projects import PastDecision
from approval_tracking.usecases.data import load_data
from approval_tracking.usecases.projects import record_past_decisions, take_project
from chassis.db import Database
from chassis.identity import Principal
from support import approvals as people
from support import servers
from support.approvals import COMPANY, MONDAY, OBJECTS, SEAL, project_state
from support.servicers import Client, serving


@pytest.fixture(scope="module")
def db(database: servers.Databases) -> Iterator[Database]:
    made = Database(database("approval_tracking"))
    with made.begin() as tx:
        load_data(Reference(tx), now=MONDAY)
    yield made
    made.close()


@pytest.fixture
def tx(db: Database) -> Iterator[sa.Connection]:
    """One transaction, rolled back: a test sees nothing of another."""
    with db.engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def projects(tx: sa.Connection) -> ProjectStore:
    return ProjectStore(tx)


@pytest.fixture
def cases(tx: sa.Connection) -> CaseStore:
    return CaseStore(tx)


@pytest.fixture
def arrived(projects: ProjectStore, cases: CaseStore) -> Callable[..., UUID]:
    """Let a project arrive from the registry and return its id."""

    def arrive(now: datetime = MONDAY, **changes: Any) -> UUID:
        state = project_state(**changes)
        take_project(projects, cases, state, now=now)
        return UUID(state["project_id"])

    return arrive


@pytest.fixture
def told(tx: sa.Connection) -> Callable[[], list[str]]:
    """The types of the facts that wait for the relay, in order."""
    return lambda: [
        row.envelope["type"]
        for row in tx.execute(sa.text("select envelope from outbox order by position"))
    ]


# --- over gRPC ----------------------------------------------------------------------------------

EVERYBODY = [each for each in vars(people).values() if isinstance(each, Principal)]


@dataclass
class Watch:
    """The servicer's time, Monday again after each test."""

    now: datetime = MONDAY


@pytest.fixture(scope="module")
def _watch() -> Watch:
    return Watch()


@pytest.fixture
def watch(_watch: Watch) -> Iterator[Watch]:
    yield _watch
    _watch.now = MONDAY


@pytest.fixture(scope="module")
def call(db: Database, _watch: Watch) -> Iterator[Client]:
    servicer = ApprovalTracking(
        db,
        lambda: _watch.now,
        public_url="https://kaigong.example",
        objects=OBJECTS,
        seal=SEAL,
    )
    with serving(
        lambda server: pb_grpc.add_ApprovalTrackingServiceServicer_to_server(servicer, server),
        pb_grpc.ApprovalTrackingServiceStub,
        pb,
        EVERYBODY,
    ) as client:
        yield client


@pytest.fixture
def new_project(db: Database) -> Callable[[], str]:
    def register() -> str:
        state = people.project_state(name=str(uuid4()))
        with db.begin() as tx:
            take_project(ProjectStore(tx), CaseStore(tx), state, now=MONDAY)
        return str(state["project_id"])

    return register


@pytest.fixture
def project_id(new_project: Callable[[], str]) -> str:
    return new_project()


@pytest.fixture
def case(call: Client, project_id: str) -> Any:
    return call(COMPANY, "SubmitCase", project_id=project_id, item_code="S2-06").case


@pytest.fixture
def done(db: Database, project_id: str) -> Callable[..., None]:
    """Mark items of the project as decided before Kaigong."""

    def decided(*codes: str) -> None:
        past = [PastDecision(code, date(2026, 2, 3), date(2026, 2, 4)) for code in codes]
        with db.begin() as tx:
            record_past_decisions(
                ProjectStore(tx), Reference(tx), UUID(project_id), past, now=MONDAY
            )

    return decided
