"""Signing in, staying signed in, and changing what one signs in with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.errors import DomainError
from identity.domain import (
    Account,
    RefreshToken,
    Session,
    check_password,
    errors,
)
from identity.passwords import Passwords
from identity.store import AccountStore, SessionStore


@dataclass(frozen=True)
class Fresh:
    """What the edge made up for a new session: its id and its first secret."""

    session_id: UUID
    secret: str


@dataclass(frozen=True)
class SignedIn:
    account: Account
    session: Session
    refresh_token: str
    refresh_until: datetime


@dataclass(frozen=True)
class Refused:
    """A refusal that is itself a fact: what it wrote down must be committed before it is said.

    `voids` names an account whose access tokens end with it.
    """

    error: DomainError
    account_id: str = ""
    voids: bool = False


def sign_in(
    accounts: AccountStore,
    sessions: SessionStore,
    passwords: Passwords,
    *,
    username: str,
    password: str,
    new_password: str,
    fresh: Fresh,
    now: datetime,
    real: datetime,
) -> SignedIn | Refused:
    username = username.strip().casefold()
    attempts = sessions.attempts(username)
    try:
        attempts.check(real)
    except errors.SignInLocked as locked:
        return Refused(locked)
    account = accounts.find_by_username(username)
    if not passwords.matches(account.password_hash if account else None, password):
        sessions.save_attempts(attempts.fail(real))
        return Refused(errors.SignInFailed(), str(account.id) if account else "")
    assert account is not None
    sessions.forget_attempts(username)
    if not account.active:
        return Refused(errors.AccountDisabled(), str(account.id))
    if account.must_change_password:
        if not new_password:
            return Refused(errors.PasswordChangeRequired(field="new_password"), str(account.id))
        _change(account, passwords, old=password, new=new_password)
        accounts.save(account, at=now)
    elif passwords.is_dated(account.password_hash):
        account.set_password(passwords.hash(password), must_change=False)
        accounts.save(account, at=now)
    return _begin(sessions, account, "password", fresh=fresh, real=real)


def sign_in_by_oidc(
    accounts: AccountStore,
    sessions: SessionStore,
    *,
    issuer: str,
    subject: str,
    fresh: Fresh,
    real: datetime,
) -> SignedIn | Refused:
    account = accounts.find_by_oidc(issuer, subject)
    if account is None:
        return Refused(errors.OidcNotLinked())
    if not account.active:
        return Refused(errors.AccountDisabled(), str(account.id))
    return _begin(sessions, account, "oidc", fresh=fresh, real=real)


def refresh(
    accounts: AccountStore, sessions: SessionStore, *, token: str, secret: str, real: datetime
) -> SignedIn | Refused:
    """Exchange a refresh token; one that comes a second time ends its whole session."""
    presented = sessions.lock_token(_digest(token))
    session = sessions.lock(presented.session_id) if presented else None
    if presented is None or session is None:
        return Refused(errors.RefreshTokenInvalid())
    account_id = str(session.account_id)
    refusal = session.refuse(presented, at=real)
    if refusal is not None:
        sessions.save(session)
        reused = isinstance(refusal, errors.RefreshTokenReused)
        return Refused(refusal, account_id, voids=reused)
    account = accounts.get(session.account_id)
    if not account.active:
        return Refused(errors.SessionEnded(), account_id)
    sessions.use_token(presented.digest, at=real)
    return _hand_out(sessions, account, session, secret, real)


def sign_out(
    sessions: SessionStore, account_id: UUID, session_id: UUID | None, *, real: datetime
) -> None:
    """End one session, or all of the account's when none is named."""
    if session_id is None:
        sessions.end_all(account_id, "signed out", at=real)
        return
    session = sessions.lock(session_id)
    if session is not None and session.account_id == account_id:
        session.end("signed out", at=real)
        sessions.save(session)


def change_password(
    accounts: AccountStore,
    sessions: SessionStore,
    passwords: Passwords,
    account_id: UUID,
    *,
    session_id: UUID | None,
    old: str,
    new: str,
    now: datetime,
    real: datetime,
) -> Account | Refused:
    """Change one's own password; guessing the old one is counted, apart from failed sign-ins.

    Whoever holds a stolen token must not be able to lock its owner out.
    """
    account = accounts.get(account_id)
    # No sign-in counts under a name in upper case.
    counted_as = f"CHANGE {account.username}"
    attempts = sessions.attempts(counted_as)
    attempts.check(real)
    if not passwords.matches(account.password_hash, old):
        sessions.save_attempts(attempts.fail(real))
        return Refused(errors.OldPasswordWrong(field="old_password"), str(account.id))
    _change(account, passwords, old=old, new=new)
    accounts.save(account, at=now)
    sessions.forget_attempts(counted_as)
    sessions.end_all(account.id, "password changed", at=real, but=session_id)
    return account


def _change(account: Account, passwords: Passwords, *, old: str, new: str) -> None:
    check_password(new, account.username)
    if new == old:
        raise errors.PasswordUnchanged(field="new_password")
    account.set_password(passwords.hash(new), must_change=False)


def _begin(
    sessions: SessionStore, account: Account, method: str, *, fresh: Fresh, real: datetime
) -> SignedIn:
    session = Session(id=fresh.session_id, account_id=account.id, method=method, created_at=real)
    sessions.add(session)
    return _hand_out(sessions, account, session, fresh.secret, real)


def _hand_out(
    sessions: SessionStore, account: Account, session: Session, secret: str, real: datetime
) -> SignedIn:
    until = session.refresh_until(real)
    sessions.add_token(RefreshToken(_digest(secret), session.id, until))
    return SignedIn(account, session, secret, until)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
