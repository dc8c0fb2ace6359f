"""Sessions, attempts and refresh tokens as one transaction sees them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from identity.domain import (
    Attempts,
    RefreshToken,
    Session,
)
from identity.store.tables import (
    attempts,
    refresh_tokens,
    sessions,
)


class SessionStore:
    """Sessions, their refresh tokens, and failed attempts, as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def attempts(self, username: str) -> Attempts:
        """Return what is remembered of a user name; the row stays locked until the transaction ends."""
        self._tx.execute(
            insert(attempts)
            .values(username=username, failures=[], forgettable_at=sa.func.now())
            .on_conflict_do_nothing()
        )
        row = self._tx.execute(
            sa.select(attempts).where(attempts.c.username == username).with_for_update()
        ).one()
        return Attempts(row.username, tuple(row.failures), row.locked_until)

    def save_attempts(self, one: Attempts) -> None:
        self._tx.execute(
            attempts.update()
            .where(attempts.c.username == one.username)
            .values(
                failures=list(one.failures),
                locked_until=one.locked_until,
                forgettable_at=one.forgettable_at(),
            )
        )

    def forget_attempts(self, username: str) -> None:
        self._tx.execute(attempts.delete().where(attempts.c.username == username))

    def add(self, session: Session) -> None:
        self._tx.execute(
            sessions.insert().values(
                id=session.id,
                account_id=session.account_id,
                method=session.method,
                created_at=session.created_at,
                ended_at=session.ended_at,
                ended_why=session.ended_why,
            )
        )

    def lock(self, session_id: UUID) -> Session | None:
        row = self._tx.execute(
            sa.select(sessions).where(sessions.c.id == session_id).with_for_update()
        ).first()
        if row is None:
            return None
        return Session(
            id=row.id,
            account_id=row.account_id,
            method=row.method,
            created_at=row.created_at,
            ended_at=row.ended_at,
            ended_why=row.ended_why,
        )

    def save(self, session: Session) -> None:
        self._tx.execute(
            sessions.update()
            .where(sessions.c.id == session.id)
            .values(ended_at=session.ended_at, ended_why=session.ended_why)
        )

    def end_all(self, account_id: UUID, why: str, *, at: datetime, but: UUID | None = None) -> None:
        """End every open session of an account, except `but`."""
        of_account = (sessions.c.account_id == account_id) & sessions.c.ended_at.is_(None)
        if but is not None:
            of_account &= sessions.c.id != but
        self._tx.execute(sessions.update().where(of_account).values(ended_at=at, ended_why=why))

    def add_token(self, token: RefreshToken) -> None:
        self._tx.execute(
            refresh_tokens.insert().values(
                digest=token.digest,
                session_id=token.session_id,
                expires_at=token.expires_at,
                used_at=token.used_at,
            )
        )

    def lock_token(self, digest: bytes) -> RefreshToken | None:
        """Return a token, locked: of two that present it at once the second sees it used."""
        row = self._tx.execute(
            sa.select(refresh_tokens).where(refresh_tokens.c.digest == digest).with_for_update()
        ).first()
        if row is None:
            return None
        return RefreshToken(row.digest, row.session_id, row.expires_at, row.used_at)

    def use_token(self, digest: bytes, *, at: datetime) -> None:
        self._tx.execute(
            refresh_tokens.update().where(refresh_tokens.c.digest == digest).values(used_at=at)
        )

    def forget(self, *, attempts_before: datetime, sessions_before: datetime) -> None:
        """Forget attempts that say nothing any more and sessions that nobody can resume."""
        self._tx.execute(attempts.delete().where(attempts.c.forgettable_at < attempts_before))
        self._tx.execute(sessions.delete().where(sessions.c.created_at < sessions_before))
