"""Access tokens: verified again by every service, against identity's published keys."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any

import httpx
import jwt
import redis

from chassis import logs, tls
from chassis.errors import TokenInvalid, TokenRevoked
from chassis.identity import Principal
from chassis.redis_login import log_in

ISSUER = AUDIENCE = "kaigong"
ALGORITHM = "RS256"
REVOKED_STREAM = "kaigong:revoked"

log = logs.get(__name__)


class Keys:
    """Identity's public keys by id, fetched when needed and kept while identity is away."""

    def __init__(self, url: str, *, fresh_seconds: float = 60, retry_seconds: float = 2) -> None:
        self._url = url
        self._fresh, self._retry = fresh_seconds, retry_seconds
        self._keys: dict[str, Any] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = threading.Lock()

    def get(self, key_id: str) -> Any:
        """Return the key; an unknown id or an old set is fetched again, at most every few seconds."""
        now = time.monotonic()
        known = self._keys.get(key_id)
        if known is None or now - self._fetched > self._fresh:
            with self._lock:
                if now - self._tried > self._retry:
                    self._tried = now
                    self._fetch(now)
            known = self._keys.get(key_id)
        if known is None:
            raise TokenInvalid
        return known

    def _fetch(self, now: float) -> None:
        try:
            answer = httpx.get(self._url, timeout=3, verify=tls.for_client())
            answer.raise_for_status()
            published = jwt.PyJWKSet.from_dict(answer.json()).keys
        except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
            log.warning("keys not fetched", url=self._url, error=str(error))
            return
        self._keys = {str(key.key_id): key.key for key in published}
        self._fetched = now


class Revocations:
    """Accounts whose older tokens are void. Losing Redis loses only the immediacy: tokens end soon."""

    def __init__(self, redis_url: str) -> None:
        self._not_before: dict[str, float] = {}
        self._url = redis_url
        if redis_url:
            threading.Thread(target=self._follow, name="revocations", daemon=True).start()

    def voids(self, account_id: str, issued_at: float) -> bool:
        return issued_at < self._not_before.get(account_id, float("-inf"))

    def add(self, account_id: str, not_before: float) -> None:
        self._not_before[account_id] = max(not_before, self._not_before.get(account_id, 0.0))

    def _follow(self) -> None:
        last = "0"
        while True:
            try:
                client: Any = redis.Redis.from_url(
                    **log_in(self._url), socket_connect_timeout=3, decode_responses=True
                )
                while True:
                    for _, entries in client.xread({REVOKED_STREAM: last}, block=30_000) or []:
                        for entry_id, entry in entries:
                            self.add(entry["account_id"], float(entry["not_before"]))
                            last = entry_id
            except (redis.RedisError, OSError, KeyError, ValueError):
                # A restarted Redis begins its ids anew.
                last = "0"
                time.sleep(1)


class Tokens:
    """Turns a token into a Principal. A token verified a moment ago is not verified again."""

    def __init__(
        self,
        keys: Keys,
        revocations: Revocations | None = None,
        *,
        remember_seconds: float = 20,
        remember: int = 4096,
    ) -> None:
        self._keys, self._revocations = keys, revocations
        self._seconds, self._most = remember_seconds, remember
        self._known: OrderedDict[str, tuple[Principal, float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def principal(self, token: str) -> Principal:
        now = time.time()
        known = self._known.get(token)
        if known is None or known[1] <= now:
            claims = self._verify(token)
            until = min(float(claims["exp"]), now + self._seconds)
            known = (_principal(claims), until, float(claims["iat"]))
            with self._lock:
                self._known[token] = known
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
        principal, _, issued_at = known
        if self._revocations and self._revocations.voids(principal.account_id, issued_at):
            raise TokenRevoked
        return principal

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise TokenInvalid from error
        return claims


def _principal(claims: dict[str, Any]) -> Principal:
    projects = claims.get("projects")
    return Principal(
        account_id=claims["sub"],
        username=claims.get("username", ""),
        name=claims.get("name", ""),
        roles=frozenset(claims.get("roles", ())),
        region=claims.get("region", ""),
        region_path=claims.get("region_path", ""),
        org=claims.get("org", ""),
        companies=frozenset(claims.get("companies", ())),
        projects=None if projects is None else frozenset(projects),
        session=claims.get("sid", ""),
    )
