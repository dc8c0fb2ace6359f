"""A03.5 and A12.5: three sides talk on one case, and issues and orders come of it."""

from __future__ import annotations

import hashlib

import pytest

from acceptance.conftest import City, Json, refused, said
from acceptance.test_before_and_on_trust import COMPANY, REVIEWER, WINDOW, ready
from acceptance.test_plans_of_ones_own import NAVIGATOR, bind
from support.waiting import eventually

DISPATCHER, LEAD = "d1.danyang", "321181:生态环境"


@pytest.fixture
def case(city: City) -> Json:
    project_id = ready(city)
    bind(city, project_id)
    made = {"project_id": project_id, "item_code": "S2-09"}
    return dict(city.post(WINDOW, "/v1/cases:submit", **made)["case"])


def notified(city: City, username: str, kind: str, text: str) -> bool:
    found = city.get(username, "/v1/notifications", page_size=100)["notifications"]
    return any(each["kind"] == kind and text in each["body_zh"] for each in found)


@pytest.mark.article("A03.5")
def test_three_accounts_talk_on_one_case(city: City, case: Json) -> None:
    talk = f"/v1/cases/{case['case_id']}/messages"
    city.post(REVIEWER, talk, text="请补充噪声预测附图")
    asked = city.post(COMPANY, talk, text="附图已备, 请核", mentions=[REVIEWER, "navigator"])[
        "message"
    ]
    one = f"{talk}/{asked['message_id']}"
    content = b"%PDF-1.7 noise"
    file = said(
        city.person(COMPANY).post(
            f"{one}/files",
            params={"name": "附图.pdf"},
            content=content,
            headers={"content-type": "application/pdf"},
        )
    )["message"]["files"][0]
    city.post(NAVIGATOR, talk, text="我来跟进")
    city.post(REVIEWER, talk, text="内部: 需复核", internal=True)
    seen = city.get(COMPANY, talk)
    got = city.person(REVIEWER).get(f"{one}/files/{file['file_id']}")
    stranger = city.person("e1.p01").get(talk)

    assert [each["text"] for each in seen["messages"]] == [
        "我来跟进",
        "附图已备, 请核",
        "请补充噪声预测附图",
    ]
    assert seen["unread"] >= 1
    assert hashlib.sha256(got.content).hexdigest() == file["sha256"]
    assert refused(stranger)[0] == 403
    mentions = city.get(REVIEWER, "/v1/mentions")["messages"]
    assert asked["message_id"] in [each["message_id"] for each in mentions]
    eventually(lambda: notified(city, NAVIGATOR, "case_mention", "附图已备"))


@pytest.mark.article("A03.5")
def test_a_message_becomes_an_issue_and_another_a_work_order(city: City, case: Json) -> None:
    talk, issues = f"/v1/cases/{case['case_id']}/messages", f"/v1/cases/{case['case_id']}/issues"
    first = city.post(COMPANY, talk, text="红线与道路冲突")["message"]
    second = city.post(COMPANY, talk, text="评估报告迟迟未出")["message"]
    issue = city.post(COMPANY, issues, message_id=first["message_id"])["issue"]
    refusal = city.person(COMPANY).post(
        issues, json={"message_id": second["message_id"], "as_order": True}
    )
    order = city.post(DISPATCHER, issues, message_id=second["message_id"], as_order=True)["issue"]

    def shown() -> dict[str, str]:
        found = city.get(COMPANY, talk)["messages"]
        return {
            each["text"]: each["issue"]["status"]
            for each in found
            if (each.get("issue") or {}).get("number")
        }

    eventually(lambda: shown().get("评估报告迟迟未出") == "issued")
    one = f"/v1/work-orders/{order['issue_id']}"
    dispatched = city.get(DISPATCHER, one)["order"]
    city.post("a4.danyang.shengtai", f"{one}:sign")
    eventually(lambda: shown()["评估报告迟迟未出"] == "signed")

    assert refused(refusal)[1] == "NOT_A_DISPATCHER"
    assert (issue["status"], shown()["红线与道路冲突"]) == ("open", "open")
    assert dispatched["requirement"] == "评估报告迟迟未出"
    assert dispatched["case_id"] == case["case_id"]


@pytest.mark.article("A12.5")
def test_an_issue_is_attached_at_receipt_and_closed_when_it_is_solved(
    city: City, case: Json
) -> None:
    made = city.post(
        WINDOW,
        f"/v1/cases/{case['case_id']}/issues",
        text="两部门对用地性质意见不一致",
        lead_org=LEAD,
    )["issue"]
    one = f"/v1/issues/{made['issue_id']}"
    eventually(lambda: notified(city, REVIEWER, "case_issue_open", "两部门对用地性质"))
    answered = city.post(REVIEWER, f"{one}:answer", measures="已会商一致")["issue"]
    closed = city.post(WINDOW, f"{one}:close")["issue"]
    of_project = city.get(COMPANY, "/v1/issues", project_id=case["project_id"])["issues"]

    assert (made["stage"], made["status"]) == ("received", "open")
    assert (answered["status"], closed["status"]) == ("answered", "closed")
    assert [each["number"] for each in of_project] == [made["number"]]
