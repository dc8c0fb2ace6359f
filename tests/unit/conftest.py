"""Nothing here may open a socket."""

from __future__ import annotations

import pytest
from hypothesis import settings

# An example that takes long on a busy machine is no failure: no test asserts a time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _no_socket(socket_disabled: None) -> None:
    """pytest-socket refuses every connection while a test of this level runs."""
