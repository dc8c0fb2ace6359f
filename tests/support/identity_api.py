"""A running identity, and a client that speaks gRPC to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from kaigong.identity.v1 import identity_pb2 as pb
from kaigong.identity.v1 import identity_pb2_grpc as pb_grpc

from chassis.identity import Principal
from chassis.tokens import Keys, Tokens
from instance.ports import free_block
from instance.processes import Process
from support.servers import scratch, started
from support.services import environ, is_healthy

PASSWORD = "Kaigong#2026"
KEY_SECRET = "the secret of this test instance"


class Refusal(Exception):
    """What a caller is told: the gRPC code, the reason, and the fields that are named."""

    def __init__(self, error: Any) -> None:
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(details)
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        for each in status.details:
            each.Unpack(info)
            each.Unpack(bad)
        self.code, self.reason = error.code().name, info.reason
        self.fields = [violation.field for violation in bad.field_violations]
        self.metadata = dict(info.metadata)
        super().__init__(f"{self.code} {self.reason} {self.fields}: {status.message}")


@dataclass(frozen=True)
class Address:
    grpc: str
    metrics: str

    @property
    def jwks_url(self) -> str:
        return f"http://{self.metrics}/.well-known/jwks.json"


class Client:
    """One caller, signed in or not: `client("GetMe")`, `client("SignIn", username=…)`."""

    def __init__(self, address: Address, token: str = "") -> None:
        self.address, self.token = address, token
        self._channel = grpc.insecure_channel(address.grpc)
        self._stub = pb_grpc.IdentityServiceStub(self._channel)

    def __call__(self, rpc: str, *, key: Any = "", timeout: Any = 20, **fields: Any) -> Any:
        metadata = [("authorization", f"Bearer {self.token}")] if self.token else []
        metadata += [("idempotency-key", key)] if key else []
        request = getattr(pb, f"{rpc}Request")(**fields)
        try:
            return getattr(self._stub, rpc)(request, metadata=metadata, timeout=timeout)
        except grpc.RpcError as error:
            raise Refusal(error) from None

    def signed_in(self, username: str, password: str = PASSWORD) -> Client:
        session = self("SignIn", username=username, password=password).session
        return Client(self.address, session.access_token)

    def principal(self) -> Principal:
        """Read the token as another service would."""
        return Tokens(Keys(self.address.jwks_url)).principal(self.token)


@contextmanager
def api(**settings: str) -> Iterator[Address]:
    """Run identity's api until the block ends."""
    first = free_block(2)
    listen = settings.pop("grpc_listen", f"127.0.0.1:{first}")
    address = Address(listen, f"127.0.0.1:{first + 1}")
    with scratch() as home:
        process = Process(
            name="identity-api",
            argv=(sys.executable, "-m", "identity", "api"),
            environ=environ(
                grpc_listen=address.grpc,
                metrics_listen=address.metrics,
                jwks_url=address.jwks_url,
                key_secret=KEY_SECRET,
                **settings,
            ),
            log=home / "api.log",
            ready=lambda: is_healthy(address.metrics),
        )
        with started(process):
            yield address
