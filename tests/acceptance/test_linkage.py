"""Articles 14 and 16: a matter climbs with the leader's signature, and what is decided comes down."""

from __future__ import annotations

import pytest

from acceptance.conftest import City, Json, refused
from support.waiting import eventually

NAVIGATOR, HEAD, DISPATCHER = "b1.danyang", "b2.danyang", "d1.danyang"
LEADER, OFFICE, CITY, VICE_MAYOR = "d2.danyang", "d3.danyang", "d4.city", "d6.city"
COMPANY = "e1.p02"
CROSSES = {
    "crosses": ["CROSSING_REGION", "CROSSING_LEVEL"],
    "regions": ["321181", "321183"],
    "bodies": ["321100:资规", "321183:交通"],
    "wanted": "请市级协调句容段用地",
}


@pytest.fixture
def project_id(city: City) -> str:
    made = city.register("d4.city", attributes={"eia_class": '"form"', "land_type": '"transfer"'})
    city.settled(str(made["project_id"]))
    return str(made["project_id"])


def act(city: City, who: str, matter: Json, verb: str, /, **body: object) -> Json:
    path = f"/v1/escalations/{matter['escalation_id']}:{verb}"
    return dict(city.post(who, path, **body)["escalation"])


def opened(city: City, project_id: str, who: str = HEAD) -> Json:
    def known() -> Json:
        answer = city.person(who).post(
            "/v1/escalations:open",
            json={
                "project_id": project_id,
                "subject": "跨市接入道路用地",
                "problem": "接入道路跨句容市, 用地手续无法单独办理",
            },
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["escalation"])

    return eventually(known)


def drafted(city: City, project_id: str) -> Json:
    matter = opened(city, project_id)
    act(city, HEAD, matter, "record", text="镇里已两次会商句容下蜀镇, 未达成一致")
    act(city, HEAD, matter, "raise", note="请市(区)协调")
    act(city, DISPATCHER, matter, "record", text="召集资规、交通会商, 句容方未到会")
    return act(city, DISPATCHER, matter, "draft", **CROSSES)


def signed(city: City, matter: Json, who: str = LEADER) -> Json:
    return act(
        city,
        who,
        matter,
        "sign",
        method="SIGNING_METHOD_ELECTRONIC",
        content_sha256=matter["content_sha256"],
        note="同意上报",
    )


@pytest.mark.article("A14.3")
def test_nothing_leaves_a_district_unsigned(city: City, project_id: str) -> None:
    matter = drafted(city, project_id)
    one = f"/v1/escalations/{matter['escalation_id']}"
    unsigned = city.person(DISPATCHER).post(f"{one}:submit", json={})
    by_dispatcher = city.person(DISPATCHER).post(
        f"{one}:sign",
        json={
            "method": "SIGNING_METHOD_ELECTRONIC",
            "content_sha256": matter["content_sha256"],
        },
    )
    elsewhere = city.person("d2.jurong").post(
        f"{one}:sign",
        json={
            "method": "SIGNING_METHOD_ELECTRONIC",
            "content_sha256": matter["content_sha256"],
        },
    )
    seen = signed(city, matter)
    up = act(city, DISPATCHER, matter, "submit")

    assert refused(unsigned)[1] == "SIGNATURE_MISSING"
    assert (by_dispatcher.status_code, elsewhere.status_code) == (403, 403)
    assert seen["signature"]["sha256"] == matter["content_sha256"]
    assert seen["signature"]["signer_name"]
    assert (up["rung"], up["status"]) == ("RUNG_L3", "ESCALATION_STATUS_SUBMITTED")


@pytest.mark.article("A14.4")
def test_what_was_signed_is_frozen_and_other_words_are_signed_anew(
    city: City, project_id: str
) -> None:
    matter = signed(city, drafted(city, project_id))
    changed = act(city, DISPATCHER, matter, "draft", **{**CROSSES, "wanted": "改为请市级明确牵头"})
    one = f"/v1/escalations/{matter['escalation_id']}"
    submitted = city.person(DISPATCHER).post(f"{one}:submit", json={})
    stale = city.person(LEADER).post(
        f"{one}:sign",
        json={
            "method": "SIGNING_METHOD_ELECTRONIC",
            "content_sha256": matter["content_sha256"],
        },
    )
    again = signed(city, changed)

    assert "signature" not in changed or changed["signature"] is None
    assert any(step["step"] == "signature_lapsed" for step in changed["steps"])
    assert refused(submitted)[1] == "SIGNATURE_MISSING"
    assert refused(stale)[1] == "CONTENT_CHANGED"
    assert again["status"] == "ESCALATION_STATUS_SIGNED"


@pytest.mark.article("A16.1")
def test_an_application_says_what_it_crosses_and_what_was_tried(
    city: City, project_id: str
) -> None:
    matter = opened(city, project_id)
    one = f"/v1/escalations/{matter['escalation_id']}"
    early = city.person(HEAD).post(f"{one}:raise", json={})
    act(city, HEAD, matter, "record", text="镇里会商未果")
    act(city, HEAD, matter, "raise")
    nothing = city.person(DISPATCHER).post(f"{one}:draft", json={**CROSSES, "crosses": []})
    untried = city.person(DISPATCHER).post(f"{one}:draft", json=CROSSES)
    unknown = city.person(DISPATCHER).post(f"{one}:draft", json={**CROSSES, "regions": ["999999"]})
    act(city, DISPATCHER, matter, "record", text="区级会商未果")
    made = act(city, DISPATCHER, matter, "draft", **CROSSES)

    assert refused(early)[1] == "TRIED_MISSING"
    assert refused(nothing)[1:] == ("CROSSING_MISSING", ["crosses"])
    assert refused(untried)[1] == "TRIED_MISSING"
    assert refused(unknown)[2] == ["regions[0]"]
    assert made["regions"] == CROSSES["regions"]
    assert made["bodies"] == CROSSES["bodies"]
    assert [each["rung"] for each in made["tried"]] == ["RUNG_L1", "RUNG_L2"]


@pytest.mark.article("A16.2")
def test_the_city_takes_up_sends_back_or_merges_and_all_three_tiers_see_it(
    city: City, project_id: str
) -> None:
    matter = signed(city, drafted(city, project_id))
    act(city, DISPATCHER, matter, "submit")
    back = act(city, CITY, matter, "return", reason="请补充句容市书面意见")
    act(city, DISPATCHER, matter, "record", text="句容市书面意见已补充")
    redrafted = act(city, DISPATCHER, matter, "draft", **CROSSES)
    signed(city, redrafted)
    act(city, DISPATCHER, matter, "submit")
    one = f"/v1/escalations/{matter['escalation_id']}"
    twice = city.person(CITY).post(f"{one}:return", json={"reason": "再次退回"})
    taken = act(city, CITY, matter, "accept", note="市专班牵头会商")
    other = signed(city, drafted(city, project_id))
    act(city, DISPATCHER, other, "submit")
    merged = act(city, CITY, other, "merge", into=matter["escalation_id"])
    seen = [city.get(who, one)["escalation"] for who in (HEAD, DISPATCHER, CITY)]
    company = city.get(COMPANY, one)["escalation"]

    assert (back["rung"], back["status"]) == ("RUNG_L2", "ESCALATION_STATUS_RETURNED")
    assert refused(twice)[1] == "RETURNED_BEFORE"
    assert taken["status"] == "ESCALATION_STATUS_HANDLING"
    assert (merged["status"], merged["merged_into"]) == (
        "ESCALATION_STATUS_MERGED",
        matter["escalation_id"],
    )
    assert {each["rung"] for each in seen} == {"RUNG_L3"}
    assert (company["rung"], company["handler_zh"]) == ("RUNG_L3", "市政务服务中心专班")
    assert not company["tried"]
    assert all(not step["by_name"] for step in company["steps"])


@pytest.mark.article("A16.4")
def test_a_matter_climbs_to_the_vice_mayor_and_his_instruction_is_executed(
    city: City, project_id: str
) -> None:
    matter = signed(city, drafted(city, project_id))
    act(city, DISPATCHER, matter, "submit")
    act(city, CITY, matter, "accept")
    act(city, CITY, matter, "return", reason="涉及两市土地指标, 需市领导推进", for_report=True)
    report = act(
        city,
        OFFICE,
        matter,
        "writeReport",
        title="重大项目服务专报",
        text="项目概况、问题与建议……",
    )
    signed(city, report)
    up = act(city, OFFICE, matter, "submit")
    told = act(
        city,
        VICE_MAYOR,
        matter,
        "instruct",
        text="请丹阳市政务办牵头, 会同句容市本月底前办结用地",
        due_on=str(city.today()),
    )
    (order_id,) = told["orders"]
    order = eventually(
        lambda: city.get("d4.city", f"/v1/work-orders/{order_id}")["order"], timeout=20
    )
    work = f"/v1/work-orders/{order_id}"
    city.post("b3.danyang", f"{work}:sign")
    city.post(
        "b3.danyang",
        f"{work}:feedback",
        cause="CAUSE_RESOURCES",
        measures="两市签订用地协议, 指标已落实",
        completion_date=str(city.today()),
        evidence="协议编号 2026-18",
        signer_name="示例负责人",
    )
    city.post(CITY, f"{work}:check", passed=True, note="属实")
    done = eventually(lambda: _executed(city, matter), timeout=20)
    closed = act(city, VICE_MAYOR, matter, "close", conclusion="已落实, 办结")
    rungs = [each["rung"] for each in closed["times"]]

    assert (up["rung"], up["status"]) == ("RUNG_L4", "ESCALATION_STATUS_SUBMITTED")
    assert order["source"] == "ORDER_SOURCE_INSTRUCTION"
    assert done["status"] == "ESCALATION_STATUS_EXECUTED"
    assert rungs == ["RUNG_L1", "RUNG_L2", "RUNG_L3", "RUNG_L2", "RUNG_L4"]
    assert all("left_at" in each for each in closed["times"])
    assert closed["conclusion"] == "已落实, 办结"


def _executed(city: City, matter: Json) -> Json:
    seen = city.get(CITY, f"/v1/escalations/{matter['escalation_id']}")["escalation"]
    assert seen["status"] == "ESCALATION_STATUS_EXECUTED"
    return dict(seen)
