"""The protos are compared with the release that the changelog names."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("breaking", ROOT / "protos" / "breaking.py")
assert _spec is not None
assert _spec.loader is not None
breaking = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(breaking)


@pytest.mark.parametrize(
    ("changelog", "heading"),
    [
        ("# Changelog\n\n## Unreleased\n\n- all of it\n", ""),
        ("", ""),
        (
            "## Unreleased\n## 0.2.0 · 2027-01-04\n## 0.1.0 · 2026-12-01\n",
            "## 0.2.0 · 2027-01-04",
        ),
    ],
)
def test_the_newest_release_is_found(changelog: str, heading: str) -> None:
    assert breaking.released(changelog) == heading


def test_a_release_is_the_commit_that_wrote_its_heading(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        author = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        done = subprocess.run(
            ["git", *author, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(text: str) -> str:
        (tmp_path / "CHANGELOG.md").write_text(text, "utf-8")
        git("add", "CHANGELOG.md")
        git("commit", "-qm", "x")
        return git("rev-parse", "HEAD")

    git("init", "-q")
    commit("## Unreleased\n")
    release = commit("## Unreleased\n\n## 0.1.0 · 2026-12-01\n")
    commit("## Unreleased\n\n- more\n\n## 0.1.0 · 2026-12-01\n")

    assert breaking.commit_of("## 0.1.0 · 2026-12-01", tmp_path) == release
    assert breaking.commit_of("## 0.2.0 · 2027-01-04", tmp_path) == ""


def test_our_own_changelog_names_a_release() -> None:
    assert breaking.released((ROOT / "CHANGELOG.md").read_text("utf-8"))
