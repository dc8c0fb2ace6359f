"""A Docker engine and the images of this tree; built once for all that is asked of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from images.build import build
from images.engine import Engine, engine
from support.containers import Containers, running_containers


@pytest.fixture(scope="session")
def docker() -> Iterator[Engine]:
    """The engine that runs here; where none does, one of our own until the session ends."""
    with engine() as ours:
        yield ours


@pytest.fixture(scope="session")
def images(docker: Engine) -> dict[str, str]:
    """The digests of our images by name; the servers' stand-ins are there, too."""
    return build(docker, servers=True)


@pytest.fixture(scope="module")
def instance(
    docker: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    """A city's instance in containers, with demo data and a movable clock."""
    with running_containers(docker, tmp_path_factory.mktemp("containers")) as running:
        yield running
