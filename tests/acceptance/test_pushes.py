"""Article 5: the city's team goes there and settles it on the spot 推办, which is not supervision 督办."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from acceptance.conftest import City, Json, refused
from acceptance.test_work_orders import order as order
from support.waiting import eventually

CITY, HELPER, BODY = "d4.city", "a4.danyang.fagai", "321181:发改"


@pytest.mark.article("A05.2")
def test_a_visit_is_planned_made_and_followed_by_orders(city: City, order: Json) -> None:
    now = datetime.fromisoformat(city.get("s2.city", "/v1/clock")["now"])
    wish = {
        "order_id": order["order_id"],
        "subject": "备案材料缺项现场协调",
        "place": "丹北镇政务服务中心",
        "bodies": [BODY],
        "people": "市专班 2 人, 企业项目经理",
        "planned_at": (now + timedelta(hours=2)).isoformat(),
    }
    push = city.post(CITY, "/v1/pushes:plan", **wish)["push"]
    one = f"/v1/pushes/{push['push_id']}"
    stranger = city.person("a4.danyang.zhujian").post("/v1/pushes:plan", json=wish)
    told = eventually(lambda: _told(city, push["number"]), timeout=20)
    done = city.post(
        CITY,
        f"{one}:finish",
        outcome="四方到场, 逐项核对缺项",
        agreed="发改 2 日内出具意见, 企业当日补齐",
        tasks=[{"lead_org": BODY, "requirement": "2 日内出具备案意见"}],
    )["push"]
    twice = city.person(CITY).post(f"{one}:cancel", json={"reason": "改期"})
    work = city.get(CITY, f"/v1/work-orders/{order['order_id']}")["order"]
    (follows,) = done["orders"]
    follow = city.get(HELPER, f"/v1/work-orders/{follows}")["order"]
    listed = city.get(CITY, "/v1/pushes", order_id=order["order_id"])["pushes"]

    assert refused(stranger)[0] == 403
    assert "丹北镇政务服务中心" in told["body_zh"]
    assert (done["status"], done["people"]) == ("PUSH_STATUS_DONE", "市专班 2 人, 企业项目经理")
    assert refused(twice)[1] == "PUSH_NOT_PLANNED"
    assert (work["steps"][-1]["step"], work["supervised"]) == ("visited", False)
    assert push["number"] in work["steps"][-1]["note"]
    assert (follow["lead_org"], follow["requirement"]) == (BODY, "2 日内出具备案意见")
    assert [each["push_id"] for each in listed] == [push["push_id"]]


def _told(city: City, number: str) -> Json:
    found = city.get(HELPER, "/v1/notifications")["notifications"]
    return next((each for each in found if number in each["title_zh"]), {})
