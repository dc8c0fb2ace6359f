"""Fixtures any level may use. The servers are real; none starts before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis as redis_client

from support import servers
from support.instance import Instance, running_instance


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An administrator's URL of the PostgreSQL server that this session uses."""
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def database(postgres_url: str) -> Iterator[servers.Databases]:
    """`database("reporting")` is the URL of a new, migrated database; all go when the session ends.

    A copy of a template takes some 30 ms: one for a module of tests that roll back is cheaper still.
    """
    databases = servers.Databases(postgres_url)
    yield databases
    databases.drop_all()


@pytest.fixture(scope="session")
def broker() -> Iterator[servers.Broker]:
    """The RabbitMQ server that this session uses."""
    with servers.rabbit() as made:
        yield made


@pytest.fixture
def amqp_url(broker: servers.Broker) -> Iterator[str]:
    """A virtual host of this test's own: no queue of another test keeps facts for its workers."""
    with broker.vhost() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis database of this session's own, empty at the start and at the end."""
    with servers.redis() as url, redis_client.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    """A city's instance with demo data and a movable clock, behind its gateway."""
    with running_instance() as running:
        yield running
