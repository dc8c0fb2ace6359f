"""Which roles go together, where they are held, and who may hand them out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chassis.errors import FieldInvalid
from identity.domain.errors import (
    NotYoursToManage,
    OrgInvalid,
    OrgNotInRegion,
    OrgRequired,
    RoleNotAtTier,
    RoleNotYoursToGrant,
    RolesIncompatible,
    RoleUnknown,
)

CITY, DISTRICT, TOWN = "city", "district", "town"
_ANYWHERE = frozenset({CITY, DISTRICT, TOWN})
TIERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("E1", "E2", "X1", "X2", "A1"), _ANYWHERE),
    **dict.fromkeys(("B1", "B2"), frozenset({TOWN})),
    **dict.fromkeys(("A2", "A3", "A4"), frozenset({CITY, DISTRICT})),
    **dict.fromkeys(("B3", "D1", "D2", "D3"), frozenset({DISTRICT})),
    **dict.fromkeys(("B4", "D4", "D5", "D6", "K1"), frozenset({CITY})),
    # Every tier's instance has its own administrators.
    **dict.fromkeys(("S1", "S2", "S3"), _ANYWHERE),
}
TIER_NAMES = {CITY: "市", DISTRICT: "市(区)", TOWN: "镇(街道、园区)"}

ADMINISTRATOR, LEGAL_PERSON, DELEGATE = "S2", "E1", "E2"
_SEPARATE = ("S1", "S2", "S3")
_IN_A_BODY = ("A2", "A3", "A4", "X1", "X2")
_DISTRICT_MANAGERS = frozenset({"B3", "D1"})
# What B3 and D1 hand out: nothing that reaches beyond a district, and not the leader's
# signature, which a dispatcher must not be able to give himself.
DISTRICT_GRANTS = frozenset(
    role for role, tiers in TIERS.items() if tiers - {CITY} and role not in {"D2", *_SEPARATE}
)

_ORG = re.compile(r"^\d{6}:[^\s:]{1,40}$")


@dataclass(frozen=True)
class Place:
    """Where an account belongs: a region with its path and tier, and a department there."""

    region: str
    path: str
    tier: str
    org: str = ""


def check_roles(roles: Iterable[str], place: Place) -> frozenset[str]:
    """Return the roles, or refuse those that no one person may hold at this place."""
    wanted = frozenset(roles)
    if not wanted:
        raise FieldInvalid(
            field="roles", zh_why="至少一个角色", en_why="at least one role is needed"
        )
    for role in sorted(wanted):
        if role not in TIERS:
            raise RoleUnknown(role=role, field="roles")
        if place.tier not in TIERS[role]:
            raise RoleNotAtTier(role=role, tier=TIER_NAMES[place.tier], field="roles")
    together = [role for role in _SEPARATE if role in wanted]
    if len(together) > 1:
        raise RolesIncompatible(roles=", ".join(together), field="roles")
    needs_org = sorted(wanted.intersection(_IN_A_BODY))
    if needs_org and not place.org:
        raise OrgRequired(role=needs_org[0], field="org")
    if place.org:
        if not _ORG.match(place.org):
            raise OrgInvalid(field="org")
        if place.org.partition(":")[0] not in place.path.split("/"):
            raise OrgNotInRegion(org=place.org, region=place.region, field="org")
    return wanted


@dataclass(frozen=True)
class Manager:
    """Somebody who wants to manage accounts, as his token says."""

    account_id: str
    roles: frozenset[str]
    region_path: str
    companies: frozenset[str]

    @property
    def manages_all(self) -> bool:
        return ADMINISTRATOR in self.roles

    @property
    def territory(self) -> str:
        """The path of the region whose accounts he manages, empty for none."""
        return self.region_path if self.roles & _DISTRICT_MANAGERS else ""

    @property
    def own_companies(self) -> frozenset[str]:
        return self.companies if LEGAL_PERSON in self.roles else frozenset()

    def manages(
        self, *, roles: frozenset[str], region_path: str, companies: frozenset[str]
    ) -> bool:
        """Say whether an account with these roles, there, acting for these companies, is his to manage."""
        if self.manages_all:
            return True
        if self.territory and roles <= DISTRICT_GRANTS and _within(region_path, self.territory):
            return True
        return roles == {DELEGATE} and bool(companies) and companies <= self.own_companies

    def check_manages(
        self, *, roles: frozenset[str], region_path: str, companies: frozenset[str]
    ) -> None:
        if not self.manages(roles=roles, region_path=region_path, companies=companies):
            raise NotYoursToManage

    def check_grants(self, changed: Iterable[str], region_path: str) -> None:
        """Refuse a change of these roles, or a place that lies outside his territory."""
        if self.manages_all:
            return
        allowed = DISTRICT_GRANTS if self.territory else frozenset()
        for role in sorted(changed):
            if role not in allowed:
                raise RoleNotYoursToGrant(role=role, field="roles")
        if not _within(region_path, self.territory):
            raise NotYoursToManage

    def check_company(self, *, uscc: str, region_path: str, binding: bool = False) -> None:
        """Refuse a company that is not his; binding one is for those who manage its region."""
        if self.manages_all or _within(region_path, self.territory):
            return
        if binding or uscc not in self.own_companies:
            raise NotYoursToManage


def _within(path: str, top: str) -> bool:
    return bool(top) and (path == top or path.startswith(f"{top}/"))
