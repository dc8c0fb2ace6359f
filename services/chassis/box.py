"""Secrets at rest: one box per purpose, derived from a secret of the instance."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.settings import SettingsError, current

_SHORTEST_SECRET = 16


class Box:
    """Closes with the first line of the secret and opens with any: while it is changed there are two.

    A secret that is too short to keep anything is refused.
    """

    def __init__(self, secret: str, purpose: str, *, setting: str = "KAIGONG_KEY_SECRET") -> None:
        self._secret, self._purpose, self._setting = secret, purpose, setting
        self._now()

    def close(self, content: bytes) -> bytes:
        return self._now().encrypt(content)

    def open(self, closed: bytes, *, seconds: int | None = None) -> bytes:
        """Return what is inside; raises InvalidToken, also for what is older than `seconds`."""
        return self._now().decrypt(closed, ttl=seconds)

    def close_again(self, closed: bytes) -> bytes:
        """Return the same, closed with the first line."""
        return self._now().rotate(closed)

    def _now(self) -> MultiFernet:
        return MultiFernet([self._key(line) for line in current(self._secret).splitlines() or [""]])

    def _key(self, line: str) -> Fernet:
        if len(line) < _SHORTEST_SECRET:
            raise SettingsError(
                f"{self._setting} 至少 {_SHORTEST_SECRET} 个字符"
                f" {self._setting} needs at least {_SHORTEST_SECRET} characters"
            )
        info = f"kaigong {self._purpose}".encode()
        made = HKDF(hashes.SHA256(), length=32, salt=None, info=info)
        return Fernet(base64.urlsafe_b64encode(made.derive(line.encode())))
