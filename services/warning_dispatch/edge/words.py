"""Between the words of the domain and the enums of the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.rpc import read_uuid


def name_of(enum: Any, number: int) -> str:
    """Return a wire enum as our word: COLOUR_RED is `red`, unspecified is empty."""
    return str(enum.Name(number)).removeprefix(_prefix(enum)).lower() if number else ""


def value_of(enum: Any, word: str) -> Any:
    return enum.Value(f"{_prefix(enum)}{word.upper()}") if word else 0


def optional_uuid(name: str, text: str) -> UUID | None:
    return read_uuid(name, text) if text else None


def _prefix(enum: Any) -> str:
    zero: str = enum.Name(0)
    return zero.removesuffix("UNSPECIFIED")
