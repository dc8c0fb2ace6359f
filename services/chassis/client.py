"""Calls from one api process to another: deadline, identity and trace go along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from chassis import rpc_tls, tls
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


_OPTIONS = [
    ("grpc.service_config", _RETRY),
    ("grpc.enable_retries", 1),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


class _Renewing(grpc.Channel):
    """A channel that shows the certificate as it is now: gRPC's own keeps what it was given."""

    def __init__(self, address: str, own: tls.Certificate) -> None:
        self._address, self._own = address, own
        self._stamp, self._channel = own.stamp(), self._connect()

    def unary_unary(self, *call: Any, **more: Any) -> Any:
        # Asked for each call by the interceptors; a call in flight keeps the channel that it has.
        if (now := self._own.stamp()) != self._stamp:
            self._stamp, self._channel = now, self._connect()
        return self._channel.unary_unary(*call, **more)

    def unary_stream(self, *call: Any, **more: Any) -> Any:
        return self._channel.unary_stream(*call, **more)

    def stream_unary(self, *call: Any, **more: Any) -> Any:
        return self._channel.stream_unary(*call, **more)

    def stream_stream(self, *call: Any, **more: Any) -> Any:
        return self._channel.stream_stream(*call, **more)

    def subscribe(self, callback: Callable[..., None], try_to_connect: bool = False) -> None:
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[..., None]) -> None:
        self._channel.unsubscribe(callback)

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> _Renewing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> grpc.Channel:
        return grpc.secure_channel(self._address, rpc_tls.for_client(self._own), options=_OPTIONS)


def channel(address: str) -> grpc.Channel:
    """Return a channel to a peer; it connects when first used and again when the peer returns."""
    own = tls.own()
    bare = _Renewing(address, own) if own else grpc.insecure_channel(address, options=_OPTIONS)
    return grpc.intercept_channel(bare, _PassOn())
