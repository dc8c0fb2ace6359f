"""What a test of several instances needs of the people at each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from acceptance.conftest import City, Json
from support import eventually
from support.network import equal

TOWN = "321181113"
WINDOW, REVIEWERS = "a1.danyang", ("fagai", "zirangui", "shengtai", "zhujian")


def in_review(there: City, by: str = "d4.city", **details: Any) -> tuple[str, str]:
    """Register a project in the town and bring one case under review; return both ids."""
    project_id = str(
        there.register(
            by,
            managing_region=TOWN,
            attributes={"eia_class": '"form"', "land_type": '"transfer"'},
            **details,
        )["project_id"]
    )
    there.settled(project_id)
    items = there.get("d1.danyang", f"/v1/projects/{project_id}/items", page_size=200)["items"]
    code = next(each["item_code"] for each in items if each["state"] == "not_started")
    case = there.post(WINDOW, "/v1/cases:submit", project_id=project_id, item_code=code)["case"]
    for department in REVIEWERS:
        accepted = there.person(f"a2.danyang.{department}").post(
            f"/v1/cases/{case['case_id']}:accept", json={}
        )
        if accepted.status_code == 200:
            break
    return project_id, str(case["case_id"])


def both_move(*places: City, days: float) -> None:
    for place in places:
        place.instance.move_clock_to(place.now() + timedelta(days=days))


def kept(place: City, project_id: str, who: str = "d4.city") -> list[tuple[str, str, int, str]]:
    """Every card and order of a project, once each, as a place keeps it: kind, id, version, status."""
    asked = {"project_id": project_id, "page_size": 200}
    cards = place.get(who, "/v1/cards", **asked)["cards"]
    orders = place.get(who, "/v1/work-orders", **asked)["orders"]
    found = [("card", each["card_id"], each["version"], each["status"]) for each in cards]
    found += [("order", each["order_id"], each["version"], each["status"]) for each in orders]
    assert len({each[1] for each in found}) == len(found), "something is there twice"
    numbers = [each["number"] for each in orders]
    assert len(set(numbers)) == len(numbers), "a number was given twice"
    return sorted(found)


def assert_settled(
    above: City, home: City, region: str, *projects: str, timeout: float = 180
) -> None:
    """Nothing differs, and each card and order is at its home once and above as one equal copy."""
    eventually(lambda: equal(above.instance, region), timeout=timeout, every=2)
    for each in projects:
        eventually(lambda each=each: kept(above, each) == kept(home, each), timeout=timeout)  # type: ignore[misc]


def red_card(place: City, project_id: str, who: str = "d4.city") -> Json:
    found = place.get(who, "/v1/cards", project_id=project_id)["cards"]
    red = [each for each in found if each["colour"] == "COLOUR_RED"]
    assert red, found
    return dict(red[0])
