"""The real Envoy with our configuration, before a toy service that shows what reaches it."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2_grpc
from grpc_tools import protoc

from edge import write
from edge.settings import Settings
from instance.ports import free_block
from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
ENVOY = str(files("envoy").joinpath("_bin", "envoy"))


def toy_descriptors(out: Path) -> Path:
    """Write the descriptor set of the toy service, made like the real one."""
    code = protoc.main(
        [
            "protoc",
            f"--proto_path={ROOT / 'tests/integration/gateway/protos'}",
            f"--proto_path={ROOT / 'protos'}",
            f"--proto_path={ROOT / 'protos' / 'third_party'}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={out}",
            "kaigong/toy/v1/toy.proto",
            "google/rpc/status.proto",
            "google/rpc/error_details.proto",
        ]
    )
    assert code == 0
    return out


class Issuer:
    """Signs tokens and publishes the key that verifies them."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "k1"

    def jwks(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**key, "kid": self.key_id, "alg": "RS256", "use": "sig"}]}

    def token(self, **claims: Any) -> str:
        now = int(time.time())
        told = {
            "iss": "kaigong",
            "aud": "kaigong",
            "sub": "account-1",
            "iat": now,
            "exp": now + 300,
            **claims,
        }
        return jwt.encode(told, self.key, algorithm="RS256", headers={"kid": self.key_id})


class Toy:
    """The toy service. `behave` may replace what a method does."""

    def __init__(self, descriptors: Path) -> None:
        known = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
        self.pool = descriptor_pool.DescriptorPool()
        for file in known.file:
            self.pool.Add(file)
        self.behave: dict[str, Callable[[Any, grpc.ServicerContext], Any]] = {}
        self.seen: list[tuple[str, Any, dict[str, Any]]] = []
        self.port = 0
        self._server: grpc.Server | None = None

    def start(self, port: int) -> None:
        service = self.pool.FindServiceByName("kaigong.toy.v1.ToyService")
        handlers = {method.name: self._handler(method) for method in service.methods}
        server = grpc.server(
            futures.ThreadPoolExecutor(4),
            options=[("grpc.max_receive_message_length", 32 << 20)],
        )
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(service.full_name, handlers)]
        )
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        assert server.add_insecure_port(f"127.0.0.1:{port}") == port
        server.start()
        self._server, self.port = server, port

    def stop(self) -> None:
        if self._server:
            self._server.stop(0).wait()

    def _handler(self, method: Any) -> Any:
        request_type = message_factory.GetMessageClass(method.input_type)
        answer_type = message_factory.GetMessageClass(method.output_type)

        def run(request: Any, context: grpc.ServicerContext) -> Any:
            metadata = dict(context.invocation_metadata())
            self.seen.append((method.name, request, metadata))
            if behave := self.behave.get(method.name):
                return behave(request, context)
            return self._answer(method.name, request, answer_type, metadata)

        return grpc.unary_unary_rpc_method_handler(
            run, request_type.FromString, lambda answer: answer.SerializeToString()
        )

    def _answer(self, name: str, request: Any, kind: Any, metadata: dict[str, Any]) -> Any:
        if name == "PutPicture":
            return kind(
                bytes=len(request.file.data),
                media_type=request.file.content_type,
                caption=request.caption,
            )
        if name == "GetPicture":
            return kind(content_type="image/png", data=b"\x89PNG picture")
        if name == "Greet":
            return kind(greeting=f"hello {request.name}")
        shown = {key: value for key, value in metadata.items() if isinstance(value, str)}
        answer = kind(metadata=shown)
        answer.toy.toy_id = request.toy_id
        answer.toy.colour = request.colour
        return answer


def refusal(context: grpc.ServicerContext) -> None:
    """Refuse as the chassis does: reason, field, both languages."""
    status = status_pb2.Status(code=9, message="the toy is broken")
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(reason="TOY_BROKEN", domain="kaigong", metadata={"toy": "t1"})
    )
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="toy_id", description="坏了 | broken", reason="TOY_BROKEN")
    status.details.add().Pack(bad)
    for locale, text in (("zh-CN", "玩具坏了"), ("en", "the toy is broken")):
        status.details.add().Pack(error_details_pb2.LocalizedMessage(locale=locale, message=text))
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the toy is broken")


@dataclass
class Edge:
    """A running gateway."""

    url: str
    admin: str
    metrics: str
    toy: Toy
    issuer: Issuer
    log: Path
    # Publishes the keys, as identity does, and streams events, as push does.
    http: ThreadingHTTPServer
    events: list[dict[str, str]] = field(default_factory=list)
    # The gateway's own certificate, where it has one.
    trusted: ssl.SSLContext | bool = True

    def client(self, *, signed_in: bool = True) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.issuer.token()}"} if signed_in else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10)


@contextlib.contextmanager
def running_edge(where: Path, descriptors: Path, **settings: Any) -> Iterator[Edge]:
    """Run Envoy, the toy, an issuer of tokens and a push that says three things."""
    first = free_block(5)
    listen, admin, grpc_port, http_port, metrics = range(first, first + 5)
    issuer, toy = Issuer(), Toy(descriptors)
    events: list[dict[str, str]] = []
    toy.start(grpc_port)
    http = _http_server(http_port, issuer, events)
    write.render(
        where,
        Settings(
            listen=f"127.0.0.1:{listen}",
            admin=f"127.0.0.1:{admin}",
            metrics=f"127.0.0.1:{metrics}",
            services={"toy": f"127.0.0.1:{grpc_port}"},
            jwks_url=f"http://127.0.0.1:{http_port}/.well-known/jwks.json",
            push=f"127.0.0.1:{http_port}",
            keys_fresh_seconds=1,
            **{"cors_origins": [r"https://portal\.example"], **settings},
        ),
        descriptors=descriptors,
    )
    log = where / "envoy.log"
    with log.open("wb") as out:
        envoy = subprocess.Popen(
            [
                *(ENVOY, "-c", str(where / "envoy.yaml"), "--concurrency", "1"),
                *("--disable-hot-restart", "--log-level", "warning"),
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"]},
        )
    certificate = settings.get("certificate")
    edge = Edge(
        url=f"{'https' if certificate else 'http'}://127.0.0.1:{listen}",
        trusted=ssl.create_default_context(cafile=Path(certificate).with_name("ca.crt"))
        if certificate
        else True,
        admin=f"http://127.0.0.1:{admin}",
        metrics=f"http://127.0.0.1:{metrics}",
        toy=toy,
        issuer=issuer,
        log=log,
        http=http,
        events=events,
    )
    try:
        eventually(lambda: _is_ready(edge, envoy), timeout=20)
        yield edge
    finally:
        envoy.terminate()
        envoy.wait(10)
        http.shutdown()
        http.server_close()
        toy.stop()


def _is_ready(edge: Edge, envoy: subprocess.Popen[bytes]) -> bool:
    if envoy.poll() is not None:
        sys.exit(f"Envoy ended:\n{edge.log.read_text()[-4000:]}")
    try:
        assert httpx.get(f"{edge.admin}/ready").status_code == 200
        answer = httpx.post(f"{edge.url}/v1/toys:greet", json={"name": "you"}, verify=edge.trusted)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def _http_server(port: int, issuer: Issuer, events: list[dict[str, str]]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/events"):
                events.append({**dict(self.headers.items()), ":path": self.path})
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for i in range(3):
                    self.wfile.write(f"id: {i}\ndata: {{}}\n\n".encode())
                    self.wfile.flush()
                    time.sleep(0.3)
                self.close_connection = True
                return
            body = json.dumps(issuer.jwks()).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
