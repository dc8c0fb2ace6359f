"""Article 5: a case is reviewed jointly, from the invitation to the minutes."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import docx
import pytest

from acceptance.conftest import City, Json, refused, said
from chassis.calendar import SHANGHAI
from support import eventually

REFORM, CONSTRUCTION = "321181:发改", "321181:住建"


@pytest.mark.article("A05.3")
def test_bodies_invited_to_a_case_speak_meet_and_conclude_and_each_task_is_an_order(
    city: City,
) -> None:
    project = city.register("d4.city")["project_id"]
    wanted = {"project_id": project, "item_code": "S2-01"}
    submitted: Json = eventually(
        lambda: said(city.person("e1.p02").post("/v1/cases:submit", json=wanted)), timeout=30
    )
    case = submitted["case"]["case_id"]
    now = datetime.fromisoformat(city.get("s2.city", "/v1/clock")["now"]).astimezone(SHANGHAI)
    meeting = (now + timedelta(minutes=2)).replace(second=0, microsecond=0)
    limit = str(meeting.date() + timedelta(days=7))
    chased = {"opinion_due": limit, "silence": "SILENCE_RULE_CHASED"}
    agenda = {
        "project_id": project,
        "case_ids": [case],
        "subject": "备案事项联审会办",
        "meets_on": str(meeting.date()),
        "meets_at": f"{meeting:%H:%M}",
        "place": "丹阳市政务服务中心",
        "invitations": [{"org": REFORM, **chased}, {"org": CONSTRUCTION, **chased}],
        "papers": [{"title": "项目建议书", "document": "建议书第1号"}],
    }

    unknown = {**agenda, "invitations": [{"org": "321181:无此机关", **chased}]}
    answer = city.person("d1.danyang").post("/v1/joint-reviews", json=unknown)
    assert refused(answer)[1:] == ("BODY_UNKNOWN", ["invitations[0].org"])

    review = city.post("d1.danyang", "/v1/joint-reviews", **agenda)["review"]
    one = f"/v1/joint-reviews/{review['review_id']}"
    city.post("a2.danyang.fagai", f"{one}:giveOpinion", case_id=case, view="JOINT_VIEW_AGREE")
    city.instance.move_clock_to(meeting)
    present = [{"name": "张三", "org": REFORM}]
    city.post("d1.danyang", f"{one}:recordMeeting", minutes="会议逐项讨论。", present=present)

    conditions = {
        "case_id": case,
        "outcome": "JOINT_OUTCOME_PROCEED_WITH_CONDITIONS",
        "text": "补齐后通过",
        "tasks": [{"text": "补充用地说明", "org": REFORM, "due_on": limit}],
    }
    early = city.person("d1.danyang").post(f"{one}:conclude", json={"conclusions": [conditions]})
    assert refused(early)[1] == "OPINION_MISSING"
    city.post(
        "a2.danyang.zhujian",
        f"{one}:giveOpinion",
        case_id=case,
        view="JOINT_VIEW_AGREE_WITH_CONDITIONS",
        text="须补充用地说明",
    )
    before = city.get("e1.p02", f"/v1/cases/{case}")["case"]
    city.post("d1.danyang", f"{one}:conclude", conclusions=[conditions])

    after = city.get("e1.p02", f"/v1/cases/{case}")["case"]
    (told,) = after["joint_conclusions"]
    assert told["conclusion"]["outcome"] == "proceed_with_conditions"
    assert [each["org"] for each in told["conclusion"]["tasks"]] == [REFORM]
    assert after["clock"] == before["clock"]
    listed = city.get("d1.danyang", "/v1/joint-reviews", project_id=project)["reviews"]
    assert [each["status"] for each in listed] == ["concluded"]
    minutes = city.person("d1.danyang").get(f"{one}/minutes:download")
    assert minutes.status_code == 200, minutes.text
    paragraphs = [each.text for each in docx.Document(io.BytesIO(minutes.content)).paragraphs]
    assert "会议逐项讨论。" in paragraphs

    def ordered() -> Json:
        orders = city.get("d4.city", "/v1/work-orders", project_id=project)["orders"]
        (order,) = [each for each in orders if each.get("case_id") == case] or [{}]
        return dict(order)

    order = eventually(ordered, timeout=30)
    assert (order["source"], order["lead_org"]) == ("ORDER_SOURCE_MEETING", REFORM)
    assert "补充用地说明" in order["requirement"]
