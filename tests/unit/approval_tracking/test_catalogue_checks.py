"""What a catalogue must be: each fault is found and named with its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from approval_tracking.domain.catalogue_checks import check, projects_of
from approval_tracking.domain.rules import read_rule
from support.approval_data import catalogue, seed

THEMES = seed("themes.yaml")["themes"]
Spoil = Callable[[dict[str, Any], dict[str, dict[str, Any]]], None]


def faults(spoil: Spoil, themes: Any = THEMES) -> list[str]:
    content = copy.deepcopy(seed("catalog.yaml"))
    spoil(content, {item["code"]: item for item in content["items"]})
    return [f"{each.path}: {each.en}" for each in check(content, themes)]


def test_the_catalogue_that_is_shipped_has_no_fault() -> None:
    assert faults(lambda content, items: None) == []


def _rule(rule: str) -> Spoil:
    return lambda _, items: items["S2-06"]["applicability"].update(expr=rule)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("anual_energy_tce >= 1000.0", "column 1: anual_energy_tce is no attribute of a project"),
        ("annual_energy_tce >= '1000'", "column 22: '1000' is not of the type"),
        ("annual_energy_tce", "column 18: the end comes where"),
        ("annual_energy_tce < 5.0 && annual_energy_tce > 6.0", "holds for no project"),
    ],
)
def test_a_rule_that_cannot_be_published(rule: str, told: str) -> None:
    found = faults(_rule(rule))

    assert len(found) == 1
    assert found[0].startswith("items[S2-06].applicability.expr: ")
    assert told in found[0]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(
            lambda content, items: items["S2-06"]["prerequisites"].append("S9-99"),
            "items[S2-06].prerequisites: S9-99 does not exist",
            id="a prerequisite that is not there",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(stage="S9"),
            "items[S2-06].stage: S9 does not exist",
            id="a stage that is not there",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(department="外星"),
            "items[S2-06].department: 外星 does not exist",
            id="a department that is not there",
        ),
        pytest.param(
            lambda content, items: content["milestones"][3]["gate_items"].append("S9-99"),
            "milestones[M4].gate_items: S9-99 does not exist",
            id="a gate that is not there",
        ),
        pytest.param(
            lambda content, items: items["S2-08"]["special_procedures"][0].update(article45=None),
            "items[S2-08].special_procedures[技术评估]: "
            "stops the clock without article 45 or a special basis",
            id="a pause without a basis",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(committed_limit_days=21),
            "items[S2-06].committed_limit_days: promises 21 working, the law allows 20 working",
            id="a promise above the law",
        ),
        pytest.param(
            lambda content, items: items["S6-09"].update(committed_limit_days=15),
            "items[S6-09].committed_limit_days: promises 15 working, the law allows 20 calendar",
            id="a promise above a variant, in other units",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(statutory_limit_days=None),
            "items[S2-06].statutory_limit_days: a legal maximum has its days",
            id="a maximum without days",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(committed_limit_days=2.5),
            "items[S2-06].committed_limit_days: a limit is whole days or half a day",
            id="a part of a day",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(code="S2-07"),
            "items[S2-07].code: is there twice",
            id="a code twice",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].pop("legal_basis"),
            "items[S2-06].legal_basis: is missing",
            id="a field that is missing",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(limit_varants=[]),
            "items[S2-06].limit_varants: is no field of an item",
            id="a field misspelt",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(statutory_limit_days="20"),
            "items[S2-06].statutory_limit_days: must be a number of at least 0",
            id="a number as a text",
        ),
        pytest.param(
            lambda content, items: items["S2-06"].update(clock_start="whenever"),
            "items[S2-06].clock_start: must be one of: acceptance, receipt, instant, event",
            id="a word that is none",
        ),
        pytest.param(
            lambda content, items: content["project_attributes"][0].update(default="no"),
            "project_attributes[is_new_enterprise].default: the default no is no bool of it",
            id="a default of another type",
        ),
        pytest.param(
            lambda content, items: content.update(items={}),
            "items: must be a list",
            id="no list of items",
        ),
    ],
)
def test_each_fault_is_named_with_its_place(spoil: Spoil, told: str) -> None:
    assert told in faults(spoil)


def test_all_faults_are_named_at_once() -> None:
    def spoil(content: dict[str, Any], items: dict[str, dict[str, Any]]) -> None:
        items["S2-06"]["applicability"]["expr"] = "nonsense"
        items["S2-08"]["committed_limit_days"] = 99
        items["S3-01"]["prerequisites"].append("S9-98")

    assert len(faults(spoil)) == 3


def test_items_that_wait_for_each_other_in_one_project_are_refused() -> None:
    found = faults(lambda _, items: items["S2-01"]["prerequisites"].append("S5-09"))

    assert any("prerequisites wait for each other" in each for each in found)


def test_items_that_exclude_each_other_may_name_each_other() -> None:
    """No project needs both: allocated and granted land."""

    def spoil(_: dict[str, Any], items: dict[str, dict[str, Any]]) -> None:
        items["S3-05"]["prerequisites"] = ["S3-06"]
        items["S3-06"]["prerequisites"] = ["S3-05"]

    assert faults(spoil) == []


def test_hopelessly_entangled_prerequisites_are_refused_in_good_time() -> None:
    def spoil(_: dict[str, Any], items: dict[str, dict[str, Any]]) -> None:
        for item in items.values():
            item["prerequisites"] = [code for code in items if code != item["code"]]

    assert faults(spoil)


@pytest.mark.parametrize(
    ("themes", "told"),
    [
        ([{**THEMES[0], "items": ["S9-99"]}], "themes[T01].items: S9-99 does not exist"),
        (
            [{**THEMES[0], "applies_expr": "x"}],
            "themes[T01].applies_expr: the rule is wrong: column 1: x is no attribute of a project",
        ),
        ({}, "themes: must be a list"),
    ],
)
def test_a_theme_names_what_there_is(themes: Any, told: str) -> None:
    assert told in faults(lambda content, items: None, themes)


@pytest.mark.parametrize("content", [None, [], {}, {"items": [None]}, "text"])
def test_what_is_no_catalogue_at_all_is_refused(content: Any) -> None:
    assert check(content, THEMES)


def test_the_attribute_space_has_every_value_and_each_side_of_a_bound() -> None:
    attributes = catalogue().attributes
    rule = read_rule("land_area_ha >= 5.0 && eia_class == 'report'", attributes)
    projects = list(projects_of([rule], attributes))

    assert {project["eia_class"] for project in projects} == set(attributes["eia_class"].values)
    assert {project["land_area_ha"] for project in projects} == {4.99, 5.0, 5.01}
    assert len(projects) == 12
