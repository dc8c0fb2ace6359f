"""What identity tells, as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from kaigong.identity.v1 import identity_pb2 as pb

from chassis.identity import Principal, matrix
from chassis.rpc import to_timestamp
from identity.domain import (
    Account,
    Mandate,
    MandateKind,
    MandateState,
    SigningKey,
)

_KINDS = {
    MandateKind.LEGAL_PERSON: pb.MANDATE_KIND_LEGAL_PERSON,
    MandateKind.DELEGATE: pb.MANDATE_KIND_DELEGATE,
}
_STATES = {
    MandateState.FUTURE: pb.MANDATE_STATE_FUTURE,
    MandateState.VALID: pb.MANDATE_STATE_VALID,
    MandateState.EXPIRED: pb.MANDATE_STATE_EXPIRED,
    MandateState.REVOKED: pb.MANDATE_STATE_REVOKED,
}


def tell_account(account: Account, now: datetime) -> pb.Account:
    return pb.Account(
        account_id=str(account.id),
        version=account.version,
        username=account.username,
        name=account.name,
        roles=sorted(account.roles),
        region=account.region,
        region_path=account.region_path,
        org=account.org,
        companies=sorted(account.companies(now)),
        active=account.active,
        must_change_password=account.must_change_password,
        oidc_subject=account.oidc_subject,
        created_at=to_timestamp(account.created_at),
        mandates=[tell_mandate(mandate, account, now) for mandate in account.mandates.values()],
    )


def tell_listed(row: sa.Row[Any], companies: Iterable[str]) -> pb.Account:
    return pb.Account(
        account_id=str(row.id),
        version=row.version,
        username=row.username,
        name=row.name,
        roles=row.roles,
        region=row.region,
        region_path=row.region_path,
        org=row.org,
        companies=sorted(companies),
        active=row.active,
        must_change_password=row.must_change_password,
        oidc_subject=row.oidc_subject,
        created_at=to_timestamp(row.created_at),
    )


def tell_mandate(
    mandate: Mandate, holder: Account | sa.Row[Any], now: datetime, account_id: UUID | None = None
) -> pb.Mandate:
    return pb.Mandate(
        mandate_id=str(mandate.id),
        account_id=str(account_id or holder.id),
        username=holder.username,
        name=holder.name,
        uscc=mandate.uscc,
        kind=_KINDS[mandate.kind],
        state=_STATES[mandate.state(now)],
        project_ids=sorted(mandate.projects or ()),
        starts_on=mandate.starts_on.isoformat(),
        ends_on=mandate.ends_on.isoformat() if mandate.ends_on else "",
        revoke_reason=mandate.revoke_reason,
    )


def tell_company(row: sa.Row[Any]) -> pb.Company:
    return pb.Company(uscc=row.uscc, name=row.name, region=row.region, region_path=row.region_path)


def tell_line(row: sa.Row[Any]) -> pb.AuditLine:
    detail: Mapping[str, Any] = row.detail
    return pb.AuditLine(
        id=str(row.id),
        at=to_timestamp(row.at),
        account_id=row.account,
        username=row.username,
        method=row.method,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        request_id=row.request_id,
        detail={name: str(value) for name, value in detail.items()},
        hash=row.hash.hex() if row.hash else "",
    )


def tell_key(key: SigningKey, signs: SigningKey | None) -> pb.SigningKey:
    return pb.SigningKey(
        key_id=key.id,
        created_at=to_timestamp(key.created_at),
        active_from=to_timestamp(key.active_from),
        published_until=to_timestamp(key.published_until),
        signs=key == signs,
    )


def tell_permissions(principal: Principal) -> list[pb.Permission]:
    held: dict[int, list[int]] = {}
    for (function, right), holders in sorted(matrix().items()):
        if not principal.roles.isdisjoint(holders):
            held.setdefault(function, []).append(right)
    return [
        pb.Permission(function=function, rights=rights)  # type: ignore[arg-type]
        for function, rights in held.items()
    ]
