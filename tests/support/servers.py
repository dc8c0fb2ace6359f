"""The real PostgreSQL, RabbitMQ and Redis for tests: those named in the environment, or private ones."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from instance.ports import free_block
from instance.processes import Process, Supervisor
from instance.servers import Postgres, Rabbit, Redis, add_vhost, control_rabbit

_MINE = f"kgtest_{os.getpid()}"


@contextlib.contextmanager
def started(*processes: Process) -> Iterator[Supervisor]:
    """Run processes for as long as the block lasts."""
    supervisor = Supervisor(list(processes))
    try:
        supervisor.start()
        yield supervisor
    finally:
        supervisor.stop()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A directory that the account `postgres` can reach, unlike pytest's own."""
    home = Path(tempfile.mkdtemp(prefix="kaigong-test-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of an administrator of a PostgreSQL server."""
    if given := os.environ.get("KAIGONG_TEST_POSTGRES"):
        yield given
        return
    with scratch() as home:
        server = Postgres(home / "postgres", free_block(1), "kaigong", durable=False)
        server.prepare()
        with started(server.process(home / "postgres.log")):
            yield server.url


@contextlib.contextmanager
def rabbit_vhost() -> Iterator[str]:
    """The URL of a fresh virtual host."""
    given, control = (os.environ.get(f"KAIGONG_TEST_AMQP{end}", "") for end in ("", "_ADMIN"))
    if given and control:
        add_vhost(Path(control), _MINE)
        try:
            yield with_path(given, _MINE)
        finally:
            control_rabbit(Path(control), "delete_vhost", _MINE)
        return
    with scratch() as home:
        server = Rabbit(home / "rabbitmq", free_block(10), "kaigong")
        server.prepare()
        with started(*server.processes(home / "rabbitmq.log")):
            yield server.url


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """The URL of an empty Redis database."""
    if given := os.environ.get("KAIGONG_TEST_REDIS"):
        yield with_path(given, str(1 + os.getpid() % 15))
        return
    with scratch() as home:
        server = Redis(home / "redis", free_block(1), "kaigong")
        server.prepare()
        with started(server.process(home / "redis.log")):
            yield server.url


class Databases:
    """Makes databases with a service's migrations; the first of a service is kept as template."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self._templates: dict[str, str] = {}
        self._made: list[str] = []

    def __call__(self, service: str) -> str:
        """Return the URL of a new database that has the service's tables and nothing in them."""
        if service not in self._templates:
            self._templates[service] = self._migrated(service)
        return with_path(self.admin_url, self._create(service, self._templates[service]))

    def drop_all(self) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            for name in self._made:
                admin.execute(
                    sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
                )

    def _migrated(self, service: str) -> str:
        from chassis import migrate

        name = self._create(service, "template0")
        metadata = import_module(f"{service}.store").metadata
        migrate.upgrade(service, with_path(self.admin_url, name), metadata)
        return name

    def _create(self, service: str, template: str) -> str:
        name = f"{_MINE}_{service}_{len(self._made)}"
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("create database {} template {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        self._made.append(name)
        return name


def with_path(url: str, path: str) -> str:
    """Return the URL of another database, or virtual host, of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
