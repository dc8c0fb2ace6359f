"""The register of who answers by name, and who may sign for a leader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis import regions
from chassis.calendar import local_day
from warning_dispatch.domain.people import (
    CONTACTS,
    KIND_ZH,
    TEAM,
    AlreadyOnPost,
    Authorisation,
    AuthorisationNotFound,
    AuthorisationOver,
    ContactsAlike,
    NotLeaderHimself,
    NotRegistrar,
    Person,
    PersonUnknown,
    Place,
    Post,
    PostNotFound,
    Vacancy,
    place_of,
    vacancies,
)
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.occasion import Occasion

# Who keeps the register: the district's service department for itself, the city's for all, and
# who keeps the accounts.
_REGISTRARS = ("B3", "D1", "D4", "S2")


@dataclass(frozen=True)
class Appointment:
    """Whom to put on record as what, and for which region or body."""

    kind: str
    region: str
    body: str
    username: str
    duty: str
    phone: str


def register_post(ledger: Ledger, wanted: Appointment, caller: Caller, occasion: Occasion) -> Post:
    """Put somebody on record; the leader or contact before him ends with the same act."""
    place = place_of(wanted.kind, wanted.region, wanted.body)
    _check_registrar(caller, place.region_path, place.body or place.region)
    person = _person(ledger, wanted.username, "username")
    ledger.people.lock(place)
    now_on = ledger.people.present(place)
    mine = [each for each in now_on if each.account == person.account]
    if any(each.kind == wanted.kind for each in mine):
        raise AlreadyOnPost(name=person.name, kind=wanted.kind, kind_zh=KIND_ZH[wanted.kind])
    if wanted.kind in CONTACTS and mine:
        raise ContactsAlike(name=person.name, field="username")
    made = Post.register(
        occasion.new_id(),
        caller.actor,
        person,
        kind=wanted.kind,
        place=place,
        duty=wanted.duty,
        phone=wanted.phone,
        at=occasion.now,
    )
    for before in now_on:
        if before.kind == wanted.kind and wanted.kind != TEAM:
            before.end(caller.actor, at=occasion.now)
            ledger.people.save(before, at=occasion.now)
    ledger.people.add(made, at=occasion.now)
    return made


def end_post(ledger: Ledger, post_id: UUID, caller: Caller, occasion: Occasion) -> Post:
    post = ledger.people.get(post_id)
    if post is None:
        raise PostNotFound(post_id=post_id, field="post_id")
    _check_registrar(caller, post.region_path, post.body or post.region)
    post.end(caller.actor, at=occasion.now)
    ledger.people.save(post, at=occasion.now)
    return post


def find_vacancies(ledger: Ledger, top: str) -> list[Vacancy]:
    """Return what is vacant in a region and below: districts first, then departments."""
    districts = [
        region.code
        for region in regions.all_regions().values()
        if region.tier == "district" and regions.within(regions.path_of(region.code), top)
    ]
    return vacancies(districts, ledger.people.bodies(top), ledger.people.filled(top))


def authorise_signing(
    ledger: Ledger,
    deputy: str,
    caller: Caller,
    occasion: Occasion,
    *,
    valid_from: date,
    valid_to: date,
    reason: str,
) -> Authorisation:
    leader = ledger.escalations.leader_of(caller.principal.region)
    if leader is None or leader.account != caller.principal.account_id:
        raise NotLeaderHimself
    made = Authorisation.grant(
        occasion.new_id(),
        caller.actor,
        _person(ledger, deputy, "deputy"),
        region_path=caller.principal.region_path,
        valid_from=valid_from,
        valid_to=valid_to,
        reason=reason,
        today=local_day(occasion.now),
        at=occasion.now,
    )
    ledger.people.authorise(made)
    return made


def withdraw_signing(
    ledger: Ledger, authorisation_id: UUID, caller: Caller, occasion: Occasion
) -> Authorisation:
    given = ledger.people.authorisation(authorisation_id)
    if given is None:
        raise AuthorisationNotFound(authorisation_id=authorisation_id, field="authorisation_id")
    if given.leader != caller.principal.account_id:
        raise NotLeaderHimself
    if given.withdrawn_at is not None:
        raise AuthorisationOver
    return ledger.people.withdraw(given, at=occasion.now)


def _person(ledger: Ledger, username: str, field: str) -> Person:
    row = ledger.deliveries.find_person(username)
    if row is None:
        raise PersonUnknown(username=username, field=field)
    return Person(
        account=row.account,
        username=row.username,
        name=row.name,
        roles=frozenset(row.roles),
        region_path=row.region_path,
        org=row.org,
    )


def _check_registrar(caller: Caller, region_path: str, place: str) -> None:
    mine = regions.within(region_path, caller.principal.region_path)
    if not (mine and caller.principal.has_role(*_REGISTRARS)):
        raise NotRegistrar(place=place)


__all__ = [
    "Appointment",
    "Place",
    "authorise_signing",
    "end_post",
    "find_vacancies",
    "register_post",
    "withdraw_signing",
]
