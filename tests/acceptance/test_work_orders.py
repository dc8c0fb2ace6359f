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
