"""The real PostgreSQL, RabbitMQ and Redis for tests: those named in the environment, or private ones."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from instance.ports import free_block
from instance.processes import Process, Supervisor
from instance.servers import Postgres, Rabbit, Redis

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
def rabbit() -> Iterator[Broker]:
    """A RabbitMQ server whose virtual hosts the tests make."""
    given, admin = (os.environ.get(f"KAIGONG_TEST_AMQP{end}", "") for end in ("", "_ADMIN"))
    if given and admin:
        yield Broker(given, admin)
        return
    with scratch() as home:
        server = Rabbit(home / "rabbitmq", free_block(11), "kaigong")
        server.prepare()
        with started(*server.processes(home / "rabbitmq.log")):
            yield Broker(server.url, server.admin_url)


@dataclass
class Broker:
    """A RabbitMQ server: the URL that its users take, and that of its management."""

    url: str
    admin_url: str
    _made: int = 0

    @contextlib.contextmanager
    def vhost(self) -> Iterator[str]:
        """The URL of a virtual host that nobody has published to; it goes when the block ends."""
        self._made += 1
        name, user = f"{_MINE}_{self._made}", urlsplit(self.url).username
        self._call("PUT", f"vhosts/{name}")
        try:
            everything = {"configure": ".*", "write": ".*", "read": ".*"}
            self._call("PUT", f"permissions/{name}/{user}", everything)
            yield with_path(self.url, name)
        finally:
            self._call("DELETE", f"vhosts/{name}")

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> None:
        parts = urlsplit(self.admin_url)
        address = urlunsplit(parts._replace(netloc=f"{parts.hostname}:{parts.port}"))
        login = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        request = urllib.request.Request(
            f"{address}/api/{path}",
            method=method,
            data=json.dumps(body or {}).encode(),
            headers={"authorization": f"Basic {login}", "content-type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=60).close()


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
