"""Calls from one api process to another: deadline, identity and trace go along."""

from __future__ import annotations

from typing import Any

import grpc

from chassis.rpc import outgoing

_LONGEST = 10.0
_RETRY = (
    '{"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.05s",'
    '"maxBackoff":"0.5s","backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]}'
)


class _PassOn(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """Adds the present call's token and trace, and never waits longer than its caller will."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata, left = outgoing()
        asked = details.timeout if details.timeout is not None else _LONGEST
        onward: Any = grpc.ClientCallDetails()
        onward.method = details.method
        onward.timeout = max(0.001, min(asked, left))
        onward.metadata = [*(details.metadata or ()), *metadata]
        onward.credentials = details.credentials
        onward.wait_for_ready = details.wait_for_ready
        onward.compression = details.compression
        return continuation(onward, request)


def channel(address: str) -> grpc.Channel:
    """Return a channel to a peer; it connects when first used and again when the peer returns."""
    plain = grpc.insecure_channel(
        address,
        options=[
            ("grpc.service_config", _RETRY),
            ("grpc.enable_retries", 1),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ],
    )
    return grpc.intercept_channel(plain, _PassOn())
