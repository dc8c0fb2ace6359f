"""The register over gRPC, and whom a notification for a department reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.calendar import local_day
from chassis.identity import Principal
from support import desk as people
from support.clocks import case_state
from support.desk import Desk, person
from support.links import alone, witness
from support.servicers import Client, serving
from warning_dispatch import usecases
from warning_dispatch.api import WarningDispatch
from warning_dispatch.store import Ledger
from warning_dispatch.store.tables import deliveries, leaders

FAGAI = "321181:发改"
D2 = person("d2.danyang", "D2")
OTHER_D2 = person("d2.deputy", "D2")
B_CONTACT = person("a4b.danyang.fagai", "A4", org=FAGAI)
EVERYBODY = [
    *(each for each in vars(people).values() if isinstance(each, Principal)),
    *(D2, OTHER_D2, B_CONTACT),
]


@pytest.fixture
def call(desk: Desk) -> Iterator[Client]:
    with desk.db.begin() as tx:
        for each in EVERYBODY:
            Ledger(tx).deliveries.keep_person(account_of(each))
    servicer = WarningDispatch(
        desk.db,
        lambda: desk.now,
        links=alone("321100"),
        witness=witness("321100"),
        channels=frozenset({"email"}),
    )
    with serving(
        lambda server: pb_grpc.add_WarningDispatchServiceServicer_to_server(servicer, server),
        pb_grpc.WarningDispatchServiceStub,
        pb,
        EVERYBODY,
    ) as client:
        yield client


def account_of(who: Principal, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "account_id": who.account_id,
        "version": version,
        "username": who.username,
        "name": who.name,
        "roles": sorted(who.roles),
        "region_path": who.region_path,
        "org": who.org,
        "companies": sorted(who.companies),
        "active": True,
        **more,
    }


def register(call: Client, who: Principal, by: Principal = people.D1, **more: Any) -> Any:
    return call(by, "RegisterPost", username=who.username, **more).post


def leads(call: Client, who: Principal, by: Principal = people.D1) -> Any:
    return register(call, who, by, kind=pb.POST_KIND_LEADER, region="321181")


def test_a_new_leader_ends_the_one_before_and_both_stay_on_record(desk: Desk, call: Client) -> None:
    leads(call, D2)
    desk.now += timedelta(days=1)
    leads(call, OTHER_D2, people.B3)
    everybody = call(people.D1, "ListPosts", ended=True, kind=pb.POST_KIND_LEADER).posts
    (present,) = call(people.D4, "ListPosts", kind=pb.POST_KIND_LEADER).posts

    assert [each.username for each in everybody] == ["d2.deputy", "d2.danyang"]
    assert everybody[1].ended_by_name == "b3.danyang"
    assert present.username == "d2.deputy"
    kinds = [envelope.type for envelope in desk.published()]
    assert kinds == ["leader_changed.v1"] * 3


@pytest.mark.parametrize(
    ("by", "who", "more", "reason"),
    [
        (people.OTHER_D1, D2, {"kind": 1, "region": "321181"}, "NOT_REGISTRAR"),
        (people.E1, D2, {"kind": 1, "region": "321181"}, "NOT_REGISTRAR"),
        (people.D1, people.D1, {"kind": 1, "region": "321181"}, "PERSON_UNSUITED"),
        (people.D1, people.OTHER_A4, {"kind": 3, "body": FAGAI}, "PERSON_ELSEWHERE"),
        (people.D1, people.A2, {"kind": 3, "body": FAGAI}, "PERSON_UNSUITED"),
        (people.D1, people.A4, {"kind": 3, "region": "321181"}, "POST_PLACE_WRONG"),
        (people.A4, people.A4, {"kind": 3, "body": FAGAI}, "NOT_YOUR_ROLE"),
    ],
    ids=lambda value: value.username if isinstance(value, Principal) else str(value),
)
def test_an_entry_that_would_not_be_true_is_refused(
    desk: Desk, call: Client, by: Principal, who: Principal, more: dict[str, Any], reason: str
) -> None:
    refused = call.refused(by, "RegisterPost", username=who.username, **more)

    assert refused.reason == reason
    assert desk.rows(leaders) == []


def test_an_account_that_does_not_work_is_refused(desk: Desk, call: Client) -> None:
    with desk.db.begin() as tx:
        Ledger(tx).deliveries.keep_person(account_of(D2, version=2, active=False))

    for username in ("nobody", D2.username):
        refused = call.refused(
            people.D1, "RegisterPost", kind=1, region="321181", username=username
        )
        assert (refused.reason, refused.fields) == ("PERSON_UNKNOWN", ["username"])


def test_a_contact_is_not_his_own_deputy_and_nobody_is_on_record_twice(call: Client) -> None:
    contact: dict[str, Any] = {"kind": pb.POST_KIND_CONTACT_A, "body": FAGAI}
    register(call, people.A4, **contact)
    name = people.A4.username

    assert call.refused(people.D1, "RegisterPost", username=name, **contact).reason == (
        "ALREADY_ON_POST"
    )
    contact["kind"] = pb.POST_KIND_CONTACT_B
    assert call.refused(people.D1, "RegisterPost", username=name, **contact).reason == (
        "CONTACTS_ALIKE"
    )


def test_vacancies_shrink_as_people_are_registered_and_grow_when_an_account_is_disabled(
    desk: Desk, call: Client
) -> None:
    def vacant() -> set[tuple[int, str]]:
        answer = call(people.D1, "ListVacancies")
        assert answer.total_size == len(answer.vacancies)
        assert sum(each.count for each in answer.counts) == answer.total_size
        return {(each.kind, each.body) for each in answer.vacancies}

    bodies = {FAGAI, "321181:住建"}
    assert vacant() == {(1, ""), (2, ""), *((kind, body) for kind in (3, 4) for body in bodies)}
    leads(call, D2)
    register(call, people.B3, kind=pb.POST_KIND_TEAM, region="321181")
    contact = register(call, people.A4, kind=pb.POST_KIND_CONTACT_A, body=FAGAI)
    assert vacant() == {(4, FAGAI), (3, "321181:住建"), (4, "321181:住建")}
    with desk.db.begin() as tx:
        Ledger(tx).deliveries.keep_person(account_of(D2, version=2, active=False))
    call(people.D1, "EndPost", post_id=contact.post_id)
    assert vacant() == {(1, ""), (3, FAGAI), (4, FAGAI), (3, "321181:住建"), (4, "321181:住建")}
    assert call(people.D4, "ListVacancies").total_size > 14
    assert call(people.OTHER_D1, "ListVacancies").total_size == 2
    assert call.refused(people.D1, "EndPost", post_id=contact.post_id).reason == "POST_ENDED"
    assert call.refused(people.D1, "EndPost", post_id=str(UUID(int=9))).reason == "POST_NOT_FOUND"


@pytest.mark.parametrize(
    "change",
    [{"roles": ["D1"]}, {"region_path": "321100/321183"}, {"active": False}],
    ids=["lost his role", "moved away", "disabled"],
)
def test_whoever_can_act_no_more_leaves_his_place_vacant(
    desk: Desk, call: Client, change: dict[str, Any]
) -> None:
    leads(call, D2)
    filled = call(people.D1, "ListVacancies").total_size
    with desk.db.begin() as tx:
        Ledger(tx).deliveries.keep_person(account_of(D2, version=2, **change))
    (post,) = call(people.D1, "ListPosts", kind=pb.POST_KIND_LEADER).posts

    assert call(people.D1, "ListVacancies").total_size == filled + 1
    assert post.vacant


def test_what_is_for_a_department_reaches_a_or_b_while_a_is_away(desk: Desk, call: Client) -> None:
    register(call, people.A4, kind=pb.POST_KIND_CONTACT_A, body=FAGAI)
    register(call, B_CONTACT, kind=pb.POST_KIND_CONTACT_B, body=FAGAI)
    for who in (people.A4, B_CONTACT, people.A2):
        wants(call, who)

    assert told_of(desk, "2026-10-22 10:00") == {people.A4.username}
    today = local_day(desk.now).isoformat()
    wants(call, people.A4, away_from=today, away_to=today)
    posts = {each.username: each for each in call(people.D1, "ListPosts", body=FAGAI).posts}
    assert posts[people.A4.username].away
    assert (posts[people.A4.username].on_duty, posts[B_CONTACT.username].on_duty) == (False, True)
    assert told_of(desk, "2026-10-22 11:00") == {B_CONTACT.username}
    desk.now += timedelta(days=1)
    assert told_of(desk, "2026-10-23 11:00") == {people.A4.username}


def test_without_contacts_a_department_is_told_as_a_whole(desk: Desk, call: Client) -> None:
    for who in (people.A4, people.A2):
        wants(call, who)

    assert told_of(desk, "2026-10-22 10:00") == {people.A4.username, people.A2.username}


def wants(call: Client, who: Principal, **more: Any) -> None:
    settings = pb.NotificationSettings(addresses={"email": f"{who.username}@example.com"}, **more)
    call(who, "SetNotificationSettings", settings=settings)


def told_of(desk: Desk, moment: str) -> set[str]:
    """Raise a card on a new case of the department and return who is told of it outside."""
    before = {row.id for row in desk.notices}
    desk.case(case_state())
    desk.sweep(moment)
    with desk.db.begin() as tx:
        ledger = Ledger(tx)
        waiting = ledger.notices.claim_unsent(batch=100)
        usecases.queue_deliveries(ledger, waiting, desk.occasion)
        ledger.notices.mark_sent([row.id for row in waiting])
    rows = desk.rows(deliveries)
    return {row.account for row in rows if row.notification_id not in before}


def test_a_leader_lets_another_sign_and_takes_it_back(desk: Desk, call: Client) -> None:
    today = local_day(desk.now).isoformat()
    wish = {"deputy": OTHER_D2.username, "valid_from": today, "valid_to": today, "reason": "出差"}
    early = call.refused(D2, "AuthoriseSigning", **wish)
    leads(call, D2)
    given = call(D2, "AuthoriseSigning", **wish).authorisation
    with desk.db.begin() as tx:
        store = Ledger(tx).escalations
        asked = {"leader": D2.account_id, "account": OTHER_D2.account_id}
        assert store.may_sign_for(**asked, on=local_day(desk.now))
        assert not store.may_sign_for(**asked, on=local_day(desk.now + timedelta(days=1)))
    one = {"authorisation_id": given.authorisation_id}
    other = call.refused(OTHER_D2, "WithdrawSigning", **one)
    taken = call(D2, "WithdrawSigning", **one).authorisation
    twice = call.refused(D2, "WithdrawSigning", **one)
    (listed,) = call(people.D1, "ListSigningAuthorisations").authorisations

    assert early.reason == other.reason == "NOT_LEADER_HIMSELF"
    assert taken.HasField("withdrawn_at")
    assert twice.reason == "AUTHORISATION_OVER"
    assert listed == taken
    assert not call(people.OTHER_D1, "ListSigningAuthorisations").authorisations
    with desk.db.begin() as tx:
        assert not Ledger(tx).escalations.may_sign_for(**asked, on=local_day(desk.now))
