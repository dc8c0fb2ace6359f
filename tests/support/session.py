"""Signing in, and staying signed in, as a demo account."""

from __future__ import annotations

import time

import httpx

from support.instance import PASSWORD

# Access tokens live for five minutes.
_FRESH_SECONDS = 200


class Sessions:
    """Tokens of demo accounts, fetched when asked for and again when they grow old."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._known: dict[str, tuple[str, float]] = {}

    def token(self, username: str) -> str:
        known = self._known.get(username)
        if known is None or time.monotonic() > known[1]:
            answer = httpx.post(
                f"{self._base_url}/v1/auth:signIn",
                json={"username": username, "password": PASSWORD},
                timeout=20,
            )
            answer.raise_for_status()
            token = answer.json()["session"]["access_token"]
            known = self._known[username] = (token, time.monotonic() + _FRESH_SECONDS)
        return known[0]

    def headers(self, username: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(username)}"}
