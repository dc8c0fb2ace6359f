"""One whole instance for all tests of this level."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.instance import Instance, running_instance


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    """A city's instance with demo data and a movable clock, behind its gateway."""
    with running_instance() as running:
        yield running


@pytest.fixture(scope="session")
def base_url(instance: Instance) -> str:
    return instance.base_url
