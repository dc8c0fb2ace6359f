"""Article 15: cards come by themselves, by thresholds that an office changes and whose version they keep."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acceptance.conftest import City, Json, refused
from support.waiting import eventually

CITY, RULES = "d4.city", "s1.city"
ONE = "/v1/warning-rules/W-09"
# A district of its own, so that the change is of nobody else.
DISTRICT, TOWN = "321183", "321183102"


def version(city: City) -> int:
    rules = city.get(RULES, "/v1/warning-rules")["rules"]
    return int(next(each["version"] for each in rules if each["code"] == "W-09"))


def cards_of(city: City, project_id: str) -> list[Json]:
    asked = {"project_id": project_id, "rule": "W-09"}
    return list(city.get(CITY, "/v1/cards", **asked)["cards"])


def planned_two_months_ago(city: City) -> str:
    """Register a project that is two months late, three from the first of the month to come."""
    if city.next_working_day().month != city.today().month:
        city.to_next_working_day()
    month = city.today().replace(day=1)
    for _ in range(2):
        month = (month - timedelta(days=1)).replace(day=1)
    place = {"admin_region": DISTRICT, "managing_region": TOWN}
    return str(city.register(CITY, planned_start=str(month), **place)["project_id"])


@pytest.mark.article("A15.1")
def test_a_changed_threshold_counts_from_its_day_and_stands_on_the_card(city: City) -> None:
    here = planned_two_months_ago(city)
    red = {"colour": "COLOUR_RED", "thresholds": {"months": "2"}}
    change = {"overrides": [{"regions": [DISTRICT], "levels": [red]}], "replace_overrides": True}
    before = version(city)

    def known() -> Json:
        seen = city.post(RULES, f"{ONE}:preview", **change)
        mine = [each for each in seen["running"] if each["subject_id"] == here]
        assert mine, "the project has no card to come yet"
        return dict(mine[0])

    preview = eventually(known, timeout=30)
    strange = city.person(RULES).post(
        f"{ONE}:preview",
        json={"levels": [{"colour": "COLOUR_YELLOW", "thresholds": {"months": "4"}}]},
    )
    tomorrow = str(city.today() + timedelta(days=1))
    changed = {
        **change,
        "effective_from": tomorrow,
        "reason": "句容试行两个月",
        "expected_version": before,
    }
    by_clerk = city.person("d1.danyang").post(f"{ONE}:revise", json=changed)
    revised = city.post(RULES, f"{ONE}:revise", **changed)["rule"]

    assert preview["colour"] == "COLOUR_RED"
    assert preview["after"] < preview["before"]
    assert refused(strange)[:2] == (400, "RULE_OUT_OF_ORDER")
    assert by_clerk.status_code == 403
    assert revised["version"] == before + 1
    kept = city.get(RULES, f"{ONE}/versions")["versions"]
    assert {before, before + 1} <= {each["version"] for each in kept}

    city.to_next_working_day()

    def red_card() -> Json:
        cards = [each for each in cards_of(city, here) if each["colour"] == "COLOUR_RED"]
        assert cards, "no red card yet"
        return cards[0]

    assert eventually(red_card, timeout=60)["rule_version"] == before + 1


@pytest.mark.article("A15.1")
@pytest.mark.parametrize(
    "change",
    [
        {"colour": "COLOUR_RED", "thresholds": {"weeks": "2"}},
        {"colour": "COLOUR_RED_STATUTORY", "thresholds": {"months": "2"}},
    ],
)
def test_a_change_that_means_nothing_is_refused(city: City, change: Json) -> None:
    answer = city.person(RULES).post(f"{ONE}:preview", json={"levels": [change]})

    assert refused(answer) == (400, "FIELD_INVALID", ["levels[0]"])
