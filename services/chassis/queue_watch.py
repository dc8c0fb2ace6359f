"""What waits at the broker for a worker: asked of the broker itself, so that a dead consumer shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from amqp.exceptions import NotFound
from kombu.connection import Connection

from chassis import logs, metrics
from chassis.amqp import Subscription, connect

log = logs.get(__name__)

_SECONDS = 10.0
# The queue at a child that the link to its parent empties.
UPLINK = "uplink"


class QueueWatch:
    """Measures the queues of one worker; a passive declaration is all that it may and needs to do."""

    def __init__(
        self,
        amqp_url: str,
        service: str,
        subscriptions: Sequence[Subscription],
        *,
        uplink: bool = False,
    ) -> None:
        self._url, self._service = amqp_url, service
        self._subscriptions, self._uplink = subscriptions, uplink
        self._connection: Connection | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="queue-watch", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.measure()
            except Exception as error:
                metrics.broker_connected.labels(self._service).set(0)
                log.warning("queues not measured", error=repr(error))
                self.close()
            time.sleep(_SECONDS)

    def measure(self) -> None:
        if self._connection is None:
            self._connection = connect(self._url)
        for each in self._subscriptions:
            for name, gauge in (
                (each.queue, metrics.queue_ready),
                (each.retry, metrics.queue_retrying),
                (each.parked, metrics.parked),
            ):
                messages, consumers = self._ask(self._connection, name)
                gauge.labels(each.queue).set(messages)
                if name == each.queue:
                    metrics.queue_consumers.labels(name).set(consumers)
        if self._uplink:
            messages, consumers = self._ask(self._connection, UPLINK)
            metrics.queue_ready.labels(UPLINK).set(messages)
            metrics.queue_consumers.labels(UPLINK).set(consumers)
        metrics.broker_connected.labels(self._service).set(1)

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.release()

    def _ask(self, connection: Connection, name: str) -> tuple[int, int]:
        """Return how many messages and consumers a queue has; one that is gone has neither."""
        try:
            found = connection.default_channel.queue_declare(name, passive=True)
        except NotFound:
            return 0, 0
        return int(found.message_count), int(found.consumer_count)
