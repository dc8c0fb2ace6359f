"""Metric names, and the port that serves /metrics and /healthz.

The process, not the scrape, says which service a number is of: a packed instance runs them all in one.
"""

from __future__ import annotations

import functools
import shutil
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import (
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    make_wsgi_app,
)

from chassis import tls, trace

# When a counter began would be a third of all series, and nothing reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]

rpc_seconds = Histogram(
    "rpc_seconds",
    "Time to answer an rpc",
    ["method", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
outbox_waiting = Gauge("outbox_waiting_count", "Facts that wait in the outbox", ["service"])
outbox_oldest = Gauge("outbox_oldest_seconds", "Age of the oldest fact in the outbox", ["service"])
relayed = Counter("outbox_relayed_total", "Facts that the broker confirmed", ["service"])
handled = Counter("messages_handled_total", "Messages by what became of them", ["queue", "outcome"])
handle_seconds = Histogram("message_seconds", "Time to handle a message or a batch", ["queue"])
in_flight = Gauge("messages_in_flight_count", "Messages delivered and not settled", ["queue"])
fact_seconds = Histogram(
    "fact_seconds",
    "From a fact's being written to its effect here; over a link from the instance below",
    ["queue"],
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
)
queue_ready = Gauge("queue_ready_count", "Messages that wait at the broker", ["queue"])
queue_retrying = Gauge("queue_retrying_count", "Messages that wait for another attempt", ["queue"])
queue_consumers = Gauge("queue_consumers_count", "Consumers that the broker knows", ["queue"])
broker_connected = Gauge("broker_connected", "1 while the broker answers the worker", ["service"])
parked = Gauge("messages_parked_count", "Parked messages", ["queue"])
timer_lag = Gauge(
    "timer_last_run_seconds", "Unix time of a timer's last finished run", ["service", "timer"]
)
audit_unlinked = Gauge("audit_unlinked_count", "Audit lines not yet chained", ["service"])
uplink_waiting = Gauge(
    "uplink_waiting_count", "Facts that the uplink's queue has not taken yet", ["service"]
)
uplink_refused = Gauge("uplink_refused", "1 while the parent does not take our facts", ["service"])
link_refused = Counter("link_refused_total", "Facts from below that were not taken", ["child"])
link_heard = Gauge(
    "link_heard_seconds", "Unix time at which a child was last heard of", ["service", "child"]
)
store_free = Gauge("store_free_bytes", "Free space where files are kept", ["service"])
store_size = Gauge("store_size_bytes", "Space where files are kept", ["service"])

Probe = Callable[[], bool]


# An exemplar costs more than the observation: only what somebody would look for gets one.
_SLOW = 0.05
_HANDSHAKE_SECONDS = 10.0


def exemplar(seconds: float) -> dict[str, str] | None:
    """Return what ties a slow measurement to its trace; the OpenMetrics format shows it."""
    if seconds < _SLOW or not (trace_id := trace.current().trace_id):
        return None
    return {"trace_id": trace_id}


def age_of_fact(fact_id: str, now: float | None = None) -> float | None:
    """Return how long ago a fact was written by the real clock, which its UUIDv7 holds."""
    # The first 48 bits are milliseconds; making a UUID of it takes twice as long, for every message.
    if fact_id[14:15] != "7":
        return None
    try:
        made = int(fact_id[:8] + fact_id[9:13], 16) / 1000
    except ValueError:
        return None
    return max(0.0, (time.time() if now is None else now) - made)


def watch_disk(service: str, object_store: str) -> None:
    """Measure the space of a folder of files whenever somebody asks; a bucket has no end."""
    if not object_store.startswith("file:"):
        return
    folder = url2pathname(urlsplit(object_store).path)

    def space(what: str) -> float:
        try:
            return float(getattr(shutil.disk_usage(folder), what))
        except OSError:
            return float("nan")

    store_free.labels(service).set_function(functools.partial(space, "free"))
    store_size.labels(service).set_function(functools.partial(space, "total"))


# A page is (content type, body).
Page = Callable[[], tuple[str, bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class _TlsServer(_Server):
    context: ssl.SSLContext

    def get_request(self) -> Any:
        """Take a connection; its handshake is its own thread's, with the first byte that it reads."""
        plain, address = super().get_request()
        plain.settimeout(_HANDSHAKE_SECONDS)
        secure = self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        return secure, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever shows no certificate, or goes away, is no error of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def serve(
    listen: str,
    *,
    healthy: Probe = lambda: True,
    pages: Mapping[str, Page] | None = None,
) -> Callable[[], None]:
    """Serve /metrics, /healthz and `pages` from a thread; return what stops it.

    With a certificate of our own (chassis.tls) they are for whoever shows one, too; a probe in the
    container shows none, and asks /healthz on the next port, which listens on loopback.
    """
    metrics = make_wsgi_app()
    extra = pages or {}

    def app(environ: Any, start: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return metrics(environ, start)
        if path in extra:
            kind, body = extra[path]()
            start("200 OK", [("content-type", kind), ("content-length", str(len(body)))])
            return [body]
        return probed(environ, start)

    def probed(environ: Any, start: Any) -> Any:
        if environ.get("PATH_INFO", "") == "/healthz":
            well = healthy()
            start(
                "200 OK" if well else "503 Service Unavailable",
                [("content-type", "text/plain")],
            )
            return [b"ok\n" if well else b"not ready\n"]
        start("404 Not Found", [("content-type", "text/plain")])
        return [b"not found\n"]

    host, _, port = listen.rpartition(":")
    own = tls.own()
    if own is None:
        return _started(make_server(host, int(port), app, _Server, _Quiet))
    secure = make_server(host, int(port), app, _TlsServer, _Quiet)
    secure.context = own.for_server()
    inside = make_server("127.0.0.1", int(port) + 1, probed, _Server, _Quiet)
    stops = [_started(secure), _started(inside)]

    def stop() -> None:
        for each in stops:
            each()

    return stop


def _started(server: WSGIServer) -> Callable[[], None]:
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop
