"""The servers that the tests stand on."""

from __future__ import annotations

from queue import Empty

import psycopg
import pytest
import redis
from kombu.connection import Connection

from support.servers import Broker, Databases, with_path


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


def test_a_virtual_host_knows_nothing_of_another(amqp_url: str, broker: Broker) -> None:
    with (
        broker.vhost() as other,
        Connection(amqp_url) as mine,
        Connection(other) as theirs,
        mine.SimpleQueue("probe") as queue,
        theirs.SimpleQueue("probe") as theirs_of_that_name,
    ):
        queue.put({"a": 1})
        queue.get(timeout=5).ack()
        with pytest.raises(Empty):
            theirs_of_that_name.get(timeout=0.5)


def test_redis_keeps_what_it_is_given(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.set("probe", "a")
        assert client.get("probe") == "a"
        client.delete("probe")


def test_postgres_lets_the_administrator_in(postgres_url: str) -> None:
    with psycopg.connect(with_path(postgres_url, "template1")) as admin:
        assert admin.execute("select 1").fetchone() == (1,)
