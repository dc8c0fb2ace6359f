"""An account: who it is, what it may hold, and for whom it acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.events import Event
from identity.domain.errors import (
    AccountAlreadyActive,
    AccountNotActive,
    DelegateNotE2,
    LegalPersonNotE1,
    MandateNotFound,
    MandatesMixed,
    PasswordIsUsername,
    PasswordTooShort,
)
from identity.domain.events import AccountChanged, AccountState
from identity.domain.mandates import (
    Mandate,
    MandateKind,
    MandateState,
    authority,
    check_period,
    today,
)
from identity.domain.roles import DELEGATE, LEGAL_PERSON, Place, check_roles

SHORTEST_PASSWORD = 10


def check_password(password: str, username: str, *, field: str = "new_password") -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(least=SHORTEST_PASSWORD, field=field)
    if password.casefold() == username.casefold():
        raise PasswordIsUsername(field=field)


@dataclass
class Account:
    """A person's account. Every public change is told with the whole public state."""

    id: UUID
    username: str
    name: str
    roles: frozenset[str]
    region: str
    region_path: str
    org: str
    password_hash: str
    must_change_password: bool
    created_at: datetime
    active: bool = True
    oidc_issuer: str = ""
    oidc_subject: str = ""
    version: int = 0
    mandates: dict[UUID, Mandate] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list, compare=False)

    @classmethod
    def open(
        cls,
        *,
        account_id: UUID,
        username: str,
        name: str,
        roles: Iterable[str],
        place: Place,
        password_hash: str,
        must_change_password: bool = True,
        at: datetime,
    ) -> Account:
        account = cls(
            id=account_id,
            username=username,
            name=name,
            roles=check_roles(roles, place),
            region=place.region,
            region_path=place.path,
            org=place.org,
            password_hash=password_hash,
            must_change_password=must_change_password,
            created_at=at,
        )
        account._tell(at)
        return account

    def companies(self, now: datetime) -> frozenset[str]:
        return authority(self.mandates.values(), now)[0]

    @property
    def ever_companies(self) -> frozenset[str]:
        """The companies it acts for, did, or will: who manages it must have them all."""
        return frozenset(mandate.uscc for mandate in self.mandates.values())

    def update(self, *, name: str, roles: Iterable[str], place: Place, at: datetime) -> bool:
        """Change who the account is; return whether that changes what its tokens may say."""
        wanted = check_roles(roles, place)
        before = (self.roles, self.region, self.org)
        self.name, self.roles = name, wanted
        self.region, self.region_path, self.org = place.region, place.path, place.org
        self._tell(at)
        return before != (self.roles, self.region, self.org)

    def set_password(self, password_hash: str, *, must_change: bool) -> None:
        self.password_hash, self.must_change_password = password_hash, must_change

    def disable(self, *, at: datetime) -> None:
        if not self.active:
            raise AccountNotActive(username=self.username)
        self.active = False
        self._tell(at)

    def enable(self, *, at: datetime) -> None:
        if self.active:
            raise AccountAlreadyActive(username=self.username)
        self.active = True
        self._tell(at)

    # --- Companies ---------------------------------------------------------------------------

    def bind(self, mandate_id: UUID, uscc: str, *, by: str, at: datetime) -> Mandate:
        """Make it the legal person's account of a company; once is enough."""
        if LEGAL_PERSON not in self.roles:
            raise LegalPersonNotE1(username=self.username, field="legal_person_account_id")
        for mandate in self.mandates.values():
            if (
                mandate.uscc == uscc
                and mandate.kind is MandateKind.LEGAL_PERSON
                and mandate.is_valid(at)
            ):
                return mandate
        return self._grant(
            Mandate(
                id=mandate_id,
                uscc=uscc,
                kind=MandateKind.LEGAL_PERSON,
                starts_on=today(at),
                ends_on=None,
                projects=None,
                granted_by=by,
                granted_at=at,
            ),
            at,
        )

    def delegate(
        self,
        mandate_id: UUID,
        uscc: str,
        *,
        starts_on: date,
        ends_on: date,
        projects: frozenset[str] | None,
        by: str,
        at: datetime,
    ) -> Mandate:
        """Give it authority for a company, or for some of its projects, through `ends_on`."""
        if DELEGATE not in self.roles:
            raise DelegateNotE2(username=self.username, field="account_id")
        check_period(starts_on, ends_on, at)
        return self._grant(
            Mandate(
                id=mandate_id,
                uscc=uscc,
                kind=MandateKind.DELEGATE,
                starts_on=starts_on,
                ends_on=ends_on,
                projects=projects,
                granted_by=by,
                granted_at=at,
            ),
            at,
        )

    def revoke(self, mandate_id: UUID, *, reason: str, at: datetime) -> Mandate:
        mandate = self.mandates.get(mandate_id)
        if mandate is None:
            raise MandateNotFound(account_id=self.id, mandate_id=mandate_id)
        revoked = mandate.revoke(reason=reason, at=at)
        self.mandates[mandate_id] = revoked
        self._tell(at)
        return revoked

    def take_turn(self, *, at: datetime) -> None:
        """Tell that a mandate has begun or ended by itself."""
        self._tell(at)

    def turns_at(self, now: datetime) -> datetime | None:
        """Return when the next mandate begins or ends by itself."""
        moments = [mandate.turns_at(now) for mandate in self.mandates.values()]
        return min((moment for moment in moments if moment is not None), default=None)

    def _grant(self, mandate: Mandate, at: datetime) -> Mandate:
        for other in self.mandates.values():
            if other.state(at) in {MandateState.VALID, MandateState.FUTURE} and (
                (other.projects is None) != (mandate.projects is None)
            ):
                raise MandatesMixed(field="project_ids")
        self.mandates[mandate.id] = mandate
        self._tell(at)
        return mandate

    # --- What others may know ----------------------------------------------------------------

    def claims(self, *, session_id: UUID, now: datetime) -> Mapping[str, Any]:
        """Return what a token says of it: authority is computed anew for each token."""
        companies, projects = authority(self.mandates.values(), now)
        said: dict[str, Any] = {
            "sub": str(self.id),
            "username": self.username,
            "name": self.name,
            "roles": sorted(self.roles),
            "region": self.region,
            "region_path": self.region_path,
            "org": self.org,
            "companies": sorted(companies),
            "sid": str(session_id),
        }
        if projects is not None:
            said["projects"] = sorted(projects)
        return said

    def _tell(self, at: datetime) -> None:
        state = AccountState(
            account_id=self.id,
            version=self.version + 1,
            username=self.username,
            name=self.name,
            roles=tuple(sorted(self.roles)),
            region=self.region,
            region_path=self.region_path,
            org=self.org,
            companies=tuple(sorted(self.companies(at))),
            active=self.active,
        )
        # One change of several parts is one fact.
        self.events[:] = [AccountChanged(state)]
