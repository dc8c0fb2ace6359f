"""The certificate of this process, shown to every other part and asked of each: mutual TLS, or none.

KAIGONG_TLS names a folder with `tls.crt`, `tls.key` and `ca.crt`, as cert-manager writes them. Like
libpq's PGSSLCERT it is the process's, not a caller's. Without it everything is plain. Files that are
moved in anew hold for the next connection, so a certificate is renewed without a restart.

A broker or Redis that speaks TLS has it in its address (`amqps://`, `rediss://…?ssl_certfile=…`),
PostgreSQL in PGSSLMODE and its like.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# The files' versions: a renewal changes one of them.
Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Certificate:
    """A folder of three PEM files: whom we are, and who says so of the others."""

    folder: Path

    @property
    def chain(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    def stamp(self) -> Stamp:
        return tuple(each.stat().st_mtime_ns for each in (self.chain, self.key, self.authority))

    def for_server(self) -> ssl.SSLContext:
        """Return a context that refuses whoever shows no certificate of our authority.

        A handshake after a renewal goes on with a context of the new files.
        """
        made, current = self.stamp(), self._server_context()

        def renew(connection: ssl.SSLObject, *_: object) -> None:
            nonlocal made, current
            if self.stamp() != made:
                made, current = self.stamp(), self._server_context()
            connection.context = current

        first = self._server_context()
        first.sni_callback = renew
        return first

    def for_client(self) -> ssl.SSLContext:
        return self._context(ssl.Purpose.SERVER_AUTH)

    def _server_context(self) -> ssl.SSLContext:
        context = self._context(ssl.Purpose.CLIENT_AUTH)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _context(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        context = ssl.create_default_context(purpose, cafile=str(self.authority))
        context.load_cert_chain(self.chain, self.key)
        return context


def own() -> Certificate | None:
    """Return this process's certificate, or None where all is plain."""
    folder = os.environ.get("KAIGONG_TLS", "")
    return Certificate(Path(folder)) if folder else None


def for_client() -> ssl.SSLContext:
    """Return what a client of HTTPS needs: our certificate, or the system's authorities."""
    mine = own()
    return mine.for_client() if mine else ssl.create_default_context()


def for_broker(url: str) -> dict[str, Any] | bool:
    """Return kombu's `ssl` for a broker's address: False unless it is amqps."""
    if urlsplit(url).scheme != "amqps":
        return False
    # The transport puts the host for a name that is None; without the key it would check no name.
    wanted: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
    if mine := own():
        wanted |= {
            "ca_certs": str(mine.authority),
            "certfile": str(mine.chain),
            "keyfile": str(mine.key),
        }
    return wanted
