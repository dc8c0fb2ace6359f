"""Articles 4, 5 and 6: each opens one page and sees what waits for him."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import docx
import pytest

from acceptance.conftest import City, Json, refused, said
from acceptance.test_linkage import act, drafted, opened, signed
from acceptance.test_linkage import project_id as project_id
from support.waiting import eventually

TEAM, DISTRICT, LEADER, OFFICE, VICE_MAYOR = (
    *("d4.city", "d1.danyang", "d2.danyang", "d3.danyang", "d6.city"),
)
BODY, ANSWERS = "321181:发改", "b3.danyang"


def parts(city: City, who: str) -> dict[str, Json]:
    return {each["key"]: each for each in city.get(who, "/v1/desk")["parts"]}


def counts(city: City, who: str) -> dict[str, int]:
    return {key: each["count"] for key, each in parts(city, who).items()}


def figures(city: City, who: str) -> dict[tuple[str, str], Json]:
    return {(each["key"], each["name"]): each for each in city.get(who, "/v1/desk")["figures"]}


def grown(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {key for key, count in after.items() if count > before[key]}


def convened(city: City, project_id: str) -> None:
    """Convene a joint review on a case of the project."""
    wanted = {"project_id": project_id, "item_code": "S2-01"}
    submitted: Json = eventually(
        lambda: said(city.person("e1.p02").post("/v1/cases:submit", json=wanted)), timeout=30
    )
    day = str(city.today() + timedelta(days=7))
    invitation = {"org": BODY, "opinion_due": day, "silence": "SILENCE_RULE_CHASED"}
    city.post(
        DISTRICT,
        "/v1/joint-reviews",
        project_id=project_id,
        case_ids=[submitted["case"]["case_id"]],
        subject="备案事项联审会办",
        meets_on=day,
        meets_at="09:30",
        place="丹阳市政务服务中心",
        invitations=[invitation],
    )


def letter(city: City, who: str, path: str) -> str:
    """Return the words of a .docx, one paragraph or cell a line."""
    answer = city.person(who).get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].endswith("wordprocessingml.document")
    document = docx.Document(io.BytesIO(answer.content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(each.text for each in document.paragraphs), *cells])


@pytest.mark.article("A05.1")
def test_the_citys_team_sees_orders_applications_cards_meetings_and_tasks(
    city: City, project_id: str
) -> None:
    before = counts(city, TEAM)
    work = city.post(
        TEAM,
        "/v1/work-orders:dispatch",
        project_id=project_id,
        co_orgs=[BODY],
        requirement="请提供备案台账备查",
        subject="半年考核抽查",
        source="ORDER_SOURCE_INSPECTION",
    )["order"]
    assert "inspections" in grown(before, counts(city, TEAM))
    one = f"/v1/work-orders/{work['order_id']}"
    city.post(ANSWERS, f"{one}:sign")
    city.post(
        ANSWERS,
        f"{one}:feedback",
        cause="CAUSE_DEPARTMENT",
        measures="台账已补齐",
        completion_date=str(city.today()),
        evidence="台账 12 页",
        signer_name="示例负责人",
    )
    matter = signed(city, drafted(city, project_id))
    act(city, DISTRICT, matter, "submit")
    now = datetime.fromisoformat(city.get("s2.city", "/v1/clock")["now"])
    city.post(
        TEAM,
        "/v1/pushes:plan",
        project_id=project_id,
        subject="用地手续现场协调",
        place="丹北镇",
        planned_at=(now + timedelta(hours=3)).isoformat(),
    )
    convened(city, project_id)
    eventually(lambda: "meetings" in grown(before, counts(city, TEAM)), timeout=30)
    desk = parts(city, TEAM)
    more = grown(before, counts(city, TEAM))

    assert {"inspections", "orders_to_check", "applications", "meetings", "pushes"} <= more
    assert {"cards", "orders_returned", "orders_overdue", "agenda"} <= set(desk)
    for part in desk.values():
        assert len(part["first"]) == min(part["count"], 5)
        assert city.person(TEAM).get(part["path"]).status_code == 200, part["path"]
        for item in part["first"]:
            assert city.person(TEAM).get(item["path"]).status_code == 200, item["path"]
    assert refused(city.person("a2.danyang.fagai").get("/v1/desk"))[0] == 403


@pytest.mark.article("A05.1")
def test_a_card_leaves_the_desk_when_an_order_goes_out_for_it(city: City) -> None:
    first = eventually(lambda: parts(city, TEAM)["cards"]["first"], timeout=30)[0]
    city.post(TEAM, "/v1/work-orders:dispatch", card_id=first["id"], requirement="请限时办结并反馈")
    after = parts(city, TEAM)["cards"]

    assert first["colour"] in {"COLOUR_YELLOW", "COLOUR_RED", "COLOUR_RED_STATUTORY"}
    assert first["id"] not in {each["id"] for each in after["first"]}


@pytest.mark.article("A06.1")
def test_the_district_sees_its_projects_meetings_reports_and_how_it_stands(
    city: City, project_id: str
) -> None:
    board, before = figures(city, DISTRICT), counts(city, DISTRICT)
    stage = city.get(DISTRICT, f"/v1/projects/{project_id}")["project"]["stage"]
    others = figures(city, "d1.jurong")
    matter = opened(city, project_id)
    act(city, "b2.danyang", matter, "record", text="镇里会商未果")
    act(city, "b2.danyang", matter, "raise", note="请市(区)协调")
    in_hand = grown(before, counts(city, DISTRICT))
    act(city, DISTRICT, matter, "record", text="区级会商未果")
    crossing = {"crosses": ["CROSSING_LEVEL"], "wanted": "请市级协调"}
    words = act(city, DISTRICT, matter, "draft", **crossing)
    to_sign = grown(before, counts(city, DISTRICT))
    signed(city, words)
    act(city, DISTRICT, matter, "submit")
    reported = grown(before, counts(city, DISTRICT))
    act(city, TEAM, matter, "accept")
    path = f"/v1/escalations/{matter['escalation_id']}"
    became = city.get(DISTRICT, path)["escalation"]

    assert board["projects_by_stage", stage.removeprefix("STAGE_")]["value"] >= 1
    assert {key for key, _ in board} >= {
        *("cards_by_colour", "logs_overdue", "matters_overdue", "orders_answered_in_time"),
    }
    assert "matters" in in_hand
    assert {"matters", "to_sign"} <= to_sign
    assert "reported" in reported
    assert "to_sign" not in reported
    assert became["status"] == "ESCALATION_STATUS_HANDLING"
    assert {"meetings", "pushes", "orders_to_answer", "vacancies"} <= set(before)
    assert board != others


@pytest.mark.article("A04.1")
def test_the_local_government_sees_its_board_signs_and_reports_specially(
    city: City, project_id: str
) -> None:
    matter = opened(city, project_id)
    act(city, "b2.danyang", matter, "record", text="镇里会商未果")
    act(city, "b2.danyang", matter, "raise", note="请市(区)协调")
    act(city, DISTRICT, matter, "record", text="区级会商未果, 需市领导推进")
    before, mayors = counts(city, OFFICE), counts(city, VICE_MAYOR)
    report = act(
        city,
        OFFICE,
        matter,
        "writeReport",
        title="关于跨市接入道路用地的专报",
        text="一、项目概况……二、存在问题……三、建议……",
    )
    drafted_, leader = grown(before, counts(city, OFFICE)), counts(city, LEADER)
    letters = f"/v1/escalations/{matter['escalation_id']}:report"
    draft = letter(city, OFFICE, letters)
    by_district = city.person(DISTRICT).post(
        f"/v1/escalations/{matter['escalation_id']}:writeReport",
        json={"title": "专报", "text": "区政务办代拟"},
    )
    seen = signed(city, report)
    up = act(city, OFFICE, matter, "submit")
    after, mayor = counts(city, OFFICE), counts(city, VICE_MAYOR)
    elsewhere = city.person("d2.jurong").get(f"/v1/escalations/{matter['escalation_id']}")
    board = figures(city, LEADER)

    printed = letter(city, VICE_MAYOR, letters)

    assert drafted_ == {"to_sign", "reports"}
    assert "(待签字)" in draft
    assert "关于跨市接入道路用地的专报" in printed
    assert {"丹阳市人民政府", "示例丹阳分管领导", report["content_sha256"]} <= set(
        printed.split("\n")
    )
    assert leader["to_sign"] >= 1
    assert refused(by_district)[0] == 403
    assert seen["signature"]["signer_name"] == "示例丹阳分管领导"
    assert (up["rung"], up["status"]) == ("RUNG_L4", "ESCALATION_STATUS_SUBMITTED")
    assert grown(before, after) == {"reports", "reported"}
    assert grown(mayors, mayor) == {"bulletins"}
    assert elsewhere.status_code == 403
    assert any(key == "projects_by_stage" and each["value"] for (key, _), each in board.items())
    assert ("cards_by_colour", "red") in board
