"""A database of its own for each test, with the shipped rules and a calendar."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chassis.db import Database
from support import services
from support.desk import Desk
from support.house import House
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


@pytest.fixture
def house(database: Databases, amqp_url: str, redis_url: str) -> Iterator[House]:
    db = Database(database("warning_dispatch"))
    made = House(Desk(db), amqp_url, redis_url)
    services.run("warning_dispatch", "migrate", **made.settings())
    services.run("warning_dispatch", "load-data", **made.settings())
    yield made
    db.close()
