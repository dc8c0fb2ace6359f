"""The bodies of an order: who leads it, what kind each that helps is, and whose part is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from warning_dispatch.domain.events import Part
from warning_dispatch.domain.facts import Bearer, body_name, district_of, service_centre
from warning_dispatch.domain.order_errors import LeadNotServiceDepartment

# What a leader or a meeting names stands as they named it.
_NAMED_ABOVE = frozenset({"instruction", "meeting"})
# Departments that stand for companies that supply, and for agencies 中介机构.
_UTILITY, _INTERMEDIARY = "市政公用", "中介机构"
_CREDIT_CODE = 18
_TOWN_CODE = 9


@dataclass(frozen=True)
class Helping:
    """A body that helps: department, carrier, company, utility or intermediary (article 15)."""

    org: str
    org_name: str
    kind: str
    answered: bool


def kind_of(org: str) -> str:
    """Return which of those that help a body is: its code says so."""
    region, _, department = org.partition(":")
    if not department:
        return "company" if len(org) == _CREDIT_CODE else "carrier"
    if department == _UTILITY:
        return "utility"
    if department == _INTERMEDIARY:
        return "intermediary"
    return "carrier" if len(region) == _TOWN_CODE else "department"


def helping(co_orgs: Iterable[str], answered: Iterable[str]) -> list[Helping]:
    """Return each body that helps, in the order named, with whether it answered for its part."""
    done = set(answered)
    return [Helping(org, body_name(org), kind_of(org), org in done) for org in co_orgs]


def led_from_above(
    bearer: Bearer, *, org: str, source: str, co_orgs: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Return who leads and who helps when the city dispatches for a district (article 15).

    The district's service department leads, and the body whose clock is late helps with a part of
    its own. An instruction or a meeting's conclusion goes to whom it names.
    """
    centre, _ = service_centre(bearer.region_path)
    if source in _NAMED_ABOVE or not centre:
        return org, co_orgs
    if org and org != centre:
        raise LeadNotServiceDepartment(field="lead_org", centre=body_name(centre), org=org)
    late = bearer.uscc if bearer.duty_bearer == "enterprise" else bearer.org
    if late and late != centre and late not in co_orgs:
        co_orgs = (*co_orgs, late)
    return centre, co_orgs


def is_above(region_path: str, bearer: Bearer) -> bool:
    """Say whether a territory lies above the district of what an order is about."""
    return bool(region_path) and district_of(bearer.region_path).startswith(f"{region_path}/")


def joined(parts: tuple[Part, ...], others: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts with those of a merged order that no body of ours has answered yet."""
    answered = {part.org for part in parts}
    return (*parts, *(part for part in others if part.org not in answered))


def led_by(bearer: Bearer, org: str, name: str) -> Bearer:
    """Return who answers when an order goes to this body, or to the project's own company by its code."""
    company = bool(bearer.uscc) and org == bearer.uscc
    return replace(
        bearer,
        org=org,
        org_name=name or body_name(org),
        duty_bearer="enterprise" if company else "authority",
    )
