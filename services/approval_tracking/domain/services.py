"""The menu of services 点菜式服务 and the agreement 服务约定书 that a company and its navigator sign (A11.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.service_errors import (
    AgreedAlready,
    AgreementNotOpen,
    ServiceNotOffered,
    SideSignedAlready,
)
from chassis.calendar import Calendar

COMPANY, NAVIGATOR = "company", "navigator"
SIDES = {COMPANY: "企业", NAVIGATOR: "帮办专员"}
PROPOSED, IN_FORCE, REPLACED = "proposed", "in_force", "replaced"
DECLINED, DROPPED = "declined", "dropped"
STATUSES = {
    PROPOSED: ("待签署", "waits for its signatures"),
    IN_FORCE: ("已生效", "in force"),
    REPLACED: ("已被替代", "replaced"),
    DECLINED: ("已谢绝", "declined"),
    DROPPED: ("已作废", "dropped"),
}


@dataclass(frozen=True)
class Offer:
    """One service of a region's menu. 0 days goes on throughout the project."""

    code: str
    name: str
    name_en: str
    content: str
    promised_days: int
    region: str


@dataclass(frozen=True)
class Agreed:
    """A service as it was agreed, and by when; without a day it goes on throughout."""

    offer: Offer
    due_on: date | None = None


@dataclass(frozen=True)
class SideSigned:
    """One side's signature."""

    side: str
    account: str
    name: str
    at: datetime


@dataclass
class ServiceAgreement:
    """What was picked for a project, who signed, and what came of it."""

    id: UUID
    project_id: UUID
    project_name: str
    company: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    services: tuple[Agreed, ...]
    wishes: str
    proposed_by: str
    proposed_at: datetime
    status: str = PROPOSED
    signatures: tuple[SideSigned, ...] = ()
    number: str = ""
    in_force_on: date | None = None
    reason: str = ""
    sha256: str = ""
    version: int = 1

    def sign(self, signature: SideSigned) -> bool:
        """Sign for one side; return whether both have."""
        self._open("签署", "signed")
        for each in self.signatures:
            if each.side == signature.side:
                raise SideSignedAlready(side_zh=SIDES[each.side], side=each.side, name=each.name)
        self.signatures = (*self.signatures, signature)
        return len(self.signatures) == len(SIDES)

    def come_into_force(self, number: str, on: date, calendar: Calendar) -> None:
        """Count every promise from the day of the second signature."""
        self.status, self.number, self.in_force_on = IN_FORCE, number, on
        self.services = tuple(
            replace(each, due_on=_due(on, each.offer.promised_days, calendar))
            for each in self.services
        )

    def decline(self, reason: str) -> None:
        self._open("谢绝", "declined")
        self.status, self.reason = DECLINED, reason

    def _open(self, act_zh: str, act: str) -> None:
        if self.status != PROPOSED:
            status_zh, status = STATUSES[self.status]
            raise AgreementNotOpen(
                agreement_id=self.id, status_zh=status_zh, status=status, act_zh=act_zh, act=act
            )


def menu_of(offers: Iterable[Offer], regions: Sequence[str]) -> dict[str, Offer]:
    """Return the menu of a place: a district's offer goes before the city's of the same code."""
    near = {region: place for place, region in enumerate(regions)}
    menu: dict[str, Offer] = {}
    for each in sorted(offers, key=lambda offer: near[offer.region]):
        menu[each.code] = each
    return dict(sorted(menu.items()))


def picked(
    menu: Mapping[str, Offer], codes: Sequence[str], wishes: str, now: ServiceAgreement | None
) -> tuple[Agreed, ...]:
    """Return the services of these codes; refuse what is not on the menu, and what is agreed already."""
    for place, code in enumerate(codes):
        if code not in menu:
            raise ServiceNotOffered(code=code, known=", ".join(menu), field=f"codes[{place}]")
    services = tuple(Agreed(menu[code]) for code in codes)
    if (
        now
        and now.wishes == wishes
        and {each.offer for each in now.services} == {each.offer for each in services}
    ):
        raise AgreedAlready(number=now.number, field="codes")
    return services


def numbered(region: str, year: int, serial: int) -> str:
    """Return the number of an agreement, ZJFW-<region>-<year>-<serial>."""
    return f"ZJFW-{region}-{year}-{serial:04d}"


def _due(on: date, days: int, calendar: Calendar) -> date | None:
    if not days:
        return None
    return calendar.working_day(calendar.ordinal(calendar.working_day_on_or_after(on)) + days)
