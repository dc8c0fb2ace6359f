"""Prints what ports give to whoever asks: run in a container, with the certificate of /run/tls if one is there.

Empty is nothing: no byte of an answer to a plain request nor over TLS. Arguments are host:port.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import ssl
import struct
import sys

_TLS = "/run/tls"
_ALERT = 0x15
_RPC = range(9001, 9007)
# That only TLS is let in, and only with a certificate: PostgreSQL and Go say it in plain words.
_NO = (
    b"no pg_hba.conf entry",
    b"requires a valid client certificate",
    b"HTTP request to an HTTPS server",
)
_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_WORDS = {
    5671: b"AMQP\x00\x00\x09\x01",
    6379: b"PING\r\n",
    # PostgreSQL's first message names a user and a database.
    5432: struct.pack("!II", 41, 196608) + b"user\0postgres\0database\0postgres\0\0",
}
_HTTP = b"GET /metrics HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
_GRPC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


def words(port: int) -> bytes:
    return _WORDS.get(port) or (_GRPC if port in _RPC else _HTTP)


def context(port: int) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.set_alpn_protocols(["h2" if port in _RPC else "http/1.1"])
    if os.path.exists(_TLS):
        made.load_cert_chain(f"{_TLS}/tls.crt", f"{_TLS}/tls.key")
    return made


def ask(host: str, port: int) -> object:
    got = {"plain": plain(host, port), **secure(host, port)}
    return got if got.get("said") or got["plain"] else {}


def plain(host: str, port: int) -> str:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5) as bare:
        bare.sendall(words(port))
        answer = bare.recv(200)
        # An alert is TLS's own word for no.
        if answer and answer[0] != _ALERT and not any(each in answer for each in _NO):
            return repr(answer)
    return ""


def secure(host: str, port: int) -> dict[str, str]:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5) as bare:
        if port == 5432:
            bare.sendall(_SSL_REQUEST)
            if bare.recv(1) != b"S":
                return {}
        with context(port).wrap_socket(bare, server_hostname=host) as over:
            shown = over.getpeercert(True) or b""
            over.sendall(words(port))
            answer = over.recv(200)
            if not answer or any(each in answer for each in _NO):
                return {}
            return {"said": repr(answer[:60]), "serial": hashlib.sha256(shown).hexdigest()}
    return {}


print(json.dumps({each: ask(each.split(":")[0], int(each.split(":")[1])) for each in sys.argv[1:]}))
