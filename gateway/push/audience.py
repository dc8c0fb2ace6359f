"""Who may see a live event: what chassis.live.Audience says, held against a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chassis.identity import Principal, Scope
from chassis.live import Audience
from chassis.regions import within


@dataclass(frozen=True)
class Onlooker:
    """A caller and the rows he may see."""

    principal: Principal
    scope: Scope

    @classmethod
    def of(cls, principal: Principal) -> Onlooker:
        return cls(principal, Scope.of(principal))

    def sees(self, audiences: Iterable[Audience], data: Mapping[str, Any]) -> bool:
        return any(self._belongs(audience, data) for audience in audiences)

    def _belongs(self, audience: Audience, data: Mapping[str, Any]) -> bool:
        """Say whether any field that is set names him. An audience without fields is nobody."""
        me = self.principal
        return (
            (bool(audience.account) and audience.account == me.account_id)
            or (bool(audience.org) and audience.org == me.org)
            or self._acts_for(audience.uscc, data)
            or self._oversees(audience)
        )

    def _acts_for(self, uscc: str, data: Mapping[str, Any]) -> bool:
        if not uscc or uscc not in self.scope.companies:
            return False
        projects = self.principal.projects
        return projects is None or data.get("project_id") in projects

    def _oversees(self, audience: Audience) -> bool:
        """Say whether his territory holds the place; without roles that means the territorial ones."""
        if not audience.region_path or (audience.level and audience.level not in self.scope.levels):
            return False
        if audience.roles:
            named = self.principal.has_role(*audience.roles)
            return named and within(audience.region_path, self.principal.region_path)
        return any(within(audience.region_path, top) for top in self.scope.regions)
