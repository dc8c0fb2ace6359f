"""A gateway before a toy service, for the tests of this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge.settings import Bucket
from support.edge import Edge, Toy, running_edge, toy_descriptors


@pytest.fixture(scope="session")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_descriptors(tmp_path_factory.mktemp("toy") / "toy.binpb")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, descriptors: Path) -> Iterator[Edge]:
    """A gateway that limits nobody."""
    free = Bucket(0, 0)
    with running_edge(
        tmp_path_factory.mktemp("edge"),
        descriptors,
        by_address=free,
        by_address_public=free,
        by_account=free,
        rpc_seconds=2,
        most_json_bytes=10_000,
        most_file_bytes=2_000_000,
    ) as running:
        yield running


@pytest.fixture
def toy(edge: Edge) -> Toy:
    edge.toy.behave.clear()
    edge.toy.seen.clear()
    return edge.toy


@pytest.fixture
def api(edge: Edge) -> Iterator[httpx.Client]:
    """A client that is signed in."""
    with edge.client() as client:
        yield client


@pytest.fixture
def stranger(edge: Edge) -> Iterator[httpx.Client]:
    with edge.client(signed_in=False) as client:
        yield client
