"""Signing in, staying signed in, and being kept out. All of it in real time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from chassis.errors import DomainError
from identity.domain.errors import (
    RefreshTokenInvalid,
    RefreshTokenReused,
    SessionEnded,
    SignInLocked,
)

ACCESS_LIFE = timedelta(minutes=5)
REFRESH_LIFE = timedelta(hours=12)
SESSION_LIFE = timedelta(days=7)
FAILURES_ALLOWED = 5
FAILURE_WINDOW = timedelta(minutes=15)
LOCK_LIFE = timedelta(minutes=15)


@dataclass(frozen=True)
class Attempts:
    """The recent failed sign-ins under one user name, whether somebody has that name or not."""

    username: str
    failures: tuple[datetime, ...] = ()
    locked_until: datetime | None = None

    def check(self, now: datetime) -> None:
        if self.locked_until is not None and now < self.locked_until:
            minutes = -(-(self.locked_until - now) // timedelta(minutes=1))
            raise SignInLocked(minutes=minutes)

    def fail(self, now: datetime) -> Attempts:
        """Count one more; the last of those allowed locks."""
        recent = (*(at for at in self.failures if at > now - FAILURE_WINDOW), now)
        if len(recent) < FAILURES_ALLOWED:
            return replace(self, failures=recent, locked_until=None)
        return replace(self, failures=(), locked_until=now + LOCK_LIFE)

    def forgettable_at(self) -> datetime:
        """Return when it says nothing any more."""
        moments = [at + FAILURE_WINDOW for at in self.failures]
        return max([*moments, *([self.locked_until] if self.locked_until else [])])


@dataclass(frozen=True)
class RefreshToken:
    """One refresh token as we keep it: its digest, never itself."""

    digest: bytes
    session_id: UUID
    expires_at: datetime
    used_at: datetime | None = None


@dataclass
class Session:
    """One sign-in: a family of refresh tokens of which only the newest works."""

    id: UUID
    account_id: UUID
    method: str
    created_at: datetime
    ended_at: datetime | None = None
    ended_why: str = ""

    @property
    def expires_at(self) -> datetime:
        return self.created_at + SESSION_LIFE

    def is_open(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.expires_at

    def end(self, why: str, *, at: datetime) -> None:
        if self.ended_at is None:
            self.ended_at, self.ended_why = at, why

    def refuse(self, token: RefreshToken, *, at: datetime) -> DomainError | None:
        """Return why one of its refresh tokens is refused, or None.

        A token that comes a second time ends the session: of the two who hold it one is a thief,
        and we cannot tell which.
        """
        if not self.is_open(at):
            return SessionEnded()
        if token.used_at is not None:
            self.end("refresh token reused", at=at)
            return RefreshTokenReused()
        return RefreshTokenInvalid() if token.expires_at <= at else None

    def refresh_until(self, now: datetime) -> datetime:
        return min(now + REFRESH_LIFE, self.expires_at)
