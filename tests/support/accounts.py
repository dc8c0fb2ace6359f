"""The demo accounts, signed in when first needed."""

from __future__ import annotations

import time
from functools import cache
from importlib.resources import files
from typing import Any

import httpx
import yaml
from kaigong.access.v1 import access_pb2 as access

from chassis.identity import OPERATOR_ROLE, Principal
from edge.routes import Rpc
from support.instance import PASSWORD


class Accounts:
    """Tokens of the demo accounts, taken anew before they end."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._tokens: dict[str, tuple[str, float]] = {}

    def token(self, username: str) -> str:
        token, until = self._tokens.get(username, ("", 0.0))
        if time.monotonic() < until:
            return token
        answer = httpx.post(
            f"{self._base_url}/v1/auth:signIn",
            json={"username": username, "password": PASSWORD},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        token = str(answer.json()["session"]["access_token"])
        self._tokens[username] = (token, time.monotonic() + 200)
        return token

    def headers(self, username: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(username)}"}


@cache
def principals() -> tuple[Principal, ...]:
    """Return the demo accounts of Xinqu, the city and the companies, by their roles."""
    text = files("identity").joinpath("data/demo_accounts.yaml").read_text("utf-8")
    accounts: list[dict[str, Any]] = yaml.safe_load(text)["accounts"]
    return tuple(
        Principal(each["username"], username=each["username"], roles=frozenset(each["roles"]))
        for each in accounts
        if not each["username"].endswith((".danyang", ".jurong"))
    )


def may(principal: Principal, rpc: Rpc) -> bool:
    if rpc.access.audience == access.AUDIENCE_OPERATOR:
        return principal.has_role(OPERATOR_ROLE)
    if rpc.access.audience:
        return True
    return any(principal.holds(each.function, each.right) for each in rpc.access.grants)


def holder_of(rpc: Rpc) -> Principal:
    """Return an account whose roles may call the rpc."""
    return next(each for each in principals() if may(each, rpc))


def stranger_to(rpc: Rpc) -> Principal | None:
    """Return an account whose roles may not, None when there is no such role."""
    return next((each for each in principals() if not may(each, rpc)), None)
