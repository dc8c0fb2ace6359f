"""Who agrees to a plan before it is a baseline 基线会签: the company, the carrier, the departments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from chassis.events import read_instant

COMPANY, CARRIER, DEPARTMENT = "company", "carrier", "department"
_NAMES = {
    COMPANY: ("企业", "the company"),
    CARRIER: ("载体板块", "the carrier"),
    DEPARTMENT: ("审批部门", "a deciding department"),
}
# The role that signs for each (权限矩阵 数轴图基线冻结/变更, S).
_PARTIES = {"E1": COMPANY, "B2": CARRIER, "A4": DEPARTMENT}


class NoPlanProposed(NotFound):
    zh = "项目 {project_id} 没有待会签的数轴图, 请先提请会签"
    en = "no plan of project {project_id} is up for signature: propose it first"


class PlanNotAgreed(FailedPrecondition):
    zh = "数轴图尚未会签完成, 还缺: {zh_missing}"
    en = "the plan is not agreed yet, these have still to sign: {en_missing}"


class PlanAlreadySigned(AlreadyExists):
    zh = "{zh_party}已由 {name} 签署"
    en = "{name} has signed for {en_party} already"


class NotAParty(PermissionDenied):
    zh = "{org} 不办理本数轴图中的事项, 不参加会签"
    en = "{org} decides nothing in this plan and does not sign it"


@dataclass(frozen=True)
class Signature:
    """One party's agreement. `org` is the department's body, empty for the others."""

    party: str
    org: str
    account: str
    name: str
    at: datetime
    note: str = ""


def sign(
    signatures: Sequence[Signature], signature: Signature, *, bodies: Collection[str]
) -> tuple[Signature, ...]:
    """Return the signatures with one more: a party signs once, of the departments each."""
    if signature.party == DEPARTMENT and signature.org not in bodies:
        raise NotAParty(org=signature.org)
    for each in signatures:
        if (each.party, each.org) == (signature.party, signature.org):
            zh, en = _NAMES[each.party]
            raise PlanAlreadySigned(
                zh_party=each.org or zh, en_party=each.org or en, name=each.name
            )
    return (*signatures, signature)


def missing(signatures: Sequence[Signature]) -> list[str]:
    """Return the parties of which nobody has signed."""
    signed = {each.party for each in signatures}
    return [party for party in _NAMES if party not in signed]


def check_agreed(signatures: Sequence[Signature]) -> None:
    if left := missing(signatures):
        raise PlanNotAgreed(
            zh_missing="、".join(_NAMES[each][0] for each in left),
            en_missing=", ".join(_NAMES[each][1] for each in left),
        )


def party_of(roles: Collection[str]) -> str:
    """Return for whom an account with these roles signs; its right to sign has been checked."""
    return next(party for role, party in _PARTIES.items() if role in roles)


def read_signature(told: Mapping[str, Any]) -> Signature:
    return Signature(**{**told, "at": read_instant(told["at"])})
