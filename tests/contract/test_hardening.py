"""Each line of deploy/hardening.md names a test or a file that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_LINES = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "deploy" / "hardening.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| clause", "| item"))
]


@pytest.mark.parametrize("cells", _LINES, ids=[cells[0] for cells in _LINES])
def test_a_line_is_fulfilled_by_something_that_exists(cells: list[str]) -> None:
    *_, how, where = cells
    named = re.findall(r"`([^`]+)`", where)

    assert len(cells) == 4
    assert how
    assert named, "no test and no setting is named"
    for each in named:
        path, _, test = each.partition("::")
        assert (ROOT / path).exists(), f"{path} does not exist"
        if test:
            assert f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{each} does not exist"
