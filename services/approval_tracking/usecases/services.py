"""Picking services from the menu, and agreeing on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.service_errors import NotASide, OfferTooSlow
from approval_tracking.domain.services import (
    COMPANY,
    NAVIGATOR,
    Offer,
    ServiceAgreement,
    SideSigned,
    menu_of,
    numbered,
    picked,
)
from approval_tracking.store import Project, ProjectStore, Reference
from approval_tracking.store.services import ServiceStore
from approval_tracking.usecases.bodies import deciding_region, starting_on
from approval_tracking.usecases.data import read_data
from chassis.calendar import local_day
from chassis.errors import FieldInvalid, Stale
from chassis.identity import Principal, Scope

_SIGNATORY, _NAVIGATORS = "E1", ("B1", "B3")

LayOut = Callable[[ServiceAgreement], bytes]


def load_menu(services: ServiceStore, *, now: datetime) -> bool:
    """Load the city's menu, once; from then on it is set by its region."""
    content = read_data("service_menu.yaml")
    if services.has_offers(content["region"]):
        return False
    for each in content["services"]:
        services.offer(
            Offer(**each, region=content["region"]),
            effective_from=date.fromisoformat(content["effective_from"]),
            off=False,
            by="data",
            at=now,
        )
    return True


def menu_for(services: ServiceStore, region_path: str, today: date) -> dict[str, Offer]:
    regions = region_path.split("/")
    return menu_of(services.offers(regions, today), regions)


def set_offer(
    services: ServiceStore,
    offer: Offer,
    *,
    off: bool,
    effective_from: date | None,
    caller_region: str,
    any_region: bool,
    by: str,
    now: datetime,
) -> date:
    """Set what a region offers from a day on; a district may add, and be quicker than the city."""
    today = local_day(now)
    known = deciding_region(offer.region, own_region=caller_region, any_region=any_region)
    starts = starting_on(effective_from, today)
    if not off and not (offer.name and offer.content):
        raise FieldInvalid(
            field="name" if not offer.name else "content",
            zh_why="须写明服务名称和内容",
            en_why="say what the service is called and what is done",
        )
    above = {each.code: each for each in services.offers([known.parent or ""], starts)}
    if offer.code in above:
        most = above[offer.code].promised_days
        if most and not 0 < offer.promised_days <= most and not off:
            raise OfferTooSlow(most=most, field="promised_days")
    services.offer(offer, effective_from=starts, off=off, by=by, at=now)
    return starts


def propose(
    services: ServiceStore,
    projects: ProjectStore,
    project_id: UUID,
    codes: Sequence[str],
    wishes: str,
    *,
    agreement_id: UUID,
    principal: Principal,
    now: datetime,
) -> ServiceAgreement:
    """Pick services; who proposes does not sign with it, so that both read the same text."""
    project = projects.get(project_id, lock=True)
    _side(project, principal)
    menu = menu_for(services, project.region_path, local_day(now))
    chosen = picked(menu, codes, wishes, services.in_force(project_id))
    agreement = ServiceAgreement(
        id=agreement_id,
        project_id=project_id,
        project_name=project.name,
        company=services.company_of(project_id) or project.uscc,
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        services=chosen,
        wishes=wishes,
        proposed_by=principal.account_id,
        proposed_at=now,
    )
    services.add(agreement)
    return agreement


def sign(
    services: ServiceStore,
    projects: ProjectStore,
    reference: Reference,
    agreement_id: UUID,
    *,
    lay_out: LayOut,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> ServiceAgreement:
    agreement, side = _hold(services, projects, agreement_id, expected_version, principal)
    name = principal.name or principal.username
    file = None
    if agreement.sign(SideSigned(side, principal.account_id, name, now)):
        today = local_day(now)
        district = agreement.region_path.split("/")[:2][-1]
        serial = services.next_serial(district, today.year)
        number = numbered(district, today.year, serial)
        agreement.come_into_force(number, today, reference.calendar_reaching(today.year + 2))
        file = lay_out(agreement)
        agreement.sha256 = hashlib.sha256(file).hexdigest()
    services.save(agreement, file=file, by=principal.account_id, at=now)
    return agreement


def decline(
    services: ServiceStore,
    projects: ProjectStore,
    agreement_id: UUID,
    reason: str,
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> ServiceAgreement:
    agreement, _ = _hold(services, projects, agreement_id, expected_version, principal)
    agreement.decline(reason)
    services.save(agreement, by=principal.account_id, at=now)
    return agreement


def _hold(
    services: ServiceStore,
    projects: ProjectStore,
    agreement_id: UUID,
    expected_version: int,
    principal: Principal,
) -> tuple[ServiceAgreement, str]:
    """Return the agreement, and the side that the caller is on."""
    project = projects.get(services.get(agreement_id).project_id, lock=True)
    side = _side(project, principal)
    # Read again under the project's lock: the other side may have moved it.
    agreement = services.get(agreement_id)
    if expected_version and agreement.version != expected_version:
        raise Stale(subject=agreement_id, version=agreement.version, expected=expected_version)
    return agreement, side


def _side(project: Project, principal: Principal) -> str:
    Scope.of(principal).check(
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        project_id=str(project.id),
    )
    if principal.has_role(_SIGNATORY) and project.uscc in principal.companies:
        return COMPANY
    if principal.has_role(*_NAVIGATORS) and principal.account_id in project.agents:
        return NAVIGATOR
    raise NotASide
