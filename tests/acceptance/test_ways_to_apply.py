"""Articles 3 and 12: three ways to apply, and channels that lead to one queue."""

from __future__ import annotations

import pytest

from acceptance.conftest import City, Json, refused, said

PAPERS = [{"name": "总平面图", "document": "图-01"}]


def project(city: City) -> str:
    """Register a project and wait until its items were picked."""
    project_id = str(city.register("d4.city")["project_id"])
    city.settled(project_id)
    return project_id


def applied(city: City, way: str, **wanted: object) -> Json:
    """Apply as the company, and return the application."""
    return dict(city.post("e1.p02", f"/v1/applications:{way}", **wanted)["application"])


@pytest.mark.article("A03.4")
def test_one_item_a_theme_and_the_whole_process_are_three_ways_to_apply(city: City) -> None:
    single, themed, whole = project(city), project(city), project(city)

    case = city.post("e1.p02", "/v1/cases:submit", project_id=single, item_code="S2-01")["case"]
    themes = city.get("e1.p02", f"/v1/projects/{themed}/themes")["themes"]
    theme = next(each for each in themes if each["code"] == "T02")
    one = applied(
        city,
        "theme",
        project_id=themed,
        theme=theme["code"],
        form=[{"name": theme["joint_form"][0], "text": "验收项目"}],
        papers=PAPERS,
    )
    all_of_it = applied(city, "whole", project_id=whole, papers=PAPERS)
    next_one = f"/v1/applications/{all_of_it['application_id']}:applyNext"
    after = city.post("e1.p02", next_one, item_codes=["S2-01"])["application"]

    assert case["mode"] == "single"
    assert (one["mode"], one["status"]) == ("theme", "in_progress")
    assert [each["state"] for each in one["items"] if each["case_id"]].count("received") >= 1
    assert {each["state"] for each in all_of_it["items"]} >= {"ready", "locked"}
    states = {each["item_code"]: each["state"] for each in after["items"]}
    assert states["S2-01"] == "received"


@pytest.mark.article("A03.4")
def test_a_theme_is_corrected_by_one_notice_and_shows_its_partial_completion(city: City) -> None:
    one = applied(city, "theme", project_id=project(city), theme="T02", papers=PAPERS)
    cases = {each["item_code"]: each["case_id"] for each in one["items"] if each["case_id"]}
    first = f"/v1/applications/{one['application_id']}"
    asked = [{"item_code": code, "entries": ["图纸"]} for code in cases]

    noticed = city.post("a1.danyang", f"{first}:askCorrections", corrections=asked)["application"]
    city.post("e1.p02", f"/v1/cases/{cases['S2-01']}:supplement")
    more = [{"item_code": "S2-01", "entries": ["另一份图纸"]}]
    again = city.person("a1.danyang").post(f"{first}:askCorrections", json={"corrections": more})
    city.post("e1.p02", f"/v1/cases/{cases['S2-01']}:withdraw", reason="方案调整")

    assert noticed["notice_sent_at"]
    assert refused(again)[1] == "NEW_SUPPLEMENT_ENTRY"
    after = city.get("e1.p02", first)["application"]
    assert after["status"] == "partly_done"


@pytest.mark.article("A03.1", "A12.1")
def test_every_channel_leads_to_one_queue_and_is_remembered(city: City) -> None:
    ways: list[tuple[str, Json, str]] = [
        ("e1.p02", {}, "online"),
        ("a1.danyang", {}, "counter"),
        (
            "a1.danyang",
            {"channel": "CHANNEL_HOTLINE", "caller": "王某", "summary": "来电申报"},
            "hotline",
        ),
    ]
    for who, more, channel in ways:
        wanted = {"project_id": project(city), "item_code": "S2-01", **more}
        case = said(city.person(who).post("/v1/cases:submit", json=wanted))["case"]

        assert (case["channel"], case["status"]) == (channel, "received")
        queue = city.get(
            "a2.danyang.fagai",
            "/v1/cases",
            project_id=wanted["project_id"],
            channel=f"CHANNEL_{channel.upper()}",
        )["cases"]
        assert [each["case_id"] for each in queue] == [case["case_id"]]
        assert case["caller"] == more.get("caller", "")


@pytest.mark.article("A11.9")
def test_a_carriers_window_takes_in_what_goes_into_the_same_queue(city: City) -> None:
    here = project(city)
    elsewhere = str(city.register("d4.city", managing_region="321181")["project_id"])
    city.settled(elsewhere)
    wanted = {"item_code": "S2-01"}

    case = city.post("a1.danbei", "/v1/cases:submit", project_id=here, **wanted)["case"]
    other = city.person("a1.danbei").post(
        "/v1/cases:submit", json={"project_id": elsewhere, **wanted}
    )

    assert case["channel"] == "counter"
    queue = city.get("a2.danyang.fagai", "/v1/cases", org=case["org"], project_id=here)["cases"]
    assert [each["case_id"] for each in queue] == [case["case_id"]]
    assert (other.status_code, refused(other)[1]) == (403, "OUT_OF_SCOPE")
