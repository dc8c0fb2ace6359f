"""The rules of the catalogue: what may stand in one, and which attribute decided."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tracking.domain.rules import (
    Attribute,
    RuleInvalid,
    decide,
    holds,
    names_in,
    read_rule,
)
from support.approval_data import catalogue

CATALOGUE = catalogue()
RULES = sorted({item.applies_rule for item in CATALOGUE.items.values()})


def projects() -> st.SearchStrategy[dict[str, Any]]:
    """Projects over the whole space of attributes, numbers around the catalogue's thresholds too."""
    thresholds = [0, 0.5, 1000, 5, 500, 50000]
    near = [value + step for value in thresholds for step in (-0.01, 0, 0.01)]

    def values(attribute: Attribute) -> st.SearchStrategy[Any]:
        if attribute.kind == "number":
            return st.sampled_from(near)
        return st.sampled_from(attribute.values) if attribute.values else st.booleans()

    return st.fixed_dictionaries(
        {name: values(each) for name, each in CATALOGUE.attributes.items()}
    )


@given(projects())
def test_the_tree_and_the_library_agree_on_every_project(given_values: dict[str, Any]) -> None:
    attributes = CATALOGUE.read_attributes(given_values)

    for text in RULES:
        held, _ = decide(read_rule(text, CATALOGUE.attributes), attributes)
        assert held == holds(text, attributes), text


@given(projects(), projects())
def test_the_named_causes_alone_decide(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Whatever the other attributes are: with the causes' values the answer stands."""
    for code, rule in CATALOGUE.rules.items():
        attributes = CATALOGUE.read_attributes(one)
        held, causes = decide(rule, attributes)
        kept = {test.name: attributes[test.name] for test in causes}

        assert decide(rule, {**CATALOGUE.read_attributes(other), **kept})[0] == held, code


def test_each_cause_is_told_once() -> None:
    rule = read_rule(
        "is_new_enterprise && (is_new_enterprise || social_risk)", CATALOGUE.attributes
    )
    attributes = CATALOGUE.read_attributes({"is_new_enterprise": True})

    assert [test.name for test in decide(rule, attributes)[1]] == ["is_new_enterprise"]
    assert set(names_in(rule)) == {"is_new_enterprise", "social_risk"}


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("", "column 1: the end is no attribute"),
        ("must_tendr", "column 1: must_tendr is no attribute of a project"),
        ("must_tender && eia_class", "column 25: the end comes where eia_class needs"),
        ("eia_class == 'repport'", "column 14: 'repport' is no value of eia_class"),
        ("eia_class in ['report', 5.0]", "column 25: 5.0 is not of the type of eia_class: enum"),
        ("land_area_ha > 5", "column 16: 5 must be written as a double"),
        ("land_area_ha == true", "column 17: true is not of the type of land_area_ha: number"),
        ("must_tender == 1.0", "column 16: 1.0 is not of the type of must_tender: bool"),
        ("eia_class < 'report'", "column 11: < compares numbers, eia_class is none"),
        ("must_tender or social_risk", "column 13: or has no place here"),
        ("land_area_ha.real()", "column 13: '.' has no place in a rule"),
        ("land_area_ha + 1.0 > 2.0", "column 14: '+' has no place in a rule"),
        ("(must_tender", "column 13: the end stands where ) is expected"),
        ("eia_class in []", "column 15: ] is not of the type"),
        ("!" * 60 + "must_tender", "is nested too deep"),
        ("size(eia_class) > 1.0", "column 1: size is no attribute of a project"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_with_its_place(rule: str, wrong: str) -> None:
    with pytest.raises(RuleInvalid) as caught:
        read_rule(rule, CATALOGUE.attributes)

    assert str(caught.value).startswith(wrong) or wrong in str(caught.value)


@given(st.text(alphabet="()!&|<>=[],\"' .0159abeiln_", max_size=40))
def test_nonsense_is_refused_and_never_a_crash(text: str) -> None:
    try:
        read_rule(text, CATALOGUE.attributes)
    except RuleInvalid:
        return


@pytest.mark.parametrize(("first", "second"), list(itertools.product([True, False], repeat=2)))
def test_and_binds_before_or(first: bool, second: bool) -> None:
    text = "must_tender || social_risk && is_new_enterprise"
    attributes = CATALOGUE.read_attributes({"must_tender": first, "social_risk": second})

    assert decide(read_rule(text, CATALOGUE.attributes), attributes)[0] is first
    assert holds(text, attributes) is first
