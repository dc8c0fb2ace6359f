"""A database with the catalogue and the calendar, and projects that arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.usecases.data import load_data
from approval_tracking.usecases.projects import take_project
from chassis.db import Database
from support import servers
from support.approvals import MONDAY, project_state


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
