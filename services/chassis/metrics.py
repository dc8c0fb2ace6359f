"""Metric names, and the port that serves /metrics and /healthz.

The process, not the scrape, says which service a number is of: a packed instance runs them all in one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app

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
parked = Gauge("messages_parked_count", "Parked messages", ["queue"])
timer_lag = Gauge(
    "timer_last_run_seconds", "Unix time of a timer's last finished run", ["service", "timer"]
)
audit_unlinked = Gauge("audit_unlinked_count", "Audit lines not yet chained")
uplink_waiting = Gauge(
    "uplink_waiting_count", "Facts that the uplink's queue has not taken yet", ["service"]
)
uplink_refused = Gauge("uplink_refused", "1 while the parent does not take our facts", ["service"])
link_refused = Counter("link_refused_total", "Facts from below that were not taken", ["child"])

Probe = Callable[[], bool]
# A page is (content type, body).
Page = Callable[[], tuple[str, bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def serve(
    listen: str,
    *,
    healthy: Probe = lambda: True,
    pages: Mapping[str, Page] | None = None,
) -> Callable[[], None]:
    """Serve /metrics, /healthz and `pages` from a thread; return what stops it."""
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
        if path == "/healthz":
            well = healthy()
            start(
                "200 OK" if well else "503 Service Unavailable",
                [("content-type", "text/plain")],
            )
            return [b"ok\n" if well else b"not ready\n"]
        start("404 Not Found", [("content-type", "text/plain")])
        return [b"not found\n"]

    host, _, port = listen.rpartition(":")
    server = make_server(host, int(port), app, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop
