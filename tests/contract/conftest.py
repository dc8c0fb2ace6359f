"""Nothing here may open a socket."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_socket(socket_disabled: None) -> None:
    """pytest-socket refuses every connection while a test of this level runs."""
