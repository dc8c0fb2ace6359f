"""Articles 3, 10 and 12: one list for a company, one for a department, one net for a region."""

from __future__ import annotations

import io
from datetime import timedelta

import openpyxl
import pytest

from acceptance.conftest import City, Json

COMPANY, WINDOW, DISPATCHER = "e1.p02", "a1.danyang", "d1.danyang"
REVIEWER, HEAD, ORG = "a2.danyang.fagai", "a3.danyang.fagai", "321181:发改"
ITEM = "S2-06"


@pytest.fixture
def project_id(city: City) -> str:
    made = city.register("d4.city", attributes={"annual_energy_tce": "2400"})
    city.settled(made["project_id"])
    return str(made["project_id"])


def submitted(city: City, project_id: str, code: str) -> Json:
    wanted = {"project_id": project_id, "item_code": code}
    return dict(city.post(COMPANY, "/v1/cases:submit", **wanted)["case"])


def listed(city: City, case_id: str) -> Json:
    """Return a case as it stands in its department's list, whatever page it is on."""
    token = ""
    while True:
        page = city.get(REVIEWER, "/v1/work", page_size=200, page_token=token)
        for each in page["work"]:
            if each["case"]["case_id"] == case_id:
                return dict(each)
        token = page["next_page_token"]
        assert token, f"{case_id} is not in the list"


@pytest.mark.article("A03.6")
def test_the_items_of_a_project_are_one_list_that_can_be_taken_along(
    city: City, project_id: str
) -> None:
    case = submitted(city, project_id, "S2-01")
    one = f"/v1/projects/{project_id}/items"
    items = city.get(COMPANY, one, page_size=200)["items"]
    file = city.person(COMPANY).get(f"{one}:export")

    assert file.status_code == 200, file.text
    sheet = openpyxl.load_workbook(io.BytesIO(file.content))["一单清"]
    heads = [cell.value for cell in sheet[2]]
    rows = [
        dict(zip(heads, (cell.value for cell in row), strict=True)) for row in sheet.iter_rows(3)
    ]
    assert [row["事项编号"] for row in rows] == [each["item_code"] for each in items]
    mine = next(row for row in rows if row["事项编号"] == "S2-01")
    assert (mine["状态"], mine["实施机关"]) == ("已收件", case["org_name"])
    assert {"承诺时限", "法定时限", "负责人", "电话"} <= set(heads)


@pytest.mark.article("A03.8")
def test_a_company_follows_its_cases_but_reads_no_opinion_among_departments(
    city: City, project_id: str
) -> None:
    case = submitted(city, project_id, ITEM)
    day = str(city.today() + timedelta(days=7))
    review = city.post(
        DISPATCHER,
        "/v1/joint-reviews",
        project_id=project_id,
        case_ids=[case["case_id"]],
        subject="立项会办",
        meets_on=day,
        meets_at="09:30",
        place="政务服务中心",
        invitations=[{"org": ORG, "opinion_due": day, "silence": "SILENCE_RULE_CHASED"}],
        papers=[{"title": "申请表", "document": "表-1"}],
    )["review"]
    one = f"/v1/joint-reviews/{review['review_id']}"
    secret = "内部意见: 建议从严把关"
    opinion = {"view": "JOINT_VIEW_AGREE_WITH_CONDITIONS", "text": secret}
    city.post(REVIEWER, f"{one}:giveOpinion", case_id=case["case_id"], **opinion)

    assert secret in city.person(REVIEWER).get(one).text
    for path in (
        one,
        f"/v1/joint-reviews?project_id={project_id}",
        f"/v1/cases/{case['case_id']}",
        f"/v1/cases?project_id={project_id}",
        f"/v1/projects/{project_id}/items",
    ):
        answer = city.person(COMPANY).get(path)
        assert (answer.status_code, secret in answer.text) in {(200, False), (403, False)}, path
    progress = city.get(COMPANY, f"/v1/cases/{case['case_id']}")["case"]
    assert progress["clock"]["notice_due"]


@pytest.mark.article("A10.7")
def test_a_region_is_counted_by_stage_with_who_answers_for_it(city: City, project_id: str) -> None:
    def counted() -> tuple[int, int]:
        told = city.get(DISPATCHER, "/v1/progress/321181")
        assert sum(each["counts"]["total"] for each in told["stages"]) == told["counts"]["total"]
        stage = next((each for each in told["stages"] if each["stage"] == "S2"), None)
        bodies = {each["org"]: each["counts"]["total"] for each in stage["bodies"]} if stage else {}
        return told["counts"]["total"], bodies.get(ORG, 0)

    before = counted()
    submitted(city, project_id, "S2-01")
    submitted(city, project_id, ITEM)

    assert counted() == (before[0] + 2, before[1] + 2)
    owed = city.get(REVIEWER, "/v1/work")["counts"]["total"]
    told = city.get(DISPATCHER, "/v1/progress/321181")["stages"]
    ours = [body for stage in told for body in stage["bodies"] if body["org"] == ORG]
    assert sum(each["counts"]["total"] for each in ours) == owed


@pytest.mark.article("A12.4")
def test_the_green_channel_goes_first_and_moves_no_limit(city: City, project_id: str) -> None:
    case = submitted(city, project_id, ITEM)
    one = f"/v1/cases/{case['case_id']}"
    city.post(REVIEWER, f"{one}:accept")
    before = city.get(COMPANY, one)["case"]
    city.post(WINDOW, f"{one}:markGreenChannel", green=True, reason="省重大项目")
    after = city.get(COMPANY, one)["case"]
    first = city.get(REVIEWER, "/v1/work", page_size=200)["work"]

    assert after["green"]
    for day in ("committed_due", "statutory_due"):
        assert after["clock"][day] == before["clock"][day]
    plain = [each for each in first if not each["case"]["green"]]
    assert first.index(listed(city, case["case_id"])) < (first.index(plain[0]) if plain else 10**9)
