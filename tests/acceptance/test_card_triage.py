"""Article 15: cards are sorted, merged, ignored, waived or sent on, and nothing of them disappears."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acceptance.conftest import City, Json, refused
from support.waiting import eventually

CITY, HEAD, DISTRICT = "d4.city", "d5.city", "d1.danyang"
PATH = "/v1/cards"


@pytest.fixture
def late(city: City) -> str:
    """A project that ought to have started more than three months ago: a yellow and a red card."""
    planned = city.today() - timedelta(days=200)
    project_id = str(city.register(CITY, planned_start=str(planned))["project_id"])
    # A project is warned of from the working day after it became known.
    city.to_next_working_day()
    return project_id


def card(city: City, project_id: str, colour: str) -> Json:
    asked = {"project_id": project_id, "rule": "W-09", "colour": f"COLOUR_{colour}"}

    def found() -> Json:
        cards = city.get(CITY, PATH, **asked)["cards"]
        assert cards, f"project {project_id} has no {colour} card yet"
        return dict(cards[0])

    return eventually(found, timeout=30)


def act(city: City, who: str, one: Json, verb: str, /, **body: object) -> Json:
    return dict(city.post(who, f"{PATH}/{one['card_id']}:{verb}", **body)["card"])


def reread(city: City, one: Json) -> Json:
    return dict(city.get(CITY, f"{PATH}/{one['card_id']}")["card"])


def steps(one: Json) -> list[str]:
    return [each["step"] for each in one["steps"]]


@pytest.mark.article("A15.2")
def test_cards_are_sorted_by_cause_and_found_by_it(city: City, late: str) -> None:
    red = card(city, late, "RED")
    mine = {"project_id": late, "rule": "W-09", "colour": "COLOUR_RED"}
    before = city.get(CITY, PATH, **mine, untriaged=True)["cards"]
    act(city, CITY, red, "sort", cause="CAUSE_RESOURCES", note="用地指标未落实")
    after = city.get(CITY, PATH, **mine, untriaged=True)["cards"]
    found = city.get(CITY, PATH, **mine, cause="CAUSE_RESOURCES")["cards"]
    other = city.get(CITY, PATH, **mine, cause="CAUSE_POLICY")["cards"]

    assert [each["card_id"] for each in before] == [red["card_id"]]
    assert (after, other) == ([], [])
    assert [each["card_id"] for each in found] == [red["card_id"]]


@pytest.mark.article("A15.2")
def test_a_duplicate_is_merged_and_says_where(city: City, late: str) -> None:
    yellow, red = card(city, late, "YELLOW"), card(city, late, "RED")
    lesser = city.person(CITY).post(
        f"{PATH}/{red['card_id']}:merge", json={"into": yellow["card_id"], "note": "同一原因"}
    )
    merged = act(city, CITY, yellow, "merge", into=red["card_id"], note="同一原因, 并入红牌处置")

    assert refused(lesser)[1] == "MERGED_INTO_LESSER"
    assert (merged["status"], merged["merged_into"]) == ("CARD_STATUS_MERGED", red["card_id"])
    assert "took_over" in steps(reread(city, red))
    assert reread(city, yellow)["status"] == "CARD_STATUS_MERGED"


@pytest.mark.article("A15.2")
def test_a_yellow_card_is_ignored_with_a_reason_and_a_red_one_is_not(city: City, late: str) -> None:
    yellow, red = card(city, late, "YELLOW"), card(city, late, "RED")
    silent = city.person(CITY).post(f"{PATH}/{yellow['card_id']}:ignore", json={})
    too_red = city.person(CITY).post(f"{PATH}/{red['card_id']}:ignore", json={"reason": "不影响"})
    own = city.person(DISTRICT).post(f"{PATH}/{yellow['card_id']}:ignore", json={"reason": "自行"})
    ignored = act(city, CITY, yellow, "ignore", reason="已亮红牌, 按红牌处置")

    assert refused(silent)[::2] == (400, ["reason"])
    assert (refused(too_red)[1], refused(own)[1]) == ("ONLY_YELLOW_IGNORED", "OWN_CARD")
    assert ignored["status"] == "CARD_STATUS_IGNORED"
    assert reread(city, yellow)["steps"][-1]["note"] == "已亮红牌, 按红牌处置"


@pytest.mark.article("A15.2")
def test_a_card_is_dispatched_or_waived_with_a_reason(city: City, late: str) -> None:
    yellow, red = card(city, late, "YELLOW"), card(city, late, "RED")
    order = city.post(
        CITY, "/v1/work-orders:dispatch", card_id=yellow["card_id"], requirement="请说明开工计划"
    )["order"]
    waived = act(city, CITY, red, "waive", reason="规划调整, 非责任单位原因")

    assert order["card_id"] == yellow["card_id"]
    assert reread(city, yellow)["orders"] == [order["order_id"]]
    assert (waived["status"], waived["steps"][-1]["note"]) == (
        "CARD_STATUS_WAIVED",
        "规划调整, 非责任单位原因",
    )


@pytest.mark.article("A15.2")
def test_a_body_objects_with_evidence_and_somebody_else_decides(city: City, late: str) -> None:
    red = card(city, late, "RED")
    words = {"reason": "开工条件由省级批复决定", "evidence": "省厅受理通知书"}
    act(city, DISTRICT, red, "object", **words)
    twice = city.person(DISTRICT).post(f"{PATH}/{red['card_id']}:object", json=words)
    queue = city.get(CITY, PATH, project_id=late, objection="OBJECTION_STATUS_RAISED")["cards"]
    verdict = {"decision": "OBJECTION_DECISION_REVOKE", "reason": "核实属实"}
    by_body = city.person(DISTRICT).post(f"{PATH}/{red['card_id']}:decideObjection", json=verdict)
    decided = act(city, HEAD, red, "decideObjection", **verdict)

    assert refused(twice)[1] == "OBJECTION_MADE"
    assert [each["card_id"] for each in queue] == [red["card_id"]]
    assert by_body.status_code == 403
    assert decided["status"] == "CARD_STATUS_REVOKED"
    assert decided["objection"]["status"] == "OBJECTION_STATUS_UPHELD"
    assert decided["objection"]["evidence"] == "省厅受理通知书"
    assert steps(decided)[-3:] == ["objected", "objection_upheld", "revoked"]


def planned_anew(city: City, project_id: str) -> None:
    project = city.get(CITY, f"/v1/projects/{project_id}")["project"]
    planned = str(city.today() + timedelta(days=90))
    answer = city.person(CITY).patch(
        f"/v1/projects/{project_id}",
        json={
            "details": project["details"] | {"planned_start": planned},
            "fields": ["planned_start"],
            "reason": "年度计划调整",
            "expected_version": project["version"],
        },
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.article("A15.6")
def test_a_mended_red_card_shows_yellow_until_the_city_has_checked_it(
    city: City, late: str
) -> None:
    yellow, red = card(city, late, "YELLOW"), card(city, late, "RED")
    early = city.person(CITY).post(f"{PATH}/{red['card_id']}:close", json={"note": "提前"})
    planned_anew(city, late)

    def mended() -> tuple[Json, Json]:
        ends = reread(city, yellow), reread(city, red)
        assert [each["status"] for each in ends] == ["CARD_STATUS_CLOSED", "CARD_STATUS_RECTIFIED"]
        return ends

    ended, waiting = eventually(mended, timeout=30)
    by_body = city.person(DISTRICT).post(f"{PATH}/{red['card_id']}:close", json={"note": "自销"})
    closed = act(city, CITY, red, "close", note="复核属实")

    assert refused(early)[1] == "CARD_NOT_RECTIFIED"
    assert (ended["steps"][-1]["by"], waiting["shows"]) == ("", "COLOUR_YELLOW")
    assert refused(by_body)[:2] == (403, "OWN_CARD")
    assert (closed["status"], closed["colour"]) == ("CARD_STATUS_CLOSED", "COLOUR_RED")
    assert steps(closed)[0] == "open"
    assert steps(closed)[-2:] == ["rectified", "closed"]


@pytest.mark.article("A15.6")
def test_a_card_taken_back_leaves_its_trace_and_nothing_is_deleted(city: City, late: str) -> None:
    red = card(city, late, "RED")
    (order_id,) = reread(city, red)["orders"]
    revoked = act(city, CITY, red, "revoke", reason="基础数据录入有误")
    tried = [city.person(who).delete(f"{PATH}/{red['card_id']}") for who in (CITY, HEAD, "s1.city")]
    tried.append(city.person(CITY).delete(f"/v1/work-orders/{order_id}"))
    again = city.person(CITY).post(f"{PATH}/{red['card_id']}:waive", json={"reason": "再豁免"})
    seen = reread(city, red)
    order = city.get(CITY, f"/v1/work-orders/{order_id}")["order"]

    assert {answer.status_code for answer in tried} <= {404, 405}
    assert refused(again)[1] == "CARD_FINISHED"
    assert (seen["status"], seen["steps"]) == (revoked["status"], revoked["steps"])
    assert seen["steps"][-1]["by_name"]
    assert (order["status"], order["steps"][-2]["step"]) == ("ORDER_STATUS_CLOSED", "withdrawn")


@pytest.mark.article("A15.6")
def test_what_broke_a_limit_of_the_law_passes_with_a_written_statement_only(
    city: City, late: str
) -> None:
    yellow = card(city, late, "YELLOW")
    order = city.post(
        CITY,
        "/v1/work-orders:dispatch",
        card_id=yellow["card_id"],
        colour="COLOUR_RED_STATUTORY",
        requirement="请说明超法定期限的原因",
    )["order"]
    one = f"/v1/work-orders/{order['order_id']}"
    city.post(DISTRICT, f"{one}:sign")
    city.post(
        DISTRICT,
        f"{one}:feedback",
        cause="CAUSE_DEPARTMENT",
        measures="已办结",
        completion_date=str(city.today()),
        evidence="批复",
        signer_name="示例负责人",
    )
    bare = city.person(CITY).post(f"{one}:check", json={"passed": True, "note": "属实"})
    closed = city.post(CITY, f"{one}:check", passed=True, note="属实", statement="公开说明理由")

    assert refused(bare)[1] == "STATEMENT_MISSING"
    assert closed["order"]["status"] == "ORDER_STATUS_CLOSED"
