"""One request id and one W3C trace follow a request through HTTP, gRPC and AMQP."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# Spans go to whatever processors the provider is given; ids are made in any case.
PROVIDER = TracerProvider()
_tracer = PROVIDER.get_tracer("kaigong")
_propagator = TraceContextTextMapPropagator()
_request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(frozen=True)
class Trace:
    """Where we are: the traceparent to hand on, its trace id, and the request that began it all."""

    traceparent: str = ""
    trace_id: str = ""
    request_id: str = ""


def current() -> Trace:
    span = otel.get_current_span().get_span_context()
    if not span.is_valid:
        return Trace(request_id=_request_id.get())
    trace_id = f"{span.trace_id:032x}"
    return Trace(
        f"00-{trace_id}-{span.span_id:016x}-{span.trace_flags:02x}",
        trace_id,
        _request_id.get(),
    )


@contextmanager
def follow(name: str, *, traceparent: str, request_id: str) -> Iterator[None]:
    """Continue the caller's trace in a span of our own, or begin one when there is none."""
    context = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    token = _request_id.set(request_id or secrets.token_hex(16))
    try:
        with _tracer.start_as_current_span(name, context=context, record_exception=False):
            yield
    finally:
        _request_id.reset(token)
