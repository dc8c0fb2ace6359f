"""`make bench`: what a request, an event and a command cost here, each against a baseline of the same run.

Nothing here asserts: the table says baseline, ours, ratio and goal. With WRITE=1 it is kept
in tests/bench/README.md. `python tests/bench/measure.py relay latency` runs only these.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for _each in ("services", "gateway", "build/gen", "deploy", "tests"):
    sys.path.insert(0, str(ROOT / _each))

README = ROOT / "tests" / "bench" / "README.md"
BENCHES = (
    "relay",
    "latency",
    "rollups",
    "plans",
    "clocks",
    "views",
    "cards",
    "lateness",
    "catchup",
    "gateway",
    "memory",
)


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` is ours over baseline in the sense that more is better."""

    what: str
    baseline: str
    ours: str
    ratio: str
    goal: str
    cpu: str = ""


def table(rows: list[Row]) -> str:
    lines = [
        "| what | baseline | ours | ratio | goal | CPU |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row.what} | {row.baseline} | {row.ours} | {row.ratio} | {row.goal} | {row.cpu} |"
            for row in rows
        ),
    ]
    return "\n".join(lines)


def rate(act: Callable[[], int]) -> float:
    """Return how many a second `act` does, by what it says it did."""
    began = time.perf_counter()
    done = act()
    return done / (time.perf_counter() - began)


@contextmanager
def cpu_of(pids: Callable[[], list[int]]) -> Iterator[list[float]]:
    """Put into the list the CPU seconds that the processes and their children took in the block."""
    ticks = os.sysconf("SC_CLK_TCK")

    def total() -> int:
        spent = 0
        for process in {each for pid in pids() for each in (pid, *descendants(pid))}:
            try:
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            spent += sum(int(field) for field in fields[11:15])
        return spent

    spent: list[float] = []
    before = total()
    yield spent
    spent.append((total() - before) / ticks)


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def main(wanted: list[str]) -> None:
    rows: list[Row] = []
    for name in wanted or BENCHES:
        print(f"── {name}", flush=True)
        found: list[Row] = import_module(f"bench.{name}").measure()
        print(table(found), flush=True)
        rows += found
    print(f"\n{table(rows)}")
    if os.environ.get("WRITE"):
        keep(rows)


def keep(rows: list[Row]) -> None:
    """Replace the table in the README, below its marker."""
    head = README.read_text("utf-8").partition("<!-- measured -->")[0]
    cores, day = os.cpu_count(), datetime.now(UTC).date()
    README.write_text(
        f"{head}<!-- measured -->\n\nMeasured on {day}, {cores} cores, client on the same machine.\n\n"
        f"{table(rows)}\n",
        "utf-8",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
