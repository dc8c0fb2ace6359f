"""Secrets at rest: one box per purpose, derived from a secret of the instance."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.settings import SettingsError

_SHORTEST_SECRET = 16


def derive(secret: str, purpose: str, *, setting: str = "KAIGONG_KEY_SECRET") -> Fernet:
    """Return the box for one purpose; a secret that is too short to keep anything is refused."""
    if len(secret) < _SHORTEST_SECRET:
        raise SettingsError(
            f"{setting} 至少 {_SHORTEST_SECRET} 个字符 {setting} needs at least {_SHORTEST_SECRET} characters"
        )
    made = HKDF(hashes.SHA256(), length=32, salt=None, info=f"kaigong {purpose}".encode())
    return Fernet(base64.urlsafe_b64encode(made.derive(secret.encode())))
