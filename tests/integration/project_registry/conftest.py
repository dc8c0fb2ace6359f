"""One database for a module of tests, empty at the start of each, and the edge before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from chassis.db import Database
from project_registry.store import Registry, metadata
from project_registry.usecases import loading
from support.registry import Client, serving
from support.servers import Databases


@pytest.fixture(scope="module")
def kept(database: Databases) -> Iterator[Database]:
    made = Database(database("project_registry"), application_name="test", pool_size=4)
    yield made
    made.close()


@pytest.fixture
def db(kept: Database) -> Database:
    """The database, emptied; the history refuses that from everybody who has its triggers on."""
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with kept.begin() as tx:
        tx.execute(sa.text("set local session_replication_role = replica"))
        tx.execute(sa.text(f"truncate {tables}"))
    return kept


@pytest.fixture
def call(db: Database) -> Iterator[Client]:
    with db.begin() as tx:
        registry = Registry(tx)
        loading.load_data(registry)
        loading.load_navigators(registry)
    with serving(db) as client:
        yield client
