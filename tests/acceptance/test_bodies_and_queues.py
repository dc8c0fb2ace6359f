"""Articles 3, 5, 6 and 7: one window, dated bodies, promises of a district, and a department's queues."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from acceptance.conftest import City, Json, refused
from support import eventually

WINDOW, REVIEWER, HEAD = "a1.danyang", "a2.danyang.fagai", "a3.danyang.fagai"
DISPATCHER, CONFIGURATOR = "d1.danyang", "s1.city"
ORG, ITEM = "321181:发改", "S2-06"


@pytest.fixture
def applied(city: City) -> Json:
    """An application for the energy review, taken in at the counter; the project has its code."""
    project_id = registered(city)
    code = submitted(city, project_id, "S2-01")
    city.post(REVIEWER, f"/v1/cases/{code['case_id']}:accept")
    decide(city, code)
    return submitted(city, project_id, ITEM)


def registered(city: City) -> str:
    made = city.register("d4.city", attributes={"annual_energy_tce": "2400"})
    city.settled(made["project_id"])
    return str(made["project_id"])


def submitted(city: City, project_id: str, code: str) -> Json:
    answer = city.post(WINDOW, "/v1/cases:submit", project_id=project_id, item_code=code)
    return dict(answer["case"])


def decide(city: City, case: Json) -> None:
    city.post(
        HEAD,
        f"/v1/cases/{case['case_id']}:decide",
        outcome="DECISION_OUTCOME_APPROVED",
        reason="符合规定",
    )


@pytest.mark.article("A03.3")
def test_only_the_window_takes_in_an_application(city: City) -> None:
    project_id = registered(city)
    for officer in (REVIEWER, HEAD):
        answer = city.person(officer).post(
            "/v1/cases:submit", json={"project_id": project_id, "item_code": ITEM}
        )
        assert (answer.status_code, refused(answer)[1]) == (403, "NOT_YOUR_ROLE")
    assert submitted(city, project_id, ITEM)["receipt_number"]


def deciders(city: City, code: str) -> list[Json]:
    answer = city.get("e1.p01", f"/v1/catalog/items/{code}/deciders")
    return [each for each in answer["deciders"] if each["region"] == "321181"]


@pytest.fixture
def renamed(city: City, applied: Json) -> Iterator[str]:
    """The body has another name from today; it gets its own back."""
    before = deciders(city, ITEM)[0]
    name = f"{before['org_name']}(改革后)"
    kept = {each: before.get(each, "") for each in ("section", "head", "phone")}

    def call(named: str) -> None:
        answer = city.person(CONFIGURATOR).put(
            "/v1/catalog/bodies", json={"org": ORG, "name": named, **kept}
        )
        assert answer.status_code == 200, answer.text

    call(name)
    yield name
    call(before["org_name"])


@pytest.mark.article("A03.7", "A05.6")
def test_a_body_gets_another_name_and_old_cases_keep_the_old(
    city: City, applied: Json, renamed: str
) -> None:
    one = deciders(city, ITEM)[0]
    assert (one["org"], one["org_name"]) == (ORG, renamed)
    assert one["window"]
    kept = city.get(WINDOW, f"/v1/cases/{applied['case_id']}")["case"]
    assert kept["org_name"] == applied["org_name"] != renamed

    assert submitted(city, registered(city), ITEM)["org_name"] == renamed


@pytest.mark.article("A07.5")
def test_a_department_that_was_not_there_decides_an_item(city: City) -> None:
    code, org = "S4-11", "321181:行政审批局"
    path = f"/v1/catalog/items/{code}/deciders/321181"
    try:
        given = city.person(CONFIGURATOR).put(path, json={"org": org})
        assert given.status_code == 200, given.text
        assert deciders(city, code)[0]["org"] == org
    finally:
        back = city.person(CONFIGURATOR).put(path, json={"org": ""})
    assert back.status_code == 200
    assert deciders(city, code)[0]["org"] != org


@pytest.mark.article("A06.3")
def test_a_district_promises_less_time_but_not_more_and_the_law_stays(city: City) -> None:
    path = f"/v1/catalog/items/{ITEM}/commitments/321181"
    day = str(city.today() + timedelta(days=3650))
    unit = "DAY_UNIT_WORKING"
    longer = city.person(DISPATCHER).put(path, json={"days": "300", "unit": unit})
    foreign = city.person(DISPATCHER).put(
        path.replace("321181", "321183"), json={"days": "1", "unit": unit}
    )
    before = item(city)
    shorter = city.person(DISPATCHER).put(
        path, json={"days": "1", "unit": unit, "effective_from": day}
    )

    assert (longer.status_code, refused(longer)[2]) == (400, ["days"])
    assert (foreign.status_code, refused(foreign)[1]) == (403, "REGION_NOT_YOURS")
    assert shorter.status_code == 200, shorter.text
    assert item(city)["statutory"] == before["statutory"]


def item(city: City) -> Json:
    answer = city.get(DISPATCHER, f"/v1/catalog/items/{ITEM}", region="321181")
    return dict(answer["guide"]["item"])


@pytest.mark.article("A07.2")
def test_a_department_finds_each_case_in_its_queue_with_both_clocks(
    city: City, applied: Json
) -> None:
    case_id, one = applied["case_id"], f"/v1/cases/{applied['case_id']}"

    def queued(status: str) -> Json:
        def found() -> Any:
            cases = city.get(REVIEWER, "/v1/cases", org=ORG, status=status)["cases"]
            return next(each for each in cases if each["case_id"] == case_id)

        return dict(eventually(found))

    assert queued("CASE_STATUS_RECEIVED")["clock"]["notice_due"]
    city.post(REVIEWER, f"{one}:requestSupplement", entries=["能评报告缺页"])
    assert queued("CASE_STATUS_SUPPLEMENTING")["notice"][0]["text"] == "能评报告缺页"
    city.post(WINDOW, f"{one}:supplement")
    city.post(REVIEWER, f"{one}:accept")
    review = queued("CASE_STATUS_IN_REVIEW")["clock"]
    assert review["committed_due"] <= review["statutory_due"]
    decide(city, applied)
    assert queued("CASE_STATUS_DECIDED")["clock"]["delivery_due"]
