"""The wheels of an image: what the code needs at run time, out of requirements.lock and no more."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

# Below this line of requirements.in stands what only building and testing need.
MARK = "# --- for building and testing only ---"


def closure(wishes: str) -> list[str]:
    """Return the names of all that the wishes above the mark bring with them, as installed here."""
    lines = (line.split("#")[0].strip() for line in wishes.split(MARK)[0].splitlines())
    todo = [Requirement(line) for line in lines if line]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        wish = todo.pop()
        key = (canonicalize_name(wish.name), frozenset(wish.extras))
        if key in seen:
            continue
        seen.add(key)
        for text in distribution(wish.name).requires or []:
            needed = Requirement(text)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *wish.extras)
            ):
                todo.append(needed)
    return sorted({name for name, _ in seen})


def entries(lock: str, names: list[str]) -> str:
    """Return the lock's entries of these packages, with their hashes."""
    known = {
        canonicalize_name(entry.partition("==")[0]): entry
        for entry in re.split(r"\n(?=[A-Za-z0-9])", lock)
    }
    return "\n".join(known[canonicalize_name(name)].rstrip() for name in names) + "\n"


def fetch(requirements: Path, out: Path, *, epoch: int) -> None:
    """Fetch the wheels, each file checked by the lock's hash; what has no wheel is built from its source.

    `out/requirements.txt` then names exactly the wheels that are there, by their own hashes.
    """
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--require-hashes", "--no-deps", "--no-build-isolation"),
            *("--wheel-dir", str(out), "-r", str(requirements)),
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        check=True,
    )
    lines = []
    for wheel in sorted(out.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(wheel.name)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    (out / "requirements.txt").write_text("".join(lines))
