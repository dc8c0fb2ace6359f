"""Article 11: a plan of one's own, one that reminds by itself, and services picked from a menu."""

from __future__ import annotations

import hashlib
import io
import secrets

import docx
import pytest

from acceptance.conftest import City, Json, refused
from support.waiting import eventually

COMPANY, NAVIGATOR, REVIEWER = "e1.p02", "b1.danyang", "a2.danyang.fagai"
MEETING = {
    "kind": "PLAN_EDIT_KIND_ADD",
    "name": "招拍挂准备会",
    "stage": "S5",
    "days": 60,
    "before": ["S5-09"],
}


@pytest.fixture
def project_id(city: City) -> str:
    made = city.register("d4.city", attributes={"eia_class": '"form"', "land_type": '"transfer"'})
    city.settled(str(made["project_id"]))
    return str(made["project_id"])


def edit(city: City, project_id: str, *edits: Json, who: str = COMPANY) -> Json:
    path = f"/v1/projects/{project_id}/plan:edit"
    return dict(city.post(who, path, edits=list(edits), reason="项目实际需要"))


@pytest.mark.article("A11.2")
def test_a_plan_is_made_the_projects_own_within_the_law(city: City, project_id: str) -> None:
    path = f"/v1/projects/{project_id}/plan"
    before = city.get(COMPANY, path)["plan"]
    added = edit(city, project_id, MEETING)
    shorter = edit(city, project_id, {"kind": "PLAN_EDIT_KIND_DAYS", "code": "N-01", "days": 30})
    law = city.person(COMPANY).post(
        f"{path}:edit",
        json={"edits": [{"kind": "PLAN_EDIT_KIND_REMOVE", "code": "S5-09"}], "reason": "不办"},
    )
    ring = {"kind": "PLAN_EDIT_KIND_LINK", "code": "N-01", "after": ["S5-09"]}
    round_ = city.person(COMPANY).post(f"{path}:edit", json={"edits": [ring], "reason": "x"})
    edits = city.get(COMPANY, f"{path}:edits")

    assert added["plan"]["earliest_start"] > before["earliest_start"]
    assert shorter["plan"]["earliest_start"] <= added["plan"]["earliest_start"]
    (own,) = (each for each in shorter["plan"]["nodes"] if each.get("own"))
    assert (own["item_name"], own["duration_days"]) == ("招拍挂准备会", 30)
    assert refused(law)[1:] == ("PLAN_EDIT_FORBIDDEN", ["edits[0].code"])
    assert "依据" in law.text
    assert refused(round_)[1] == "PLAN_GOES_ROUND"
    assert [each["number"] for each in edits["edits"]] == [2, 1]


@pytest.mark.article("A11.2")
def test_a_template_serves_another_project(city: City, project_id: str) -> None:
    edit(city, project_id, MEETING)
    name = f"招拍挂模板{secrets.token_hex(3)}"
    made = city.register("d4.city", attributes={"land_type": '"transfer"'})
    other = str(made["project_id"])
    city.settled(other)
    path = f"/v1/projects/{project_id}/plan:saveTemplate"
    template = city.post("b3.danyang", path, name=name)["template"]
    applied = city.post(
        "b3.danyang",
        f"/v1/projects/{other}/plan:applyTemplate",
        template_id=template["template_id"],
        reason="同类项目",
    )

    assert [each["name"] for each in applied["own_nodes"]] == ["招拍挂准备会"]
    library = city.get("b3.danyang", "/v1/plan-templates")["templates"]
    assert name in [each["name"] for each in library]


@pytest.mark.article("A11.4")
def test_a_slip_reminds_by_itself_and_moves_what_follows(city: City, project_id: str) -> None:
    path = f"/v1/projects/{project_id}"
    before = city.get(COMPANY, f"{path}/plan")["plan"]
    forecast = city.get(COMPANY, f"{path}/forecast")["forecast"]

    edit(city, project_id, MEETING)

    eventually(lambda: bool(slips(city, project_id)))
    (notice,) = slips(city, project_id)
    after = city.get(COMPANY, f"{path}/plan")["plan"]
    later = city.get(COMPANY, f"{path}/forecast")["forecast"]
    assert before["earliest_start"] in notice["body_zh"]
    assert after["earliest_start"] in notice["body_zh"]
    assert later["p50"] > forecast["p50"]
    ends = {each["item_code"]: each["early_finish"] for each in before["nodes"]}
    assert any(
        each["early_finish"] > ends[each["item_code"]]
        for each in after["nodes"]
        if each["item_code"] in ends
    )


def slips(city: City, project_id: str) -> list[Json]:
    found = city.get(COMPANY, "/v1/notifications", page_size=100)["notifications"]
    return [
        each
        for each in found
        if each["kind"] == "plan_slipped" and each["project_id"] == project_id
    ]


def bind(city: City, project_id: str) -> None:
    """Have the navigator help this project."""
    agents = city.get("b3.danyang", "/v1/agents", region="321181")["agents"]
    ids = {each["username"]: each["account_id"] for each in agents}
    eventually(
        lambda: city.post(
            "b3.danyang",
            f"/v1/projects/{project_id}/agents:assign",
            main=ids[NAVIGATOR],
            backups=[ids["b2.danyang"]],
        )
    )

    def known() -> bool:
        seen = city.person(NAVIGATOR).get(f"/v1/projects/{project_id}/service-menu")
        return seen.status_code == 200

    eventually(known)


@pytest.mark.article("A11.5")
def test_services_are_picked_and_agreed_on_by_both(city: City, project_id: str) -> None:
    path = f"/v1/projects/{project_id}"
    bind(city, project_id)
    menu = city.get(COMPANY, f"{path}/service-menu")
    made = city.post(
        COMPANY,
        f"{path}/service-agreements",
        codes=["ON-SITE", "PRE-REVIEW", "POLICY"],
        wishes="请先看现场",
    )["agreement"]
    one = f"/v1/service-agreements/{made['agreement_id']}"
    stranger = city.person(REVIEWER).post(f"{one}:sign", json={})
    city.post(COMPANY, f"{one}:sign")
    early = city.person(COMPANY).get(f"{one}:download")
    agreed = city.post(NAVIGATOR, f"{one}:sign")["agreement"]
    file = city.person(COMPANY).get(f"{one}:download")
    document = docx.Document(io.BytesIO(file.content))
    text = "\n".join(each.text for each in document.paragraphs)

    assert {"AGENT-ALL", "ON-SITE", "PRE-REVIEW", "POLICY"} <= {
        each["code"] for each in menu["offers"]
    }
    assert refused(stranger)[1] == "NOT_A_SIDE"
    assert refused(early)[1] == "AGREEMENT_NOT_SIGNED"
    assert agreed["status"] == "in_force"
    assert all(each["due_on"] for each in agreed["services"])
    assert hashlib.sha256(file.content).hexdigest() == agreed["sha256"]
    assert agreed["number"] in text
    assert sorted(city.get(COMPANY, f"{path}/service-menu")["agreed"]) == [
        "ON-SITE",
        "POLICY",
        "PRE-REVIEW",
    ]
