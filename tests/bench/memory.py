"""What a whole idle instance takes, servers included, and how soon it is ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.measure import ROOT, Row
from instance import memory
from instance.ports import free_block
from instance.state import State
from support.servers import scratch

_SETTLING = 15
_PATIENCE = 240
_MB = 1024


def measure() -> list[Row]:
    with scratch() as home:
        first, _, _ = _start(home)
        again, total, processes = _start(home, settle=_SETTLING)
    with scratch() as home:
        _, town, packed = _start(home, settle=_SETTLING, TIER="town")
    return [
        Row("memory of an idle instance", "", f"{total / _MB:,.0f} MB", "", "2,048 MB",
            f"PSS of {processes} processes"),
        Row("memory of an idle town, packed", "", f"{town / _MB:,.0f} MB", "", "1,200 MB",
            f"PSS of {packed} processes"),
        Row("start to ready, data there", "", f"{again:.1f} s", "", "25 s"),
        Row("start to ready, the first time", "", f"{first:.1f} s", "", "25 s"),
    ]  # fmt: skip


def _start(home: Path, *, settle: float = 0, **settings: str) -> tuple[float, int, int]:
    """Start an instance as `make run` does; return the seconds, then KB and processes once idle."""
    first = free_block(61)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KAIGONG")},
        "KAIGONG_RUN": str(home / "run"),
        "KAIGONG_PORT_BASE": str(first),
        "PORT": str(first + 60),
        **settings,
    }
    began = time.monotonic()
    with (home / "said.log").open("ab") as said:
        local = subprocess.Popen(
            [sys.executable, str(ROOT / "deploy" / "local.py"), "run"],
            env=environ,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        state = _ready(local, home / "run" / "state.json", began)
        seconds = time.monotonic() - began
        time.sleep(settle)
        leaders = {name: seen.pid for name, seen in state.processes.items()}
        rows, total = memory.table(leaders)
        # The supervisor by itself: all others are its children.
        return seconds, total + memory.pss_of(local.pid), sum(row[2] for row in rows) + 1
    finally:
        local.send_signal(signal.SIGTERM)
        local.wait(90)


def _ready(local: subprocess.Popen[bytes], path: Path, began: float) -> State:
    while time.monotonic() < began + _PATIENCE and local.poll() is None:
        state = State.read(path)
        if state is not None and state.ready:
            return state
        time.sleep(0.05)
    raise SystemExit("the instance was not ready")
