"""A database of its own for each test, and the calendar it reads limits by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chassis.db import Database
from support import newsroom as told
from support.newsroom import Newsroom
from support.servers import Databases


@pytest.fixture
def db(database: Databases) -> Iterator[Database]:
    made = Database(database("reporting"), application_name="test", pool_size=4)
    yield made
    made.close()


@pytest.fixture
def newsroom(db: Database) -> Newsroom:
    made = Newsroom(db)
    made.take(told.calendar())
    return made
