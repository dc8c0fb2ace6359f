"""The process of a service: `python -m <service> {migrate,api,worker,…}`.

A service's `__main__` describes itself with a `Service` of functions that import late, so
that a worker can patch its process before anything else is imported.
"""

from __future__ import annotations

import argparse
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
    from chassis.metrics import Page

# eventlet says so on import; services/README.md says what follows.
_RETIRING = r"[\s\S]*Eventlet is deprecated"


@dataclass
class Environment:
    """What the composition root hands to an edge."""

    settings: Settings
    db: Database
    now: Clock


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
    # tasks are further commands: name → function of the environment, safe to run twice.
    tasks: Mapping[str, Callable[[Environment, Sequence[str]], None]] = field(default_factory=dict)


def main(service: Service, arguments: Sequence[str] | None = None) -> None:
    """Run one command of a service."""
    parser = argparse.ArgumentParser(prog=f"python -m {service.name}")
    parser.add_argument(
        "command",
        choices=["migrate", "api", "worker", "check", "revision", "parked", *service.tasks],
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    if chosen.command == "worker":
        _patch()
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
    elif chosen.command == "api":
        _api(service, Settings.read("database_url", "grpc_listen", "metrics_listen", "jwks_url"))
    elif chosen.command == "worker":
        _worker(service, Settings.read("database_url", "amqp_url", "redis_url", "metrics_listen"))
    elif chosen.command in {"check", "revision"}:
        _schema(service, settings, chosen.command, chosen.rest)
    elif chosen.command == "parked":
        from chassis import parked

        parked.main(service, Settings.read("amqp_url", "database_url"), chosen.rest)
    else:
        env = environment(service, settings, kind=chosen.command)
        service.tasks[chosen.command](env, chosen.rest)
        env.db.close()


def _patch() -> None:
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
        )


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


def _spare_the_collector() -> None:
    """Leave what has been imported out of garbage collection, and collect the rest less often.

    A call makes a few thousand objects and no cycles to speak of: at Python's own thresholds the
    collector walks all modules again and again, a fifth of a call's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _api(service: Service, settings: Settings) -> None:
    from chassis import metrics, rpc
    from chassis.db import OutboxBell
    from chassis.operator import add_operator
    from chassis.tokens import Keys, Revocations, Tokens

    env = environment(service, settings, kind="api")
    bell = OutboxBell(settings.database_url)
    env.db.on_commit = bell.ring
    tokens = Tokens(Keys(settings.jwks_url), Revocations(settings.redis_url))
    ready = threading.Event()
    stop_pages = metrics.serve(
        settings.metrics_listen, healthy=ready.is_set, pages=service.pages(env)
    )
    drain = rpc.serve(
        settings.grpc_listen,
        [*service.servicers(env), lambda server: add_operator(server, env.db, env.now)],
        tokens=tokens,
        db=env.db,
        threads=settings.threads,
        cpu=settings.cpu,
    )
    _spare_the_collector()
    ready.set()
    logs.get(service.name).info("api ready", listen=settings.grpc_listen)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    asked.wait()
    ready.clear()
    drain(20)
    bell.stop()
    stop_pages()
    env.db.close()


def _worker(service: Service, settings: Settings) -> None:
    from chassis import metrics, worker
    from chassis.amqp import Publisher
    from chassis.live import Live
    from chassis.relay import Relay

    env = environment(service, settings, kind="worker")
    publisher = Publisher(
        settings.amqp_url, service=service.name, source=f"{settings.instance}/{service.name}"
    )
    relay = Relay(env.db, publisher)
    env.db.on_commit = relay.ring
    ready = threading.Event()
    stop_pages = metrics.serve(settings.metrics_listen, healthy=ready.is_set)

    def started() -> None:
        _spare_the_collector()
        ready.set()
        logs.get(service.name).info("worker ready")

    worker.run(
        service.worker(),
        amqp_url=settings.amqp_url,
        db=env.db,
        now=env.now,
        relay=relay,
        injected={"live": Live(settings.redis_url), **service.injected(env)},
        ready=started,
    )
    stop_pages()
    env.db.close()
    # Daemon threads under eventlet would keep the hub; everything is committed and acknowledged.
    sys.stderr.flush()
    os._exit(0)
