"""Accounts and companies as one transaction sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from chassis.errors import Stale
from chassis.events import Envelope
from chassis.outbox import Outbox
from identity.domain import (
    ADMINISTRATOR,
    Account,
    Mandate,
    MandateKind,
    errors,
)
from identity.store.tables import (
    accounts,
    companies,
    mandates,
)

_by_id = sa.select(accounts).where(accounts.c.id == sa.bindparam("account_id"))
_mandates_of = sa.select(mandates).where(
    mandates.c.account_id == sa.func.any(sa.bindparam("account_ids", type_=ARRAY(sa.Uuid)))
)
_update = accounts.update().where(
    (accounts.c.id == sa.bindparam("b_id")) & (accounts.c.version == sa.bindparam("b_version"))
)


class AccountStore:
    """Accounts, with their mandates, as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.outbox = Outbox(tx)

    def get(self, account_id: UUID) -> Account:
        found = self._load(_by_id, {"account_id": account_id})
        if not found:
            raise errors.AccountNotFound(account_id=account_id)
        return found[0]

    def find_by_username(self, username: str) -> Account | None:
        return self._one(sa.select(accounts).where(accounts.c.username == username))

    def find_by_oidc(self, issuer: str, subject: str) -> Account | None:
        mine = (accounts.c.oidc_issuer == issuer) & (accounts.c.oidc_subject == subject)
        return self._one(sa.select(accounts).where(mine & (accounts.c.oidc_subject != "")))

    def legal_persons(self, uscc: str) -> list[Account]:
        """Return the accounts that hold, or held, a company as its legal person."""
        holders = sa.select(mandates.c.account_id).where(
            (mandates.c.uscc == uscc) & (mandates.c.kind == MandateKind.LEGAL_PERSON.value)
        )
        return self._load(
            sa.select(accounts).where(accounts.c.id.in_(holders)).order_by(accounts.c.id), {}
        )

    def due_to_turn(self, now: datetime, *, limit: int) -> list[Account]:
        """Return accounts of which a mandate has begun or ended by itself; others wait for their row."""
        due = sa.select(accounts).where(accounts.c.turns_at <= now).order_by(accounts.c.turns_at)
        return self._load(due.limit(limit).with_for_update(skip_locked=True), {})

    def other_administrators(self, account_id: UUID) -> int:
        """Return how many other active administrators there are, and keep them so until commit."""
        rows = self._tx.execute(
            sa.select(accounts.c.id)
            .where(accounts.c.active & accounts.c.roles.contains([ADMINISTRATOR]))
            .order_by(accounts.c.id)
            .with_for_update()
        ).scalars()
        return sum(each != account_id for each in rows)

    def add(self, account: Account, *, at: datetime) -> None:
        account.version = 1
        new = insert(accounts).values({**_row(account, at), "created_at": account.created_at})
        taken = new.on_conflict_do_nothing(index_elements=["username"]).returning(accounts.c.id)
        if self._tx.execute(taken).first() is None:
            raise errors.UsernameTaken(username=account.username, field="username")
        self._save_mandates(account)
        self._publish(account, at)

    def save(self, account: Account, *, at: datetime) -> None:
        seen, account.version = account.version, account.version + 1
        values = _row(account, at)
        del values["id"]
        try:
            with self._tx.begin_nested():
                updated = self._tx.execute(
                    _update.values(values), {"b_id": account.id, "b_version": seen}
                )
        except sa.exc.IntegrityError as error:
            raise errors.OidcSubjectTaken(field="subject") from error
        if updated.rowcount != 1:
            raise Stale(subject=f"账号 {account.username}", version=account.version, expected=seen)
        self._save_mandates(account)
        self._publish(account, at)

    def _save_mandates(self, account: Account) -> None:
        for mandate in account.mandates.values():
            row = insert(mandates).values(
                id=mandate.id,
                account_id=account.id,
                uscc=mandate.uscc,
                kind=mandate.kind.value,
                starts_on=mandate.starts_on,
                ends_on=mandate.ends_on,
                projects=None if mandate.projects is None else sorted(mandate.projects),
                granted_by=mandate.granted_by,
                granted_at=mandate.granted_at,
                revoked_at=mandate.revoked_at,
                revoke_reason=mandate.revoke_reason,
            )
            ended = {name: row.excluded[name] for name in ("revoked_at", "revoke_reason")}
            self._tx.execute(row.on_conflict_do_update(index_elements=["id"], set_=ended))

    def _publish(self, account: Account, at: datetime) -> None:
        for event in account.events:
            self.outbox.append(
                Envelope.seal(event, aggregate_id=account.id, version=account.version, at=at)
            )
        account.events.clear()

    def _one(self, query: sa.Select[Any]) -> Account | None:
        found = self._load(query, {})
        return found[0] if found else None

    def _load(self, query: sa.Select[Any], values: dict[str, Any]) -> list[Account]:
        rows = self._tx.execute(query, values).all()
        if not rows:
            return []
        found = {row.id: _account(row) for row in rows}
        for row in self._tx.execute(_mandates_of, {"account_ids": list(found)}):
            found[row.account_id].mandates[row.id] = read_mandate(row)
        return list(found.values())


def _row(account: Account, at: datetime) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "name": account.name,
        "roles": sorted(account.roles),
        "region": account.region,
        "region_path": account.region_path,
        "org": account.org,
        "active": account.active,
        "password_hash": account.password_hash,
        "must_change_password": account.must_change_password,
        "oidc_issuer": account.oidc_issuer,
        "oidc_subject": account.oidc_subject,
        "turns_at": account.turns_at(at),
        "version": account.version,
    }


def _account(row: sa.Row[Any]) -> Account:
    return Account(
        id=row.id,
        username=row.username,
        name=row.name,
        roles=frozenset(row.roles),
        region=row.region,
        region_path=row.region_path,
        org=row.org,
        password_hash=row.password_hash,
        must_change_password=row.must_change_password,
        created_at=row.created_at,
        active=row.active,
        oidc_issuer=row.oidc_issuer,
        oidc_subject=row.oidc_subject,
        version=row.version,
    )


def read_mandate(row: sa.Row[Any]) -> Mandate:
    return Mandate(
        id=row.id,
        uscc=row.uscc,
        kind=MandateKind(row.kind),
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        projects=None if row.projects is None else frozenset(row.projects),
        granted_by=row.granted_by,
        granted_at=row.granted_at,
        revoked_at=row.revoked_at,
        revoke_reason=row.revoke_reason,
    )


class CompanyStore:
    """Bound companies as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def get(self, uscc: str) -> sa.Row[Any]:
        row = self._tx.execute(sa.select(companies).where(companies.c.uscc == uscc)).first()
        if row is None:
            raise errors.CompanyNotFound(uscc=uscc)
        return row

    def find(self, uscc: str) -> sa.Row[Any] | None:
        return self._tx.execute(sa.select(companies).where(companies.c.uscc == uscc)).first()

    def save(self, *, uscc: str, name: str, region: str, region_path: str, at: datetime) -> None:
        row = insert(companies).values(
            uscc=uscc, name=name, region=region, region_path=region_path, bound_at=at
        )
        known = {each: row.excluded[each] for each in ("name", "region", "region_path")}
        self._tx.execute(row.on_conflict_do_update(index_elements=["uscc"], set_=known))
