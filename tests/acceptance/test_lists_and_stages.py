"""Articles 9, 10 and 26: levels, the annual list, stages that follow from approvals, and history."""

from __future__ import annotations

import io
import secrets
from datetime import timedelta
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from acceptance.conftest import City, Json, described, refused, said, unique
from support import eventually
from support.projects import workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def project_code(region: str = "321181") -> str:
    return f"2611-{region}-89-01-{secrets.randbelow(10**6):06d}"


def row(city: City, **cells: Any) -> dict[str, Any]:
    return {
        "年度": city.today().year,
        "级别": "市级",
        "类别": "实施",
        "项目名称": unique(),
        "项目代码": project_code(),
        "建设单位": "示例汽车部件(丹阳)有限公司",
        "统一社会信用代码": "91321181000000027K",
        "行政区划": "丹阳市",
        "管理载体": "丹北镇",
        "总投资(万元)": 80000,
        "计划开工": str(city.today() + timedelta(days=300)),
        **cells,
    }


def preview(city: City, *rows: dict[str, Any]) -> tuple[str, Json]:
    """Upload a list as the city's dispatcher; return its path and its preview."""
    uploaded = said(
        city.person("d4.city").post(
            "/v1/annual-lists:upload",
            params={"file_name": "年度清单.xlsx"},
            content=workbook(list(rows)),
            headers={"content-type": XLSX},
        )
    )
    one = f"/v1/annual-lists/{uploaded['list']['list_id']}"
    return one, city.post("d4.city", f"{one}:preview")


def commit(city: City, one: str, seen: Json) -> Json:
    return dict(city.post("d4.city", f"{one}:commit", preview_token=seen["preview_token"])["list"])


def found(city: City, username: str, name: str) -> list[Json]:
    return list(city.get(username, "/v1/projects", q=name)["projects"])


@pytest.mark.article("A09.1")
def test_the_projects_level_says_who_dispatches_and_the_items_level_who_decides(city: City) -> None:
    """A district's own project is dispatched by the district, and still has items that the city decides."""
    own = city.register(
        "d1.danyang",
        level="PROJECT_LEVEL_DISTRICT",
        attributes={"is_new_enterprise": "true"},
    )["project_id"]
    citys = city.register("d4.city", attributes={"is_new_enterprise": "true"})["project_id"]

    def deciding(project: str) -> dict[str, str]:
        items = city.get("d1.danyang", f"/v1/projects/{project}/items", page_size=200)["items"]
        assert items, "the items were not picked yet"
        return {each["item_code"]: each["org"].split(":")[0] for each in items}

    districts = eventually(lambda: deciding(own), timeout=30)
    cities = eventually(lambda: deciding(citys), timeout=30)

    assert {"321100", "321181"} <= set(districts.values())
    assert all(districts[code] == org for code, org in cities.items() if code in districts)
    assert refused(city.person("d4.city").get(f"/v1/projects/{own}"))[1] == "OUT_OF_SCOPE"
    city.get("d1.danyang", f"/v1/projects/{own}")
    city.get("d4.city", f"/v1/projects/{citys}")


@pytest.mark.article("A09.4")
def test_who_changed_what_from_what_to_what_is_kept_for_good(city: City) -> None:
    project = city.register("d4.city")
    one = f"/v1/projects/{project['project_id']}"
    said(
        city.person("d4.city").patch(
            one, json={"details": {"industry": "功率器件"}, "fields": ["industry"]}
        )
    )

    (line,) = city.get("d4.city", f"{one}/history", field="industry")["changes"][:1]

    assert (line["old"], line["new"], line["by_name"]) == ("", "功率器件", "示例市专班调度员")
    assert line["at"].startswith(str(city.today())[:4])
    paths = said(httpx.get(f"{city.instance.base_url}/openapi.json"))["paths"]
    assert [path for path, operations in paths.items() if "delete" in operations] == []


@pytest.mark.article("A10.1")
def test_the_template_can_be_filled_in_and_comes_back_as_projects(city: City) -> None:
    file = city.person("d4.city").get("/v1/annual-lists/template")
    heads = [cell.value for cell in load_workbook(io.BytesIO(file.content)).worksheets[0][1]]
    assert {"年度", "级别", "项目名称", "统一社会信用代码", "计划开工"} <= set(heads)
    wanted = [row(city), row(city, 级别="省级", 项目代码=project_code())]

    one, seen = preview(city, *wanted)
    assert seen["errors"] == []
    listed = commit(city, one, seen)

    assert (listed["added"], listed["changed"]) == (2, 0)
    for each in wanted:
        assert len(found(city, "d4.city", each["项目名称"])) == 1


@pytest.mark.article("A03.9")
def test_the_board_shows_the_years_list_within_a_minute(city: City) -> None:
    year = city.today().year

    def on_the_board() -> int:
        return int(city.get("d4.city", "/v1/network", year=year)["total"]["projects"])

    before = on_the_board()
    city.register("d4.city")
    commit(city, *preview(city, row(city), row(city)))

    assert eventually(lambda: on_the_board() == before + 2, timeout=60)


@pytest.mark.article("A10.1")
def test_one_bad_row_keeps_the_whole_list_out_and_is_named(city: City) -> None:
    good, bad = row(city), row(city, 行政区划="不存在市", 统一社会信用代码="91321181000000027X")

    one, seen = preview(city, good, bad)

    assert {(each["row"], each["column"]) for each in seen["errors"]} == {
        (3, "行政区划"),
        (3, "统一社会信用代码"),
    }
    assert seen["preview_token"] == ""
    answer = city.person("d4.city").post(f"{one}:commit", json={"preview_token": "x"})
    assert answer.status_code in {400, 409}
    assert found(city, "d4.city", good["项目名称"]) == []


@pytest.mark.article("A10.1")
def test_the_same_list_twice_changes_nothing_and_a_difference_is_shown_first(city: City) -> None:
    given = row(city)
    commit(city, *preview(city, given))

    again = commit(city, *preview(city, given))
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 1)

    one, seen = preview(city, {**given, "总投资(万元)": 90000})
    assert "90000" in str(seen["differences"])
    assert "80000" in str(seen["differences"])
    assert commit(city, one, seen)["changed"] == 1
    assert len(found(city, "d4.city", given["项目名称"])) == 1


@pytest.mark.article("A10.2")
def test_a_district_enters_its_own_projects_and_the_city_counts_them_only(city: City) -> None:
    def counted() -> int:
        by_level = city.get("d4.city", "/v1/network")["total"]["by_level"]
        return sum(each["count"] for each in by_level if each["key"] == "区级")

    before = counted()
    own = city.register("d1.danyang", level="PROJECT_LEVEL_DISTRICT")

    assert eventually(lambda: counted() == before + 1, timeout=60)
    assert refused(city.person("d4.city").get(f"/v1/projects/{own['project_id']}"))[:2] == (
        403,
        "OUT_OF_SCOPE",
    )
    assert found(city, "d4.city", own["details"]["name"]) == []
    assert len(found(city, "d1.danyang", own["details"]["name"])) == 1
    by_city = city.person("d4.city").post(
        "/v1/projects", json={"details": described(city, level="PROJECT_LEVEL_DISTRICT")}
    )
    assert by_city.status_code == 403


@pytest.mark.article("A10.4")
def test_a_stage_follows_from_the_items_and_cannot_be_set(city: City) -> None:
    project = city.register("d4.city")["project_id"]
    one = f"/v1/projects/{project}"
    before = city.settled(project)["stage"]
    by_hand = city.person("d4.city").patch(
        one, json={"details": {"stage": "S6"}, "fields": ["stage"]}
    )
    assert by_hand.status_code == 400

    items = city.get("d4.city", f"{one}/items", page_size=200)["items"]
    day = str(city.today())
    past = [
        {"item_code": each["item_code"], "accepted_on": day, "decided_on": day}
        for each in items
        if each["stage"] == before
    ]
    city.post("d4.city", f"{one}:recordPastDecisions", decisions=past)

    def moved() -> bool:
        return bool(city.get("d4.city", one)["project"]["stage"] != before)

    assert eventually(moved, timeout=30)
    history = city.get("d4.city", f"{one}/history", field="stage")["changes"]
    assert history[0]["by"] == ""


@pytest.mark.article("A10.4")
def test_both_stage_schemes_can_be_in_use(city: City) -> None:
    schemes = city.get("d4.city", "/v1/stage-schemes")["schemes"]
    assert len(schemes) == 2
    (used,) = [each["scheme"] for each in schemes if each["in_use"]]
    (other,) = [each["scheme"] for each in schemes if not each["in_use"]]
    project = city.register("d4.city")["project_id"]
    stage = city.settled(project)["stage"]

    def shown() -> str:
        return str(city.get("d4.city", f"/v1/projects/{project}")["project"]["stage"])

    city.post("s1.city", f"/v1/stage-schemes/{other}:choose")
    try:
        codes = {s["code"] for each in schemes if each["scheme"] == other for s in each["stages"]}
        assert eventually(lambda: shown() in codes and shown() != stage, timeout=30)
    finally:
        city.post("s1.city", f"/v1/stage-schemes/{used}:choose")
    assert eventually(lambda: shown() == stage, timeout=30)


@pytest.mark.article("A10.6")
@pytest.mark.parametrize(
    "code", ["2611-321181-89-01-12345", "2611-999999-89-01-123456", "2611-321181-89-01-12345X"]
)
def test_a_project_code_keeps_its_format_and_its_region(city: City, code: str) -> None:
    answer = city.person("d4.city").post(
        "/v1/projects", json={"details": described(city, code=code)}
    )

    status, _, fields = refused(answer)
    assert (status, fields) == (400, ["details.code"])


@pytest.mark.article("A10.6")
def test_a_code_belongs_to_one_project_and_an_enterprise_may_have_many(city: City) -> None:
    code = project_code()
    first = city.register("d4.city", code=code)
    second = city.register("d4.city", name=f"{first['details']['name']}(二期)", code=project_code())

    taken = city.person("d4.city").post(
        "/v1/projects", json={"details": described(city, code=code)}
    )

    assert refused(taken)[:2] == (409, "CODE_TAKEN")
    mine = city.get("e1.p02", "/v1/projects", page_size=200)["projects"]
    assert {first["project_id"], second["project_id"]} <= {each["project_id"] for each in mine}


@pytest.mark.article("A26.1")
def test_what_was_decided_before_the_measures_is_marked_and_counts_for_nobody(city: City) -> None:
    month = "2023-01"

    def decided() -> int:
        report = city.get("d4.city", f"/v1/reports/{month}")["report"]
        return next(int(i["value"]) for i in report["overview"] if i["name"] == "本月办结件数")

    before = decided()
    project = city.register("d4.city")["project_id"]
    one = f"/v1/projects/{project}"
    eventually(lambda: city.get("d4.city", f"{one}/items")["items"], timeout=30)

    recorded = city.post(
        "d4.city",
        f"{one}:recordPastDecisions",
        decisions=[
            {"item_code": "S2-01", "accepted_on": "2023-01-09", "decided_on": "2023-01-10"},
            {"item_code": "S2-02", "accepted_on": "2023-03-09", "decided_on": "2023-03-10"},
        ],
    )

    assert (recorded["recorded"], recorded["historical"]) == (2, 1)

    def marks() -> dict[str, bool]:
        items = city.get("d4.city", f"{one}/items", page_size=200)["items"]
        done = {each["item_code"]: each["historical"] for each in items if each["state"] == "done"}
        assert "S2-01" in done, "the decision has not arrived yet"
        return done

    assert eventually(marks, timeout=30)["S2-01"] is True
    assert decided() == before
    cards = city.get("d4.city", "/v1/cards", project_id=project)["cards"]
    assert [each for each in cards if each["item_code"] == "S2-01"] == []


@pytest.mark.article("A10.5")
def test_a_project_is_archived_when_its_first_registration_and_all_else_is_done(city: City) -> None:
    project_id = city.register("d4.city")["project_id"]
    city.settled(project_id)
    one, reason = f"/v1/projects/{project_id}", {"reason": "不动产首次登记完成, 办结归档"}
    early = city.person("d4.city").post(f"{one}:archive", json=reason)
    items = city.get("d4.city", f"{one}/items", page_size=200)["items"]
    day = str(city.today())
    decisions = [
        {"item_code": each["item_code"], "accepted_on": day, "decided_on": day} for each in items
    ]
    city.post("d4.city", f"{one}:recordPastDecisions", decisions=decisions)

    def done() -> bool:
        return bool(city.get("d4.city", one)["project"]["stage"] == "DONE")

    eventually(done, timeout=30)
    archived = city.post("d4.city", f"{one}:archive", **reason)["project"]

    assert refused(early)[1] == "PROJECT_NOT_FINISHED"
    assert "S6-17" in {each["item_code"] for each in items}
    assert archived["status"] == "PROJECT_STATUS_ARCHIVED"

    def over() -> bool:
        wanted = {"project_id": project_id, "item_code": "S2-01"}
        answer = city.person("e1.p02").post("/v1/cases:submit", json=wanted)
        return refused(answer)[1] == "PROJECT_OVER"

    eventually(over, timeout=30)
    assert city.get("e1.p02", one)["project"]["project_id"] == project_id
