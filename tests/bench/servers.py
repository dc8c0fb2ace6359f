"""Servers for a benchmark: private, on loopback, and with the durability of production."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from instance.ports import free_block
from instance.processes import Supervisor
from instance.servers import Postgres, Rabbit, Redis
from support.servers import Databases, scratch, started


@dataclass(frozen=True)
class Servers:
    postgres: str
    amqp: str
    amqp_admin: str
    redis: str
    databases: Databases
    supervisor: Supervisor
    home: Path


@contextmanager
def servers() -> Iterator[Servers]:
    with scratch() as home:
        first = free_block(12)
        postgres = Postgres(home / "postgres", first, "bench", durable=True)
        redis = Redis(home / "redis", first + 1, "bench")
        rabbit = Rabbit(home / "rabbitmq", first + 2, "bench")
        for each in (postgres, redis, rabbit):
            each.prepare()
        with (postgres.home / "data" / "postgresql.conf").open("a") as settings:
            settings.write("track_commit_timestamp = on\n")
        with started(
            postgres.process(home / "postgres.log"),
            redis.process(home / "redis.log"),
            *rabbit.processes(home / "rabbitmq.log"),
        ) as supervisor:
            yield Servers(
                postgres.url,
                rabbit.url,
                rabbit.admin_url,
                redis.url,
                Databases(postgres.url),
                supervisor,
                home,
            )
