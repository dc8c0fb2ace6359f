"""Companies, and who may act for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chassis import regions, uscc
from identity.domain import (
    Account,
    Manager,
    Mandate,
    MandateKind,
    check_password,
    errors,
)
from identity.passwords import Passwords
from identity.store import AccountStore, CompanyStore
from identity.usecases.accounts import managed, place_of


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
