"""What is in an image, as a CycloneDX document: Python packages from the lock, Debian's from dpkg's record."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

# `make images` makes it from requirements.lock beside this file: it wants other versions than we run on.
_TOOLS = Path(__file__).resolve().parents[2] / "build" / "images" / "venv" / "bin"


def python_packages(requirements: Path) -> dict[str, Any]:
    """Return cyclonedx-py's document of the packages that a requirements file names, with their hashes."""
    done = subprocess.run(
        [
            *(str(_TOOLS / "cyclonedx-py"), "requirements", "--output-reproducible"),
            *("--spec-version", "1.6", "--output-format", "JSON", str(requirements)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"cyclonedx-py: {done.stderr}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def debian_packages(status: str) -> Iterator[dict[str, Any]]:
    """Yield a component for each installed package of a /var/lib/dpkg/status."""
    for paragraph in status.split("\n\n"):
        told = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if told.get("Status") == "install ok installed":
            name, version = told["Package"], told["Version"]
            reference = (
                f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={told['Architecture']}"
            )
            yield {
                "type": "library",
                "bom-ref": reference,
                "name": name,
                "version": version,
                "purl": reference,
            }


def document(title: str, version: str, requirements: Path, status: str) -> str:
    """Return the whole document; it has no time and no serial number, so that it can be rebuilt."""
    tree = python_packages(requirements)
    tree["metadata"]["component"] = {"type": "container", "name": title, "version": version}
    tree["components"] += sorted(debian_packages(status), key=lambda each: str(each["purl"]))
    tree.pop("dependencies", None)
    return json.dumps(tree, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
