"""A chain to archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.audit_archive import Archive
from support.audit_chain import Toy
from support.servers import Databases


@pytest.fixture
def toy(database: Databases, tmp_path: Path) -> Iterator[Toy]:
    made = Toy(database("toy"), tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def archived(toy: Toy) -> tuple[Toy, list[Archive]]:
    """Eight lines, of which four old ones lie in two files; two lines tell of the files."""
    toy.write(1, 2, 3, 4, 5, 6, 7, 8)
    return toy, toy.archive()
