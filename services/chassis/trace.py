"""One request id and one W3C trace follow a request through HTTP, gRPC and AMQP."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True)
class Trace:
    """Where we are: the trace, our own span in it, and the request that began it all."""

    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""
    flags: str = "01"
    request_id: str = ""

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}" if self.trace_id else ""


_current: ContextVar[Trace] = ContextVar("trace", default=Trace())


def current() -> Trace:
    return _current.get()


@contextmanager
def follow(traceparent: str, request_id: str) -> Iterator[Trace]:
    """Continue the caller's trace in a span of our own, or begin one when there is none."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    trace = Trace(
        trace_id=match[1] if match else secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        parent_id=match[2] if match else "",
        flags=match[3] if match else "01",
        request_id=request_id or (match[1] if match else secrets.token_hex(16)),
    )
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
