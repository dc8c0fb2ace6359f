"""The nameko shell: subscriptions that keep every message, timers. The only nameko file.

nameko acknowledges a message whose handler raised, and kombu one it cannot decode; here a
failure is refused into the retry queue, and after the last attempt parked (chassis.amqp).
"""

from __future__ import annotations

import functools
import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import eventlet
import eventlet.patcher
import orjson
from eventlet.event import Event as Signal
from kombu import serialization
from kombu.entity import Queue
from kombu.messaging import Consumer as Messages
from nameko.constants import (
    AMQP_SSL_CONFIG_KEY,
    AMQP_URI_CONFIG_KEY,
    HEARTBEAT_CONFIG_KEY,
    MAX_WORKERS_CONFIG_KEY,
)
from nameko.extensions import DependencyProvider, Entrypoint, register_entrypoint
from nameko.messaging import Consumer, QueueConsumer
from nameko.runners import ServiceRunner

from chassis import logs, metrics, tls, trace
from chassis.amqp import ATTEMPTS, Publisher, Subscription, attempts_so_far
from chassis.db import Database
from chassis.errors import Unavailable
from chassis.links.ledger import ABOUT_THE_LINK
from chassis.links.relay import LinkRelay
from chassis.queue_watch import QueueWatch
from chassis.relay import Housekeeping, Relay
from chassis.settings import current

log = logs.get(__name__)

# kombu's own reading of JSON calls Python for every object in a body.
serialization.register("json", json.dumps, orjson.loads, "application/json", "utf-8")

MAX_WORKERS = 10
_STALLED_AFTER = 30
_BATCH_WAIT = 0.02


class Injected(DependencyProvider):  # type: ignore[misc]
    """What the composition root made, by name: `db: Database = Injected("db")`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.container.config["injected"][self.container.service_name][self.name]


# --- Subscriptions ---------------------------------------------------------------------------


class _Queues(QueueConsumer):  # type: ignore[misc]
    """One connection for all subscriptions of a worker; a body that cannot be read is parked."""

    in_flight = 0
    amqp_uri = property(lambda self: current(self.container.config[AMQP_URI_CONFIG_KEY]))

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        self._consumers = {}
        for provider in self._providers:
            # A channel each: a prefetch count and a multiple acknowledgement hold for a channel.
            consumer = Messages(
                channel.connection.channel(),
                queues=[provider.queue],
                callbacks=[functools.partial(self._deliver, provider)],
                on_decode_error=provider.cannot_read,
                accept=["json"],
            )
            consumer.qos(prefetch_count=provider.prefetch)
            self._consumers[provider] = consumer
        return self._consumers.values()

    def _deliver(self, provider: Any, body: Any, message: Any) -> None:
        self.in_flight += 1
        self._holds(provider, provider.in_flight + 1)
        provider.deliver(body, message)

    def on_iteration(self) -> None:
        """Once asked to stop, keep the connection until what is in flight is acknowledged."""
        self._cancel_consumers_if_requested()
        if not self._consumers and not self.in_flight:
            self.should_stop = True

    def settled(self, provider: _Subscribed, messages: int = 1) -> None:
        self.in_flight = max(0, self.in_flight - messages)
        self._holds(provider, max(0, provider.in_flight - messages))

    def on_connection_revived(self) -> None:
        # What was delivered over the old connection will come again.
        self.in_flight = 0
        for provider in self._providers:
            self._holds(provider, 0)

    def _holds(self, provider: _Subscribed, messages: int) -> None:
        provider.in_flight = messages
        metrics.in_flight.labels(provider.subscription.queue).set(messages)


class _Subscribed(Consumer):  # type: ignore[misc]
    """One message, one handler, one transaction."""

    queue_consumer = _Queues()
    prefetch = MAX_WORKERS
    in_flight = 0

    def __init__(self, subscription: Subscription, **kwargs: Any) -> None:
        self.subscription = subscription
        queue = Queue(subscription.queue, no_declare=True)
        super().__init__(queue=queue, **kwargs)

    def deliver(self, body: Any, message: Any) -> None:
        self.container.spawn_managed_thread(
            functools.partial(self._work, body, message), identifier=self.subscription.queue
        )

    def _work(self, body: Any, message: Any) -> None:
        began = time.perf_counter()
        done = Signal()

        def finished(_: Any, result: Any = None, exc_info: Any = None) -> Any:
            done.send((result, exc_info))
            return result, exc_info

        headers = message.headers or {}
        with trace.follow(
            self.subscription.queue,
            traceparent=str(headers.get("traceparent", "")),
            request_id=str(headers.get("x-request-id", "")),
        ):
            self.container.spawn_worker(self, (body,), {}, context_data={}, handle_result=finished)
            _, exc_info = done.wait()
            if exc_info is None:
                self.acknowledge(message, "handled")
                self.note_age([body])
            else:
                self.refuse(body, message, exc_info[1])
            took = time.perf_counter() - began
            metrics.handle_seconds.labels(self.subscription.queue).observe(
                took, metrics.exemplar(took)
            )

    def note_age(self, bodies: Sequence[Any]) -> None:
        """Measure how old the facts were when they had their effect."""
        now, seconds = time.time(), metrics.fact_seconds.labels(self.subscription.queue)
        for body in bodies:
            age = metrics.age_of_fact(str(body.get("id", "")), now)
            if age is not None:
                seconds.observe(age)

    def acknowledge(self, message: Any, outcome: str) -> None:
        metrics.handled.labels(self.subscription.queue, outcome).inc()
        self.queue_consumer.ack_message(message)
        self.queue_consumer.settled(self)

    def refuse(self, body: Any, message: Any, error: BaseException) -> None:
        """Send a message whose handler failed to the retry queue, or after the last attempt aside."""
        attempt = attempts_so_far(message.headers or {}, self.subscription.queue) + 1
        log.error(
            "message refused",
            queue=self.subscription.queue,
            fact=body.get("id", "") if isinstance(body, dict) else "",
            attempt=attempt,
            error=repr(error),
            exc_info=error,
        )
        # A database that is away is no fault of the message: it may try for as long as that takes.
        if attempt >= ATTEMPTS and not isinstance(error, Unavailable):
            self._park(json.dumps(body, ensure_ascii=False), message, repr(error))
            return
        metrics.handled.labels(self.subscription.queue, "retried").inc()
        if message.channel.connection:
            message.reject(requeue=False)
        self.queue_consumer.settled(self)

    def cannot_read(self, message: Any, error: Exception) -> None:
        raw = message.body
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
        self._park(text, message, f"cannot be read: {error!r}")

    def _park(self, text: str, message: Any, why: str) -> None:
        publisher = Publisher(self.container.config[AMQP_URI_CONFIG_KEY], exchange="")
        publisher.send(
            self.subscription.parked,
            text,
            headers={"x-queue": self.subscription.queue, "x-why": why[:1000]},
        )
        publisher.close()
        self.acknowledge(message, "parked")


class _SubscribedBatch(_Subscribed):
    """Many messages, one handler, one transaction; a batch that fails is taken one by one."""

    def __init__(self, subscription: Subscription, *, size: int, **kwargs: Any) -> None:
        super().__init__(subscription, **kwargs)
        self.size = size
        # The next batch arrives while one is at work.
        self.prefetch = 2 * size
        self._waiting: list[tuple[Any, Any]] = []
        self._running = False

    def deliver(self, body: Any, message: Any) -> None:
        self._waiting.append((body, message))
        if not self._running:
            self._running = True
            self.container.spawn_managed_thread(self._drain, identifier=self.subscription.queue)

    def _drain(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self.size:
                    # Let the rest of a burst arrive; what is alone waits only this long.
                    eventlet.sleep(_BATCH_WAIT / 10 if len(self._waiting) == 1 else _BATCH_WAIT)
                batch, self._waiting = self._waiting[: self.size], self._waiting[self.size :]
                self._take(batch)
        finally:
            self._running = False

    def _take(self, batch: list[tuple[Any, Any]]) -> None:
        began = time.perf_counter()
        error = self._call([body for body, _ in batch])
        if error is None:
            last = batch[-1][1]
            metrics.handled.labels(self.subscription.queue, "handled").inc(len(batch))
            if last.channel.connection:
                last.channel.basic_ack(last.delivery_tag, multiple=True)
            self.queue_consumer.settled(self, len(batch))
            self.note_age([body for body, _ in batch])
        elif len(batch) == 1:
            self.refuse(*batch[0], error)
        else:
            log.warning("batch split", queue=self.subscription.queue, error=repr(error))
            for body, message in batch:
                alone = self._call([body])
                if alone is None:
                    self.acknowledge(message, "handled")
                    self.note_age([body])
                else:
                    self.refuse(body, message, alone)
        metrics.handle_seconds.labels(self.subscription.queue).observe(time.perf_counter() - began)

    def _call(self, bodies: list[Any]) -> BaseException | None:
        done = Signal()

        def finished(_: Any, result: Any = None, exc_info: Any = None) -> Any:
            done.send(exc_info)
            return result, exc_info

        self.container.spawn_worker(self, (bodies,), {}, context_data={}, handle_result=finished)
        exc_info = done.wait()
        return None if exc_info is None else exc_info[1]


def subscribe(source: str, fact: str, *, consumer: str) -> Callable[[Any], Any]:
    """Give each `fact` of `source` to the method: `body` is the envelope's JSON."""
    subscription = Subscription(source, (fact,), consumer, fact)
    return _entrypoint([functools.partial(_Subscribed, subscription)], [subscription])


def subscribe_batch(
    *, consumer: str, sources: Mapping[str, list[str]], size: int = 500, label: str = "batch"
) -> Callable[[Any], Any]:
    """Give the facts of each source to the method in lists of up to `size`, in order per source."""
    subscriptions = [
        Subscription(source, tuple(types), consumer, label) for source, types in sources.items()
    ]
    make = [functools.partial(_SubscribedBatch, each, size=size) for each in subscriptions]
    return _entrypoint(make, subscriptions)


def subscribe_below(
    *, consumer: str, sources: Mapping[str, Sequence[str]], size: int = 500
) -> Callable[[Any], Any]:
    """Give the facts that instances below sent up to the method in lists, for `Links.take`.

    `sources` are the facts by the service that they come from.
    """
    types = (*(kind for kinds in sources.values() for kind in kinds), *ABOUT_THE_LINK)
    below = Subscription("uplink", types, consumer, "facts", exchange="uplink")
    mark = _entrypoint([functools.partial(_SubscribedBatch, below, size=size)], [below])

    def marked(method: Any) -> Any:
        method.below = {service: tuple(kinds) for service, kinds in sources.items()}
        return mark(method)

    return marked


def subscribe_directives(*, consumer: str) -> Callable[[Any], Any]:
    """Give each directive from above to the method, for `Links.receive`."""
    above = Subscription(
        "directives", (f"{{instance}}.{consumer}",), consumer, "all", exchange="directives"
    )
    return _entrypoint([functools.partial(_Subscribed, above)], [above])


def _entrypoint(
    make: Sequence[Callable[[], Consumer]], subscriptions: list[Subscription]
) -> Callable[[Any], Any]:
    def mark(method: Any) -> Any:
        for each in make:
            register_entrypoint(method, each())
        method.subscriptions = subscriptions
        return method

    return mark


def subscriptions_of(worker: type) -> list[Subscription]:
    """Return every subscription of a Worker class, for `migrate` to declare."""
    return [
        subscription
        for name in dir(worker)
        for subscription in getattr(getattr(worker, name), "subscriptions", [])
    ]


def below_of(worker: type) -> Mapping[str, tuple[str, ...]]:
    """Return the facts that a Worker takes from instances below, by the service they come from."""
    for name in dir(worker):
        if sources := getattr(getattr(worker, name), "below", None):
            return sources  # type: ignore[no-any-return]
    return {}


# --- Timers ----------------------------------------------------------------------------------

_pokes: list[Signal] = []


def poke_timers() -> None:
    """Wake every timer now: the movable clock has moved, or something became due."""
    waiting, _pokes[:] = list(_pokes), []
    for each in waiting:
        if not each.ready():
            each.send(None)


class _Every(Entrypoint):  # type: ignore[misc]
    """Runs the method again and again, never twice at once; a failure is logged and tried again."""

    def __init__(self, seconds: float, **kwargs: Any) -> None:
        self.seconds = seconds
        self._stopping = False
        self._thread: Any = None
        super().__init__(**kwargs)

    def start(self) -> None:
        self._thread = self.container.spawn_managed_thread(self._run)

    def stop(self) -> None:
        self._stopping = True
        poke_timers()
        self._thread.wait()

    def kill(self) -> None:
        self._stopping = True

    def _run(self) -> None:
        while not self._stopping:
            done = Signal()

            def finished(
                _: Any, result: Any = None, exc_info: Any = None, done: Signal = done
            ) -> Any:
                done.send(exc_info)
                return result, exc_info

            with trace.follow(self.method_name, traceparent="", request_id=""):
                self.container.spawn_worker(self, (), {}, handle_result=finished)
                exc_info = done.wait()
                if exc_info is None:
                    metrics.timer_lag.labels(
                        self.container.service_name, self.method_name
                    ).set_to_current_time()
                else:
                    log.error("timer failed", timer=self.method_name, exc_info=exc_info[1])
            poke = Signal()
            _pokes.append(poke)
            if self._stopping:
                return
            with eventlet.Timeout(self.seconds, False):
                poke.wait()
            if poke in _pokes:
                _pokes.remove(poke)


def every(seconds: float) -> Callable[[Any], Any]:
    """Run the method every so many seconds, and at once when `poke_timers` is called."""

    def mark(method: Any) -> Any:
        register_entrypoint(method, _Every(seconds))
        return method

    return mark


# --- The process -----------------------------------------------------------------------------


def _watch_hub() -> None:
    """Leave the process when the hub has stalled: a worker that lives without consuming is worse.

    A real thread: under eventlet's own nothing would notice.
    """
    real = eventlet.patcher.original("threading")
    sleep = eventlet.patcher.original("time").sleep
    beat = [time.monotonic()]

    def watch() -> None:
        while True:
            sleep(5)
            if time.monotonic() - beat[0] > _STALLED_AFTER:
                os.write(2, b'{"event": "the hub stalled, leaving"}\n')
                os._exit(70)

    def tick() -> None:
        while True:
            beat[0] = time.monotonic()
            eventlet.sleep(1)

    real.Thread(target=watch, name="watchdog", daemon=True).start()
    eventlet.spawn(tick)


@dataclass(frozen=True)
class Running:
    """One service's part of a worker process: its Worker, and what that is given by name."""

    worker: type
    db: Database
    relay: Relay
    link_relay: LinkRelay
    injected: Mapping[str, Any]

    @property
    def service(self) -> str:
        return str(vars(self.worker)["name"])


def run(parts: Sequence[Running], *, amqp_url: str, ready: Callable[[], None]) -> None:
    """Run Workers in one process until SIGTERM or SIGINT: handlers in flight finish and are acknowledged."""
    if os.environ.get(
        "PSYCOPG_WAIT_FUNC"
    ) != "wait_selector" or not eventlet.patcher.is_monkey_patched("socket"):
        raise SystemExit("a worker needs monkey-patching and PSYCOPG_WAIT_FUNC=wait_selector")
    runner = ServiceRunner(
        {
            AMQP_URI_CONFIG_KEY: amqp_url,
            AMQP_SSL_CONFIG_KEY: tls.for_broker(amqp_url),
            HEARTBEAT_CONFIG_KEY: 20,
            MAX_WORKERS_CONFIG_KEY: MAX_WORKERS,
            "injected": {each.service: each.injected for each in parts},
        }
    )
    for each in parts:
        runner.add_service(each.worker)
    stop = Signal()

    def asked(*_: Any) -> None:
        # A second signal changes nothing: nameko's timers do not bear two stops.
        if not stop.ready():
            stop.send(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.spawn_n(asked))
    _watch_hub()
    runner.start()
    for each in parts:
        each.relay.start()
        each.link_relay.start()
        Housekeeping(each.db, service=each.service).start()
        queues = subscriptions_of(each.worker)
        QueueWatch(amqp_url, each.service, queues, uplink=each.link_relay.has_parent).start()
    ended = eventlet.spawn(runner.wait)
    ended.link(asked)
    ready()
    stop.wait()
    if ended.dead:
        ended.wait()  # a container that died raises here, and the supervisor starts us anew
        raise SystemExit("the container ended by itself")
    runner.stop()
    for each in parts:
        each.relay.stop()
        each.link_relay.stop()
