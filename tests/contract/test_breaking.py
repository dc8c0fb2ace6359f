"""The protos are compared with the release that the changelog names."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("breaking", ROOT / "protos" / "breaking.py")
assert _spec is not None
assert _spec.loader is not None
breaking = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(breaking)


@pytest.mark.parametrize(
    ("changelog", "names"),
    [
        ("# Changelog\n\n## Unreleased\n\n- all of it\n", []),
        ("", []),
        (
            "## Unreleased\n## 0.2.0 · 2027-01-04 · a1b2c3d\n## 0.1.0 · 2026-12-01 · fffffff\n",
            ["a1b2c3d", "v0.2.0"],
        ),
        ("## 0.2.0 · 2027-01-04 · v0.2.0-final\n", ["v0.2.0-final", "v0.2.0"]),
        ("## [0.2.0] - 2027-01-04\n", ["v0.2.0"]),
    ],
)
def test_the_newest_release_is_found_by_commit_or_tag(changelog: str, names: list[str]) -> None:
    assert breaking.released(changelog) == names


def test_our_own_changelog_can_be_read() -> None:
    assert isinstance(breaking.released((ROOT / "CHANGELOG.md").read_text("utf-8")), list)
