"""Articles 2, 3 and 11: guides from attributes, the plan, its agreement, forecast and what-if."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from acceptance.conftest import City, Json, refused
from support import eventually

COMPANY, CARRIER, BUREAU, DISPATCHER = "e1.p02", "b2.danyang", "a4.danyang.fagai", "d1.danyang"


@pytest.fixture
def project(city: City) -> str:
    """A project of the demonstration's company, with its items picked and its plan laid."""
    made = city.register(
        "d4.city",
        planned_start=str(city.today() + timedelta(days=400)),
        planned_completion=str(city.today() + timedelta(days=1100)),
    )
    city.settled(made["project_id"])
    return str(made["project_id"])


@pytest.mark.article("A02.4")
def test_another_attribute_changes_the_guide_at_once(city: City, project: str) -> None:
    one = f"/v1/projects/{project}/guide"
    guide = city.get(COMPANY, one)
    assert all(each["reason"] for each in guide["needed"])
    assert {"prerequisites", "statutory"} <= guide["needed"][0]["item"].keys()

    told = city.get(COMPANY, f"{one}:compare", changes="eia_class=report")
    assert told["changes"][0]["attribute"] == "eia_class"
    assert told["added"] or told["dropped"] or told["moved"]

    notice = city.person(COMPANY).get(f"{one}:download")
    assert notice.status_code == 200
    assert notice.content.startswith(b"PK")


@pytest.mark.article("A11.1")
def test_the_plan_runs_forward_from_today_and_back_from_the_planned_start(
    city: City, project: str
) -> None:
    plan = city.get(COMPANY, f"/v1/projects/{project}/plan")["plan"]
    nodes = {node["item_code"]: node for node in plan["nodes"]}

    assert all(node["early_start"] >= str(city.today()) for node in nodes.values())
    assert all(nodes[code]["critical"] for code in plan["critical_path"])
    for node in nodes.values():
        for prerequisite in node["after"]:
            assert nodes[prerequisite]["early_finish"] <= node["early_start"]
    last = nodes[plan["critical_path"][-1]]
    assert last["late_finish"] < plan["planned_start"]
    assert {node["stage"] for node in nodes.values()} >= {"S2", "S3", "S4", "S5", "S6"}
    first = min(node["early_start"] for node in nodes.values())
    sides = [node for node in nodes.values() if node["early_start"] == first]
    assert len(sides) > 1, "nothing runs beside anything"


@pytest.mark.article("A11.3", "A02.5")
def test_a_baseline_is_signed_by_company_carrier_and_department(city: City, project: str) -> None:
    plan = f"/v1/projects/{project}/plan"
    city.post(DISPATCHER, f"{plan}:propose")
    early = city.person(DISPATCHER).post(f"{plan}:baseline", json={})
    assert refused(early)[1] == "PLAN_NOT_AGREED"
    for party in (COMPANY, CARRIER, BUREAU):
        city.post(party, f"{plan}:sign")
    first = city.post(DISPATCHER, f"{plan}:baseline")["plan"]
    assert (first["baseline"], len(first["signatures"])) == (1, 3)

    silent = city.person(DISPATCHER).post(f"{plan}:propose", json={})
    assert refused(silent)[2] == ["reason"]
    city.post(DISPATCHER, f"{plan}:propose", reason="地块调整")
    for party in (COMPANY, CARRIER, BUREAU):
        city.post(party, f"{plan}:sign")
    second = city.post(DISPATCHER, f"{plan}:baseline")["plan"]
    assert (second["baseline"], second["reason"]) == (2, "地块调整")

    compared = city.get(COMPANY, f"{plan}:compare", baseline=1)["deviations"]
    assert len(compared) == len(first["nodes"])
    assert all(each["baseline_finish"] and each["expected_finish"] for each in compared)


def test_a_delay_moves_the_expected_dates_and_the_start(city: City, project: str) -> None:
    """One late item on the critical path carries all that waits for it, and the start, with it."""
    before = city.get(COMPANY, f"/v1/projects/{project}/forecast")["forecast"]
    plan = city.get(COMPANY, f"/v1/projects/{project}/plan")["plan"]
    first = plan["critical_path"][0]
    until = date.fromisoformat(before["p50"]) + timedelta(days=30)
    held = city.post(
        COMPANY,
        f"/v1/projects/{project}/forecast:whatIf",
        changes=[{"kind": "WHAT_IF_KIND_DEFER", "item_code": first, "until": str(until)}],
    )

    assert held["before"]["p50"] == before["p50"]
    assert held["after"]["p50"] > str(until)
    assert held["days_gained"] < 0
    assert held["after"]["keeps"] <= held["before"]["keeps"]
    forbidden = city.person(COMPANY).post(
        f"/v1/projects/{project}/forecast:whatIf",
        json={"changes": [{"kind": "WHAT_IF_KIND_DROP", "item_code": "S5-09"}]},
    )
    assert refused(forbidden)[1] == "WHAT_IF_FORBIDDEN"


@pytest.mark.article("A11.6")
def test_the_chain_runs_from_the_company_to_production_with_what_no_authority_decides(
    city: City,
) -> None:
    items, token = list[dict[str, object]](), ""
    while True:
        page = city.get(COMPANY, "/v1/catalog/items", page_size=50, page_token=token)
        items += page["items"]
        token = page.get("next_page_token", "")
        if not token:
            break

    assert len(items) >= 80
    assert {each["stage"] for each in items} == {f"S{n}" for n in range(1, 7)}
    assert {"enterprise", "intermediary", "utility"} <= {each["duty_bearer"] for each in items}


@pytest.mark.article("A01.3")
def test_the_hundred_days_are_counted_from_the_contract(city: City) -> None:
    signed = city.today()
    made = city.register("d4.city", sign_date=str(signed))
    one = f"/v1/projects/{made['project_id']}/plan"

    def laid() -> Json:
        return city.get("e1.p02", one)

    told = eventually(laid, timeout=30)["hundred_days"]
    days = [signed + timedelta(days=n) for n in range(1, 200)]
    assert (told["contract_on"], told["state"], told["days_left"]) == (str(signed), "open", 100)
    due = date.fromisoformat(told["due"])
    # Holidays put it off against plain weekdays, and make-up Saturdays bring it back a little.
    weekdays = [day for day in days if day.isoweekday() <= 5]
    assert weekdays[95] <= due <= weekdays[125]
