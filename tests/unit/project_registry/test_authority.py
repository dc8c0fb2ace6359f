"""The level of a project says who manages it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chassis.errors import DomainError, OutOfScope
from project_registry.domain.authority import Desk
from project_registry.domain.errors import (
    EnterpriseMayOnlyApply,
    EntryNotYours,
    LevelNotYours,
    ReasonMissing,
)
from support.projects import details

CITY = Desk("321100", frozenset({"D4"}), adjusts=True)
LEADER = Desk("321100", frozenset({"D5"}))
TEAM = Desk("321100", frozenset({"B4"}))
DANYANG = Desk("321100/321181", frozenset({"D1"}), adjusts=True)
TOWN = Desk("321100/321181/321181113", frozenset({"B1"}))
ENTERPRISE = Desk("", frozenset({"E1"}))
HERE = "321100/321181/321181113"
NEXT_DOOR = "321100/321183/321183102"


@pytest.mark.article("A10.2", "A09.1")
@pytest.mark.parametrize(
    ("desk", "level", "path", "refused"),
    [
        pytest.param(CITY, "省级", HERE, None, id="the city enters province projects"),
        pytest.param(CITY, "市级", HERE, None, id="and its own"),
        pytest.param(CITY, "区级", HERE, LevelNotYours, id="a district's it only counts"),
        pytest.param(DANYANG, "区级", HERE, None, id="a district enters its own"),
        pytest.param(DANYANG, "市级", HERE, LevelNotYours, id="and no city project"),
        pytest.param(DANYANG, "区级", NEXT_DOOR, OutOfScope, id="nor a neighbour's"),
        pytest.param(TOWN, "区级", HERE, None, id="a town may enter early"),
        pytest.param(TOWN, "区级", "321100/321181/321181001", OutOfScope, id="in itself only"),
        pytest.param(LEADER, "市级", HERE, LevelNotYours, id="a leader enters nothing"),
        pytest.param(ENTERPRISE, "区级", HERE, EnterpriseMayOnlyApply, id="a company applies"),
    ],
)
def test_who_may_enter_a_project(
    desk: Desk, level: str, path: str, refused: type[DomainError] | None
) -> None:
    if refused is None:
        desk.may_enter(level, path)
        return
    with pytest.raises(refused):
        desk.may_enter(level, path)


@pytest.mark.article("A10.2")
def test_the_citys_staff_change_no_district_project() -> None:
    with pytest.raises(LevelNotYours):
        TEAM.may_change("区级")
    TEAM.may_change("市级")
    DANYANG.may_change("区级")
    ENTERPRISE.may_change("区级")


@pytest.mark.parametrize(
    ("desk", "old", "new", "reason", "refused"),
    [
        pytest.param(CITY, {}, {"name": "更名"}, "更名", None, id="the city renames its project"),
        pytest.param(CITY, {}, {"name": "更名"}, " ", ReasonMissing, id="not without a reason"),
        pytest.param(DANYANG, {}, {"name": "更名"}, "x", EntryNotYours, id="a district does not"),
        pytest.param(
            DANYANG, {"level": "区级"}, {"name": "更名"}, "x", None, id="a district renames its own"
        ),
        pytest.param(
            DANYANG,
            {"level": "区级"},
            {"level": "市级"},
            "x",
            LevelNotYours,
            id="it raises nothing",
        ),
        pytest.param(CITY, {}, {"level": "区级"}, "降级", None, id="the city hands one down"),
        pytest.param(
            DANYANG,
            {"level": "区级"},
            {"managing_region": "321183102"},
            "x",
            OutOfScope,
            id="nobody gives a project to a neighbour",
        ),
        pytest.param(TOWN, {}, {"industry": "x"}, "", None, id="other fields are no adjustment"),
        pytest.param(
            TOWN, {}, {"code": "2603-321181-89-01-1"}, "", None, id="nor is filling in the code"
        ),
        pytest.param(
            TOWN,
            {"code": "2603-321181-89-01-123456"},
            {"code": ""},
            "x",
            EntryNotYours,
            id="taking the code away is",
        ),
    ],
)
def test_who_may_adjust_the_library(
    desk: Desk,
    old: dict[str, Any],
    new: dict[str, Any],
    reason: str,
    refused: type[DomainError] | None,
) -> None:
    before = details(**old)
    after = replace(before, **new)
    if refused is None:
        desk.may_adjust(before, after, reason)
        return
    with pytest.raises(refused):
        desk.may_adjust(before, after, reason)


def test_who_may_take_a_project_out() -> None:
    CITY.may_withdraw("市级")
    LEADER.may_withdraw("省级")
    DANYANG.may_withdraw("区级")
    for desk, level in ((CITY, "区级"), (DANYANG, "市级"), (TOWN, "区级"), (LEADER, "区级")):
        with pytest.raises(LevelNotYours):
            desk.may_withdraw(level)
