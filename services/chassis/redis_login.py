"""The account at Redis as its address says now: a pool asks for it with every connection it makes."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import redis

from chassis.settings import current


class _Login(redis.CredentialProvider):
    def __init__(self, url: str) -> None:
        self._url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        parts = urlsplit(current(self._url))
        password = unquote(parts.password or "")
        return (unquote(parts.username), password) if parts.username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


def log_in(url: str) -> dict[str, Any]:
    """Return what `Redis.from_url` needs for an address, with or without a password."""
    parts = urlsplit(url)
    if not parts.password:
        return {"url": url}
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return {"url": urlunsplit(bare), "credential_provider": _Login(url)}
