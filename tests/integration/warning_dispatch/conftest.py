"""A database of its own for each test, with the shipped rules and a calendar."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chassis.db import Database
from support.desk import Desk
from support.servers import Databases


@pytest.fixture
def db(database: Databases) -> Iterator[Database]:
    made = Database(database("warning_dispatch"), application_name="test", pool_size=4)
    yield made
    made.close()


@pytest.fixture
def desk(db: Database) -> Desk:
    made = Desk(db)
    made.load()
    return made
