"""The API reference page: Swagger UI from npm, pointed at our document. Built, not committed."""

from __future__ import annotations

from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build"


def folder() -> Path:
    out = BUILD / "docs"
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.html").write_text("todo")
    return out
