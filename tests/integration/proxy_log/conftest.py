"""A database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chassis.db import Database
from support.servers import Databases


@pytest.fixture
def db(database: Databases) -> Iterator[Database]:
    made = Database(database("proxy_log"), application_name="test", pool_size=4)
    yield made
    made.close()
