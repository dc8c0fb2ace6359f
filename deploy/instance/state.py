"""What `.run/state.json` says of the running instance, for `stop`, `status` and tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from instance.processes import Seen, end_group


@dataclass(frozen=True)
class State:
    """The supervisor, where the gateway is, and every process it has. `ready` is when all were."""

    supervisor: int
    began: str
    gateway: str
    ready: bool = False
    processes: Mapping[str, Seen] = field(default_factory=dict)
    # A number that the kernel gives to no second process of the same id: when it began.
    births: Mapping[int, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(self), indent=1))
        scratch.replace(path)

    @classmethod
    def read(cls, path: Path) -> State | None:
        try:
            said = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        said["processes"] = {name: Seen(**seen) for name, seen in said["processes"].items()}
        said["births"] = {int(pid): birth for pid, birth in said["births"].items()}
        return cls(**said)

    @property
    def is_running(self) -> bool:
        return birth(self.supervisor) == self.began

    def environ(self, *names: str) -> dict[str, str]:
        """Return what the first process of these names was told."""
        (seen, *_) = (self.processes[name] for name in names if name in self.processes)
        given = Path(f"/proc/{seen.pid}/environ").read_bytes().decode().split("\0")
        return dict(pair.split("=", 1) for pair in given if "=" in pair)

    def end_leftovers(self) -> list[str]:
        """End processes that outlived a supervisor which was killed; return their names.

        The servers last: a worker without its database does not know how to leave.
        """
        left = {
            name: seen.pid
            for name, seen in self.processes.items()
            if birth(seen.pid) == self.births.get(seen.pid)
        }
        for wave in (left.keys() - _SERVERS, left.keys() & _SERVERS):
            _end([left[name] for name in wave])
        return list(left)


_SERVERS = {"postgres", "rabbitmq", "redis", "epmd"}


def _end(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for patience, at_last in ((10, end_group), (5, lambda _: None)):
        until = time.monotonic() + patience
        while time.monotonic() < until and any(birth(pid) for pid in pids):
            time.sleep(0.1)
        for pid in pids:
            at_last(pid)


def birth(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty when there is none or it is a zombie."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if rest[0] == "Z" else rest[19]
