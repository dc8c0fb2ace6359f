"""What a project may say of itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from project_registry.domain.details import Details, faults, read_attributes
from project_registry.domain.reference import Fault, attributes
from support.projects import details


def wrong(**changed: Any) -> list[tuple[str, str]]:
    return [(fault.field, fault.reason) for fault in faults(details(**changed))]


def test_a_well_described_project_has_no_fault() -> None:
    assert wrong(code="2603-321181-89-01-123456", uscc="91321181000000027K") == []


@pytest.mark.article("A10.6", "A03.2")
@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        pytest.param({"name": " "}, ("name", "REQUIRED"), id="a name is needed"),
        pytest.param({"name": "项" * 121}, ("name", "TOO_LONG"), id="a name has 120 characters"),
        pytest.param({"enterprise_name": ""}, ("enterprise_name", "REQUIRED"), id="an enterprise"),
        pytest.param({"year": 26}, ("year", "NOT_A_YEAR"), id="a year has four digits"),
        pytest.param({"level": "国家级"}, ("level", "NOT_A_LEVEL"), id="three levels and no other"),
        pytest.param({"category": "前期"}, ("category", "NOT_A_CATEGORY"), id="two categories"),
        pytest.param(
            {"code": "2603-321181-89-01-12345"},
            ("code", "CODE_FORMAT"),
            id="a code has 20 digits",
        ),
        pytest.param(
            {"code": "26033211818901123456"}, ("code", "CODE_FORMAT"), id="a code has hyphens"
        ),
        pytest.param(
            {"code": "2603-310101-89-01-123456"},
            ("code", "CODE_REGION"),
            id="a code's region is one of ours",
        ),
        pytest.param(
            {"uscc": "913211810000000271"}, ("uscc", "USCC_INVALID"), id="the check digit counts"
        ),
        pytest.param(
            {"admin_region": "999999"}, ("admin_region", "REGION_UNKNOWN"), id="a region exists"
        ),
        pytest.param(
            {"managing_region": "Z999"}, ("managing_region", "REGION_UNKNOWN"), id="a zone exists"
        ),
        pytest.param(
            {"total_investment_wan": Decimal("-1")},
            ("total_investment_wan", "AMOUNT_RANGE"),
            id="an amount is not negative",
        ),
        pytest.param(
            {"annual_plan_wan": Decimal("1.005")},
            ("annual_plan_wan", "AMOUNT_PLACES"),
            id="an amount has two places",
        ),
        pytest.param(
            {"planned_completion": date(2026, 9, 29)},
            ("planned_completion", "ENDS_BEFORE_START"),
            id="work ends after it starts",
        ),
        pytest.param(
            {"planned_start": None}, ("planned_start", "REQUIRED"), id="a start is planned"
        ),
        pytest.param(
            {"sign_date": date(1899, 1, 1)}, ("sign_date", "DATE_RANGE"), id="days are plausible"
        ),
    ],
)
def test_what_is_wrong_is_named_with_a_stable_reason(
    changed: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert wrong(**changed) == [fault]


def test_the_statistics_code_of_the_new_district_is_accepted_in_a_project_code() -> None:
    assert wrong(code="2603-321171-89-01-999001") == []


def test_a_reserve_project_may_not_know_its_start_yet() -> None:
    assert wrong(category="储备", planned_start=None, planned_completion=None) == []


def test_several_faults_are_all_named() -> None:
    assert {field for field, _ in wrong(name="", year=0, level="", uscc="1")} == {
        "name",
        "year",
        "level",
        "uscc",
    }


def test_the_zone_is_the_administrative_region_unless_said() -> None:
    assert Details(admin_region="321181").settled().managing_region == "321181"


def test_attributes_are_complete_and_the_amount_is_one_of_them() -> None:
    kept = details(attributes={"eia_class": "report"}).attributes

    assert set(kept) == set(attributes())
    assert (kept["eia_class"], kept["discharges_to_sewer"]) == ("report", True)
    assert kept["total_investment_wan"] == 80000


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("is_new_enterprise", "true", True),
        ("is_new_enterprise", "是", True),
        ("is_new_enterprise", "否", False),
        ("land_area_ha", "8.2", 8.2),
        ("land_area_ha", "1,200", 1200),
        ("eia_class", '"report"', "report"),
        ("eia_class", "报告表", "form"),
        ("project_kind", "技改", "tech_upgrade"),
    ],
)
def test_an_attribute_is_read_as_a_value_or_as_its_word(
    name: str, text: str, value: object
) -> None:
    assert attributes()[name].read_json(text) == value


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("is_new_enterprise", "也许", "NOT_A_BOOL"),
        ("land_area_ha", "-1", "NOT_A_NUMBER"),
        ("land_area_ha", "NaN", "NOT_A_NUMBER"),
        ("land_area_ha", "很大", "NOT_A_NUMBER"),
        ("eia_class", "特级", "NOT_A_CHOICE"),
        ("eia_class", "[1]", "NOT_A_VALUE"),
        ("eia_class", "null", "NOT_A_VALUE"),
    ],
)
def test_an_attribute_of_the_wrong_kind_is_refused(name: str, text: str, reason: str) -> None:
    read = attributes()[name].read_json(text)

    assert isinstance(read, Fault)
    assert (read.field, read.reason) == (f"attributes.{name}", reason)


def test_an_attribute_that_no_rule_asks_for_is_refused() -> None:
    _, wrong = read_attributes({"colour": '"red"'})

    assert [(fault.field, fault.reason) for fault in wrong] == [
        ("attributes.colour", "ATTRIBUTE_UNKNOWN")
    ]
