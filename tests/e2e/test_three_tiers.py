"""三级联动: a city, a district and a town of it, each an instance of its own, and one matter through all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from acceptance.conftest import City, Json
from e2e.places import TOWN, both_move, in_review, kept, red_card
from support import eventually
from support.instance import running_instance
from support.network import linked, reconciled

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

DISTRICT = "321181"
CROSSES = {
    "crosses": ["CROSSING_REGION", "CROSSING_LEVEL"],
    "regions": [DISTRICT, "321183"],
    "bodies": ["321100:资规"],
    "wanted": "请市级协调句容段用地",
}
# The settings with which the district's own commands are given, as in deploy/README.md.
AT_DISTRICT = {"TIER": "district", "REGION": DISTRICT}
PATIENCE = 180


@dataclass
class Tiers:
    """The people of the three instances: each signs in where he works."""

    city: City
    district: City
    town: City

    @property
    def all(self) -> tuple[City, City, City]:
        return self.city, self.district, self.town


@pytest.fixture(scope="module")
def tiers() -> Iterator[Tiers]:
    with contextlib.ExitStack() as stack:
        city = stack.enter_context(running_instance(RATE_LIMITS="0"))
        district = stack.enter_context(linked(city, DISTRICT, TIER="district"))
        town = stack.enter_context(
            linked(district.instance, TOWN, parent_tier=AT_DISTRICT, TIER="town")
        )
        made = Tiers(City(city), City(district.instance), City(town.instance))
        for each in made.all:
            stack.callback(each.close)
        yield made


def act(place: City, who: str, matter: Json, verb: str, /, **body: object) -> Json:
    path = f"/v1/escalations/{matter['escalation_id']}:{verb}"
    return dict(place.post(who, path, **body)["escalation"])


def sign(place: City, matter: Json) -> Json:
    """The district's leader signs the words as they stand."""
    return act(
        place,
        "d2.danyang",
        matter,
        "sign",
        method="SIGNING_METHOD_ELECTRONIC",
        content_sha256=matter["content_sha256"],
        note="同意上报",
    )


def stands(place: City, who: str, matter: Json, rung: str, status: str) -> Json:
    """Wait until an instance sees the matter so."""

    def seen() -> Json:
        answer = place.person(who).get(f"/v1/escalations/{matter['escalation_id']}")
        assert answer.status_code == 200, answer.text
        found = dict(answer.json()["escalation"])
        assert (found["rung"], found["status"]) == (
            f"RUNG_{rung}",
            f"ESCALATION_STATUS_{status}",
        ), found
        return found

    return eventually(seen, timeout=PATIENCE)


def unanswered(tiers: Tiers, project_id: str, case_id: str) -> tuple[Json, Json]:
    """Let a red card's order pass its limit; return the order and the matter before the district."""
    both_move(*tiers.all, days=30)
    eventually(lambda: red_card(tiers.town, project_id, "d1.danyang"), timeout=PATIENCE)

    def ordered() -> Json:
        found = tiers.town.get("d1.danyang", "/v1/work-orders", project_id=project_id)["orders"]
        orders = [each for each in found if each["case_id"] == case_id]
        assert orders, found
        return dict(orders[0])

    order = eventually(ordered, timeout=PATIENCE)
    both_move(*tiers.all, days=4)

    def before_the_district() -> Json:
        asked = {"project_id": project_id, "page_size": 100}
        found = tiers.district.get("d1.danyang", "/v1/escalations", **asked)["escalations"]
        mine = [each for each in found if each["order_id"] == order["order_id"]]
        assert mine, found
        return dict(mine[0])

    return order, eventually(before_the_district, timeout=PATIENCE)


def up_to_the_city(tiers: Tiers, matter: Json) -> None:
    """The district records what it tried, drafts, its leader signs, and the matter goes up."""
    act(tiers.district, "d1.danyang", matter, "record", text="召集部门会商, 句容方未到会")
    drafted = act(tiers.district, "d1.danyang", matter, "draft", **CROSSES)
    sign(tiers.district, drafted)
    act(tiers.district, "d1.danyang", matter, "submit")
    stands(tiers.city, "d4.city", matter, "L3", "SUBMITTED")


def assert_equal_at_each_tier(tiers: Tiers) -> None:
    assert "一致" in reconciled(tiers.district.instance, "--seconds", "120", **AT_DISTRICT)
    assert "一致" in reconciled(tiers.city.instance, "--seconds", "120")


def test_a_red_card_of_a_town_climbs_to_the_vice_mayor_and_his_instruction_comes_back(
    tiers: Tiers,
) -> None:
    city, district, town = tiers.all
    project_id, case_id = in_review(town)
    for place in (district, city):
        eventually(
            lambda place=place: place.get("d4.city", f"/v1/cases/{case_id}"),  # type: ignore[misc]
            timeout=PATIENCE,
        )

    order, matter = unanswered(tiers, project_id, case_id)
    assert (matter["rung"], matter["problem"][:2]) == ("RUNG_L2", "工单")
    up_to_the_city(tiers, matter)

    act(city, "d4.city", matter, "accept", note="市专班牵头会商")
    why = "涉及两市土地指标, 需市领导推进"
    act(city, "d4.city", matter, "return", reason=why, for_report=True)
    stands(district, "d3.danyang", matter, "L2", "RETURNED")
    report = act(
        district, "d3.danyang", matter, "writeReport", title="重大项目服务专报", text="项目概况……"
    )
    sign(district, report)
    act(district, "d3.danyang", matter, "submit")
    stands(city, "d6.city", matter, "L4", "SUBMITTED")

    told = act(
        city,
        "d6.city",
        matter,
        "instruct",
        text="请丹阳市政务办牵头, 会同句容市本月底前办结用地",
        due_on=str(city.today()),
    )
    work = f"/v1/work-orders/{told['orders'][0]}"
    came = eventually(lambda: town.get("b3.danyang", work)["order"], timeout=PATIENCE)
    town.post("b3.danyang", f"{work}:sign")
    town.post(
        "b3.danyang",
        f"{work}:feedback",
        cause="CAUSE_RESOURCES",
        measures="两市签订用地协议, 指标已落实",
        completion_date=str(town.today()),
        evidence="协议编号 2026-18",
        signer_name="示例负责人",
    )
    answered = "ORDER_STATUS_CHECKING"
    eventually(lambda: city.get("d4.city", work)["order"]["status"] == answered, timeout=PATIENCE)
    city.post("d4.city", f"{work}:check", passed=True, note="属实")
    stands(city, "d6.city", matter, "L4", "EXECUTED")
    act(city, "d6.city", matter, "close", conclusion="已落实, 办结")

    seen = [
        stands(place, who, matter, "L4", "CLOSED")
        for place, who in ((city, "d4.city"), (district, "d1.danyang"), (town, "b2.danyang"))
    ]
    assert came["source"] == "ORDER_SOURCE_INSTRUCTION"
    assert {each["conclusion"] for each in seen} == {"已落实, 办结"}
    assert len({each["version"] for each in seen}) == 1
    assert [each["rung"] for each in seen[0]["times"]] == [f"RUNG_{each}" for each in _CLIMBED]
    assert sum(step["step"] == "signed" for step in seen[0]["steps"]) == 2
    assert_equal_at_each_tier(tiers)
    for place in (district, city):
        assert kept(place, project_id) == kept(town, project_id)
    for each in (order["order_id"], told["orders"][0]):
        versions = [
            place.get("d4.city", f"/v1/work-orders/{each}")["order"]["version"]
            for place in tiers.all
        ]
        assert len(set(versions)) == 1


_CLIMBED = ("L2", "L3", "L2", "L4")


def test_a_district_s_own_project_is_a_figure_at_the_city_until_it_was_reported_up(
    tiers: Tiers,
) -> None:
    city, district, town = tiers.all
    before = own_projects(city)
    project_id, case_id = in_review(town, "d1.danyang", level="PROJECT_LEVEL_DISTRICT")
    eventually(lambda: district.get("d1.danyang", f"/v1/cases/{case_id}"), timeout=PATIENCE)
    order, matter = unanswered(tiers, project_id, case_id)
    eventually(lambda: own_projects(city) == before + 1, timeout=PATIENCE)
    assert_equal_at_each_tier(tiers)
    red = red_card(town, project_id, "d1.danyang")
    hidden = (
        f"/v1/projects/{project_id}",
        f"/v1/cases/{case_id}",
        f"/v1/cards/{red['card_id']}",
        f"/v1/work-orders/{order['order_id']}",
    )
    one = f"/v1/escalations/{matter['escalation_id']}"
    for who in ("d4.city", "d5.city", "d6.city"):
        for path in (*hidden, one):
            assert city.person(who).get(path).status_code in (403, 404), (who, path)
    for path in ("/v1/cards", "/v1/work-orders", "/v1/cases", "/v1/escalations"):
        listed = city.get("d4.city", path, project_id=project_id)
        assert not any(value for value in listed.values() if isinstance(value, list)), path
    listed = city.get("d4.city", "/v1/network/projects", region=DISTRICT, page_size=200)
    assert project_id not in {each["project_id"] for each in listed["projects"]}

    up_to_the_city(tiers, matter)

    assert city.get("d4.city", one)["escalation"]["level"] == "区级"
    assert_equal_at_each_tier(tiers)


def own_projects(city: City) -> int:
    """How many projects of the district's own level the city counts there."""
    total = city.get("d4.city", "/v1/network", region=DISTRICT)["total"]
    return sum(each["count"] for each in total["by_level"] if each["key"] == "区级")
