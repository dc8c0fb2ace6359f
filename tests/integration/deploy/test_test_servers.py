"""The servers that the tests stand on."""

from __future__ import annotations

import psycopg
import redis
from kombu.connection import Connection

from support.servers import Databases, with_path


def test_two_databases_of_one_service_have_its_tables_and_are_strangers(
    database: Databases,
) -> None:
    one, other = database("project_registry"), database("project_registry")

    with psycopg.connect(one) as first, psycopg.connect(other) as second:
        first.execute("insert into outbox (envelope) values ('{}')")
        first.commit()
        assert second.execute("select count(*) from outbox").fetchone() == (0,)


def test_the_virtual_host_takes_and_gives_a_message(amqp_url: str) -> None:
    with Connection(amqp_url) as connection, connection.SimpleQueue("probe") as queue:
        queue.put({"a": 1})
        message = queue.get(timeout=5)
        message.ack()

    assert message.payload == {"a": 1}


def test_redis_is_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_postgres_lets_the_administrator_in(postgres_url: str) -> None:
    with psycopg.connect(with_path(postgres_url, "template1")) as admin:
        assert admin.execute("select 1").fetchone() == (1,)
