"""Identity's tables; load and save what the domain knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from chassis.db import new_metadata
from chassis.errors import Stale
from chassis.events import Envelope
from chassis.outbox import Outbox
from identity.domain import (
    ADMINISTRATOR,
    Account,
    Attempts,
    ClockOffset,
    Mandate,
    MandateKind,
    RefreshToken,
    Session,
    SigningKey,
    errors,
)

metadata = new_metadata()


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("username", sa.Text, nullable=False, unique=True),
    _text("name"),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    _text("region"),
    _text("region_path"),
    _text("org"),
    sa.Column("active", sa.Boolean, nullable=False),
    _text("password_hash"),
    sa.Column("must_change_password", sa.Boolean, nullable=False),
    _text("oidc_issuer"),
    _text("oidc_subject"),
    # When the next mandate begins or ends by itself; the sweep tells it then.
    _moment("turns_at", nullable=True),
    _moment("created_at"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index(
        "uq_accounts_oidc",
        "oidc_issuer",
        "oidc_subject",
        unique=True,
        postgresql_where=sa.text("oidc_subject <> ''"),
    ),
    sa.Index("ix_accounts_turns_at", "turns_at", postgresql_where=sa.text("turns_at is not null")),
    sa.Index(
        "ix_accounts_region_path", "region_path", postgresql_ops={"region_path": "text_pattern_ops"}
    ),
)

companies = sa.Table(
    "companies",
    metadata,
    sa.Column("uscc", sa.Text, primary_key=True),
    _text("name"),
    _text("region"),
    _text("region_path"),
    _moment("bound_at"),
)

mandates = sa.Table(
    "mandates",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("uscc", sa.Text, sa.ForeignKey("companies.uscc"), nullable=False, index=True),
    _text("kind"),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date),
    sa.Column("projects", ARRAY(sa.Text)),
    _text("granted_by"),
    _moment("granted_at"),
    _moment("revoked_at", nullable=True),
    _text("revoke_reason"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False),
    _text("method"),
    _moment("created_at"),
    _moment("ended_at", nullable=True),
    _text("ended_why"),
    sa.Index("ix_sessions_open", "account_id", postgresql_where=sa.text("ended_at is null")),
    sa.Index("ix_sessions_created_at", "created_at"),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column(
        "session_id",
        sa.Uuid,
        sa.ForeignKey("sessions.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    _moment("expires_at"),
    _moment("used_at", nullable=True),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("username", sa.Text, primary_key=True),
    sa.Column("failures", ARRAY(sa.DateTime(timezone=True)), nullable=False),
    _moment("locked_until", nullable=True),
    sa.Column("forgettable_at", sa.DateTime(timezone=True), nullable=False, index=True),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("public", JSONB, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    _moment("created_at"),
    _moment("active_from"),
    _moment("published_until", nullable=True),
)

# The offset of the whole instance; each service keeps the state it was given in its clock_state.
domain_clock = sa.Table(
    "domain_clock",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("offset_seconds", sa.BigInteger, nullable=False),
    _moment("moved_at"),
    _text("moved_by"),
    sa.CheckConstraint("single", name="one_row"),
)

_KEYS_LOCK = 0x6B61696B
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


class KeyStore:
    """Signing keys as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def lock(self) -> None:
        """Keep other changes of the set of keys away until the transaction ends."""
        self._tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_KEYS_LOCK)))

    def all(self) -> list[SigningKey]:
        rows = self._tx.execute(sa.select(signing_keys).order_by(signing_keys.c.active_from))
        return [
            SigningKey(
                id=row.id,
                public=row.public,
                sealed=row.sealed,
                created_at=row.created_at,
                active_from=row.active_from,
                published_until=row.published_until,
            )
            for row in rows
        ]

    def add(self, key: SigningKey) -> None:
        self._tx.execute(
            signing_keys.insert().values(
                id=key.id,
                public=key.public,
                sealed=key.sealed,
                created_at=key.created_at,
                active_from=key.active_from,
                published_until=key.published_until,
            )
        )

    def save(self, keys: Iterable[SigningKey]) -> None:
        for key in keys:
            self._tx.execute(
                signing_keys.update()
                .where(signing_keys.c.id == key.id)
                .values(published_until=key.published_until)
            )

    def remove(self, key_id: str) -> bool:
        gone = signing_keys.delete().where(signing_keys.c.id == key_id)
        return self._tx.execute(gone).rowcount == 1

    def remove_unpublished(self, real: datetime) -> None:
        self._tx.execute(signing_keys.delete().where(signing_keys.c.published_until < real))


class ClockStore:
    """The instance's clock as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def get(self) -> ClockOffset:
        return self._read(sa.select(domain_clock))

    def lock(self, *, at: datetime) -> ClockOffset:
        """Return the offset; another move waits until the transaction ends."""
        first = insert(domain_clock).values(
            single=True, generation=0, offset_seconds=0, moved_at=at, moved_by=""
        )
        self._tx.execute(first.on_conflict_do_nothing())
        return self._read(sa.select(domain_clock).with_for_update())

    def save(self, offset: ClockOffset, *, by: str, at: datetime) -> None:
        self._tx.execute(
            domain_clock.update().values(
                generation=offset.generation,
                offset_seconds=offset.seconds,
                moved_at=at,
                moved_by=by,
            )
        )

    def _read(self, query: sa.Select[Any]) -> ClockOffset:
        row = self._tx.execute(query).first()
        return ClockOffset(row.generation, row.offset_seconds) if row else ClockOffset()
