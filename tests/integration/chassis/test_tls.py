"""Parts that show each other certificates: pages, rpcs and peers, also after a renewal."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import client, metrics, rpc, tls
from chassis.tokens import Keys, Revocations, Tokens
from instance.ports import free_block
from support.certificates import Authority, name_of


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def mine(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tls.Certificate:
    authority.certify(tmp_path / "mine", "first")
    monkeypatch.setenv("KAIGONG_TLS", str(tmp_path / "mine"))
    own = tls.own()
    assert own
    return own


@pytest.fixture
def stranger(tmp_path: Path) -> tls.Certificate:
    """Somebody with a certificate of another authority, who would take any server."""
    Authority().certify(tmp_path / "stranger", "stranger")
    return tls.Certificate(tmp_path / "stranger")


@pytest.fixture
def pages(mine: tls.Certificate) -> Iterator[int]:
    port = free_block(2)
    stop = metrics.serve(f"127.0.0.1:{port}")
    yield port
    stop()


@pytest.fixture
def api(mine: tls.Certificate) -> Iterator[int]:
    port = free_block(1)
    tokens = Tokens(Keys("http://127.0.0.1:1/"), Revocations(""))
    drain = rpc.serve(f"127.0.0.1:{port}", [], tokens=tokens)
    yield port
    drain(0)


def trusting(own: tls.Certificate | None = None) -> ssl.SSLContext:
    """A client that takes any server, and shows a certificate or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own:
        context.load_cert_chain(own.chain, own.key)
    return context


def shown_at(port: int) -> str:
    return name_of(
        x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port)).encode())
    )


def is_well(channel: grpc.Channel) -> bool:
    asked = health_pb2.HealthCheckRequest()
    answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=5)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def test_pages_are_for_who_shows_a_certificate_of_our_authority(
    pages: int, stranger: tls.Certificate
) -> None:
    url = f"https://localhost:{pages}/metrics"

    assert httpx.get(url, verify=tls.for_client()).status_code == 200
    for context in (trusting(), trusting(stranger)):
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=context)
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https:", "http:"))


def test_a_probe_in_the_container_hears_of_health_and_of_nothing_else(pages: int) -> None:
    beside = f"http://127.0.0.1:{pages + 1}"

    assert httpx.get(f"{beside}/healthz").text == "ok\n"
    assert httpx.get(f"{beside}/metrics").status_code == 404


def test_an_rpc_is_for_who_shows_a_certificate_of_our_authority(
    api: int, mine: tls.Certificate, stranger: tls.Certificate
) -> None:
    authority = mine.authority.read_bytes()
    theirs = (authority, stranger.key.read_bytes(), stranger.chain.read_bytes())

    with client.channel(f"localhost:{api}") as channel:
        assert is_well(channel)
    for credentials in (
        grpc.ssl_channel_credentials(authority),
        grpc.ssl_channel_credentials(*theirs),
    ):
        with (
            grpc.secure_channel(f"localhost:{api}", credentials) as channel,
            pytest.raises(grpc.RpcError),
        ):
            is_well(channel)
    with (
        grpc.insecure_channel(f"localhost:{api}") as channel,
        pytest.raises(grpc.RpcError),
    ):
        is_well(channel)


def test_another_authority_is_taken_up_by_who_listens_and_who_calls(
    pages: int, api: int, mine: tls.Certificate
) -> None:
    with client.channel(f"localhost:{api}") as channel:
        assert is_well(channel)
        assert (shown_at(pages), shown_at(api)) == ("first", "first")

        Authority().certify(mine.folder, "second")

        assert (shown_at(pages), shown_at(api)) == ("second", "second")
        assert is_well(channel)
        assert httpx.get(f"https://localhost:{pages}/healthz", verify=tls.for_client()).is_success


def test_a_broker_over_tls_is_asked_for_its_name(mine: tls.Certificate) -> None:
    asked = tls.for_broker("amqps://a@b/c")

    assert isinstance(asked, dict)
    assert asked["cert_reqs"] == ssl.CERT_REQUIRED
    assert ("server_hostname", None) in asked.items()
    assert asked["certfile"] == str(mine.chain)
    assert tls.for_broker("amqp://a@b/c") is False


def test_without_a_certificate_all_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAIGONG_TLS", raising=False)
    port = free_block(1)
    stop = metrics.serve(f"127.0.0.1:{port}")
    with contextlib.closing(httpx.Client()) as plain:
        assert plain.get(f"http://127.0.0.1:{port}/healthz").text == "ok\n"
    stop()
