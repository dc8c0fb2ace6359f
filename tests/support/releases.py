"""The release before this one, unpacked from the history, to run beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from importlib import import_module
from io import BytesIO
from pathlib import Path

from support.instance import ROOT


def previous(home: Path) -> Path:
    """Unpack the last release into `home`, with what it makes of its protos."""
    sys.path.insert(0, str(ROOT / "protos"))
    breaking = import_module("breaking")
    commit = breaking.commit_of(breaking.released((ROOT / "CHANGELOG.md").read_text("utf-8")))
    assert commit, "the history has no release: is the clone shallow?"
    packed = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as tree:
        tree.extractall(home, filter="data")
    for page in (ROOT / "build").glob("docs-*"):
        shutil.copytree(page, home / "build" / page.name)
    subprocess.run([sys.executable, "protos/generate.py"], cwd=home, check=True)
    return home
