"""The unified sign-on: we are its relying party (OpenID Connect, code flow with PKCE)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from authlib.common.security import generate_token
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from cryptography.fernet import InvalidToken

from chassis import logs
from chassis.box import Box
from chassis.settings import SettingsError
from identity.domain.errors import OidcProviderUnavailable, OidcRefused, OidcStateInvalid

log = logs.get(__name__)

_STATE_SECONDS = 600
_METADATA_SECONDS = 3600.0
_LEEWAY_SECONDS = 60
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"]


@dataclass(frozen=True)
class Client:
    """Who we are at the provider."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_url: str
    scope: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Client | None:
        """Return the client that KAIGONG_OIDC_… describes, or None where there is no provider."""
        names = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URL")
        values = {name: environ.get(f"KAIGONG_OIDC_{name}", "") for name in names}
        if not values["ISSUER"]:
            return None
        missing = [f"KAIGONG_OIDC_{name}" for name, value in values.items() if not value]
        if missing:
            raise SettingsError(f"缺少环境变量 missing settings: {', '.join(missing)}")
        return cls(
            issuer=values["ISSUER"],
            client_id=values["CLIENT_ID"],
            client_secret=values["CLIENT_SECRET"],
            redirect_url=values["REDIRECT_URL"],
            scope=environ.get("KAIGONG_OIDC_SCOPE", "openid"),
        )


class Provider:
    """The provider as we see it: where to send a browser, and who came back.

    The state is a sealed note to ourselves with nonce and code verifier, so that starting
    leaves nothing behind; the code it comes back with works once, at the provider.
    """

    def __init__(self, client: Client, *, key_secret: str) -> None:
        self.client = client
        self._notes = Box(key_secret, "oidc state")
        self._http = httpx.Client(timeout=5)
        self._metadata: dict[str, Any] = {}
        self._read_at = float("-inf")
        self._known_keys: dict[str, Any] = {}
        self._lock = threading.Lock()

    def start(self) -> tuple[str, str]:
        """Return the address to send the browser to, and the state that must come back."""
        verifier, nonce = generate_token(64), generate_token(32)
        note = json.dumps({"verifier": verifier, "nonce": nonce})
        state = self._notes.close(note.encode()).decode()
        address: str = prepare_grant_uri(
            self._discover()["authorization_endpoint"],
            client_id=self.client.client_id,
            response_type="code",
            redirect_uri=self.client.redirect_url,
            scope=self.client.scope,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return address, state

    def finish(self, *, code: str, state: str) -> str:
        """Return the subject that the provider vouches for."""
        try:
            note = json.loads(self._notes.open(state.encode(), seconds=_STATE_SECONDS))
        except (InvalidToken, UnicodeEncodeError) as error:
            raise OidcStateInvalid(field="state") from error
        return self._subject(self._exchange(code, note["verifier"]), note["nonce"])

    def _exchange(self, code: str, verifier: str) -> str:
        client = self.client
        body = prepare_token_request(
            "authorization_code",
            code=code,
            redirect_uri=client.redirect_url,
            code_verifier=verifier,
        )
        address, headers, body = ClientAuth(
            client.client_id, client.client_secret, "client_secret_basic"
        ).prepare("POST", self._discover()["token_endpoint"], {}, body)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = self._http.post(address, content=body, headers=headers)
            said = answer.json()
        except httpx.HTTPError as error:
            raise OidcProviderUnavailable from error
        except ValueError as error:
            raise OidcRefused from error
        if answer.status_code >= 500:
            raise OidcProviderUnavailable
        if answer.status_code != 200 or not isinstance(said, dict) or not said.get("id_token"):
            log.warning("code refused", status=answer.status_code)
            raise OidcRefused
        return str(said["id_token"])

    def _subject(self, id_token: str, nonce: str) -> str:
        client = self.client
        try:
            claims = jwt.decode(
                id_token,
                self._key(jwt.get_unverified_header(id_token).get("kid", "")),
                algorithms=_ALGORITHMS,
                audience=client.client_id,
                issuer=client.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            log.warning("id token refused", error=str(error))
            raise OidcRefused from error
        for_another = claims.get("azp", client.client_id) != client.client_id
        if claims["nonce"] != nonce or for_another:
            log.warning("id token refused", error="nonce or azp")
            raise OidcRefused
        return str(claims["sub"])

    def _discover(self) -> dict[str, Any]:
        with self._lock:
            if time.monotonic() - self._read_at > _METADATA_SECONDS:
                where = f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration"
                metadata = self._get(where)
                if metadata.get("issuer") != self.client.issuer:
                    log.warning("provider has another issuer", issuer=metadata.get("issuer"))
                    raise OidcProviderUnavailable
                self._metadata, self._read_at = metadata, time.monotonic()
            return self._metadata

    def _key(self, key_id: str) -> Any:
        if key_id not in self._known_keys:
            published = jwt.PyJWKSet.from_dict(self._get(self._discover()["jwks_uri"]))
            self._known_keys = {str(key.key_id or ""): key.key for key in published.keys}
        if key_id not in self._known_keys:
            raise OidcRefused
        return self._known_keys[key_id]

    def _get(self, address: str) -> dict[str, Any]:
        try:
            answer = self._http.get(address)
            answer.raise_for_status()
            said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("provider not reached", address=address, error=str(error))
            raise OidcProviderUnavailable from error
        return said if isinstance(said, dict) else {}
