"""Article 15: who must act is told where he looks, and a broken channel holds nobody up."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from acceptance.conftest import City, Json, refused
from support.outside import mail_server, webhook
from support.waiting import eventually

DISPATCHER, DEPUTY, ELSEWHERE = "d1.danyang", "b3.danyang", "d1.jurong"


def ports(city: City) -> dict[str, int]:
    told = json.loads((city.instance.run / "channels.yaml").read_text())
    return {name: urlsplit(url).port or 0 for name, url in told.items()}


def wants(city: City, who: str, **settings: object) -> Json:
    return city.post(who, "/v1/notification-settings", settings=settings)


@pytest.mark.article("A15.7")
def test_people_are_told_by_mail_and_webhook_with_a_broken_channel_beside_them(
    city: City,
) -> None:
    known = ports(city)
    with mail_server(known["email"]) as letters, webhook(known["webhook"]) as posts:
        wants(
            city,
            DISPATCHER,
            addresses={"email": "d1@example.com", "webhook": "danyang", "sms": "13800000000"},
        )
        unknown = city.person(DISPATCHER).post(
            "/v1/notification-settings", json={"settings": {"addresses": {"pager": "1"}}}
        )
        project_id = str(city.register("d4.city")["project_id"])
        order = _ordered(city, project_id)

        letter = eventually(lambda: _about(letters, order), timeout=30)
        post = eventually(lambda: _about(posts, order), timeout=30)
        records = eventually(lambda: _records(city, order), timeout=30)
        shown = city.get(DISPATCHER, "/v1/notifications")["notifications"]

    assert refused(unknown)[1] == "CHANNEL_UNKNOWN"
    assert letter["to"] == ["d1@example.com"]
    assert order["number"] in post["title"]
    assert records["email"]["status"] == records["webhook"]["status"] == "DELIVERY_STATUS_SENT"
    assert records["sms"]["status"] == "DELIVERY_STATUS_WAITING"
    assert records["sms"]["attempts"] >= 1
    assert records["sms"]["error"]
    assert any(order["number"] in each["title_zh"] for each in shown)
    assert "Kaigong#2026" not in letter["body"]


@pytest.mark.article("A07.1")
def test_who_is_away_is_stood_in_for_by_his_deputy(city: City) -> None:
    known, today = ports(city), str(city.today())
    with mail_server(known["email"]) as letters:
        wants(city, DEPUTY, addresses={"email": "b3@example.com"})
        wants(
            city,
            "d1.danyang",
            addresses={"email": "d1@example.com"},
            deputy=DEPUTY,
            away_from=today,
            away_to=today,
        )
        order = _ordered(city, str(city.register("d4.city")["project_id"]))
        eventually(lambda: _about(letters, order, to="b3@example.com"), timeout=30)
        shown = city.get(DEPUTY, "/v1/notifications")["notifications"]
        nobody = city.person(DISPATCHER).post(
            "/v1/notification-settings", json={"settings": {"deputy": "nobody.there"}}
        )

    assert any(order["number"] in each["title_zh"] for each in shown)
    assert refused(nobody)[1] == "DEPUTY_UNKNOWN"


def _ordered(city: City, project_id: str) -> Json:
    def known() -> Json:
        answer = city.person("d4.city").post(
            "/v1/work-orders:dispatch",
            json={
                "project_id": project_id,
                "lead_org": "321181:政务服务",
                "requirement": "请核实项目前期进展并反馈",
                "subject": "前期进展核实",
                "source": "ORDER_SOURCE_INSPECTION",
            },
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["order"])

    return eventually(known)


def _about(arrived: list[Json], order: Json, *, to: str = "") -> Json:
    return next(
        (
            each
            for each in arrived
            if order["number"] in each["title"] and (not to or to in each["to"])
        ),
        {},
    )


def _records(city: City, order: Json) -> dict[str, Json]:
    found = city.get(DISPATCHER, "/v1/deliveries")["deliveries"]
    mine = {each["channel"]: each for each in found if order["number"] in each["title_zh"]}
    assert len(mine) == 3, found
    assert mine["sms"]["attempts"], mine
    return mine
