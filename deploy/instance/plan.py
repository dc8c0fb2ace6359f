"""The processes of one instance and what each needs: the table that `make run` starts from."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from instance.backup import Archive
from instance.options import ROOT, SERVICES, Options, Secrets, everybody_reaches, write_secret
from instance.processes import Process
from instance.said import Trouble
from instance.servers import Postgres, Rabbit, Redis, postgres_user, psql, without_password

# Tasks of a service that `prepare` runs after its migration; demo data only when asked for.
_DATA, _DEMO = "load-data", "load-demo"


class Plan:
    """Everything that belongs to one instance; `prepare` makes its files, `processes` its table."""

    def __init__(self, options: Options, secrets: Secrets) -> None:
        self.options, self.secrets = options, secrets
        data, ports = options.data, options.ports
        self.archive = Archive(Path(options.backup).absolute()) if options.backup else None
        self.postgres = (
            None
            if options.postgres_url
            else Postgres(
                data / "postgres",
                ports.postgres,
                secrets.postgres,
                archive_command=self.archive.archive_command if self.archive else "",
            )
        )
        self.rabbit = (
            None
            if options.amqp_url
            else Rabbit(
                data / "rabbitmq",
                ports.rabbit,
                secrets.rabbit,
                cluster=f"kaigong-{options.region}",
            )
        )
        self.redis = (
            None if options.redis_url else Redis(data / "redis", ports.redis, secrets.redis)
        )

    def ports(self) -> dict[str, int]:
        """Return every port that must be free."""
        wanted = self.options.ports.named()
        if self.postgres:
            wanted["postgresql"] = self.postgres.port
        if self.redis:
            wanted["redis"] = self.redis.port
        if self.rabbit:
            wanted["rabbitmq"] = self.rabbit.port
            wanted["rabbitmq distribution"] = self.rabbit.distribution_port
            wanted["epmd"] = self.rabbit.mapper_port
            wanted["rabbitmq management"] = self.rabbit.admin_port
        return wanted

    def prepare(self) -> None:
        self.write_secrets()
        for server in (self.postgres, self.rabbit, self.redis):
            if server:
                server.prepare()
        if self.archive:
            self._prepare_archive(self.archive)
        for each in SERVICES:
            (self.objects / each).mkdir(parents=True, exist_ok=True)
        if self.options.demo:
            ports = self.options.ports
            mail = f"mailto://127.0.0.1:{ports.outside(0)}?from=kaigong@example.com&to={{address}}"
            told = {
                "email": f"{mail}&mode=insecure",
                "webhook": f"json://127.0.0.1:{ports.outside(1)}/{{address}}",
                "sms": f"json://127.0.0.1:{ports.outside(2)}/{{address}}",
            }
            self.channels.write_text(json.dumps(told, indent=1))

    def _prepare_archive(self, archive: Archive) -> None:
        if not (self.postgres and self.rabbit):
            raise Trouble(
                "KAIGONG_BACKUP 只用于自带的 PostgreSQL 与 RabbitMQ, 外部服务器由其管理者备份",
                "KAIGONG_BACKUP is for servers of the instance's own: others are backed up by who runs them",
            )
        user = postgres_user()
        archive.prepare(user)
        if user and not everybody_reaches(archive.home):
            raise Trouble(
                f"账户 {user} 无法进入 {archive.home}, 请改用其可达的目录",
                f"the account {user} cannot get into {archive.home}: choose a folder that it can reach",
            )

    def processes(self) -> list[Process]:
        """Return servers, jobs, api and worker processes, push and Envoy."""
        servers = []
        if self.postgres:
            servers.append(self.postgres.process(self._log("postgres")))
        if self.rabbit:
            servers.extend(self.rabbit.processes(self._log("rabbitmq")))
        if self.redis:
            servers.append(self.redis.process(self._log("redis")))
        if self.options.packed:
            edges = [self._packed(kind) for kind in ("api", "worker")]
        else:
            edges = [
                self._python(service, kind, index)
                for index, service in enumerate(SERVICES)
                for kind in ("api", "worker")
            ]
        edges.append(self._push())
        if self.archive:
            edges.append(self._points(self.archive))
        jobs = [self._databases(), self._prepared(), self._edge()]
        if self.options.parent_url:
            jobs.append(self._link())
        return [*servers, *jobs, *edges, self._envoy(edges)]

    # --- addresses ---

    @property
    def objects(self) -> Path:
        return self.options.run / "objects"

    @property
    def admin_url(self) -> str:
        return self.postgres.url if self.postgres else self.options.postgres_url

    @property
    def amqp_url(self) -> str:
        return self.rabbit.url if self.rabbit else self.options.amqp_url

    @property
    def amqp_admin_url(self) -> str:
        return self.rabbit.admin_url if self.rabbit else self.options.amqp_admin_url

    @property
    def redis_url(self) -> str:
        return self.redis.url if self.redis else self.options.redis_url

    @property
    def jwks_url(self) -> str:
        port = self.options.ports.api_metrics("identity")
        return f"http://127.0.0.1:{port}/.well-known/jwks.json"

    def database_url(self, service: str) -> str:
        parts = urlsplit(self.admin_url)
        server = parts.netloc.rpartition("@")[2]
        login = f"{service}:{self.secrets.databases[service]}@{server}"
        return urlunsplit(parts._replace(netloc=login, path=f"/{service}"))

    # --- secrets ---

    def keep_secrets(self) -> None:
        """Write down what `make rotate` has changed: for us, for the processes, and in the backup."""
        self.secrets.write(self.options.data / "secrets.json")
        self.write_secrets()
        if self.redis:
            self.redis.prepare()
        if self.archive:
            self.archive.keep_keys(self.kept, datetime.now(UTC))

    @property
    def kept(self) -> list[Path]:
        """What an instance is beside its data: its secrets, and the link to its parent."""
        return [self.options.data / name for name in ("secrets.json", "parent")]

    def write_secrets(self) -> None:
        """Write each secret to the file that processes read it from; the names are those of compose."""
        self._secrets.mkdir(mode=0o700, exist_ok=True)
        for name, content in self._told().items():
            write_secret(self._secrets / name, content)

    def is_what_runs(self) -> bool:
        """Say whether the files name the servers of this plan: others were told of by other settings."""

        def names(path: Path, url: str) -> bool:
            return path.exists() and path.read_text().rpartition("@")[2] == url.rpartition("@")[2]

        told = self._told().items()
        return all(names(self._secrets / name, url) for name, url in told if "url" in name)

    def _told(self) -> dict[str, str]:
        return {
            "postgres_url": self.admin_url,
            "amqp_url": self.amqp_url,
            "amqp_admin_url": self.amqp_admin_url,
            "redis_url": self.redis_url,
            "key_secret": self.secrets.key_secret,
            "seal_secret": self.secrets.seal_secret,
            **{f"database_url_{each}": self.database_url(each) for each in SERVICES},
        }

    @property
    def _secrets(self) -> Path:
        return self.options.data / "secrets"

    def _from_files(self, *names: str, **others: str) -> dict[str, str]:
        """Return settings that point to files of their own name, or of another."""
        files = dict(zip(names, names, strict=True)) | others
        return {
            f"KAIGONG_{name.upper()}_FILE": str(self._secrets / file)
            for name, file in files.items()
        }

    # --- settings ---

    def settings(self, service: str) -> dict[str, str]:
        """Return the KAIGONG_ variables of one service's processes."""
        options, ports = self.options, self.options.ports
        peers = ",".join(f"{each}=127.0.0.1:{ports.grpc(each)}" for each in SERVICES)
        return {
            "KAIGONG_PUBLIC_URL": options.gateway_url,
            **({"KAIGONG_CHANNELS": str(self.channels)} if options.demo else {}),
            **options.passed_on,
            **self._from_files("amqp_url", "redis_url", database_url=f"database_url_{service}"),
            "KAIGONG_JWKS_URL": self.jwks_url,
            "KAIGONG_GRPC_LISTEN": f"127.0.0.1:{ports.grpc(service)}",
            "KAIGONG_PARENT": options.parent,
            "KAIGONG_MOVABLE_CLOCK": "1" if options.movable_clock else "0",
            "KAIGONG_PEERS": peers,
            "KAIGONG_OBJECT_STORE": (self.objects / service).as_uri(),
            **self._own_secret(service),
        }

    def _own_secret(self, service: str) -> dict[str, str]:
        if service == "identity":
            return self._from_files("key_secret")
        if service in ("approval_tracking", "warning_dispatch"):
            return self._from_files("seal_secret")
        return {}

    def surroundings(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a process of ours."""
        folders = ("services", "gateway", "build/gen", "deploy")
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in folders),
            "PYTHONUNBUFFERED": "1",
            # Threads would otherwise each keep an arena of their own.
            "MALLOC_ARENA_MAX": "2",
            **settings,
        }

    # --- processes ---

    def _databases(self) -> Process:
        passwords = {
            f"KAIGONG_PASSWORD_{service.upper()}": password
            for service, password in self.secrets.databases.items()
        }
        address, login = without_password(self.admin_url)
        return Process(
            name="databases",
            argv=psql(address, ROOT / "deploy" / "postgres" / "init.sql"),
            environ={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **passwords, **login},
            log=self._log("databases"),
            needs=("postgres",) if self.postgres else (),
            once=True,
        )

    def _prepared(self) -> Process:
        wanted = {
            "services": {each: self.settings(each) for each in SERVICES},
            "tasks": {each: self._tasks(each) for each in SERVICES},
        }
        return Process(
            name="prepare",
            argv=(sys.executable, "-m", "instance.prepare"),
            environ=self.surroundings(
                {**self.options.passed_on, "KAIGONG_PREPARE": json.dumps(wanted)}
            ),
            log=self._log("prepare"),
            # Not the broker: `prepare` waits for it itself, when all else is done.
            needs=("databases",),
            once=True,
            patience=180,
        )

    def _tasks(self, service: str) -> list[str]:
        # The demo's projects are at home in the first instance; one below it gets the accounts.
        demo = self.options.demo and (service == "identity" or not self.options.parent_url)
        return [_DATA, _DEMO] if demo else [_DATA]

    def link_settings(self) -> dict[str, str]:
        """Return what `python -m chassis.links` needs to speak to our broker."""
        return {
            "KAIGONG_INSTANCE": self.options.region,
            **self._from_files("amqp_url", "amqp_admin_url"),
        }

    def _link(self) -> Process:
        settings = {**self.link_settings(), "KAIGONG_PARENT_URL": self.options.parent_url}
        return Process(
            name="link",
            argv=(sys.executable, "-m", "chassis.links", "join"),
            environ=self.surroundings(settings),
            log=self._log("link"),
            needs=("prepare", *(["rabbitmq"] if self.rabbit else [])),
            once=True,
        )

    def _packed(self, kind: str) -> Process:
        ports = self.options.ports
        port = (ports.api_metrics if kind == "api" else ports.worker_metrics)("identity")
        # A few threads for each of six: a town has few callers at once.
        settings = {
            **self.options.passed_on,
            "KAIGONG_METRICS_LISTEN": f"127.0.0.1:{port}",
            "KAIGONG_PACKED": json.dumps(
                {each: {**self.settings(each), "KAIGONG_THREADS": "4"} for each in SERVICES}
            ),
        }
        needs = ["prepare", *(["postgres"] if self.postgres else [])]
        if kind == "worker" and self.rabbit:
            needs.append("rabbitmq")
        return Process(
            name=f"packed-{kind}",
            argv=(sys.executable, "-m", "packed", kind),
            environ=self.surroundings(settings),
            log=self._log(f"packed-{kind}"),
            ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
            needs=tuple(needs),
            stop_patience=30,
        )

    def _python(self, service: str, kind: str, index: int) -> Process:
        ports = self.options.ports
        port = ports.api_metrics(service) if kind == "api" else ports.worker_metrics(service)
        settings = {**self.settings(service), "KAIGONG_METRICS_LISTEN": f"127.0.0.1:{port}"}
        if kind == "api":
            # Threads handing the interpreter's lock from core to core cost more than they bring.
            settings["KAIGONG_CPU"] = str(index % (os.cpu_count() or 1))
        # What is gone for a while is waited for, so only what the process cannot start without:
        # an api answers without its broker, and losing Redis loses liveness only.
        needs = ["prepare", *(["postgres"] if self.postgres else [])]
        if kind == "worker" and self.rabbit:
            needs.append("rabbitmq")
        return Process(
            name=f"{service}-{kind}",
            argv=(sys.executable, "-m", service, kind),
            environ=self.surroundings(settings),
            log=self._log(f"{service}-{kind}"),
            ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
            needs=tuple(needs),
            stop_patience=30,
        )

    def _push(self) -> Process:
        ports = self.options.ports
        settings = {
            **self.options.passed_on,
            **self._from_files("redis_url"),
            "KAIGONG_JWKS_URL": self.jwks_url,
            "KAIGONG_HTTP_LISTEN": f"127.0.0.1:{ports.push}",
            "KAIGONG_METRICS_LISTEN": f"127.0.0.1:{ports.push_metrics}",
        }
        return Process(
            name="push",
            argv=(sys.executable, "-m", "push"),
            environ=self.surroundings(settings),
            log=self._log("push"),
            ready=lambda: answers(f"http://127.0.0.1:{ports.push_metrics}/healthz"),
            needs=("prepare",),
        )

    def _points(self, archive: Archive) -> Process:
        settings = {
            "KAIGONG_BACKUP": str(archive.home),
            **self._from_files("postgres_url", "amqp_admin_url"),
        }
        return Process(
            name="points",
            argv=(sys.executable, "-m", "instance.backup"),
            environ=self.surroundings(settings),
            log=self._log("points"),
            needs=("prepare", "postgres", "rabbitmq"),
        )

    def _edge(self) -> Process:
        ports = self.options.ports
        addresses = [
            word
            for each in SERVICES
            for word in ("--service", f"{each}=127.0.0.1:{ports.grpc(each)}")
        ]
        chosen = self.options.edge_settings
        return Process(
            name="edge",
            argv=(
                *(sys.executable, "-m", "edge", "render", "--out", str(self.envoy_config.parent)),
                *("--listen", f"127.0.0.1:{ports.gateway}"),
                *("--admin", f"127.0.0.1:{ports.envoy_admin}"),
                *("--jwks-url", self.jwks_url, "--push", f"127.0.0.1:{ports.push}"),
                *addresses,
                *(("--settings", chosen) if chosen else ()),
                *(() if self.options.limits else ("--no-limits",)),
            ),
            environ=self.surroundings({}),
            log=self._log("edge"),
            once=True,
            # It fetches the reference page when `make page` has not.
            patience=200,
        )

    def _envoy(self, behind: list[Process]) -> Process:
        port = self.options.ports.envoy_admin
        return Process(
            name="envoy",
            argv=(
                str(files("envoy").joinpath("_bin", "envoy")),
                *("-c", str(self.envoy_config), "--concurrency", "2"),
                *("--disable-hot-restart", "--log-level", "warning"),
            ),
            environ={"PATH": os.environ["PATH"]},
            log=self._log("envoy"),
            ready=lambda: answers(f"http://127.0.0.1:{port}/ready"),
            needs=("edge",),
            after=tuple(each.name for each in behind),
            directory=self.options.run,
        )

    @property
    def channels(self) -> Path:
        """The demonstration's channels: to see letters arrive, listen where they go."""
        return self.options.run / "channels.yaml"

    @property
    def envoy_config(self) -> Path:
        return self.options.run / "envoy" / "envoy.yaml"

    def _log(self, name: str) -> Path:
        return self.options.run / "log" / f"{name}.log"


def answers(url: str) -> bool:
    """Say whether a GET of `url` is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status) == 200
    except OSError:
        return False
