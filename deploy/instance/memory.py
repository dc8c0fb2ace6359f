"""The memory of an instance: PSS, which counts a page that n processes share as 1/n in each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def pss_of(pid: int) -> int:
    """Return the kilobytes of one process; 0 when it is gone or belongs to somebody else."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def families(leaders: Mapping[str, int]) -> dict[str, list[int]]:
    """Return every leader with all its descendants, by name."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))

    def descent(pid: int) -> list[int]:
        return [pid, *(each for child in children.get(pid, []) for each in descent(child))]

    return {name: descent(pid) for name, pid in leaders.items()}


def table(leaders: Mapping[str, int]) -> tuple[list[tuple[str, int, int, int]], int]:
    """Return (name, pid, processes, KB) per leader, and the sum in KB."""
    rows = [
        (name, family[0], len(family), sum(pss_of(pid) for pid in family))
        for name, family in families(leaders).items()
    ]
    return rows, sum(row[3] for row in rows)
