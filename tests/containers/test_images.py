"""The images: the same input gives the same digest."""

from __future__ import annotations

import pytest

from images.build import build
from images.engine import Engine

pytestmark = pytest.mark.long


def test_building_again_without_the_cache_gives_the_same_digests(
    docker: Engine, images: dict[str, str]
) -> None:
    assert build(docker, fresh=True) == images
