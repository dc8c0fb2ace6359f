"""Who acts, what he may see, and for what he has to answer."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.identity import Function, Principal, Right, Scope
from warning_dispatch.domain import YELLOW, Actor, Bearer, district_of, service_centre

_COMPANY = ("E1", "E2")
# Province's and city's projects; a district manages its own (article 10).
_CITY_LEVELS = ("省级", "市级")


@dataclass(frozen=True)
class Caller:
    """Who acts, with what he may see."""

    principal: Principal
    scope: Scope

    @property
    def actor(self) -> Actor:
        return Actor(self.principal.account_id, self.principal.name or self.principal.username)

    @staticmethod
    def actor_of(account: str, name: str) -> Actor:
        return Actor(account, name)

    def check_sees(self, bearer: Bearer) -> None:
        self.scope.check(
            region_path=bearer.region_path,
            level=bearer.level,
            uscc=bearer.uscc if bearer.duty_bearer == "enterprise" else "",
            agents=bearer.agents,
            org=bearer.org,
            project_id=str(bearer.project_id or ""),
        )

    def is_responsible(self, bearer: Bearer) -> bool:
        """Say whether the caller belongs to the body (or is the company) that has to answer.

        What the district's service department leads is answered by its navigators' head, and by
        its dispatcher where the city is above; of a district's own project he is the one who checks.
        """
        if bearer.org and self.principal.org == bearer.org:
            return True
        if bearer.org == service_centre(bearer.region_path)[0] and bearer.org:
            answers = ("B3", "D1") if self._city_is_above(bearer) else ("B3",)
            here = self.principal.region_path == district_of(bearer.region_path)
            return here and self.principal.has_role(*answers)
        return (
            bearer.duty_bearer == "enterprise"
            and self.principal.has_role(*_COMPANY)
            and bearer.uscc in self.principal.companies
        )

    def helps_as(self, co_orgs: tuple[str, ...]) -> str:
        """Return as which of these bodies or companies the caller helps, empty when as none."""
        if self.principal.org in co_orgs and self.principal.org:
            return self.principal.org
        return next((each for each in co_orgs if each in self.principal.companies), "")

    def may_close(self, bearer: Bearer, colour: str) -> bool:
        """Red is closed by the next higher level: the city's centre, or the district for its own projects."""
        if self.approves_cards:
            return True
        return self.is_dispatcher and (colour == YELLOW or not self._city_is_above(bearer))

    @staticmethod
    def _city_is_above(bearer: Bearer) -> bool:
        return bearer.level in _CITY_LEVELS

    @property
    def is_dispatcher(self) -> bool:
        return self.principal.holds(Function.FUNCTION_ORDER_DISPATCH, Right.RIGHT_CREATE)

    @property
    def approves_cards(self) -> bool:
        return self.principal.holds(Function.FUNCTION_CARDS, Right.RIGHT_APPROVE)
