"""Which items a project needs: the rules of the catalogue as they are loaded."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from approval_tracking.domain.catalogue import read_attribute_texts
from approval_tracking.domain.errors import ItemUnknown
from support.approval_data import catalogue

PROJECTS = yaml.safe_load(
    (Path(__file__).parent / "data/demo_projects.yaml").read_text(encoding="utf-8")
)["projects"]
CATALOGUE = catalogue()


@pytest.mark.parametrize("project", PROJECTS, ids=[project["id"] for project in PROJECTS])
def test_a_project_needs_exactly_what_its_attributes_call_for(project: dict[str, Any]) -> None:
    attributes = CATALOGUE.read_attributes(project["attributes"])

    assert len(CATALOGUE.pick(attributes)) == project["expected_applicable_count"]


@pytest.mark.parametrize(
    ("code", "region_path", "org"),
    [
        pytest.param("S2-06", "321100/321181/321181113", "321181:发改", id="a town's district"),
        pytest.param("S1-06", "321100/321181", "321100:公积金", id="the city alone"),
        pytest.param("S3-01", "321100/321181", "320000:自然资源和规划", id="the province alone"),
        pytest.param("S2-17", "321100/321171", "321100:应急", id="city before province"),
    ],
)
def test_the_lowest_tier_that_may_decides(code: str, region_path: str, org: str) -> None:
    assert CATALOGUE.item(code).decided_by(region_path) == org


def test_a_limit_follows_the_projects_attributes() -> None:
    small, large = (CATALOGUE.read_attributes({"floor_area_m2": n}) for n in (8000, 30000))
    review = CATALOGUE.item("S5-01")
    limits = [review.statutory_for(project).days for project in (small, large)]

    assert limits == [Decimal(10), Decimal(15)]


def test_only_procedures_with_a_basis_stop_the_clock() -> None:
    item = CATALOGUE.item("S2-08")

    assert [each.name for each in item.procedures if each.stops_clock] == ["技术评估", "听证"]


def test_attributes_travel_as_json_text() -> None:
    read = CATALOGUE.read_attributes(
        read_attribute_texts({"must_tender": "true", "land_area_ha": "8", "eia_class": '"report"'})
    )

    assert (read["must_tender"], read["land_area_ha"], read["eia_class"]) == (True, 8.0, "report")
    assert read["approval_mode"] == "filing"


def test_an_unknown_item_is_named() -> None:
    with pytest.raises(ItemUnknown, match="S9-99"):
        CATALOGUE.item("S9-99")
