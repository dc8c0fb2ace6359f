"""Objectives as data: `slo/*.yaml`, one promise a file, read into frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HOME = Path(__file__).resolve().parent
KINDS = ("promise", "requests", "time")


class ObjectiveError(ValueError):
    """A file of an objective says something that cannot be."""


@dataclass(frozen=True)
class Said:
    """The same in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True)
class Objective:
    """One service level.

    `promise` is one of the state's: reporting counts it in windows of days. `requests` counts
    good events among all, `time` asks each minute whether something holds; both are the
    platform's.
    """

    name: str
    title: Said
    says: Said
    kind: str
    objective: float
    window: str
    owner: Said
    runbook: str
    # promise: the code under which reporting exports it.
    promise: str
    # requests: PromQL with $window; time: PromQL that is 1 or 0.
    good: str
    total: str
    # With fewer events than these in the window nobody is told: one of two is no rate.
    minimum: int

    @property
    def budget(self) -> float:
        """The share that may fail."""
        return round(1 - self.objective, 6)

    @property
    def alert(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("-")) + "Burns"


def read_all(folder: Path = HOME / "slo") -> list[Objective]:
    """Return every objective, in the order of their files' names."""
    return [_read(path) for path in sorted(folder.glob("*.yaml"))]


def _read(path: Path) -> Objective:
    said: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    wanted = {"name", "title", "says", "kind", "objective", "window", "owner", "runbook", "minimum"}
    wanted |= {"promise": {"promise"}, "requests": {"good", "total"}, "time": {"good"}}.get(
        said.get("kind", ""), set()
    )
    if said.keys() != wanted:
        raise ObjectiveError(f"{path.name}: {sorted(said.keys() ^ wanted)} missing or unknown")
    made = Objective(
        name=said["name"],
        kind=said["kind"],
        objective=float(said["objective"]),
        window=said["window"],
        runbook=said["runbook"],
        promise=said.get("promise", ""),
        good=" ".join(said.get("good", "").split()),
        total=" ".join(said.get("total", "").split()),
        minimum=int(said["minimum"]),
        **{name: Said(**said[name]) for name in ("title", "says", "owner")},
    )
    if made.kind not in KINDS or not 0 < made.objective < 1 or made.name != path.stem:
        raise ObjectiveError(f"{path.name}: kind, objective or name is wrong")
    if made.window != "30d":
        # The windows of the burn rates below are shares of thirty days.
        raise ObjectiveError(f"{path.name}: the window is 30d")
    return made
