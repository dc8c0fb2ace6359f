"""What every part of identity's edge needs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis import ids
from chassis.clock import Clock, system_clock
from chassis.db import Database
from chassis.errors import DomainError
from chassis.identity import Principal
from chassis.rpc import Call
from identity import usecases
from identity.domain import (
    Account,
    Manager,
    SigningKey,
    errors,
)
from identity.oidc import Provider
from identity.passwords import Passwords
from identity.spread import Spread
from identity.tokens import Signer, Voids


class Desk:
    """What the parts of the edge share."""

    def __init__(
        self,
        db: Database,
        now: Clock,
        *,
        signer: Signer,
        passwords: Passwords,
        voids: Voids,
        provider: Provider | None,
        spread: Spread,
    ) -> None:
        self.db, self.now = db, now
        self._signer, self._passwords, self._voids = signer, passwords, voids
        self._provider, self._spread = provider, spread

    def _unified(self) -> Provider:
        if self._provider is None:
            raise errors.OidcNotConfigured
        return self._provider

    def _make_key(self, active_from: datetime) -> SigningKey:
        return self._signer.make(str(ids.new_id()), at=system_clock(), active_from=active_from)

    def _refuse(self, call: Call, refused: usecases.Refused, **detail: str) -> None:
        """Say no after what was written down (a counted failure, an ended session) is committed."""
        call.audit(
            subject_type="account",
            subject_id=refused.account_id,
            refused=refused.error.reason(),
            **detail,
        )
        if refused.voids:
            self._void(call, UUID(refused.account_id))
        call.after_commit(lambda: _raise(refused.error))

    def _void(self, call: Call, account_id: UUID) -> None:
        """Void the account's tokens as of now: what is issued after this moment stands."""
        moment = system_clock()
        call.after_commit(lambda: self._voids.tell(str(account_id), moment))


def _raise(error: DomainError) -> None:
    raise error


def own_id(principal: Principal) -> UUID:
    return UUID(principal.account_id)


def manager_of(principal: Principal) -> Manager:
    return Manager(
        account_id=principal.account_id,
        roles=principal.roles,
        region_path=principal.region_path,
        companies=principal.companies,
    )


def audit_account(call: Call, account: Account, **detail: str) -> None:
    call.audit(
        subject_type="account",
        subject_id=account.id,
        username=account.username,
        roles=",".join(sorted(account.roles)),
        region=account.region,
        org=account.org,
        active=account.active,
        **detail,
    )
