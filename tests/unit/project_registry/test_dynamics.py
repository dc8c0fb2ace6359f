"""Changes of the library: what a kind needs, and who decides."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from chassis.errors import FieldInvalid
from project_registry.domain.dynamics import Asked, ChangeRequest, check_asker
from project_registry.domain.dynamics_errors import (
    ChangeDecided,
    CompanyMayOnlyBeAdded,
    OwnChange,
)
from project_registry.domain.projects import Actor
from support.registry import NOON

ONE, OTHER = uuid4(), uuid4()
SAID = {"name": "示例"}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Asked("add", ONE, SAID), "project_id"),
        (Asked("remove", None, None), "project_id"),
        (Asked("add", None, None), "details"),
        (Asked("adjust", ONE, SAID), "fields"),
        (Asked("rename", ONE, SAID, ("name", "level")), "fields"),
        (Asked("merge", ONE, None), "other_ids"),
        (Asked("merge", ONE, None, other_ids=(OTHER, ONE)), "other_ids"),
        (Asked("split", ONE, None, parts=(SAID,)), "parts"),
    ],
)
def test_a_change_says_what_its_kind_needs(asked: Asked, field: str) -> None:
    with pytest.raises(FieldInvalid) as caught:
        asked.check()

    assert caught.value.violations[0].field == field


@pytest.mark.parametrize(
    "asked",
    [
        Asked("add", None, SAID),
        Asked("adjust", ONE, SAID, ("level",)),
        Asked("rename", ONE, SAID, ("name", "code")),
        Asked("remove", ONE, None),
        Asked("merge", ONE, None, other_ids=(OTHER,)),
        Asked("split", ONE, None, parts=(SAID, SAID)),
    ],
)
def test_a_whole_change_is_taken(asked: Asked) -> None:
    asked.check()


def request() -> ChangeRequest:
    return ChangeRequest(
        id=UUID(int=1),
        asked=Asked("remove", ONE, None),
        project_name="示例",
        region_path="321100",
        level="市级",
        uscc="",
        agents=(),
        reason="不再实施",
        asked_by="d4",
        asked_by_name="张",
        asked_at=NOON,
    )


def test_it_is_decided_once_and_by_somebody_else() -> None:
    change = request()

    with pytest.raises(OwnChange):
        change.decide(True, "", Actor("d4", "张"), at=NOON)
    change.decide(True, "", Actor("d5", "李"), at=NOON)
    assert (change.status, change.decided_by_name) == ("approved", "李")
    with pytest.raises(ChangeDecided):
        change.decide(False, "x", Actor("d6", "王"), at=NOON)


def test_it_is_not_turned_down_without_a_reason() -> None:
    change = request()

    with pytest.raises(FieldInvalid):
        change.decide(False, " ", Actor("d5", "李"), at=NOON)
    change.decide(False, "仍在推进", Actor("d5", "李"), at=NOON)
    assert (change.status, change.note) == ("turned_down", "仍在推进")


def test_a_company_asks_for_no_more_than_to_be_taken_in() -> None:
    check_asker("add", frozenset({"E1"}))
    check_asker("remove", frozenset({"D4"}))
    with pytest.raises(CompanyMayOnlyBeAdded):
        check_asker("remove", frozenset({"E1"}))
