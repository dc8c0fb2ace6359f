"""Articles 6, 7 and 14: who answers by name, who stands in for him, and what nobody is on record for."""

from __future__ import annotations

import secrets
from datetime import timedelta

import httpx
import pytest

from acceptance.conftest import City, Json, refused
from acceptance.test_linkage import CROSSES, act, drafted, signed
from acceptance.test_telling_people import _about, ports, wants
from support.callers import PASSWORD
from support.outside import mail_server
from support.waiting import eventually

DISPATCHER, LEADER, OTHER = "d1.danyang", "d2.danyang", "d1.jurong"
CONTACT, BODY = "a4.danyang.shengtai", "321181:生态环境"


def newcomer(city: City, *roles: str, org: str = "") -> str:
    """Make an account in Danyang that has set its own password."""
    username, first = f"new.{secrets.token_hex(4)}", "Initial#2026x"
    city.post(
        "s2.city",
        "/v1/accounts",
        username=username,
        name="示例新任",
        roles=list(roles),
        region="321181",
        org=org,
        initial_password=first,
    )
    signed_in = {"username": username, "password": first, "new_password": PASSWORD}
    answer = httpx.post(f"{city.instance.base_url}/v1/auth:signIn", json=signed_in)
    assert answer.status_code == 200, answer.text
    return username


def register(city: City, username: str, kind: str, by: str = DISPATCHER, **place: str) -> Json:
    """Put somebody on record; dispatch hears of a new account a moment after identity."""

    def known() -> Json:
        body = {"username": username, "kind": kind, **place}
        answer = city.person(by).post("/v1/posts:register", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["post"])

    return eventually(known)


def clear(city: City, **place: str) -> None:
    """End whoever is on record, for an instance that was used before."""
    for post in city.get(DISPATCHER, "/v1/posts", **place)["posts"]:
        city.post(DISPATCHER, f"/v1/posts/{post['post_id']}:end")


def vacant(city: City, who: str) -> tuple[int, set[tuple[str, str, str]]]:
    answer = city.get(who, "/v1/vacancies", region="321181")
    found = {(each["kind"], each["region"], each["body"]) for each in answer["vacancies"]}
    assert len(found) == answer["total_size"]
    return answer["total_size"], found


@pytest.mark.article("A06.2")
def test_a_vacancy_shows_until_a_leader_and_a_team_are_on_record_and_changes_leave_a_trace(
    city: City,
) -> None:
    clear(city, region="321181")
    before, missing = vacant(city, DISPATCHER)
    leader, team = "POST_KIND_LEADER", "POST_KIND_TEAM"
    first = register(city, newcomer(city, "D2"), leader, region="321181", duty="副市长")
    register(city, "b3.danyang", team, region="321181", duty="帮办统筹")
    after, still = vacant(city, "d4.city")
    second = register(city, LEADER, leader, by="d4.city", region="321181", duty="常务副市长")
    elsewhere = city.person(OTHER).post(
        "/v1/posts:register", json={"username": LEADER, "kind": leader, "region": "321181"}
    )
    wrong = city.person(DISPATCHER).post(
        "/v1/posts:register", json={"username": DISPATCHER, "kind": leader, "region": "321181"}
    )
    history = city.get(DISPATCHER, "/v1/posts", region="321181", kind=leader, ended=True)["posts"]
    by_id = {each["post_id"]: each for each in history}
    present = [each["post_id"] for each in history if not each.get("ended_at")]

    assert {(leader, "321181", ""), (team, "321181", "")} <= missing
    assert before - after == 2
    assert not {(leader, "321181", ""), (team, "321181", "")} & still
    assert present == [second["post_id"]]
    assert by_id[first["post_id"]]["ended_by_name"] == "示例市专班调度员"
    assert by_id[first["post_id"]]["registered_by_name"] == "示例丹阳调度员"
    assert refused(elsewhere)[:2] == (403, "NOT_REGISTRAR")
    assert refused(wrong)[1:] == ("PERSON_UNSUITED", ["username"])


@pytest.mark.article("A07.1")
def test_what_is_for_a_department_goes_to_b_by_itself_while_a_is_away(city: City) -> None:
    clear(city, body=BODY)
    second = newcomer(city, "A4", org=BODY)
    register(city, CONTACT, "POST_KIND_CONTACT_A", body=BODY, duty="审批科", phone="0511-0000001")
    _, half = vacant(city, DISPATCHER)
    register(city, second, "POST_KIND_CONTACT_B", body=BODY)
    _, none = vacant(city, DISPATCHER)
    today = str(city.today())
    with mail_server(ports(city)["email"]) as letters:
        wants(city, CONTACT, addresses={"email": "a@example.com"})
        wants(city, second, addresses={"email": "b@example.com"})
        present = ordered(city)
        to_a = eventually(lambda: _about(letters, present, to="a@example.com"), timeout=30)
        wants(city, CONTACT, addresses={"email": "a@example.com"}, away_from=today, away_to=today)
        absent = ordered(city)
        to_b = eventually(lambda: _about(letters, absent, to="b@example.com"), timeout=30)
        posts = city.get("b1.danyang", "/v1/posts", body=BODY)["posts"]
        wants(city, CONTACT, addresses={})
    duty = {each["kind"]: (each["away"], each["on_duty"]) for each in posts}

    assert ("POST_KIND_CONTACT_B", "321181", BODY) in half
    assert not any(body == BODY for _, _, body in none)
    assert to_a
    assert to_b
    assert not _about(letters, present, to="b@example.com")
    assert not _about(letters, absent, to="a@example.com")
    assert duty == {"POST_KIND_CONTACT_A": (True, False), "POST_KIND_CONTACT_B": (False, True)}


@pytest.mark.article("A14.4")
def test_another_leader_signs_only_while_he_is_authorised_on_record(city: City) -> None:
    clear(city, region="321181", kind="POST_KIND_LEADER")
    register(city, LEADER, "POST_KIND_LEADER", region="321181")
    deputy, today = newcomer(city, "D2"), city.today()
    project = city.register("d4.city", attributes={"eia_class": '"form"'})
    matter = drafted(city, str(project["project_id"]))
    path = f"/v1/escalations/{matter['escalation_id']}:sign"
    words = {
        "method": "SIGNING_METHOD_ELECTRONIC",
        "content_sha256": matter["content_sha256"],
        "note": "同意",
    }
    early = city.person(deputy).post(path, json=words)
    given = eventually(
        lambda: city.post(
            LEADER,
            "/v1/signing-authorisations:grant",
            deputy=deputy,
            valid_from=str(today),
            valid_to=str(today + timedelta(days=3)),
            reason="出差期间",
        )["authorisation"]
    )
    by_deputy = signed(city, matter, deputy)
    city.post(LEADER, f"/v1/signing-authorisations/{given['authorisation_id']}:withdraw")
    changed = act(city, DISPATCHER, matter, "draft", **{**CROSSES, "wanted": "请市级明确牵头"})
    late = city.person(deputy).post(
        path, json={**words, "content_sha256": changed["content_sha256"]}
    )
    listed = city.get(DISPATCHER, "/v1/signing-authorisations")["authorisations"]

    assert refused(early)[:2] == (403, "NOT_THE_LEADER")
    assert by_deputy["signature"]["on_behalf_of"] == "示例丹阳分管领导"
    assert refused(late)[1] == "NOT_THE_LEADER"
    assert given["authorisation_id"] in {each["authorisation_id"] for each in listed}


def ordered(city: City) -> Json:
    project_id = str(city.register("d4.city")["project_id"])

    def known() -> Json:
        answer = city.person("d1.danyang").post(
            "/v1/work-orders:dispatch",
            json={
                "project_id": project_id,
                "lead_org": BODY,
                "requirement": "请核实环评进展并反馈",
                "subject": "环评进展核实",
                "source": "ORDER_SOURCE_INSPECTION",
            },
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["order"])

    return eventually(known)
