"""Waiting for something that another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, timeout: float = 10, every: float = 0.05) -> T:
    """Return what `check` returns once that is true; an AssertionError in it means "not yet".

    When time is up, the last AssertionError is raised, or one that shows the last answer.
    """
    until = time.monotonic() + timeout
    while True:
        failed: AssertionError | None = None
        answer: T | None = None
        try:
            answer = check()
        except AssertionError as error:
            failed = error
        else:
            if answer:
                return answer
        if time.monotonic() > until:
            raise failed or AssertionError(f"not within {timeout} s; the last answer: {answer!r}")
        time.sleep(every)
