"""A servicer on a port, and people who call it; identity is not under test, so a token is a username."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from chassis import rpc
from chassis.errors import TokenInvalid
from chassis.identity import Principal
from instance.ports import free_block


class Refusal(NamedTuple):
    """What a call that failed was told."""

    code: str
    reason: str
    fields: list[str]

    @classmethod
    def of(cls, error: Any) -> Refusal:
        raw = dict(error.trailing_metadata())["grpc-status-details-bin"]
        reason, named = "", list[str]()
        for each in status_pb2.Status.FromString(raw).details:
            if each.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo()
                each.Unpack(info)
                reason = info.reason
            elif each.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                bad = error_details_pb2.BadRequest()
                each.Unpack(bad)
                named = [violation.field for violation in bad.field_violations]
        return cls(error.code().name, reason, named)


class Client:
    """Calls a service as somebody, each method by its name with its request's fields."""

    def __init__(self, stub: Any, messages: ModuleType) -> None:
        self._stub, self._messages = stub, messages

    def __call__(self, who: Principal, method: str, key: str = "", **fields: Any) -> Any:
        request = getattr(self._messages, f"{method}Request")(**fields)
        metadata = [("authorization", f"Bearer {who.username}")]
        if key:
            metadata.append(("idempotency-key", key))
        return getattr(self._stub, method)(request, metadata=metadata, timeout=30)

    def refused(self, who: Principal, method: str, key: str = "", **fields: Any) -> Refusal:
        with pytest.raises(grpc.RpcError) as caught:
            self(who, method, key, **fields)
        return Refusal.of(caught.value)


class _Tokens:
    def __init__(self, people: Iterable[Principal]) -> None:
        self._people = {each.username: each for each in people}

    def principal(self, token: str) -> Principal:
        if token not in self._people:
            raise TokenInvalid
        return self._people[token]


@contextlib.contextmanager
def serving(
    add: Callable[[grpc.Server], None],
    stub: Callable[[grpc.Channel], Any],
    messages: ModuleType,
    people: Iterable[Principal],
) -> Iterator[Client]:
    """Serve until the block ends; `stub` and `messages` are of the same proto."""
    address = f"127.0.0.1:{free_block(1)}"
    tokens: Any = _Tokens(people)
    drain = rpc.serve(address, [add], tokens=tokens, threads=4)
    try:
        with grpc.insecure_channel(address) as channel:
            yield Client(stub(channel), messages)
    finally:
        drain(1)
