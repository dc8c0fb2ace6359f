"""Small processes under the supervisor that runs the real ones."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instance.ports import free_block, refuse_busy
from instance.processes import Process, Supervisor
from instance.said import Trouble
from support import eventually

_SAYS_BYE = """
import pathlib, signal, sys, time
def bye(*_):
    with open(sys.argv[1], "a") as out: out.write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, bye)
pathlib.Path(sys.argv[1] + "." + sys.argv[2]).touch()
time.sleep(60)
"""


@pytest.fixture
def ends(tmp_path: Path) -> Path:
    return tmp_path / "ends"


def process(ends: Path, name: str, *needs: str) -> Process:
    return Process(
        name=name,
        argv=(sys.executable, "-c", _SAYS_BYE, str(ends), name),
        environ={},
        log=ends.with_suffix(".log"),
        ready=Path(f"{ends}.{name}").exists,
        needs=needs,
    )


def job(ends: Path, code: str) -> Process:
    return Process(
        name="job",
        argv=(sys.executable, "-c", code),
        environ={},
        log=ends.with_suffix(".job.log"),
        once=True,
    )


@pytest.fixture
def pair(ends: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor([process(ends, "api", "store"), process(ends, "store")])
    supervisor.start()
    yield supervisor
    supervisor.stop()


def test_what_is_needed_stops_last(pair: Supervisor, ends: Path) -> None:
    pair.stop()

    assert ends.read_text().split() == ["api", "store"]


def test_a_killed_process_is_started_again_and_the_other_left_alone(pair: Supervisor) -> None:
    before = {name: seen.pid for name, seen in pair.seen().items()}
    os.kill(before["store"], signal.SIGKILL)

    def back() -> bool:
        pair.watch()
        return pair.seen().get("store") is not None and pair.seen()["store"].ready

    pair.watch()
    eventually(lambda: back() and pair.seen()["store"].pid != before["store"])

    assert pair.seen()["api"].pid == before["api"]
    assert pair.seen()["store"].deaths == 1


def test_a_process_is_not_started_again_before_what_it_needs_is_back(pair: Supervisor) -> None:
    before = {name: seen.pid for name, seen in pair.seen().items()}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    started: list[str] = []

    def watch() -> bool:
        pair.watch()
        started.extend(name for name in pair.seen() if name not in started)
        return len(started) == 2

    eventually(lambda: not pair.seen())
    eventually(watch)

    assert started == ["store", "api"]


def test_a_job_that_fails_ends_the_start_with_its_own_words(ends: Path) -> None:
    supervisor = Supervisor([job(ends, "raise SystemExit('the disk is full')")])

    with pytest.raises(Trouble, match="the disk is full"):
        supervisor.start()


def test_a_job_that_is_done_lets_the_next_start(ends: Path) -> None:
    supervisor = Supervisor([job(ends, "pass"), process(ends, "api", "job")])
    try:
        supervisor.start()
        assert list(supervisor.seen()) == ["api"]
    finally:
        supervisor.stop()


def test_a_program_that_is_missing_is_named() -> None:
    missing = Process(name="x", argv=("/no/such/program",), environ={}, log=Path(os.devnull))

    with pytest.raises(Trouble, match="/no/such/program"):
        Supervisor([missing]).start()


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    port = free_block(1)
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", port))
        taker.listen()

        with pytest.raises(Trouble, match=rf"{port} \(gateway\).*PORT"):
            refuse_busy({"gateway": port}, setting="PORT")

    refuse_busy({"gateway": port}, setting="PORT")
