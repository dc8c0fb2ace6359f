"""Who answers by name: a region's leader in charge 分管领导 and team 专班, a department's contacts 对接人.

Measures articles 6, 7 and 14. A line of the register is ended, never changed: who was in charge on
a day can always be told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from chassis import regions
from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from chassis.events import Event
from warning_dispatch.domain.steps import Actor

LEADER, TEAM, CONTACT_A, CONTACT_B = KINDS = ("leader", "team", "contact_a", "contact_b")
CONTACTS = (CONTACT_A, CONTACT_B)
KIND_ZH = {LEADER: "分管领导", TEAM: "专班成员", CONTACT_A: "对接人A角", CONTACT_B: "对接人B角"}
# Who may be registered as what: whoever answers must be able to act, so his role decides.
_HOLDERS = {
    (LEADER, "district"): frozenset({"D2"}),
    (LEADER, "city"): frozenset({"D6"}),
    (TEAM, "district"): frozenset({"B3", "D1"}),
    (TEAM, "city"): frozenset({"B4", "D4", "D5"}),
    **{(kind, tier): frozenset({"A4"}) for kind in CONTACTS for tier in ("district", "city")},
}


# What a role must be one of, by kind alone: the place decides the tier.
ROLES_OF = {
    kind: sorted({role for (each, _), roles in _HOLDERS.items() if each == kind for role in roles})
    for kind in KINDS
}


class PostNotFound(NotFound):
    zh = "没有登记 {post_id}"
    en = "nobody is on record under {post_id}"


class PostEnded(FailedPrecondition):
    zh = "{name} 的登记已于 {ended_on} 终止"
    en = "the entry of {name} ended on {ended_on}"


class AlreadyOnPost(AlreadyExists):
    zh = "{name} 已登记为{kind_zh}"
    en = "{name} is on record as {kind} already"


class ContactsAlike(InvalidArgument):
    zh = "A、B 角须由不同的人担任, {name} 已任其一"
    en = "two people stand in for each other as contacts, {name} is the other one"


class PersonUnknown(InvalidArgument):
    zh = "没有账号 {username}, 或账号已停用"
    en = "there is no account {username}, or it is disabled"


class PersonUnsuited(InvalidArgument):
    zh = "账号 {username} 的角色不能任{kind_zh} (须为 {roles})"
    en = "the roles of {username} are not those of a {kind}, which takes {roles}"


class PersonElsewhere(InvalidArgument):
    zh = "账号 {username} 不属于 {place}"
    en = "the account {username} does not belong to {place}"


class PostPlaceWrong(InvalidArgument):
    zh = "{kind_zh}只在市和市(区)两级登记, 对接人须写明部门, 如 321181:发改"
    en = "a {kind} is registered for the city or a district; a contact for a body such as 321181:发改"


class NotRegistrar(PermissionDenied):
    zh = "只有市专班和 {place} 的政务服务部门可以登记"
    en = "only the city's team and the service department of {place} keep this register"


class NotLeaderHimself(PermissionDenied):
    zh = "代签授权由登记在册的分管领导本人登记"
    en = "a leader who is on record gives and takes back the right to sign for him, nobody else"


class AuthorisationNotFound(NotFound):
    zh = "没有代签授权 {authorisation_id}"
    en = "there is no authorisation {authorisation_id}"


class AuthorisationOver(FailedPrecondition):
    zh = "该代签授权已撤回"
    en = "the authorisation was withdrawn before"


class AuthorisationDays(InvalidArgument):
    zh = "授权止日须不早于起日和今天"
    en = "an authorisation ends neither before it begins nor before today"


@dataclass(frozen=True)
class Person:
    """An account as identity tells of it."""

    account: str
    username: str
    name: str
    roles: frozenset[str]
    region_path: str
    org: str


@dataclass(frozen=True)
class PostState:
    post_id: UUID
    version: int
    region: str
    region_path: str
    kind: str
    body: str
    account: str
    name: str
    duty: str
    registered_at: datetime
    registered_by: str
    ended_at: datetime | None
    ended_by: str


@dataclass(frozen=True)
class LeaderChanged(Event):
    """Somebody was put on record, or his entry ended."""

    post: PostState


@dataclass
class Post:
    """One person on record as one thing, from one instant to another."""

    post_id: UUID
    region: str
    region_path: str
    kind: str
    body: str
    account: str
    name: str
    duty: str
    phone: str
    registered_at: datetime
    registered_by: str
    registered_by_name: str
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_by_name: str = ""
    events: list[LeaderChanged] = field(default_factory=list, compare=False)

    @classmethod
    def register(
        cls,
        post_id: UUID,
        by: Actor,
        person: Person,
        *,
        kind: str,
        place: Place,
        duty: str,
        phone: str,
        at: datetime,
    ) -> Post:
        """Put a person on record; his role and his place must be those of what he is to be."""
        suited = _HOLDERS[kind, place.tier]
        if not person.roles & suited:
            raise PersonUnsuited(
                username=person.username,
                kind=kind,
                kind_zh=KIND_ZH[kind],
                roles=", ".join(sorted(suited)),
                field="username",
            )
        if person.region_path != place.region_path or (place.body and person.org != place.body):
            raise PersonElsewhere(
                username=person.username, place=place.body or place.region, field="username"
            )
        made = cls(
            post_id=post_id,
            region=place.region,
            region_path=place.region_path,
            kind=kind,
            body=place.body,
            account=person.account,
            name=person.name,
            duty=duty,
            phone=phone,
            registered_at=at,
            registered_by=by.account,
            registered_by_name=by.name,
        )
        made.events.append(LeaderChanged(made.state()))
        return made

    def end(self, by: Actor, *, at: datetime) -> None:
        if self.ended_at is not None:
            raise PostEnded(name=self.name, ended_on=self.ended_at.date())
        self.ended_at, self.ended_by, self.ended_by_name = at, by.account, by.name
        self.events.append(LeaderChanged(self.state()))

    def state(self) -> PostState:
        return PostState(
            post_id=self.post_id,
            version=1 if self.ended_at is None else 2,
            region=self.region,
            region_path=self.region_path,
            kind=self.kind,
            body=self.body,
            account=self.account,
            name=self.name,
            duty=self.duty,
            registered_at=self.registered_at,
            registered_by=self.registered_by,
            ended_at=self.ended_at,
            ended_by=self.ended_by,
        )


@dataclass(frozen=True)
class Place:
    """For what somebody is on record: a region of the two upper tiers, or a body in one."""

    region: str
    region_path: str
    tier: str
    body: str = ""


def place_of(kind: str, region: str, body: str) -> Place:
    """Return the place that is meant; a contact's follows from his body."""
    named = "body" if kind in CONTACTS else "region"
    code, _, department = body.partition(":") if kind in CONTACTS else (region, "", "-")
    if not (code and department):
        raise PostPlaceWrong(kind=kind, kind_zh=KIND_ZH[kind], field=named)
    tier = regions.get(code, field=named).tier
    if (kind, tier) not in _HOLDERS:
        raise PostPlaceWrong(kind=kind, kind_zh=KIND_ZH[kind], field=named)
    return Place(code, regions.path_of(code), tier, body if kind in CONTACTS else "")


def on_duty(contact_a: str, contact_b: str, away: Collection[str]) -> str:
    """Return who answers for a body today: A, or B while A is away; A's own deputy when both are."""
    present = [each for each in (contact_a, contact_b) if each and each not in away]
    return present[0] if present else contact_a or contact_b


@dataclass(frozen=True)
class Vacancy:
    """What nobody is on record for 缺位."""

    kind: str
    region: str
    body: str = ""


def vacancies(
    districts: Collection[str],
    bodies: Collection[str],
    filled: Collection[tuple[str, str, str]],
) -> list[Vacancy]:
    """Return what is vacant; `filled` has (kind, region, body) of everybody who can act today."""
    wanted = [(kind, region, "") for region in districts for kind in (LEADER, TEAM)]
    wanted += [(kind, body.partition(":")[0], body) for body in bodies for kind in CONTACTS]
    return [Vacancy(*each) for each in wanted if each not in filled]


@dataclass(frozen=True)
class Authorisation:
    """代签授权: a leader lets another of his region sign for him, from a day to a day."""

    authorisation_id: UUID
    leader: str
    leader_name: str
    deputy: str
    deputy_name: str
    valid_from: date
    valid_to: date
    reason: str
    registered_at: datetime
    withdrawn_at: datetime | None = None

    @classmethod
    def grant(
        cls,
        authorisation_id: UUID,
        by: Actor,
        deputy: Person,
        *,
        region_path: str,
        valid_from: date,
        valid_to: date,
        reason: str,
        today: date,
        at: datetime,
    ) -> Authorisation:
        if valid_to < max(valid_from, today):
            raise AuthorisationDays(field="valid_to")
        suited = _HOLDERS[LEADER, "district"]
        if not deputy.roles & suited:
            raise PersonUnsuited(
                username=deputy.username,
                kind="signer",
                kind_zh="代签人",
                roles=", ".join(suited),
                field="deputy",
            )
        if deputy.region_path != region_path or deputy.account == by.account:
            raise PersonElsewhere(
                username=deputy.username, place=region_path.rpartition("/")[2], field="deputy"
            )
        return cls(
            authorisation_id=authorisation_id,
            leader=by.account,
            leader_name=by.name,
            deputy=deputy.account,
            deputy_name=deputy.name,
            valid_from=valid_from,
            valid_to=valid_to,
            reason=reason,
            registered_at=at,
        )
