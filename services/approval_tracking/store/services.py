"""The menu of services and its agreements as one transaction sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from approval_tracking.domain.events import ServiceAgreementMoved
from approval_tracking.domain.service_errors import AgreementUnknown
from approval_tracking.domain.services import (
    DROPPED,
    IN_FORCE,
    PROPOSED,
    REPLACED,
    Agreed,
    Offer,
    ServiceAgreement,
    SideSigned,
)
from approval_tracking.store.documents import company_of
from approval_tracking.store.tables import (
    document_numbers,
    service_agreements,
    service_offers,
)
from chassis.errors import Stale
from chassis.events import Envelope, plain, read_instant
from chassis.outbox import Outbox

# Agreements are counted as documents are: per region and year, without a gap.
_KIND = "service_agreement"
_COLUMNS = ("id", "version", "project_id", "status", "number", "proposed_at")
_told = (
    sa.select(service_offers)
    .ext(distinct_on(service_offers.c.region, service_offers.c.code))
    .where(
        service_offers.c.region == sa.func.any(sa.bindparam("regions", type_=sa.ARRAY(sa.Text))),
        service_offers.c.effective_from <= sa.bindparam("day", type_=sa.Date),
    )
    .order_by(
        service_offers.c.region, service_offers.c.code, service_offers.c.effective_from.desc()
    )
)


class ServiceStore:
    """Offers, and agreements; who proposes or signs holds the project's lock."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def offers(self, regions: Sequence[str], day: date) -> list[Offer]:
        """Return what regions offer on a day; what a region took off its menu is not among it."""
        rows = self._tx.execute(_told, {"regions": list(regions), "day": day})
        names = [each.name for each in fields(Offer)]
        return [
            Offer(**{name: getattr(row, name) for name in names}) for row in rows if not row.off
        ]

    def offer(
        self, offer: Offer, *, effective_from: date, off: bool, by: str, at: datetime
    ) -> None:
        told = {**asdict(offer), "off": off, "set_by": by, "set_at": at}
        self._tx.execute(
            insert(service_offers)
            .values(**told, effective_from=effective_from)
            .on_conflict_do_update(index_elements=["region", "code", "effective_from"], set_=told)
        )

    def has_offers(self, region: str) -> bool:
        found = sa.select(sa.exists().where(service_offers.c.region == region))
        return bool(self._tx.scalar(found))

    def get(self, agreement_id: UUID) -> ServiceAgreement:
        row = self._tx.execute(
            sa.select(service_agreements).where(service_agreements.c.id == agreement_id)
        ).one_or_none()
        if row is None:
            raise AgreementUnknown(agreement_id=agreement_id, field="agreement_id")
        return _agreement(row)

    def in_force(self, project_id: UUID) -> ServiceAgreement | None:
        row = self._tx.execute(
            sa.select(service_agreements).where(
                service_agreements.c.project_id == project_id,
                service_agreements.c.status == IN_FORCE,
            )
        ).one_or_none()
        return _agreement(row) if row else None

    def of_project(self, project_id: UUID) -> list[ServiceAgreement]:
        rows = self._tx.execute(
            sa.select(service_agreements)
            .where(service_agreements.c.project_id == project_id)
            .order_by(service_agreements.c.proposed_at.desc(), service_agreements.c.id.desc())
        )
        return [_agreement(row) for row in rows]

    def company_of(self, project_id: UUID) -> str:
        return company_of(self._tx, project_id)

    def next_serial(self, region: str, year: int) -> int:
        """Count on. The row stays locked until the transaction ends, so a refusal leaves no gap."""
        put = insert(document_numbers).values(org=region, kind=_KIND, year=year, last=1)
        return int(
            self._tx.execute(
                put.on_conflict_do_update(
                    index_elements=["org", "kind", "year"],
                    set_={"last": document_numbers.c.last + 1},
                ).returning(document_numbers.c.last)
            ).scalar_one()
        )

    def add(self, agreement: ServiceAgreement) -> None:
        """Add what was proposed; what nobody signed off before falls away."""
        self._move(agreement.project_id, PROPOSED, DROPPED)
        self._tx.execute(
            service_agreements.insert().values(
                **{name: getattr(agreement, name) for name in _COLUMNS}, state=_state(agreement)
            )
        )
        self._tell(agreement, by=agreement.proposed_by, at=agreement.proposed_at)

    def save(
        self, agreement: ServiceAgreement, *, file: bytes | None = None, by: str, at: datetime
    ) -> None:
        if agreement.status == IN_FORCE:
            self._move(agreement.project_id, IN_FORCE, REPLACED)
        seen, agreement.version = agreement.version, agreement.version + 1
        saved = self._tx.execute(
            service_agreements.update()
            .where(service_agreements.c.id == agreement.id, service_agreements.c.version == seen)
            .values(
                version=agreement.version,
                status=agreement.status,
                number=agreement.number,
                state=_state(agreement),
                file=file,
            )
        )
        if saved.rowcount != 1:
            raise Stale(subject=agreement.id, version=agreement.version, expected=seen)
        if agreement.status != PROPOSED:
            self._tell(agreement, by=by, at=at)

    def file(self, agreement_id: UUID) -> bytes:
        return bytes(
            self._tx.execute(
                sa.select(service_agreements.c.file).where(service_agreements.c.id == agreement_id)
            ).scalar_one()
        )

    def _move(self, project_id: UUID, old: str, new: str) -> None:
        self._tx.execute(
            service_agreements.update()
            .where(
                service_agreements.c.project_id == project_id, service_agreements.c.status == old
            )
            .values(status=new, version=service_agreements.c.version + 1)
        )

    def _tell(self, agreement: ServiceAgreement, *, by: str, at: datetime) -> None:
        moved = ServiceAgreementMoved(
            agreement_id=agreement.id,
            version=agreement.version,
            project_id=agreement.project_id,
            project_name=agreement.project_name,
            region_path=agreement.region_path,
            level=agreement.level,
            uscc=agreement.uscc,
            agents=agreement.agents,
            status=agreement.status,
            number=agreement.number,
            services=tuple(each.offer.name for each in agreement.services),
            by=by,
            reason=agreement.reason,
        )
        self._outbox.append(
            Envelope.seal(moved, aggregate_id=agreement.id, version=agreement.version, at=at)
        )


def _state(agreement: ServiceAgreement) -> Any:
    return plain(
        {
            each.name: getattr(agreement, each.name)
            for each in fields(agreement)
            if each.name not in _COLUMNS
        }
    )


def _agreement(row: Any) -> ServiceAgreement:
    state: Mapping[str, Any] = row.state
    return ServiceAgreement(
        **{
            **state,
            **{name: getattr(row, name) for name in _COLUMNS},
            "agents": tuple(state["agents"]),
            "in_force_on": _day(state["in_force_on"]),
            "services": tuple(
                Agreed(Offer(**each["offer"]), _day(each["due_on"])) for each in state["services"]
            ),
            "signatures": tuple(
                SideSigned(**{**each, "at": read_instant(each["at"])})
                for each in state["signatures"]
            ),
        }
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
