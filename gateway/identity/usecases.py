"""What identity does: one function each. `now` is the domain's time, `real` is real time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from chassis import regions, uscc
from chassis.errors import DomainError, FieldInvalid, Stale
from identity.domain import (
    ADMINISTRATOR,
    LEAD,
    Account,
    ClockOffset,
    Manager,
    Mandate,
    MandateKind,
    Place,
    RefreshToken,
    Session,
    SigningKey,
    check_password,
    errors,
    signing,
)
from identity.domain.sessions import SESSION_LIFE
from identity.passwords import Passwords
from identity.store import AccountStore, ClockStore, CompanyStore, KeyStore, SessionStore


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


# --- Sign-in ---------------------------------------------------------------------------------


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


# --- Accounts --------------------------------------------------------------------------------


def place_of(region: str, org: str) -> Place:
    found = regions.get(region)
    return Place(region=found.code, path=regions.path_of(found.code), tier=found.tier, org=org)


def create_account(
    accounts: AccountStore,
    passwords: Passwords,
    manager: Manager,
    *,
    account_id: UUID,
    username: str,
    name: str,
    roles: Iterable[str],
    region: str,
    org: str,
    password: str,
    now: datetime,
) -> Account:
    place = place_of(region, org)
    manager.check_grants(roles, place.path)
    check_password(password, username, field="initial_password")
    account = Account.open(
        account_id=account_id,
        username=username,
        name=name,
        roles=roles,
        place=place,
        password_hash=passwords.hash(password),
        at=now,
    )
    accounts.add(account, at=now)
    return account


def managed(accounts: AccountStore, manager: Manager, account_id: UUID) -> Account:
    """Return an account that the caller manages."""
    account = accounts.get(account_id)
    manager.check_manages(
        roles=account.roles, region_path=account.region_path, companies=account.ever_companies
    )
    return account


def update_account(
    accounts: AccountStore,
    manager: Manager,
    account_id: UUID,
    *,
    name: str,
    roles: Iterable[str],
    region: str,
    org: str,
    expected_version: int,
    now: datetime,
) -> tuple[Account, bool]:
    """Replace what the account is; the second answer says whether its tokens are out of date."""
    account = managed(accounts, manager, account_id)
    _check_version(account, expected_version)
    place, wanted = place_of(region, org), frozenset(roles)
    if (wanted, place.region, place.org) != (account.roles, account.region, account.org):
        if manager.account_id == str(account.id):
            raise errors.OwnAccount
        manager.check_grants(wanted ^ account.roles, place.path)
    was_administrator = account.active and ADMINISTRATOR in account.roles
    changed = account.update(name=name, roles=wanted, place=place, at=now)
    if was_administrator and ADMINISTRATOR not in account.roles:
        _keep_an_administrator(accounts, account)
    accounts.save(account, at=now)
    return account, changed


def reset_password(
    accounts: AccountStore,
    sessions: SessionStore,
    passwords: Passwords,
    manager: Manager,
    account_id: UUID,
    password: str,
    *,
    now: datetime,
    real: datetime,
) -> Account:
    account = managed(accounts, manager, account_id)
    if manager.account_id == str(account.id):
        raise errors.OwnAccount
    check_password(password, account.username)
    account.set_password(passwords.hash(password), must_change=True)
    accounts.save(account, at=now)
    sessions.end_all(account.id, "password reset", at=real)
    sessions.forget_attempts(account.username)
    return account


def disable_account(
    accounts: AccountStore,
    sessions: SessionStore,
    manager: Manager,
    account_id: UUID,
    *,
    expected_version: int,
    now: datetime,
    real: datetime,
) -> Account:
    account = managed(accounts, manager, account_id)
    _check_version(account, expected_version)
    if manager.account_id == str(account.id):
        raise errors.OwnAccount
    account.disable(at=now)
    if ADMINISTRATOR in account.roles:
        _keep_an_administrator(accounts, account)
    accounts.save(account, at=now)
    sessions.end_all(account.id, "account disabled", at=real)
    return account


def enable_account(
    accounts: AccountStore,
    manager: Manager,
    account_id: UUID,
    *,
    expected_version: int,
    now: datetime,
) -> Account:
    account = managed(accounts, manager, account_id)
    _check_version(account, expected_version)
    account.enable(at=now)
    accounts.save(account, at=now)
    return account


def link_oidc(
    accounts: AccountStore,
    manager: Manager,
    account_id: UUID,
    *,
    issuer: str,
    subject: str,
    now: datetime,
) -> Account:
    """Link the account to a person of the unified sign-on, or to nobody."""
    account = managed(accounts, manager, account_id)
    account.oidc_issuer, account.oidc_subject = (issuer, subject) if subject else ("", "")
    accounts.save(account, at=now)
    return account


def first_administrator(
    accounts: AccountStore,
    passwords: Passwords,
    *,
    account_id: UUID,
    username: str,
    name: str,
    region: str,
    password: str,
    now: datetime,
) -> Account:
    """Open the instance's first S2; refused as soon as there is one."""
    if accounts.other_administrators(account_id):
        raise errors.FirstAdminExists
    check_password(password, username, field="password")
    account = Account.open(
        account_id=account_id,
        username=username,
        name=name,
        roles=[ADMINISTRATOR],
        place=place_of(region, ""),
        password_hash=passwords.hash(password),
        at=now,
    )
    accounts.add(account, at=now)
    return account


def _check_version(account: Account, expected: int) -> None:
    if expected and account.version != expected:
        raise Stale(subject=f"账号 {account.username}", version=account.version, expected=expected)


def _keep_an_administrator(accounts: AccountStore, account: Account) -> None:
    if not accounts.other_administrators(account.id):
        raise errors.LastAdministrator


# --- Companies and authority -----------------------------------------------------------------


def bind_company(
    accounts: AccountStore,
    companies: CompanyStore,
    manager: Manager,
    *,
    code: str,
    name: str,
    region: str,
    legal_person: UUID,
    mandate_id: UUID,
    now: datetime,
) -> tuple[Mandate, Account, list[Account]]:
    """Bind a company to its legal person's account; also returns those who were that before."""
    uscc.validate(code)
    path = regions.path_of(region)
    manager.check_company(uscc=code, region_path=path, binding=True)
    known = companies.find(code)
    if known is not None:
        manager.check_company(uscc=code, region_path=known.region_path, binding=True)
    account = managed(accounts, manager, legal_person)
    companies.save(uscc=code, name=name, region=region, region_path=path, at=now)
    before = []
    for other in accounts.legal_persons(code):
        if other.id == account.id:
            continue
        held = [
            mandate.id
            for mandate in other.mandates.values()
            if mandate.uscc == code
            and mandate.kind is MandateKind.LEGAL_PERSON
            and mandate.is_valid(now)
        ]
        for each in held:
            other.revoke(each, reason="企业已绑定新的法定代表人", at=now)
            accounts.save(other, at=now)
            before.append(other)
    mandate = account.bind(mandate_id, code, by=manager.account_id, at=now)
    accounts.save(account, at=now)
    return mandate, account, before


@dataclass(frozen=True)
class NewDelegate:
    """The account that is opened along with an authority."""

    account_id: UUID
    username: str
    name: str
    password: str


def add_delegate(
    accounts: AccountStore,
    companies: CompanyStore,
    passwords: Passwords,
    manager: Manager,
    *,
    code: str,
    delegate: UUID | NewDelegate,
    starts_on: date,
    ends_on: date,
    projects: frozenset[str] | None,
    mandate_id: UUID,
    now: datetime,
) -> tuple[Mandate, Account]:
    uscc.validate(code)
    company = companies.get(code)
    manager.check_company(uscc=code, region_path=company.region_path)
    if isinstance(delegate, UUID):
        account = accounts.get(delegate)
        if not account.active:
            raise errors.AccountNotActive(username=account.username, field="account_id")
    else:
        check_password(delegate.password, delegate.username, field="initial_password")
        account = Account.open(
            account_id=delegate.account_id,
            username=delegate.username,
            name=delegate.name,
            roles=["E2"],
            place=place_of(company.region, ""),
            password_hash=passwords.hash(delegate.password),
            at=now,
        )
    mandate = account.delegate(
        mandate_id,
        code,
        starts_on=starts_on,
        ends_on=ends_on,
        projects=projects,
        by=manager.account_id,
        at=now,
    )
    if account.version:
        accounts.save(account, at=now)
    else:
        accounts.add(account, at=now)
    return mandate, account


def revoke_mandate(
    accounts: AccountStore,
    companies: CompanyStore,
    manager: Manager,
    account_id: UUID,
    mandate_id: UUID,
    *,
    reason: str,
    now: datetime,
) -> tuple[Mandate, Account]:
    """End an authority at once. A company's own administrator ends those of delegates, not his own."""
    account = accounts.get(account_id)
    mandate = account.mandates.get(mandate_id)
    if mandate is None:
        raise errors.MandateNotFound(account_id=account_id, mandate_id=mandate_id)
    company = companies.get(mandate.uscc)
    manager.check_company(
        uscc=mandate.uscc,
        region_path=company.region_path,
        binding=mandate.kind is MandateKind.LEGAL_PERSON,
    )
    revoked = account.revoke(mandate_id, reason=reason, at=now)
    accounts.save(account, at=now)
    return revoked, account


def tell_turned_mandates(accounts: AccountStore, *, now: datetime, limit: int = 50) -> int:
    """Tell of the accounts of which an authority began or ended by itself; return how many."""
    due = accounts.due_to_turn(now, limit=limit)
    for account in due:
        account.take_turn(at=now)
        accounts.save(account, at=now)
    return len(due)


# --- Keys ------------------------------------------------------------------------------------

MakeKey = Callable[[datetime], SigningKey]  # active_from → key


def ensure_key(keys: KeyStore, make: MakeKey, *, real: datetime) -> SigningKey:
    """Return the key that signs now, and make one when there is none."""
    found = signing(keys.all(), real)
    if found is not None:
        return found
    keys.lock()
    found = signing(keys.all(), real)
    if found is None:
        found = make(real)
        keys.add(found)
    return found


def rotate_key(
    keys: KeyStore, make: MakeKey, *, real: datetime, lead: timedelta = LEAD
) -> SigningKey:
    """Publish a new key that signs after `lead`; its elders go when their last tokens have ended."""
    keys.lock()
    new = make(real + lead)
    keys.save([old.outlive(new) for old in keys.all()])
    keys.add(new)
    return new


def remove_key(keys: KeyStore, make: MakeKey, key_id: str, *, real: datetime) -> None:
    keys.lock()
    if not keys.remove(key_id):
        raise errors.SigningKeyNotFound(key_id=key_id)
    ensure_key(keys, make, real=real)


# --- The movable clock -----------------------------------------------------------------------


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
