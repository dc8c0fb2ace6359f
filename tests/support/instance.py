"""A whole instance for tests, and the means to hurt it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from chassis.settings import surroundings
from instance.ports import free_block
from instance.processes import tail
from instance.state import State
from support.callers import PASSWORD as PASSWORD
from support.callers import caller
from support.servers import scratch
from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Instance:
    """A running instance: where its gateway is and every process by name."""

    run: Path

    @property
    def state(self) -> State:
        state = State.read(self.run / "state.json")
        assert state is not None, f"no instance runs under {self.run}"
        return state

    @property
    def base_url(self) -> str:
        return self.state.gateway

    def caller(self, username: str) -> httpx.Client:
        """Return a client that calls as a demo account, such as `d4.city`."""
        return caller(self.base_url, username)

    def move_clock_to(self, moment: datetime) -> None:
        """Move the domain's clock forward; returns when every process has it."""
        with self.caller("s2.city") as operator:
            answer = operator.post("/v1/clock:advance", json={"to": moment.isoformat()})
        assert answer.status_code == 200, answer.text

    @property
    def names(self) -> list[str]:
        """The name of every process: `postgres`, `reporting-worker`, `envoy`, …"""
        return list(self.state.processes)

    def pid(self, name: str) -> int:
        return self.state.processes[name].pid

    def setting(self, process: str, name: str) -> str:
        """What a process was given, for example ("reporting-api", "DATABASE_URL")."""
        return surroundings(self.state.environ(process))[f"KAIGONG_{name}"]

    def database_urls(self) -> dict[str, str]:
        """Return each service's database, for a test that counts rows."""
        return {
            name.removesuffix("-api"): self.setting(name, "DATABASE_URL")
            for name in self.names
            if name.endswith("-api")
        }

    def log(self, name: str) -> str:
        return (self.run / "log" / f"{name}.log").read_text("utf-8", "replace")

    def kill(self, name: str) -> int:
        """kill -9 one process; it is started again by itself. Returns the id it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_and_heal(self, name: str, *, timeout: float = 60) -> None:
        """kill -9 one process and wait until another is ready in its place."""
        dead = self.kill(name)
        eventually(lambda: self.is_ready(name, other_than=dead), timeout=timeout)

    def is_ready(self, name: str, *, other_than: int = 0) -> bool:
        seen = self.state.processes.get(name)
        return seen is not None and seen.ready and seen.pid != other_than

    def all_ready(self) -> bool:
        return all(seen.ready for seen in self.state.processes.values())


@contextlib.contextmanager
def running_instance(
    *, timeout: float = 240, tree: Path = ROOT, **settings: str
) -> Iterator[Instance]:
    """Run an instance with demo data and a movable clock on free ports until the block ends.

    `settings` are those of deploy/README.md, such as TIER="district" or RATE_LIMITS="0"; `tree` is
    the code that runs.
    With KAIGONG_TEST_INSTANCE=.run the one that runs there is used instead, and left running.
    """
    if given := os.environ.get("KAIGONG_TEST_INSTANCE"):
        yield Instance(Path(given).absolute())
        return
    with scratch() as home:
        first = free_block(61)
        run = Path(settings.get("KAIGONG_RUN", home / "run"))
        said = home / "said.log"
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KAIGONG")},
            "KAIGONG_RUN": str(run),
            "KAIGONG_PORT_BASE": str(first),
            "PORT": str(first + 60),
            **settings,
        }
        with said.open("wb") as out:
            local = subprocess.Popen(
                [sys.executable, str(tree / "deploy" / "local.py"), "run"],
                env=environ,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until_ready(local, run, said, timeout)
            yield Instance(run)
        finally:
            local.send_signal(signal.SIGTERM)
            try:
                local.wait(90)
            except subprocess.TimeoutExpired:
                local.kill()
                local.wait()


def wait_until_ready(local: subprocess.Popen[bytes], run: Path, said: Path, timeout: float) -> None:
    until = time.monotonic() + timeout
    while True:
        state = State.read(run / "state.json")
        if state is not None and state.ready:
            return
        assert local.poll() is None, f"the instance did not start:\n{said.read_text()}"
        assert time.monotonic() < until, f"the instance was not ready:\n{tail(said, 40)}"
        time.sleep(0.1)
