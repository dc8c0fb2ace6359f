"""PostgreSQL, RabbitMQ and Redis of our own: on loopback, in one directory, stopped with us."""

from __future__ import annotations

import os
import pwd
import secrets
import shlex
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg

from instance.processes import Process
from instance.said import Trouble

_POSTGRES_DIRECTORIES = [f"/usr/lib/postgresql/{n}/bin" for n in (17, 16, 15)]
_RABBIT_DIRECTORY = Path("/usr/lib/rabbitmq/lib")
_POSTGRES_ACCOUNT = "postgres"


@dataclass(frozen=True)
class Postgres:
    """A private PostgreSQL. As root it runs as the account `postgres`, since it refuses root."""

    home: Path
    port: int
    password: str
    # A test server may lose its data with the machine.
    durable: bool = True
    # archive_command keeps every file of the log, for a backup; empty keeps none.
    archive_command: str = ""

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        """Make the cluster, once."""
        if (self.home / "data" / "PG_VERSION").exists():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        password = self.home / "password"
        password.write_text(self.password)
        password.chmod(0o600)
        if user := postgres_user():
            for path in (self.home, password):
                shutil.chown(path, user=user)
        done = subprocess.run(
            [
                *(_program("initdb", _POSTGRES_DIRECTORIES), "-D", str(self.home / "data")),
                *("--username=postgres", f"--pwfile={password}", "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            user=user,
            cwd="/",
            check=False,
        )
        password.unlink()
        if done.returncode:
            raise Trouble(
                f"无法建立数据库目录 {self.home}:\n{done.stderr.strip()}",
                f"initdb failed in {self.home}, see the lines above",
            )

    def process(self, log: Path) -> Process:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 300,
            "shared_buffers": "128MB",
            "wal_compression": "lz4",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            **self._log_settings(),
            **(
                {}
                if self.durable
                else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            ),
        }
        return Process(
            name="postgres",
            argv=(
                *(_program("postgres", _POSTGRES_DIRECTORIES), "-D", str(self.home / "data")),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ),
            environ={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            log=log,
            ready=self.is_ready,
            user=postgres_user(),
            directory=Path("/"),
            stop_with=SIGINT,  # fast shutdown: does not wait for clients
            # A restored one has the log of a day to go through.
            patience=3600 if self._is_restored else 60,
        )

    @property
    def _is_restored(self) -> bool:
        return (self.home / "data" / "recovery.signal").exists()

    def _log_settings(self) -> dict[str, str | int]:
        if not self.archive_command and not self._is_restored:
            return {"wal_level": "minimal", "max_wal_senders": 0}
        # A restored server must allow what the log says that the other one did.
        whole: dict[str, str | int] = {"wal_level": "replica", "max_wal_senders": 4}
        if not self.archive_command:
            return whole
        return {
            **whole,
            "archive_mode": "on",
            "archive_command": self.archive_command,
            "archive_timeout": 60,
        }

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                row = connection.execute("select pg_is_in_recovery()").fetchone()
        except psycopg.Error as error:
            # Who runs the instance may know an older password only: a server that says so serves,
            # unless it has not come to the newer one yet.
            return "password authentication failed" in str(error) and not self._is_restored
        return row == (False,)


# Links: the shovel up, the federation down, and the interface through which both are declared.
_PLUGINS = (
    "rabbitmq_management",
    "rabbitmq_shovel",
    "rabbitmq_shovel_management",
    "rabbitmq_federation",
    "rabbitmq_federation_management",
)


@dataclass(frozen=True)
class Rabbit:
    """A private RabbitMQ node with a port mapper of its own, so that nothing is left behind."""

    home: Path
    port: int
    password: str
    # cluster tells this broker from those it is linked to: it is in the names of their federation.
    cluster: str = "kaigong"

    @property
    def admin_url(self) -> str:
        return f"http://kaigong:{self.password}@127.0.0.1:{self.admin_port}"

    @property
    def admin_port(self) -> int:
        return self.port + 10

    @property
    def url(self) -> str:
        return f"amqp://kaigong:{self.password}@127.0.0.1:{self.port}/kaigong"

    @property
    def distribution_port(self) -> int:
        return self.port + 1

    @property
    def mapper_port(self) -> int:
        return self.port + 2

    @property
    def definitions(self) -> Path:
        """What a restore laid here for the node's first start: accounts, queues, links."""
        return self.home / "definitions.json"

    @property
    def control(self) -> Path:
        """The node's own `rabbitmqctl`, as a script that knows its environment."""
        return self.home / "rabbitmqctl"

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        cookie = self.home / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(secrets.token_hex(20))
            cookie.chmod(0o400)
        (self.home / "enabled_plugins").write_text(f"[{','.join(_PLUGINS)}].\n")
        config = self.home / "rabbitmq.conf"
        config.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "default_user = kaigong\n"
            f"default_pass = {self.password}\n"
            "default_vhost = kaigong\n"
            f"cluster_name = {self.cluster}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.admin_port}\n"
            # Numbers for its pages would cost memory all the time; links and queues are told without.
            "management_agent.disable_metrics_collector = true\n"
            "default_user_tags.administrator = true\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n"
            "disk_free_limit.absolute = 200MB\n"
            "vm_memory_high_watermark.absolute = 1GB\n"
            "collect_statistics_interval = 60000\n" + self._restored()
        )
        config.chmod(0o600)
        exports = "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in self._environ().items()
        )
        script = _rabbit_scripts() / "rabbitmqctl"
        self.control.write_text(f'#!/bin/sh\n{exports}exec {script} "$@"\n')
        self.control.chmod(0o700)

    def _restored(self) -> str:
        # Later starts must not bring back a child that was retired since.
        first = self.definitions.exists() and not (self.home / "mnesia").exists()
        return f"load_definitions = {self.definitions}\n" if first else ""

    def processes(self, log: Path) -> list[Process]:
        mapper = Process(
            name="epmd",
            argv=(
                _program("epmd", []),
                *("-port", str(self.mapper_port), "-address", "127.0.0.1"),
            ),
            environ=self._environ(),
            log=log,
            ready=lambda: _accepts(self.mapper_port),
            directory=Path("/"),
        )
        node = Process(
            name="rabbitmq",
            argv=(str(_rabbit_scripts() / "rabbitmq-server"),),
            environ=self._environ(),
            log=log,
            ready=self.is_ready,
            needs=("epmd",),
            patience=90,
            directory=self.home,
        )
        return [mapper, node]

    def is_ready(self) -> bool:
        return speaks_amqp("127.0.0.1", self.port)

    def _environ(self) -> dict[str, str]:
        home = str(self.home)
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": home,
            "RABBITMQ_NODENAME": f"kaigong-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(self.port + 3),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(self.port + 9),
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/none.conf",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            # One scheduler that does not spin: quiet on a shared machine.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
            # The script then becomes the node instead of standing in front of it.
            "RUNNING_UNDER_SYSTEMD": "1",
            "ERL_CRASH_DUMP_SECONDS": "0",
        }


@dataclass(frozen=True)
class Redis:
    """A private Redis. What it holds may be lost, so nothing is written to disk."""

    home: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        config = self.home / "redis.conf"
        config.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\n"
            'save ""\nappendonly no\nmaxmemory 128mb\nmaxmemory-policy volatile-lru\n'
            f"dir {self.home}\nloglevel warning\n"
        )
        config.chmod(0o600)

    def process(self, log: Path) -> Process:
        return Process(
            name="redis",
            argv=(_program("redis-server", []), str(self.home / "redis.conf")),
            environ={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            log=log,
            ready=self.is_ready,
            directory=self.home,
        )

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.settimeout(2)
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"-NOAUTH")
        except OSError:
            return False


def speaks_amqp(host: str, port: int) -> bool:
    """Say whether a broker answers the protocol's greeting; RabbitMQ listens last of all."""
    try:
        with socket.create_connection((host, port), timeout=2) as greeting:
            greeting.settimeout(2)
            greeting.sendall(b"AMQP\x00\x00\x09\x01")
            return greeting.recv(1) == b"\x01"
    except OSError:
        return False


def reach(url: str) -> None:
    """Raise Trouble unless the database server that somebody named lets us in."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        why = str(error).strip().splitlines()[0]
        raise Trouble(
            f"无法连接 KAIGONG_POSTGRES_URL 所指的数据库: {why}",
            f"the database that KAIGONG_POSTGRES_URL names cannot be reached: {why}",
        ) from error


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return an address for a command line, which all may see, and the password as environment."""
    parts = urlsplit(url)
    user, at, server = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=f"{user.partition(':')[0]}{at}{server}")
    return urlunsplit(bare), {"PGPASSWORD": unquote(parts.password)} if parts.password else {}


def psql(url: str, script: Path) -> tuple[str, ...]:
    """Return the command that runs a script of SQL and ends at its first error."""
    program = _program("psql", _POSTGRES_DIRECTORIES)
    return (program, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-q", "-f", str(script), url)


def postgres_program(name: str) -> str:
    return _program(name, _POSTGRES_DIRECTORIES)


def _program(name: str, directories: list[str]) -> str:
    path = os.pathsep.join([*directories, os.environ["PATH"], "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise Trouble(
            f"缺少程序 {name}: 请先运行 make packages",
            f"the program {name} is missing: run `make packages` first",
        )
    return found


def _rabbit_scripts() -> Path:
    found = sorted(_RABBIT_DIRECTORY.glob("rabbitmq_server-*/sbin"))
    if not found:
        raise Trouble(
            "缺少 RabbitMQ: 请先运行 make packages",
            "RabbitMQ is missing: run `make packages` first",
        )
    return found[-1]


def postgres_user() -> str | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_POSTGRES_ACCOUNT).pw_name
    except KeyError as error:
        raise Trouble(
            "以 root 运行时需要系统账户 postgres: 请先运行 make packages",
            "running as root needs the account postgres: run `make packages` first",
        ) from error


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
