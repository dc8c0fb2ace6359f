"""The instance's electronic seal: Ed25519 keys whose private halves rest sealed in the database.

A signature says that this instance saw a signed-in account sign these bytes. A seal of a national
certificate authority takes this class's place: what is signed and kept stays the same.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.box import Box
from chassis.settings import SettingsError

_SETTING = "KAIGONG_SEAL_SECRET"


@dataclass(frozen=True)
class SealKey:
    """A key of the instance's seal: the public half as PEM, the private half locked away."""

    id: str
    public_key: str
    sealed: bytes
    created_at: datetime


class Seal:
    """Makes keys and signs with the newest."""

    def __init__(self, secret: str, *, purpose: str = "seal keys") -> None:
        self._box = Box(secret, purpose, setting=_SETTING)

    def make(self, key_id: str, at: datetime) -> SealKey:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return SealKey(key_id, public.decode(), self._box.close(private.private_bytes_raw()), at)

    def sign(self, keys: Sequence[SealKey], statement: str) -> tuple[str, str]:
        """Return which key signed, and its signature over the statement in base64."""
        key = keys[-1]
        try:
            private = Ed25519PrivateKey.from_private_bytes(self._box.open(key.sealed))
        except InvalidToken as error:
            raise SettingsError(
                f"{_SETTING} 不是封存印章密钥时的口令 {_SETTING} is not the one that sealed the keys"
            ) from error
        return key.id, base64.b64encode(private.sign(statement.encode())).decode()


def renew(tx: sa.Connection, keys: sa.Table, made: SealKey) -> None:
    """Sign with a new key from now on. The older ones verify what they signed, and sign no more."""
    tx.execute(keys.update().values(sealed=b""))
    tx.execute(keys.insert(), vars(made))
