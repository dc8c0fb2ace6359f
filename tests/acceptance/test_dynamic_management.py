"""Article 10: every change of the library has its reason, its approval and its place in the history."""

from __future__ import annotations

import pytest

from acceptance.conftest import City, Json, described, refused, unique
from support.waiting import eventually

ASKER, APPROVER = "d4.city", "d5.city"


def ask(city: City, kind: str, **more: object) -> Json:
    wanted = {"kind": f"PROJECT_CHANGE_KIND_{kind}", "reason": "项目实际需要", **more}
    return dict(city.post(ASKER, "/v1/project-changes", **wanted)["change"])


def approve(city: City, change: Json) -> Json:
    path = f"/v1/project-changes/{change['change_id']}:decide"
    own = city.person(ASKER).post(path, json={"approved": True})
    assert refused(own)[1] == "OWN_CHANGE"
    return dict(city.post(APPROVER, path, approved=True)["change"])


def seen(city: City, project_id: str) -> Json:
    return dict(city.get(ASKER, f"/v1/projects/{project_id}")["project"])


@pytest.mark.article("A10.3")
def test_addition_renaming_and_removal_are_asked_for_and_approved(city: City) -> None:
    (made,) = approve(city, ask(city, "ADD", details=described(city)))["made"]
    name = unique("更名项目")
    rename = {"project_id": made, "fields": ["name"], "details": {"name": name}}
    approve(city, ask(city, "RENAME", **rename))
    more = {"project_id": made, "fields": ["total_investment_wan"]}
    approve(city, ask(city, "ADJUST", **more, details={"total_investment_wan": "123456"}))
    # What others know of it follows.
    eventually(
        lambda: city.get(ASKER, f"/v1/projects/{made}/guide")["project_name"] == name, timeout=30
    )
    approve(city, ask(city, "REMOVE", project_id=made))
    project = seen(city, made)
    history = city.get(ASKER, f"/v1/projects/{made}/history", page_size=100)["changes"]

    assert project["details"]["name"] == name
    assert float(project["details"]["total_investment_wan"]) == 123456
    assert project["status"] == "PROJECT_STATUS_WITHDRAWN"
    renamed = next(each for each in history if each["field"] == "name")
    assert renamed["reason"] == "变更名称代码: 项目实际需要"
    changes = city.get(ASKER, "/v1/project-changes", project_id=made)["changes"]
    assert [each["kind"].rpartition("_")[2] for each in changes] == [
        "REMOVE",
        "ADJUST",
        "RENAME",
        "ADD",
    ]
    assert all(each["decided_by_name"] for each in changes)


@pytest.mark.article("A10.3")
def test_merger_and_split_point_both_ways(city: City) -> None:
    whole, part = (str(city.register(ASKER)["project_id"]) for _ in range(2))
    approve(city, ask(city, "MERGE", project_id=whole, other_ids=[part]))
    parts = [described(city, name=unique(f"{number}期")) for number in "一二"]
    made = approve(city, ask(city, "SPLIT", project_id=whole, parts=parts))["made"]

    assert seen(city, part)["successors"] == [whole]
    assert seen(city, whole)["predecessors"] == [part]
    assert seen(city, whole)["successors"] == made
    assert [seen(city, each)["predecessors"] for each in made] == [[whole], [whole]]


@pytest.mark.article("A10.3")
def test_the_year_is_carried_over(city: City) -> None:
    project_id = str(city.register(ASKER)["project_id"])
    year = int(seen(city, project_id)["details"]["year"])
    path = "/v1/projects:carryOver"
    would = city.post(ASKER, path, year=year, dry_run=True, reason="年度结转")

    assert would["year"] == year + 1
    assert project_id in [each["project_id"] for each in would["carried"]]
    assert seen(city, project_id)["details"]["year"] == year
    refusal = city.person("d1.danyang").post(path, json={"year": year - 5, "reason": "x"})
    assert refused(refusal)[2] == ["year"]
