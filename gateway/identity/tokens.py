"""Signing keys and what they sign; the published keys; and telling verifiers that tokens are void."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import jwt
import redis
import sqlalchemy as sa
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chassis import logs
from chassis.box import Box
from chassis.errors import DatabaseUnavailable
from chassis.redis_login import log_in
from chassis.settings import SettingsError
from chassis.tokens import ALGORITHM, AUDIENCE, ISSUER, REVOKED_STREAM
from identity.domain import ACCESS_LIFE, SigningKey

log = logs.get(__name__)

_BITS = 2048


class Signer:
    """Makes key pairs and signs with them. Private halves rest sealed in the database."""

    def __init__(self, secret: str) -> None:
        self._box = Box(secret, "signing keys")
        self._open: dict[str, rsa.RSAPrivateKey] = {}

    def make(self, key_id: str, *, at: datetime, active_from: datetime) -> SigningKey:
        private = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        return SigningKey(
            id=key_id,
            public={
                "kty": "RSA",
                "n": public["n"],
                "e": public["e"],
                "kid": key_id,
                "use": "sig",
                "alg": ALGORITHM,
            },
            sealed=self._box.close(pem),
            created_at=at,
            active_from=active_from,
        )

    def seal_again(self, key: SigningKey) -> SigningKey:
        """Return the key sealed with the secret as it is now."""
        return replace(key, sealed=self._box.close_again(key.sealed))

    def sign(self, key: SigningKey, claims: Mapping[str, Any], *, at: datetime) -> str:
        """Return an access token. `iat` has fractions, so that a revocation cuts between two tokens."""
        issued = at.timestamp()
        payload = {
            **claims,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": int(issued + ACCESS_LIFE.total_seconds()),
        }
        return jwt.encode(payload, self._private(key), algorithm=ALGORITHM, headers={"kid": key.id})

    def _private(self, key: SigningKey) -> rsa.RSAPrivateKey:
        if key.id not in self._open:
            try:
                pem = self._box.open(key.sealed)
            except InvalidToken as error:
                raise SettingsError(
                    "KAIGONG_KEY_SECRET 不是封存签名密钥时的口令"
                    " KAIGONG_KEY_SECRET is not the one that sealed the signing keys"
                ) from error
            private = serialization.load_pem_private_key(pem, password=None)
            assert isinstance(private, rsa.RSAPrivateKey)
            self._open[key.id] = private
        return self._open[key.id]


class Published:
    """The page /.well-known/jwks.json; while the database is away it shows what it last saw."""

    def __init__(
        self, read: Callable[[], Iterable[SigningKey]], now: Callable[[], datetime]
    ) -> None:
        self._read, self._now = read, now
        self._last: list[SigningKey] = []
        self._lock = threading.Lock()

    def __call__(self) -> tuple[str, bytes]:
        with self._lock:
            try:
                self._last = list(self._read())
            except (DatabaseUnavailable, sa.exc.SQLAlchemyError) as error:
                log.warning("keys not read, showing the last ones", error=repr(error))
            now = self._now()
            shown = [key.public for key in self._last if key.is_published(now)]
        return "application/json", json.dumps({"keys": shown}).encode()


class Voids:
    """Tells every verifier that an account's older tokens are void. Without Redis they live on for minutes."""

    def __init__(self, redis_url: str) -> None:
        self._redis = (
            redis.Redis.from_url(**log_in(redis_url), socket_timeout=2, socket_connect_timeout=2)
            if redis_url
            else None
        )

    def tell(self, account_id: str, not_before: datetime) -> None:
        if self._redis is None:
            return
        entry = {"account_id": account_id, "not_before": repr(not_before.timestamp())}
        try:
            self._redis.xadd(REVOKED_STREAM, entry, maxlen=10_000)  # type: ignore[arg-type]
        except redis.RedisError as error:
            log.warning("revocation not told", account=account_id, error=str(error))
