"""Article 14: what holds a project up is classed, led, measured and struck off, with every meeting on record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acceptance.conftest import City, Json, refused
from acceptance.test_linkage import act, opened
from acceptance.test_linkage import project_id as project_id
from support.waiting import eventually

DISTRICT, HEAD = "d1.danyang", "b2.danyang"
LEAD, HELPS = "321181:发改", "321181:住建"


def at_the_district(city: City, project_id: str) -> Json:
    matter = opened(city, project_id)
    act(city, HEAD, matter, "record", text="镇里会商未果")
    return act(city, HEAD, matter, "raise", note="请市(区)协调")


def counted(city: City, cause: str) -> dict[str, int]:
    found = city.get(DISTRICT, "/v1/escalation-counts", region="321181")["counts"]
    return {each["status"]: each["count"] for each in found if each["cause"] == cause}


@pytest.mark.article("A14.1")
def test_a_problem_is_classed_led_measured_struck_off_and_found_from_both_sides(
    city: City, project_id: str
) -> None:
    matter = at_the_district(city, project_id)
    handling, cause = "ESCALATION_STATUS_HANDLING", "CAUSE_RESOURCES"
    before = counted(city, cause)
    unclassed = city.person(DISTRICT).post(
        f"/v1/escalations/{matter['escalation_id']}:close", json={"conclusion": "已解决"}
    )
    act(city, DISTRICT, matter, "classify", cause=cause, lead_org=LEAD)
    by_class = city.get(DISTRICT, "/v1/escalations", cause=cause, project_id=project_id, open=True)
    during = counted(city, cause)
    due = str(city.today() + timedelta(days=5))
    planned = act(city, DISTRICT, matter, "planMeasure", text="落实用地指标 12 亩", due_on=due)
    left = city.person(DISTRICT).post(
        f"/v1/escalations/{matter['escalation_id']}:close", json={"conclusion": "已解决"}
    )
    act(city, DISTRICT, matter, "finishMeasure", measure=1, result="指标已下达")
    closed = act(city, DISTRICT, matter, "close", conclusion="用地指标已落实, 销号")
    mine = [
        each["escalation_id"]
        for query in ({"project_id": project_id}, {"lead_org": LEAD}, {"cause": cause})
        for each in city.get(DISTRICT, "/v1/escalations", **query)["escalations"]
    ]
    elsewhere = city.get("d1.jurong", "/v1/escalations", project_id=project_id)["escalations"]

    assert refused(unclassed)[1] == "CLASS_MISSING"
    assert by_class["total_size"] == 1
    assert during[handling] == before.get(handling, 0) + 1
    (measure,) = planned["measures"]
    assert (measure["org"], measure["due_on"], measure["overdue"]) == (LEAD, due, False)
    assert refused(left)[1] == "MEASURES_OPEN"
    assert (closed["status"], closed["project_id"]) == ("ESCALATION_STATUS_CLOSED", project_id)
    assert closed["measures"][0]["result"] == "指标已下达"
    assert mine.count(matter["escalation_id"]) == 3
    assert not elsewhere


@pytest.mark.article("A14.1")
def test_a_problem_of_a_case_is_found_from_the_case(city: City, project_id: str) -> None:
    wanted = {"project_id": project_id, "item_code": "S2-01"}

    def submitted() -> str:
        answer = city.person("e1.p02").post("/v1/cases:submit", json=wanted)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["case"]["case_id"])

    case_id = eventually(submitted, timeout=30)

    def known() -> Json:
        answer = city.person(DISTRICT).post(
            "/v1/escalations:open",
            json={
                "case_id": case_id,
                "subject": "备案材料反复补正",
                "problem": "两个部门口径不一",
                "cause": "CAUSE_DEPARTMENT",
            },
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["escalation"])

    matter = eventually(known)
    found = city.get("d4.city", "/v1/escalations", case_id=case_id)["escalations"]

    assert [each["escalation_id"] for each in found] == [matter["escalation_id"]]
    assert (found[0]["cause"], found[0]["project_id"]) == ("CAUSE_DEPARTMENT", project_id)


@pytest.mark.article("A14.2")
def test_a_dispatch_record_says_who_met_what_was_decided_and_orders_it(
    city: City, project_id: str
) -> None:
    matter = at_the_district(city, project_id)
    due = str(city.today() + timedelta(days=6))
    met = act(
        city,
        DISTRICT,
        matter,
        "record",
        text="在丹北镇召开现场会, 逐项核对用地手续",
        kind="RECORD_KIND_ON_SITE",
        participants=[LEAD, HELPS],
        conclusion="由发改牵头出具备案变更意见",
        responsible=LEAD,
        in_charge="李四",
        due_on=due,
    )
    record = met["tried"][-1]
    order = city.get("a4.danyang.fagai", f"/v1/work-orders/{record['order_id']}")["order"]
    helps = city.get("a4.danyang.zhujian", f"/v1/work-orders/{record['order_id']}")["order"]
    plain = act(city, DISTRICT, matter, "record", text="电话会商一次")["tried"][-1]
    late = city.person(DISTRICT).post(
        f"/v1/escalations/{matter['escalation_id']}:record",
        json={
            "text": "补记",
            "kind": "RECORD_KIND_MEETING",
            "responsible": LEAD,
            "due_on": str(city.today() - timedelta(days=1)),
        },
    )
    company = city.get("e1.p02", f"/v1/escalations/{matter['escalation_id']}")["escalation"]

    assert (record["kind"], record["in_charge"], record["due_on"]) == (
        *("RECORD_KIND_ON_SITE", "李四", due),
    )
    assert record["participant_names"] == ["丹阳市发改", "丹阳市住建"]
    assert (order["source"], order["lead_org"]) == ("ORDER_SOURCE_MEETING", LEAD)
    assert due in order["requirement"]
    assert helps["co_orgs"] == [HELPS]
    assert (plain["kind"], plain["order_id"]) == ("RECORD_KIND_UNSPECIFIED", "")
    assert refused(late)[1:] == ("DUE_IN_PAST", ["due_on"])
    assert not company["tried"]
