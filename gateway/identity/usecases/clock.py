"""The movable clock, and what is old enough to forget."""

from __future__ import annotations

from datetime import datetime, timedelta

from chassis.errors import FieldInvalid
from identity.domain import (
    ClockOffset,
)
from identity.domain.sessions import SESSION_LIFE
from identity.store import ClockStore, KeyStore, SessionStore


def advance_clock(
    clocks: ClockStore,
    *,
    by: timedelta | None = None,
    to: datetime | None = None,
    who: str,
    real: datetime,
) -> ClockOffset:
    offset = clocks.lock(at=real)
    if to is not None:
        moved = offset.advance_to(to, real=real)
    elif by is not None:
        moved = offset.advance(by, real=real)
    else:
        raise FieldInvalid(
            field="target", zh_why="seconds 与 to 须填其一", en_why="give seconds or to"
        )
    clocks.save(moved, by=who, at=real)
    return moved


def forget_old(sessions: SessionStore, keys: KeyStore, *, real: datetime) -> None:
    sessions.forget(attempts_before=real, sessions_before=real - SESSION_LIFE - timedelta(days=30))
    keys.remove_unpublished(real - timedelta(days=1))
