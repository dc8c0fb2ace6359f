"""What starts after what."""

from __future__ import annotations

from pathlib import Path

import pytest

from instance.processes import Process, in_order


def process(name: str, *needs: str) -> Process:
    return Process(name=name, argv=("true",), environ={}, log=Path("log"), needs=needs)


def test_a_process_comes_after_all_that_it_needs() -> None:
    listed = [process("envoy", "api"), process("api", "job"), process("job", "db"), process("db")]

    assert [each.name for each in in_order(listed)] == ["db", "job", "api", "envoy"]


def test_a_need_that_nobody_fills_is_named() -> None:
    with pytest.raises(ValueError, match="broker"):
        in_order([process("worker", "broker")])


def test_processes_that_need_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="need each other"):
        in_order([process("hen", "egg"), process("egg", "hen")])
