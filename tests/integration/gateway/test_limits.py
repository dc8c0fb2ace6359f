"""Who asks too much waits; who asks little does not notice. Keys may change under way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from edge.settings import Bucket
from support import eventually
from support.edge import Edge, running_edge


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, descriptors: Path) -> Iterator[Edge]:
    """A gateway with tight limits."""
    with running_edge(
        tmp_path_factory.mktemp("tight"),
        descriptors,
        by_address=Bucket(100, 60),
        by_address_public=Bucket(1, 12),
        by_account=Bucket(1, 5),
    ) as running:
        yield running


def _asks(edge: Edge, times: int, **claims: str) -> list[int]:
    headers = {"authorization": f"Bearer {edge.issuer.token(**claims)}"}
    with httpx.Client(base_url=edge.url, headers=headers) as client:
        return [client.get("/v1/toys/t1").status_code for _ in range(times)]


def test_one_account_cannot_use_up_what_another_needs(edge: Edge) -> None:
    greedy = _asks(edge, 15, sub="greedy")
    modest = _asks(edge, 3, sub="modest")

    assert greedy[:5] == [200] * 5
    assert 429 in greedy
    assert modest == [200] * 3


def test_signing_in_is_limited_more_tightly_and_says_when_to_come_back(edge: Edge) -> None:
    with edge.client(signed_in=False) as client:
        answers = [client.post("/v1/toys:greet", json={"name": "x"}) for _ in range(25)]

    refused = next(each for each in answers if each.status_code == 429)
    assert refused.json()["details"][0]["reason"] == "TOO_MANY_REQUESTS"
    assert refused.json()["code"] == 8
    assert refused.headers["retry-after"] == "1"


def test_a_new_key_is_taken_and_a_withdrawn_one_dropped_without_a_restart(edge: Edge) -> None:
    old = edge.issuer.token(sub="old-key")
    edge.issuer.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    edge.issuer.key_id = "k2"
    new = edge.issuer.token(sub="new-key")

    def status(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{edge.url}/v1/toys/t1", headers=headers).status_code

    eventually(lambda: status(new) == 200, timeout=20, every=0.5)
    eventually(lambda: status(old) == 401, timeout=20, every=0.5)


def test_with_the_service_gone_the_answer_is_quick_and_it_heals_by_itself(edge: Edge) -> None:
    port = edge.toy.port
    edge.toy.stop()

    def is_refused() -> bool:
        headers = {"authorization": f"Bearer {edge.issuer.token(sub='patient')}"}
        answer = httpx.post(f"{edge.url}/v1/toys/t1:wind", json={}, headers=headers)
        assert answer.status_code == 503
        return bool(answer.json()["details"][0]["reason"] == "SERVICE_UNAVAILABLE")

    eventually(is_refused)
    edge.toy.start(port)

    eventually(lambda: _asks(edge, 1, sub="returned") == [200], timeout=20, every=0.5)


def test_while_identity_is_away_the_keys_that_are_known_still_verify(edge: Edge) -> None:
    edge.http.shutdown()
    edge.http.server_close()
    time.sleep(3)  # thrice as long as keys are taken for fresh here

    assert _asks(edge, 2, sub="undisturbed") == [200, 200]
