"""Where `now` comes from. Only the domain's now can be moved; leases and tokens keep real time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the real time, aware, in UTC."""
    return datetime.now(UTC)


class MovableClock:
    """Real time plus an offset, for demonstration, tests and training.

    The offset comes from this service's `clock_state` row (chassis.clock_state) and is
    identified by a generation, so that an old message never moves the clock back.
    """

    def __init__(self) -> None:
        self._offset = timedelta()
        self._generation = 0
        self._moved = threading.Condition()

    def __call__(self) -> datetime:
        return system_clock() + self._offset

    @property
    def generation(self) -> int:
        return self._generation

    def move(self, *, generation: int, offset: timedelta) -> bool:
        """Take the offset unless it is older than the one we have; return whether it changed."""
        with self._moved:
            if generation <= self._generation:
                return False
            self._offset, self._generation = offset, generation
            self._moved.notify_all()
            return True
