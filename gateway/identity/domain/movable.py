"""The movable clock: forward only, and each move has a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from identity.domain.errors import ClockBackwards, ClockTooFar

MOST_YEARS = 30


@dataclass(frozen=True)
class ClockOffset:
    """How far the domain's time is ahead of real time, after so many moves."""

    generation: int = 0
    seconds: int = 0

    def now(self, real: datetime) -> datetime:
        return real + timedelta(seconds=self.seconds)

    def advance(self, by: timedelta, *, real: datetime) -> ClockOffset:
        """Move forward by whole seconds, rounded up, so that the clock is never short of its target."""
        seconds = -(-by // timedelta(seconds=1))
        if seconds <= 0:
            raise ClockBackwards(now=self.now(real).isoformat(timespec="seconds"), field="to")
        total = self.seconds + seconds
        if total > MOST_YEARS * 365.25 * 86_400:
            raise ClockTooFar(years=MOST_YEARS, field="to")
        return ClockOffset(self.generation + 1, total)

    def advance_to(self, target: datetime, *, real: datetime) -> ClockOffset:
        return self.advance(target - self.now(real), real=real)
