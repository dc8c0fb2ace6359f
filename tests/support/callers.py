"""People at the gateway: a client that signs in as a demo account and stays signed in."""

from __future__ import annotations

import time
from collections.abc import Generator
from uuid import uuid4

import httpx

PASSWORD = "Kaigong#2026"
# Access tokens live five minutes.
_FRESH_SECONDS = 240


class _SignedIn(httpx.Auth):
    requires_response_body = True

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self._base_url, self._username, self._password = base_url, username, password
        self._token, self._taken = "", float("-inf")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if time.monotonic() - self._taken > _FRESH_SECONDS:
            answer = yield httpx.Request(
                "POST",
                f"{self._base_url}/v1/auth:signIn",
                json={"username": self._username, "password": self._password},
            )
            assert answer.status_code == 200, f"{self._username}: {answer.text}"
            self._token = answer.json()["session"]["access_token"]
            self._taken = time.monotonic()
        request.headers["authorization"] = f"Bearer {self._token}"
        if request.method != "GET":
            request.headers.setdefault("idempotency-key", str(uuid4()))
        yield request


class _Patient(httpx.BaseTransport):
    """Sends a request again while the other side is away; the Idempotency-Key makes that safe."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        until = time.monotonic() + self._seconds
        while True:
            try:
                answer = self._inner.handle_request(request)
                if answer.status_code not in {502, 503, 504} or time.monotonic() > until:
                    return answer
                answer.close()
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            time.sleep(0.2)

    def close(self) -> None:
        self._inner.close()


def caller(
    base_url: str, username: str, *, password: str = PASSWORD, patience: float = 0
) -> httpx.Client:
    """Return a client that calls as `username`; a command gets a fresh Idempotency-Key unless it has one.

    With `patience` it asks again for so many seconds while what it needs is away.
    """
    return httpx.Client(
        base_url=base_url,
        auth=_SignedIn(base_url, username, password),
        timeout=30,
        transport=_Patient(patience),
    )
