"""Accounts: who opens, changes and closes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from chassis import regions
from chassis.errors import Stale
from identity.domain import (
    ADMINISTRATOR,
    Account,
    Manager,
    Place,
    check_password,
    errors,
)
from identity.passwords import Passwords
from identity.store import AccountStore, SessionStore


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
