"""A key pair and the page that publishes it, for tests that call a service without identity."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from chassis import metrics
from chassis.tokens import ALGORITHM, AUDIENCE, ISSUER
from instance.ports import free_block


@dataclass(frozen=True)
class Issuer:
    """Signs tokens as identity does."""

    jwks_url: str
    _key: rsa.RSAPrivateKey

    def token(self, *roles: str, seconds: float = 300, **claims: Any) -> str:
        now = time.time()
        body = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(now),
            "exp": int(now + seconds),
            "sub": "00000000-0000-0000-0000-000000000001",
            "username": "test",
            "roles": list(roles),
            **claims,
        }
        return jwt.encode(body, self._key, algorithm=ALGORITHM, headers={"kid": "test"})


@contextlib.contextmanager
def issuer() -> Iterator[Issuer]:
    """Publish a fresh key on loopback until the block ends."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    page = json.dumps({"keys": [{**public, "kid": "test", "alg": ALGORITHM, "use": "sig"}]})
    listen = f"127.0.0.1:{free_block(1)}"
    stop = metrics.serve(listen, pages={"/jwks": lambda: ("application/json", page.encode())})
    try:
        yield Issuer(f"http://{listen}/jwks", key)
    finally:
        stop()
