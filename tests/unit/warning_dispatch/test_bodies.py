"""Who leads and who helps with an order, and the words of its templates."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from warning_dispatch.domain import (
    Bearer,
    LeadNotServiceDepartment,
    OrderTemplate,
    helping,
    is_above,
    kind_of,
    led_from_above,
)

LATE, CENTRE, COMPANY = "321181:发改", "321181:政务服务", "91321181000000027K"
BEARER = Bearer(
    UUID(int=7),
    "项目",
    "321100/321181/321181113",
    "市级",
    COMPANY,
    (),
    LATE,
    "发改委",
    "authority",
    item_name="备案",
)


@pytest.mark.parametrize(
    ("org", "kind"),
    [
        (LATE, "department"),
        ("321100:资规", "department"),
        ("321181113:帮办", "carrier"),
        ("321181113", "carrier"),
        (COMPANY, "company"),
        ("321171:市政公用", "utility"),
        ("321171:中介机构", "intermediary"),
    ],
)
def test_what_kind_a_body_that_helps_is(org: str, kind: str) -> None:
    assert kind_of(org) == kind


def test_whose_part_is_missing_is_told_in_the_order_named() -> None:
    shown = helping((COMPANY, LATE), [LATE])

    assert [(each.org, each.answered) for each in shown] == [(COMPANY, False), (LATE, True)]


@pytest.mark.parametrize("source", ["warning", "inspection", "demand", "coordination"])
def test_the_late_body_helps_where_the_city_dispatches(source: str) -> None:
    led = led_from_above(BEARER, org="", source=source, co_orgs=(COMPANY,))
    late_company = replace(BEARER, duty_bearer="enterprise")

    assert led == (CENTRE, (COMPANY, LATE))
    assert led_from_above(late_company, org="", source=source, co_orgs=())[1] == (COMPANY,)
    with pytest.raises(LeadNotServiceDepartment):
        led_from_above(BEARER, org=LATE, source=source, co_orgs=())


@pytest.mark.parametrize("source", ["instruction", "meeting"])
def test_a_leader_and_a_meeting_name_whom_they_want(source: str) -> None:
    assert led_from_above(BEARER, org=LATE, source=source, co_orgs=()) == (LATE, ())


def test_the_city_is_above_a_district_and_the_district_not_above_itself() -> None:
    assert is_above("321100", BEARER)
    assert not is_above("321100/321181", BEARER)
    assert not is_above("321100/321183", BEARER)
    assert not is_above("321100", replace(BEARER, region_path="321100"))
    assert not is_above("", BEARER)


def test_a_template_names_the_project_and_the_districts_departments() -> None:
    template = OrderTemplate(
        "T", "utility", "{item}: {project}", "请{org}落实", ("市政公用", "company")
    )

    assert template.subject_for(BEARER) == "备案: 项目"
    assert template.requirement_for(BEARER) == "请发改委落实"
    assert template.helpers_for(BEARER) == ("321181:市政公用", COMPANY)
    assert template.helpers_for(replace(BEARER, uscc="")) == ("321181:市政公用",)
