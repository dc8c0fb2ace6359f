"""Exchanges, queues, retry and parking; publishing with confirms. kombu only: a test may import this.

A queue is schema: `migrate` declares it, and a new argument means a new name. Each
subscription has three: `<consumer>.<source>.<type>` (quorum), `.retry`, where a refused
message waits before it comes back, and `.parked`, where it rests after the last attempt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import amqp
import orjson
from kombu.connection import Connection
from kombu.entity import Exchange, Queue, binding

from chassis import tls
from chassis.settings import current

ATTEMPTS = 5
RETRY_MS = 5_000
_MOST_PARKED_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Subscription:
    """One queue of one consumer, bound to the facts of one source."""

    source: str
    types: tuple[str, ...]
    consumer: str
    # label ends the queue's name; the type itself unless several types share the queue.
    label: str
    # exchange is the source's own unless the facts come over a link.
    exchange: str = ""

    @property
    def queue(self) -> str:
        return f"{self.consumer}.{self.source}.{self.label}"

    @property
    def retry(self) -> str:
        return f"{self.queue}.retry"

    @property
    def parked(self) -> str:
        return f"{self.queue}.parked"


def exchange_of(service: str) -> Exchange:
    return Exchange(f"{service}.events", type="topic", durable=True)


def exchange_for(subscription: Subscription) -> Exchange:
    if subscription.exchange:
        return Exchange(subscription.exchange, type="topic", durable=True)
    return exchange_of(subscription.source)


def queues(
    subscription: Subscription, *, retry_ms: int = RETRY_MS, instance: str = ""
) -> list[Queue]:
    """Return the three queues; dead-lettering is at least once, so a broker's death loses none."""
    exchange = exchange_for(subscription)
    keys = [each.format(instance=instance) for each in subscription.types]
    bound = [binding(exchange, routing_key=each) for each in keys]
    quorum = {"x-queue-type": "quorum"}
    safe = {
        **quorum,
        "x-overflow": "reject-publish",
        "x-dead-letter-strategy": "at-least-once",
        "x-dead-letter-exchange": "",
    }
    return [
        Queue(
            subscription.queue,
            bindings=bound,
            durable=True,
            queue_arguments={**safe, "x-dead-letter-routing-key": subscription.retry},
        ),
        Queue(
            subscription.retry,
            durable=True,
            queue_arguments={
                **safe,
                "x-message-ttl": retry_ms,
                "x-dead-letter-routing-key": subscription.queue,
            },
        ),
        Queue(
            subscription.parked,
            durable=True,
            queue_arguments={**quorum, "x-max-length-bytes": _MOST_PARKED_BYTES},
        ),
    ]


def declare(
    url: str,
    *,
    publisher: str,
    subscriptions: Iterable[Subscription],
    retry_ms: int = RETRY_MS,
    instance: str = "",
) -> None:
    """Declare what this service publishes to and consumes from. Declaring again changes nothing."""
    with connect(url) as connection:
        channel = connection.default_channel
        exchange_of(publisher)(channel).declare()
        for each in subscriptions:
            exchange_for(each)(channel).declare()
            for queue in queues(each, retry_ms=retry_ms, instance=instance):
                queue(channel).declare()


def declare_links(url: str, *, uplink_bytes: int = 0) -> None:
    """Declare what the links of an instance need: where directives go out, and the uplink's queue.

    The queue holds so many bytes, then refuses; who has no parent has none.
    """
    with connect(url) as connection:
        channel = connection.default_channel
        for name in ("uplink", "directives"):
            Exchange(name, type="topic", durable=True)(channel).declare()
        out = Exchange("uplink.out", type="fanout", durable=True)
        out(channel).declare()
        if uplink_bytes:
            Queue(
                "uplink",
                exchange=out,
                durable=True,
                queue_arguments={
                    "x-queue-type": "quorum",
                    "x-overflow": "reject-publish",
                    "x-max-length-bytes": uplink_bytes,
                },
            )(channel).declare()


def connect(url: str) -> Connection:
    url = current(url)
    connection = Connection(url, ssl=tls.for_broker(url), connect_timeout=5, heartbeat=0)
    connection.ensure_connection(max_retries=3, interval_start=0.2, interval_step=0.5)
    return connection


def attempts_so_far(headers: dict[str, Any], queue: str) -> int:
    """Return how often `queue` has refused the message already."""
    deaths = headers.get("x-death") or ()
    return sum(
        int(death.get("count", 0))
        for death in deaths
        if death.get("queue") == queue and death.get("reason") == "rejected"
    )


class PublishFailed(Exception):
    """The broker refused or returned a message; the whole batch stays in the outbox."""


class Publisher:
    """Publishes batches pipelined: sends all, then waits for all confirms."""

    def __init__(
        self,
        url: str,
        *,
        exchange: str,
        stamp: Mapping[str, Any] | None = None,
        mandatory: bool = False,
    ) -> None:
        """Publish to `exchange`, each message with what `stamp` adds to it.

        A fact that nobody subscribes to is confirmed and gone, unless `mandatory`: not every
        fact has a reader, and a missing queue is caught by the shape test that ties
        subscriptions to publications.
        """
        self._url, self._exchange, self._mandatory = url, exchange, mandatory
        self._stamp = dict(stamp or {})
        self._connection: Connection | None = None
        self._channel: Any = None
        self._unconfirmed: set[int] = set()
        self._failed: list[str] = []
        self._sent = 0

    def publish_all(
        self, bodies: Sequence[dict[str, Any]], *, keys: Sequence[str] | None = None
    ) -> None:
        """Publish the envelopes in order; return when the broker has confirmed every one.

        The routing key is a fact's type unless `keys` gives others.
        """
        try:
            channel = self._open()
            for place, body in enumerate(bodies):
                message = amqp.Message(
                    orjson.dumps({**body, **self._stamp}),
                    content_type="application/json",
                    content_encoding="utf-8",
                    delivery_mode=2,
                    message_id=body["id"],
                    application_headers={
                        "traceparent": body.get("traceparent", ""),
                        "x-request-id": body.get("request_id", ""),
                    },
                )
                self._sent += 1
                self._unconfirmed.add(self._sent)
                # The method that does not wait: channel.basic_publish would, message by message.
                channel._basic_publish(
                    message,
                    exchange=self._exchange,
                    routing_key=keys[place] if keys else body["type"],
                    mandatory=self._mandatory,
                )
            while self._unconfirmed and not self._failed:
                channel.connection.drain_events(timeout=30)
            if self._failed:
                raise PublishFailed("; ".join(self._failed[:3]))
        except BaseException:
            self.close()
            raise

    def send(self, queue: str, payload: bytes | str, *, headers: dict[str, Any]) -> None:
        """Put one message straight into a queue and wait for the confirm."""
        try:
            channel = self._open()
            self._sent += 1
            self._unconfirmed.add(self._sent)
            channel._basic_publish(
                amqp.Message(
                    payload,
                    content_type="application/json",
                    content_encoding="utf-8",
                    delivery_mode=2,
                    application_headers=headers,
                ),
                exchange="",
                routing_key=queue,
                mandatory=True,
            )
            while self._unconfirmed and not self._failed:
                channel.connection.drain_events(timeout=30)
            if self._failed:
                raise PublishFailed("; ".join(self._failed[:3]))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._channel = None
        self._unconfirmed.clear()
        self._failed.clear()
        self._sent = 0

    def _open(self) -> Any:
        if self._channel is None:
            self._connection = connect(self._url)
            channel: Any = self._connection.channel()
            channel.confirm_select()
            channel.events["basic_ack"].add(self._acked)
            channel.events["basic_nack"].add(self._nacked)
            channel.events["basic_return"].add(self._returned)
            self._channel = channel
        return self._channel

    def _acked(self, tag: int, multiple: bool) -> None:
        if multiple:
            self._unconfirmed = {each for each in self._unconfirmed if each > tag}
        else:
            self._unconfirmed.discard(tag)

    def _nacked(self, tag: int, multiple: bool, *_: Any) -> None:
        self._failed.append(f"the broker refused message {tag}")

    def _returned(self, *details: Any) -> None:
        self._failed.append(f"no queue took the message: {details[1]}")


def parked_messages(url: str, queue: str, *, most: int = 100) -> list[tuple[dict[str, Any], str]]:
    """Return headers and text of parked messages, oldest first, and leave them where they are."""
    found: list[tuple[dict[str, Any], str]] = []
    with connect(url) as connection:
        channel = connection.channel()
        while len(found) < most and (message := channel.basic_get(queue)):
            found.append((dict(message.headers or {}), _text(message.body)))
        # Closing the channel without an acknowledgement gives them back.
    return found


def take_parked(url: str, queue: str, *, accept: Callable[[str], bool], into: str | None) -> int:
    """Replay (`into` a queue) or drop (`into` None) the parked messages that `accept` picks by id."""
    taken = 0
    publisher = Publisher(url, exchange="")
    with connect(url) as connection:
        channel = connection.channel()
        waiting = channel.queue_declare(queue, passive=True).message_count
        for _ in range(waiting):
            message = channel.basic_get(queue)
            if message is None:
                break
            text = _text(message.body)
            if not accept(_id_of(text)):
                continue
            if into is not None:
                publisher.send(into, text, headers={})
            channel.basic_ack(message.delivery_tag)
            taken += 1
    publisher.close()
    return taken


def _text(body: Any) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes | bytearray) else str(body)


def _id_of(text: str) -> str:
    try:
        return str(json.loads(text).get("id", ""))
    except (ValueError, AttributeError):
        return ""
