"""Article 15: one order, one body that leads, and each that helps answers for its own part."""

from __future__ import annotations

import pytest

from acceptance.conftest import City, Json, refused
from support.waiting import eventually

CITY, HELPER, COMPANY = "d4.city", "a4.danyang.fagai", "e1.p02"
USCC = "91321181000000027K"


@pytest.fixture
def order(city: City) -> Json:
    project_id = str(city.register("d4.city")["project_id"])

    def known() -> Json:
        answer = city.person(CITY).post(
            "/v1/work-orders:dispatch",
            json={
                "project_id": project_id,
                "lead_org": "321181:政务服务",
                "co_orgs": ["321181:发改", USCC],
                "requirement": "请牵头核实备案材料缺项并限时补齐",
                "subject": "备案材料缺项",
                "source": "ORDER_SOURCE_INSPECTION",
            },
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["order"])

    return eventually(known)


@pytest.mark.article("A15.4")
def test_each_body_that_helps_answers_for_its_own_part(city: City, order: Json) -> None:
    one = f"/v1/work-orders/{order['order_id']}"
    told = {"text": "备案科已核实, 缺环评批文", "evidence": "核实记录 3 号"}
    city.post(HELPER, f"{one}:contribute", **told)
    city.post(COMPANY, f"{one}:contribute", text="环评批文已补交", evidence="批文扫描件")
    answered = city.post(HELPER, f"{one}:contribute", text="缺项已补齐")["order"]
    stranger = city.person("a4.danyang.zhujian").post(f"{one}:contribute", json=told)
    seen = city.get(COMPANY, one)["order"]

    assert {each["org"]: each["text"] for each in answered["parts"]} == {
        "321181:发改": "缺项已补齐",
        USCC: "环评批文已补交",
    }
    assert refused(stranger)[1] == "NOT_HELPING"
    assert seen["number"] == order["number"]
    assert answered["status"] == "ORDER_STATUS_ISSUED"


@pytest.mark.article("A15.5")
def test_an_order_is_urged_and_supervised_on_record_until_it_is_answered(
    city: City, order: Json
) -> None:
    one = f"/v1/work-orders/{order['order_id']}"
    city.post(CITY, f"{one}:urge", note="请今日内签收")
    followed = city.post(CITY, f"{one}:supervise", note="立项督办, 书面反馈")["order"]
    own = city.person("d1.danyang").post(f"{one}:supervise", json={"note": "自行督办"})
    city.post("b3.danyang", f"{one}:sign")
    city.post(
        "b3.danyang",
        f"{one}:feedback",
        cause="CAUSE_ENTERPRISE",
        measures="缺项已补齐",
        completion_date=str(city.today()),
        evidence="核实记录",
        signer_name="示例负责人",
    )
    late = city.person(CITY).post(f"{one}:urge", json={"note": "再催"})
    closed = city.post(CITY, f"{one}:check", passed=True, note="属实")["order"]

    assert (followed["urges"], followed["supervised"]) == (1, True)
    assert refused(own)[:2] == (403, "OWN_ORDER")
    assert refused(late)[1] == "ORDER_NOT_IN_STATE"
    steps = [each["step"] for each in closed["steps"]]
    assert steps == ["issued", "urged", "supervised", "signed", "feedback", "checking", "closed"]


def dispatched(city: City, project_id: str, who: str = CITY, **more: object) -> Json:
    wish = {"project_id": project_id, "source": "ORDER_SOURCE_INSPECTION", **more}
    return dict(city.post(who, "/v1/work-orders:dispatch", **wish)["order"])


@pytest.mark.article("A15.3")
def test_the_city_has_the_district_lead_and_four_kinds_of_bodies_help(
    city: City, order: Json
) -> None:
    project_id = order["project_id"]
    elsewhere = city.person(CITY).post(
        "/v1/work-orders:dispatch",
        json={
            "project_id": project_id,
            "lead_org": "321181:发改",
            "requirement": "请牵头核实",
            "source": "ORDER_SOURCE_INSPECTION",
        },
    )
    helpers = [USCC, "321181:发改", "321171:市政公用", "321171:中介机构"]
    made = dispatched(city, project_id, requirement="请牵头落实, 分项反馈", co_orgs=helpers)
    one = f"/v1/work-orders/{made['order_id']}"
    for who, text in (
        (COMPANY, "环评批文已补交"),
        (HELPER, "备案材料已核"),
        ("x2.gongdian", "供电方案已答复"),
    ):
        city.post(who, f"{one}:contribute", text=text)
    seen = city.get(CITY, one)["order"]

    assert refused(elsewhere)[::2] == (400, ["lead_org"])
    assert made["lead_org"] == "321181:政务服务"
    assert [(each["kind"], each.get("answered", False)) for each in seen["helping"]] == [
        ("HELPER_KIND_COMPANY", True),
        ("HELPER_KIND_DEPARTMENT", True),
        ("HELPER_KIND_UTILITY", True),
        ("HELPER_KIND_INTERMEDIARY", False),
    ]
    assert {each["org"]: each["text"] for each in seen["parts"]} == {
        USCC: "环评批文已补交",
        "321181:发改": "备案材料已核",
        "321171:市政公用": "供电方案已答复",
    }


@pytest.mark.article("A15.3")
def test_an_order_for_a_usual_cause_is_dispatched_from_its_template(
    city: City, order: Json
) -> None:
    listed = city.get(CITY, "/v1/order-templates")["templates"]
    (chosen,) = [each for each in listed if each["cause"] == "CAUSE_UTILITY"]
    made = dispatched(city, order["project_id"], template=chosen["code"])
    found = city.get(
        CITY, "/v1/work-orders", project_id=order["project_id"], cause="CAUSE_UTILITY"
    )["orders"]

    assert made["co_orgs"] == ["321181:市政公用"]
    assert order["project_name"] in made["subject"]
    assert [each["order_id"] for each in found] == [made["order_id"]]


@pytest.mark.article("A15.5")
def test_an_order_is_extended_once_merged_and_opened_again_on_record(
    city: City, order: Json
) -> None:
    one = f"/v1/work-orders/{order['order_id']}"
    ask = {"working_days": 3, "reason": "需现场核查"}
    city.post("b3.danyang", f"{one}:askExtension", **ask)
    longer = city.post(CITY, f"{one}:decideExtension", approved=True, reason="同意")["order"]
    twice = city.person("b3.danyang").post(f"{one}:askExtension", json=ask)
    twin = dispatched(city, order["project_id"], requirement="请核实", co_orgs=["321181:住建"])
    merge = {"into": order["order_id"], "note": "同一事项"}
    merged = city.post(CITY, f"/v1/work-orders/{twin['order_id']}:merge", **merge)["order"]
    city.post("b3.danyang", f"{one}:sign")
    city.post(
        "b3.danyang",
        f"{one}:feedback",
        cause="CAUSE_ENTERPRISE",
        measures="缺项已补齐",
        completion_date=str(city.today()),
        evidence="核实记录",
        signer_name="示例负责人",
    )
    city.post(CITY, f"{one}:check", passed=True, note="属实")
    by_body = city.person("d1.danyang").post(f"{one}:reopen", json={"reason": "自行重开"})
    again = city.post(CITY, f"{one}:reopen", reason="企业反映缺项仍在")["order"]

    assert longer["feedback_by"] > order["feedback_by"]
    assert refused(twice)[1] == "EXTENSION_ASKED"
    assert (merged["status"], merged["merged_into"]) == ("ORDER_STATUS_CLOSED", order["order_id"])
    assert "321181:住建" in again["co_orgs"]
    assert refused(by_body)[1] == "OWN_ORDER"
    assert again["status"] == "ORDER_STATUS_ISSUED"
    steps = [each["step"] for each in again["steps"]]
    assert steps[:4] == ["issued", "extension_requested", "extension_approved", "took_over"]
    assert steps[-3:] == ["closed", "reopened", "issued"]


@pytest.mark.article("A15.3")
def test_what_is_under_way_is_counted_per_person_body_and_region(city: City, order: Json) -> None:
    def line(by: str, key: str) -> Json:
        lines = city.get(CITY, "/v1/work-orders:summary", by=f"SUMMARY_BY_{by}")["lines"]
        return dict(next(each for each in lines if each["key"] == key))

    one = f"/v1/work-orders/{order['order_id']}"
    body, region = line("BODY", "321181:政务服务"), line("REGION", "321181113")
    handler = f"经办{order['number'][-6:]}"
    city.post("b3.danyang", f"{one}:sign")
    city.post("b3.danyang", f"{one}:handle", handler=handler)
    person = line("PERSON", handler)
    found = city.get(CITY, "/v1/work-orders", handler=handler, region="321181", open=True)

    assert body["open"] >= 1
    assert (region["name"], region["open"] >= 1) == ("丹北镇", True)
    assert (person["open"], person["statuses"]) == (1, {"handling": 1})
    assert [each["order_id"] for each in found["orders"]] == [order["order_id"]]
