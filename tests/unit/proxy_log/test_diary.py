"""Who may be bound to a project, and how long a log may be changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from chassis.errors import Stale
from proxy_log.domain import (
    MOST_PHOTOS,
    Assignment,
    DayInTheFuture,
    Log,
    LogApproved,
    LogFrozen,
    NamedTwice,
    Navigator,
    NotANavigator,
    NotBound,
    NotTheAuthor,
    OwnLog,
    TooManyPhotos,
)

FILED = datetime(2026, 10, 8, 17, tzinfo=UTC)
HERE = "321100/321181"
ANNA = Navigator("anna", "Anna", frozenset({"B1"}), "321100/321181/321181113", True)
BEN = replace(ANNA, account_id="ben", name="Ben")


def assign(who: Assignment, second: Navigator = BEN, expected_version: int = 0) -> None:
    who.assign(
        "anna",
        [second.account_id],
        region_path=HERE,
        navigators={"anna": ANNA, second.account_id: second},
        by="boss",
        expected_version=expected_version,
    )


def log() -> Log:
    return Log(
        id=UUID(int=2),
        project_id=UUID(int=1),
        case_id=None,
        kind="visit",
        agent="anna",
        agent_name="Anna",
        worked_on=date(2026, 10, 9),
        work="before",
        next_step="",
        problem="",
        needs_coordination=False,
        internal_note="",
        companions="",
        latitude=None,
        longitude=None,
        filed_at=FILED,
    )


def test_an_assignment_tells_everybody_bound_with_the_main_navigator_first() -> None:
    bound = Assignment(UUID(int=1))

    assign(bound)

    (event,) = bound.events
    assert vars(event) == {
        "project_id": UUID(int=1),
        "version": 1,
        "agents": ("anna", "ben"),
        "agent_names": ("Anna", "Ben"),
        "assigned_by": "boss",
    }


@pytest.mark.parametrize(
    ("second", "refusal"),
    [
        pytest.param(ANNA, NamedTwice, id="named twice"),
        pytest.param(replace(BEN, active=False), NotANavigator, id="left"),
        pytest.param(replace(BEN, roles=frozenset({"A4"})), NotANavigator, id="another role"),
        pytest.param(replace(BEN, region_path="321100/321183"), NotANavigator, id="elsewhere"),
        pytest.param(replace(BEN, region_path="321100/3211"), NotANavigator, id="a like prefix"),
    ],
)
def test_an_assignment_refused_changes_nothing(second: Navigator, refusal: type[Exception]) -> None:
    bound = Assignment(UUID(int=1))

    with pytest.raises(refusal):
        assign(bound, second)

    assert bound == Assignment(UUID(int=1))
    assert bound.events == []


def test_an_assignment_that_changed_meanwhile_is_stale() -> None:
    with pytest.raises(Stale):
        assign(Assignment(UUID(int=1), version=2), expected_version=1)


def test_a_log_of_today_in_the_office_is_not_of_the_future() -> None:
    """At 17:00 UTC it is the next day in Zhenjiang."""
    log().file(region_path=HERE, agents=["anna"])
    with pytest.raises(DayInTheFuture):
        replace(log(), worked_on=date(2026, 10, 10)).file(region_path=HERE, agents=["anna"])


def test_only_a_bound_navigator_files() -> None:
    with pytest.raises(NotBound):
        log().file(region_path=HERE, agents=["ben"])


def test_a_change_keeps_what_was_there_until_24_hours_have_passed() -> None:
    entry, last = log(), FILED + timedelta(hours=24)

    entry.change({"work": "after", "problem": ""}, by="anna", at=last)

    assert [(each.field, each.old, each.new) for each in entry.changes] == [
        ("work", "before", "after")
    ]
    with pytest.raises(LogFrozen):
        entry.change({"work": "late"}, by="anna", at=last + timedelta(microseconds=1))
    with pytest.raises(LogFrozen):
        entry.add_photo(by="anna", at=last + timedelta(microseconds=1))
    assert (entry.work, entry.photos) == ("after", 0)


def test_only_the_author_changes_a_log_and_only_another_approves_it_once() -> None:
    entry = log()
    with pytest.raises(NotTheAuthor):
        entry.change({"work": "mine"}, by="ben", at=FILED)
    with pytest.raises(OwnLog):
        entry.approve(by="anna", at=FILED)

    entry.approve(by="boss", at=FILED)

    with pytest.raises(LogApproved):
        entry.approve(by="boss", at=FILED)
    with pytest.raises(LogFrozen):
        entry.change({"work": "late"}, by="anna", at=FILED)


def test_a_log_has_at_most_thirty_photos() -> None:
    entry = log()
    for _ in range(MOST_PHOTOS):
        entry.add_photo(by="anna", at=FILED)
    with pytest.raises(TooManyPhotos):
        entry.add_photo(by="anna", at=FILED)
    assert entry.photos == MOST_PHOTOS
