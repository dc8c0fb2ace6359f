"""A mail server and a webhook of a test's own, which remember what arrived."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand a letter over."""

    def handle(self) -> None:
        self._say("220 test")
        lines: list[bytes] | None = None
        to: list[str] = []
        while line := self.rfile.readline():
            if lines is not None:
                if line.strip() == b".":
                    letter = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                    part = letter.get_body(("plain", "html"))
                    body = part.get_content() if part else ""
                    arrived: list[Any] = self.server.arrived  # type: ignore[attr-defined]
                    arrived.append({"to": to, "title": str(letter["subject"]), "body": body})
                    lines, to = None, []
                    self._say("250 taken")
                else:
                    lines.append(line)
                continue
            word = line[:4].decode("ascii", "replace").upper()
            if word == "DATA":
                lines = []
                self._say("354 go on")
            elif word == "RCPT":
                to.append(line.decode().split(":", 1)[1].strip(" <>\r\n"))
                self._say("250 ok")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        arrived: list[Any] = self.server.arrived  # type: ignore[attr-defined]
        arrived.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class _MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextlib.contextmanager
def mail_server(port: int) -> Iterator[list[dict[str, Any]]]:
    """Take letters on a port; yield what arrives: to, title and body."""
    with _MailServer(("127.0.0.1", port), _Mail) as server:
        yield from _serving(server)


@contextlib.contextmanager
def webhook(port: int) -> Iterator[list[dict[str, Any]]]:
    """Take posts on a port; yield the JSON that arrives."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Hook) as server:
        yield from _serving(server)


def _serving(server: socketserver.BaseServer) -> Iterator[list[dict[str, Any]]]:
    arrived: list[dict[str, Any]] = []
    server.arrived = arrived  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield arrived
    finally:
        server.shutdown()
