"""Who did what, and when: the history of cards and orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Actor:
    """Who acts, for the history: an account, or the platform itself."""

    account: str
    name: str


SYSTEM = Actor("", "")


@dataclass(frozen=True)
class Step:
    """One thing that happened. `step` is the status reached, or what was done without leaving it."""

    step: str
    at: datetime
    by: str
    by_name: str
    note: str
