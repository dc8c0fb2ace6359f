"""A whole instance, behind its gateway."""

from __future__ import annotations

import pytest

from support.instance import Instance


@pytest.fixture(scope="session")
def base_url(instance: Instance) -> str:
    return instance.base_url
