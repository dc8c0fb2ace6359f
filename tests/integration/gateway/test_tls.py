"""The gateway's own certificate, another one while it runs, and what every answer says."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from edge.settings import Settings
from support.certificates import Authority, name_of
from support.edge import Edge, running_edge
from support.waiting import eventually


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Authority().certify(tmp_path, "first")
    return tmp_path


@pytest.fixture
def safe(home: Path, tmp_path_factory: pytest.TempPathFactory, descriptors: Path) -> Iterator[Edge]:
    with running_edge(
        tmp_path_factory.mktemp("edge"),
        descriptors,
        certificate=str(home / "tls.crt"),
        certificate_key=str(home / "tls.key"),
    ) as running:
        yield running


def served(edge: Edge) -> str:
    """Return the name on the certificate that the gateway shows."""
    host, _, port = edge.url.rpartition("/")[2].partition(":")
    shown = x509.load_pem_x509_certificate(
        ssl.get_server_certificate((host, int(port)), timeout=5).encode()
    )
    return name_of(shown)


def test_the_gateway_speaks_tls_and_takes_a_renewed_certificate_up(safe: Edge, home: Path) -> None:
    with httpx.Client(verify=safe.trusted) as client:
        answer = client.get(f"{safe.url}/v1/nothing")

    assert answer.status_code == 404
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    with pytest.raises(httpx.TransportError), httpx.Client() as plain:
        plain.get(f"{safe.url.replace('https:', 'http:')}/v1/nothing")
    assert served(safe) == "first"
    Authority().certify(home, "second")
    eventually(lambda: served(safe) == "second", timeout=10)


def test_every_answer_says_how_it_may_be_used(api: httpx.Client, stranger: httpx.Client) -> None:
    told = api.get("/v1/toys/t1")
    refused = stranger.get("/v1/toys/t1")

    assert (told.status_code, refused.status_code) == (200, 401)
    for answer in (told, refused):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(SystemExit, match="belong together"):
        Settings.read(certificate="tls.crt")
