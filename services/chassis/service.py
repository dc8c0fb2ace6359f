"""The process of a service: `python -m <service> {migrate,api,worker,…}`.

`migrate load-data …` also runs the named tasks, so that a one-shot container does both.

A service's `__main__` describes itself with a `Service` of functions that import late, so
that a worker can patch its process before anything else is imported.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chassis import logs
from chassis.clock import Clock, MovableClock, system_clock
from chassis.settings import Settings

if TYPE_CHECKING:
    import grpc
    import sqlalchemy as sa

    from chassis.db import Database
    from chassis.links.ledger import Links
    from chassis.metrics import Page
    from chassis.objects import ObjectStore
    from chassis.seal import SealKey
    from chassis.worker import Running

# eventlet says so on import; services/README.md says what follows.
_RETIRING = r"[\s\S]*Eventlet is deprecated"


@dataclass
class Environment:
    """What the composition root hands to an edge."""

    settings: Settings
    db: Database
    now: Clock

    @property
    def audit_store(self) -> ObjectStore | None:
        """Where archived audit lines are; None where no store is named, and so none can be."""
        from chassis.objects import ObjectStore

        return ObjectStore(self.settings.object_store) if self.settings.object_store else None


@dataclass(frozen=True)
class Service:
    """One service, described by functions that import what they need when they are called."""

    name: str
    metadata: Callable[[], sa.MetaData]
    # servicers returns `add_…_to_server` already bound: lambda server: add(servicer, server).
    servicers: Callable[[Environment], list[Callable[[grpc.Server], None]]]
    worker: Callable[[], type]
    # injected makes what the Worker asks for beside db, now and live.
    injected: Callable[[Environment], Mapping[str, Any]] = lambda _: {}
    # pages are served beside /metrics by the api process.
    pages: Callable[[Environment], Mapping[str, Page]] = lambda _: {}
    # seal_keys gives the keys of the service's seal, made at the first use; None where it has no seal.
    seal_keys: Callable[[sa.Connection, Callable[[], SealKey]], list[SealKey]] | None = None
    # tasks are further commands: name → function of the environment, safe to run twice.
    tasks: Mapping[str, Callable[[Environment, Sequence[str]], None]] = field(default_factory=dict)


def main(service: Service, arguments: Sequence[str] | None = None) -> None:
    """Run one command of a service."""
    parser = argparse.ArgumentParser(prog=f"python -m {service.name}")
    parser.add_argument(
        "command",
        choices=[
            *("migrate", "api", "worker", "check", "revision", "parked", "links", "audit"),
            *service.tasks,
        ],
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    if chosen.command == "worker":
        patch()
    settings = Settings.read("database_url")
    logs.configure(
        service=service.name,
        process=chosen.command,
        instance=settings.instance,
        tier=settings.tier,
        level=settings.log_level,
    )
    if chosen.command == "migrate":
        migrate(service, settings)
        load(service, settings, chosen.rest)
    elif chosen.command == "api":
        _api(service, Settings.read("database_url", "grpc_listen", "metrics_listen", "jwks_url"))
    elif chosen.command == "worker":
        _worker(service, Settings.read("database_url", "amqp_url", "redis_url", "metrics_listen"))
    elif chosen.command in {"check", "revision"}:
        _schema(service, settings, chosen.command, chosen.rest)
    elif chosen.command == "parked":
        from chassis import parked

        parked.main(service, Settings.read("amqp_url", "database_url"), chosen.rest)
    elif chosen.command == "links":
        _links(service, settings, chosen.rest)
    elif chosen.command == "audit":
        from chassis import audit_command

        env = environment(service, settings, kind="audit")
        code = audit_command.main(service, env, chosen.rest)
        env.db.close()
        sys.exit(code)
    else:
        env = environment(service, settings, kind=chosen.command)
        service.tasks[chosen.command](env, chosen.rest)
        env.db.close()


def patch() -> None:
    """Make the process cooperative before anything else is imported (facts: psycopg blocks without)."""
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
    warnings.filterwarnings("ignore", message=_RETIRING)
    import eventlet

    eventlet.monkey_patch()


def migrate(service: Service, settings: Settings) -> None:
    """Bring the database, and the broker where one is given, to this version."""
    from chassis import migrate as migration

    migration.upgrade(service.name, settings.database_url, service.metadata())
    if settings.amqp_url:
        warnings.filterwarnings("ignore", message=_RETIRING)
        from chassis import amqp
        from chassis.worker import subscriptions_of

        amqp.declare(
            settings.amqp_url,
            publisher=service.name,
            subscriptions=subscriptions_of(service.worker()),
            instance=settings.instance,
        )
        amqp.declare_links(
            settings.amqp_url, uplink_bytes=settings.uplink_bytes if settings.parent else 0
        )


def load(service: Service, settings: Settings, tasks: Sequence[str]) -> None:
    """Run tasks that bring data, in real time: the movable clock's row may not be there yet."""
    if unknown := [each for each in tasks if each not in service.tasks]:
        raise SystemExit(f"{service.name} 没有这样的任务 has no task {', '.join(unknown)}")
    if tasks:
        env = environment(service, dataclasses.replace(settings, movable_clock=False), kind="load")
        for each in tasks:
            service.tasks[each](env, [])
        env.db.close()


def links_of(service: Service, settings: Settings) -> Links:
    """Return the links of a service as its settings say."""
    from chassis.links.ledger import Links

    return Links(
        service=service.name,
        instance=settings.instance,
        parent=settings.parent,
        goes_up=getattr(service.worker(), "goes_up", ()),
    )


def _links(service: Service, settings: Settings, rest: Sequence[str]) -> None:
    from chassis.links import command

    warnings.filterwarnings("ignore", message=_RETIRING)
    env = environment(service, settings, kind="links")
    from chassis.worker import below_of

    links = links_of(service, settings)
    command.main(env.db, env.now, links, below_of(service.worker()), rest)
    env.db.close()


def _schema(service: Service, settings: Settings, what: str, rest: Sequence[str]) -> None:
    from chassis import migrate as migration

    arguments = (service.name, settings.database_url, service.metadata())
    if what == "check":
        migration.check(*arguments)
    else:
        migration.revision(*arguments, " ".join(rest) or "change")


def environment(service: Service, settings: Settings, *, kind: str) -> Environment:
    """Return the database and the clock of a process; the clock follows the service's row when movable."""
    from chassis.db import Database

    pool = settings.threads if kind == "api" else 12
    db = Database(settings.database_url, application_name=f"{service.name}-{kind}", pool_size=pool)
    if not settings.movable_clock:
        return Environment(settings, db, system_clock)
    from chassis.clock_state import Follower

    clock = MovableClock()
    follower = Follower(db, clock, kind=kind)
    follower.start()
    if kind == "worker":
        from chassis.worker import poke_timers

        follower.on_move = poke_timers
    return Environment(settings, db, clock)


def spare_the_collector() -> None:
    """Leave what has been imported out of garbage collection, and collect the rest less often.

    A call makes a few thousand objects and no cycles to speak of: at Python's own thresholds the
    collector walks all modules again and again, a fifth of a call's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _api(service: Service, settings: Settings) -> None:
    run_apis([(service, settings)], metrics_listen=settings.metrics_listen)


def run_apis(parts: Sequence[tuple[Service, Settings]], *, metrics_listen: str) -> None:
    """Serve the rpcs of one service, or of several each on its own port, until SIGTERM or SIGINT."""
    from chassis import metrics, rpc
    from chassis.db import OutboxBell
    from chassis.operator import add_operator
    from chassis.tokens import Keys, Revocations, Tokens

    environments = [(service, environment(service, each, kind="api")) for service, each in parts]
    ready = threading.Event()
    pages = {
        path: page for service, env in environments for path, page in service.pages(env).items()
    }
    stop_pages = metrics.serve(metrics_listen, healthy=ready.is_set, pages=pages)
    closing: list[Callable[[], None]] = []
    draining = []
    for service, env in environments:
        settings = env.settings
        bell = OutboxBell(settings.database_url)
        env.db.on_commit = bell.ring
        closing += [bell.stop, env.db.close]
        metrics.watch_disk(service.name, settings.object_store)
        operator = functools.partial(add_operator, db=env.db, now=env.now)
        draining.append(
            rpc.serve(
                settings.grpc_listen,
                [*service.servicers(env), operator],
                tokens=Tokens(Keys(settings.jwks_url), Revocations(settings.redis_url)),
                db=env.db,
                threads=settings.threads,
                cpu=settings.cpu,
            )
        )
        logs.get(service.name).info("api ready", listen=settings.grpc_listen)
    spare_the_collector()
    ready.set()
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    asked.wait()
    ready.clear()
    for drain in draining:
        drain(20)
    for close in closing:
        close()
    stop_pages()


def _worker(service: Service, settings: Settings) -> None:
    run_workers(
        [(service, settings)],
        metrics_listen=settings.metrics_listen,
        archive=(service.name, "audit", "archive"),
    )


def run_workers(
    parts: Sequence[tuple[Service, Settings]], *, metrics_listen: str, archive: Sequence[str]
) -> None:
    """Run the worker of one service, or those of several in one nameko runner.

    `archive` is the module and the command that archive old audit lines of all of them.
    """
    from chassis import metrics, worker
    from chassis.relay import Archiving

    archiving = Archiving(archive) if parts[0][1].keep_audit_days else None
    running = [_running(service, settings) for service, settings in parts]
    ready = threading.Event()
    stop_pages = metrics.serve(metrics_listen, healthy=ready.is_set)

    def started() -> None:
        spare_the_collector()
        ready.set()
        for each in running:
            logs.get(each.service).info("worker ready")
        if archiving:
            archiving.start()

    worker.run(running, amqp_url=parts[0][1].amqp_url, ready=started)
    if archiving:
        archiving.stop()
    stop_pages()
    for each in running:
        each.db.close()
    # Daemon threads under eventlet would keep the hub; everything is committed and acknowledged.
    sys.stderr.flush()
    os._exit(0)


def _running(service: Service, settings: Settings) -> Running:
    from chassis.amqp import Publisher
    from chassis.links.relay import LinkRelay
    from chassis.live import Live
    from chassis.relay import Relay
    from chassis.worker import Running

    env = environment(service, settings, kind="worker")
    links = links_of(service, settings)
    publisher = Publisher(
        settings.amqp_url, exchange=f"{service.name}.events", stamp={"source": links.me}
    )
    link_relay = LinkRelay(env.db, links, settings.amqp_url)

    def record(tx: sa.Connection, bodies: Sequence[dict[str, Any]]) -> None:
        if links.record(tx, bodies):
            link_relay.ring()

    relay = Relay(env.db, publisher, service=service.name, also=record)
    env.db.on_commit = relay.ring
    return Running(
        worker=service.worker(),
        db=env.db,
        relay=relay,
        link_relay=link_relay,
        injected={
            **{"db": env.db, "now": env.now, "live": Live(settings.redis_url), "links": links},
            **service.injected(env),
        },
    )
