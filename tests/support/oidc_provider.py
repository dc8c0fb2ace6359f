"""A small OpenID provider, as strict as a real one: PKCE, client authentication, a code that works once."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "kaigong", "the client's secret"
REDIRECT_URL = "http://127.0.0.1:8080/oidc"


@dataclass
class OidcProvider:
    """The provider; `claims` of the next id token may be spoilt by a test."""

    port: int = 0
    spoil: dict[str, Any] = field(default_factory=dict)
    sign_with: rsa.RSAPrivateKey | None = None
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*provider.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self._answer(*provider.token(body, self.headers.get("authorization", "")))

            def _answer(self, status: int, said: dict[str, Any]) -> None:
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sign_in(self, address: str, subject: str) -> dict[str, str]:
        """Be the browser and the person: return what the provider hands back to the portal."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{self.issuer}/authorize?")
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT_ID, REDIRECT_URL)
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "subject": subject}
        return {"code": code, "state": asked["state"]}

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        if path == "/keys":
            jwk = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
            return 200, {"keys": [{**jwk, "kid": "p1", "alg": "RS256", "use": "sig"}]}
        return 404, {"error": "not_found"}

    def token(self, body: str, authorization: str) -> tuple[int, dict[str, Any]]:
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        who = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        if [unquote(each) for each in who] != [CLIENT_ID, CLIENT_SECRET]:
            return 401, {"error": "invalid_client"}
        given = self._codes.pop(asked["code"], None)
        challenge = hashlib.sha256(asked["code_verifier"].encode()).digest()
        if (
            given is None
            or asked["redirect_uri"] != given["redirect_uri"]
            or base64.urlsafe_b64encode(challenge).decode().rstrip("=") != given["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": given["subject"],
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": given["nonce"],
            **self.spoil,
        }
        signed = jwt.encode(
            claims, self.sign_with or self._key, algorithm="RS256", headers={"kid": "p1"}
        )
        return 200, {
            "access_token": "unused",
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": signed,
        }
