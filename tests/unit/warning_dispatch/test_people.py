"""Who may be on record as what, what is vacant, and who answers today."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from support.clocks import at
from warning_dispatch.domain import Actor
from warning_dispatch.domain.people import (
    Authorisation,
    AuthorisationDays,
    Person,
    PersonElsewhere,
    PersonUnsuited,
    Post,
    PostEnded,
    PostPlaceWrong,
    Vacancy,
    on_duty,
    place_of,
    vacancies,
)

NOW = at("2026-10-08 10:00")
DANYANG, FAGAI = "321100/321181", "321181:发改"
D1 = Actor("d1", "调度员")


def somebody(*roles: str, region_path: str = DANYANG, org: str = "", account: str = "x") -> Person:
    return Person(account, account, "某某", frozenset(roles), region_path, org)


def registered(person: Person, kind: str, *, region: str = "321181", body: str = "") -> Post:
    place = place_of(kind, region, body)
    return Post.register(UUID(int=1), D1, person, kind=kind, place=place, duty="", phone="", at=NOW)


@pytest.mark.parametrize(
    ("person", "kind", "place"),
    [
        pytest.param(somebody("D2"), "leader", {}, id="a district's leader"),
        pytest.param(
            somebody("D6", region_path="321100"), "leader", {"region": "321100"}, id="the city's"
        ),
        pytest.param(somebody("B3"), "team", {}, id="the navigators' head in the team"),
        pytest.param(somebody("A4", org=FAGAI), "contact_a", {"body": FAGAI}, id="a contact"),
    ],
)
def test_whoever_can_act_goes_on_record(person: Person, kind: str, place: dict[str, str]) -> None:
    post = registered(person, kind, **place)

    (fact,) = post.events
    assert (fact.post.version, fact.post.kind, fact.post.account) == (1, kind, "x")
    assert post.registered_by_name == "调度员"


@pytest.mark.parametrize(
    ("person", "kind", "place", "refusal"),
    [
        pytest.param(somebody("D1"), "leader", {}, PersonUnsuited, id="a dispatcher leads nobody"),
        pytest.param(
            somebody("D2", region_path="321100/321183"),
            "leader",
            {},
            PersonElsewhere,
            id="of Jurong",
        ),
        pytest.param(
            somebody("A4", org="321181:住建"),
            "contact_b",
            {"body": FAGAI},
            PersonElsewhere,
            id="of another department",
        ),
        pytest.param(
            somebody("A2", org=FAGAI),
            "contact_b",
            {"body": FAGAI},
            PersonUnsuited,
            id="cannot sign",
        ),
    ],
)
def test_whoever_could_not_act_does_not(
    person: Person, kind: str, place: dict[str, str], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        registered(person, kind, **place)


@pytest.mark.parametrize(
    ("kind", "region", "body"),
    [
        pytest.param("leader", "", "", id="no region"),
        pytest.param("leader", "321181113", "", id="a town has none"),
        pytest.param("contact_a", "321181", "", id="no body"),
        pytest.param("contact_a", "", "321181", id="a body without department"),
    ],
)
def test_a_place_is_a_region_of_the_upper_tiers_or_a_body(
    kind: str, region: str, body: str
) -> None:
    with pytest.raises(PostPlaceWrong):
        place_of(kind, region, body)


def test_an_entry_ends_once_and_says_who_ended_it() -> None:
    post = registered(somebody("D2"), "leader")
    post.end(D1, at=NOW)

    assert (post.ended_by_name, post.events[-1].post.version) == ("调度员", 2)
    with pytest.raises(PostEnded):
        post.end(D1, at=NOW)


@pytest.mark.parametrize(
    ("a", "b", "away", "answers"),
    [
        ("a", "b", set[str](), "a"),
        ("a", "b", {"a"}, "b"),
        ("a", "b", {"b"}, "a"),
        ("a", "b", {"a", "b"}, "a"),
        ("a", "", {"a"}, "a"),
        ("", "b", set[str](), "b"),
    ],
)
def test_b_answers_while_a_is_away(a: str, b: str, away: set[str], answers: str) -> None:
    assert on_duty(a, b, away) == answers


def test_what_nobody_is_on_record_for_is_vacant() -> None:
    filled = {("leader", "321181", ""), ("contact_a", "321181", FAGAI)}

    assert vacancies(["321181"], [FAGAI], filled) == [
        Vacancy("team", "321181"),
        Vacancy("contact_b", "321181", FAGAI),
    ]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"valid_to": date(2026, 10, 7)}, AuthorisationDays),
        ({"valid_from": date(2026, 10, 20)}, AuthorisationDays),
        ({"deputy": somebody("D1")}, PersonUnsuited),
        ({"deputy": somebody("D2", region_path="321100/321183")}, PersonElsewhere),
        ({"deputy": somebody("D2", account="leader")}, PersonElsewhere),
    ],
    ids=["past", "ends before it begins", "cannot sign", "of another region", "himself"],
)
def test_only_another_leader_of_the_region_signs_for_him(
    change: dict[str, Any], refusal: type[Exception]
) -> None:
    given: dict[str, Any] = {
        "deputy": somebody("D2"),
        "region_path": DANYANG,
        "valid_from": date(2026, 10, 8),
        "valid_to": date(2026, 10, 18),
        "reason": "出差",
        "today": date(2026, 10, 8),
        "at": NOW,
    }
    leader = Actor("leader", "分管领导")
    assert Authorisation.grant(UUID(int=2), leader, **given).deputy == "x"

    with pytest.raises(refusal):
        Authorisation.grant(UUID(int=2), leader, **{**given, **change})
