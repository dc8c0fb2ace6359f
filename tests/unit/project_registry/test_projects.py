"""A project: every change is on record, and published when others can see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chassis.errors import FieldInvalid, FieldsInvalid, Stale
from project_registry.domain.errors import PastDecisionDiffers, ProjectWithdrawn
from project_registry.domain.events import (
    PastDecisionsRecorded,
    ProjectChanged,
    ProjectRegistered,
    ProjectStageChanged,
)
from project_registry.domain.progress import ItemProgress
from project_registry.domain.projects import Actor, Past
from support.projects import TODAY, details, project

SOMEBODY = Actor("a1", "某人", reason="因故")


def test_registering_publishes_the_whole_state() -> None:
    new = project(attributes={"eia_class": "report"})
    new.version = 0
    new.register(SOMEBODY)

    (event,) = new.events
    assert isinstance(event, ProjectRegistered)
    assert event.project.version == 1
    assert event.project.attributes["eia_class"] == '"report"'
    assert event.project.region_path == "321100/321181/321181113"
    assert (event.project.stage, event.project.status, event.project.pool) == (
        "S1",
        "active",
        "signed",
    )
    assert event.project.total_investment_wan == "80000.00"


def test_registering_something_wrong_names_every_field_and_publishes_nothing() -> None:
    new = project(name="", year=0)

    with pytest.raises(FieldsInvalid) as caught:
        new.register(SOMEBODY)

    assert {each.field for each in caught.value.violations} == {"details.name", "details.year"}
    assert new.events == []


@pytest.mark.article("A09.4")
def test_each_changed_field_leaves_a_line_with_who_old_and_new() -> None:
    known = project()
    known.amend(
        replace(
            known.details, industry="高端装备", total_investment_wan=Decimal("90000.5")
        ).settled(),
        SOMEBODY,
        today=TODAY,
    )

    lines = [(line.field, line.old, line.new, line.actor) for line in known.changes]
    assert lines == [
        ("industry", "", "高端装备", SOMEBODY),
        ("total_investment_wan", "80000.00", "90000.50", SOMEBODY),
        ("attributes.total_investment_wan", "80000", "90000.5", SOMEBODY),
    ]
    (event,) = known.events
    assert isinstance(event, ProjectChanged)
    assert event.changed == ("industry", "total_investment_wan", "attributes")
    assert event.project.version == 2


def test_the_same_details_again_change_nothing() -> None:
    known = project()
    known.amend(details(), SOMEBODY, today=TODAY)

    assert (known.events, known.changes) == ([], [])


def test_a_note_is_on_record_and_nobody_elses_business() -> None:
    known = project()
    known.amend(details(note="电话联系"), SOMEBODY, today=TODAY)

    assert [line.field for line in known.changes] == ["note"]
    assert known.events == []


@pytest.mark.parametrize(
    ("on", "why"),
    [
        pytest.param(TODAY + timedelta(days=1), "after today", id="work cannot begin tomorrow"),
        pytest.param(date(2026, 2, 1), "before the signing", id="nor before the contract"),
    ],
)
def test_an_impossible_start_is_refused(on: date, why: str) -> None:
    known = project()

    with pytest.raises(FieldInvalid, match=why):
        known.start(on, SOMEBODY, today=TODAY)
    assert known.events == []


def test_the_recorded_start_moves_the_project_to_the_started_pool() -> None:
    known = project()
    known.start(date(2026, 9, 28), SOMEBODY, today=TODAY)

    (event,) = known.events
    assert isinstance(event, ProjectChanged)
    assert (event.changed, event.project.pool) == (("actual_start", "pool"), "started")


def test_a_withdrawn_project_stays_on_record_and_takes_no_more_changes() -> None:
    known = project()
    known.withdraw(SOMEBODY, today=TODAY)

    assert (known.status, known.withdrawn_reason) == ("withdrawn", "因故")
    acts: list[Any] = [
        lambda: known.withdraw(SOMEBODY, today=TODAY),
        lambda: known.start(TODAY, SOMEBODY, today=TODAY),
        lambda: known.amend(details(industry="x"), SOMEBODY, today=TODAY),
        lambda: known.record_past([], SOMEBODY, today=TODAY),
    ]
    for act in acts:
        with pytest.raises(ProjectWithdrawn):
            act()


def test_progress_moves_the_stage_and_says_from_where_to_where() -> None:
    known = project()
    known.advance(
        {"S1-01": ItemProgress("done", TODAY), "S2-02": ItemProgress("in_progress")},
        Actor(source="progress"),
        version=1,
        today=TODAY,
    )

    changed, moved = known.events
    assert isinstance(changed, ProjectChanged)
    assert (changed.changed, changed.project.stage) == (("stage",), "S2")
    assert moved == ProjectStageChanged(known.id, "S1", "S2", TODAY)


def test_older_progress_never_overwrites_newer() -> None:
    known = project()
    newer, older = {"S2-02": ItemProgress("in_progress")}, {"S1-01": ItemProgress("in_progress")}
    known.advance(newer, SOMEBODY, version=2, today=TODAY)
    known.advance(older, SOMEBODY, version=1, today=TODAY)

    assert known.stage == "S2"


def test_a_project_with_everything_decided_is_done() -> None:
    known = project()
    known.advance({"S6-17": ItemProgress("done", TODAY)}, SOMEBODY, version=1, today=TODAY)

    assert (known.stage, known.status) == ("DONE", "done")


def test_an_older_assignment_never_overwrites_a_newer_one() -> None:
    known = project()
    known.assign(("b", "c"), ("乙", "丙"), SOMEBODY, version=2, today=TODAY)
    known.assign(("a",), ("甲",), SOMEBODY, version=1, today=TODAY)

    assert known.agents == ("b", "c")
    assert len(known.events) == 1


@pytest.mark.article("A26.1")
def test_past_decisions_from_before_the_measures_are_marked() -> None:
    known = project()
    known.record_past(
        [
            Past("S1-01", date(2023, 2, 20), date(2023, 2, 22)),
            Past("S1-02", date(2023, 2, 22), date(2023, 2, 23), late=True),
        ],
        SOMEBODY,
        today=TODAY,
    )

    (event,) = known.events
    assert isinstance(event, PastDecisionsRecorded)
    assert [(each.item_code, each.late, each.historical) for each in event.decisions] == [
        ("S1-01", False, True),
        ("S1-02", True, False),
    ]


def test_past_decisions_again_are_passed_over() -> None:
    known, told = project(), Past("S1-01", date(2026, 3, 10), date(2026, 3, 10))
    known.record_past([told, told], SOMEBODY, today=TODAY)
    known.events.clear()

    assert known.record_past([told], SOMEBODY, today=TODAY) == []
    assert known.events == []


def test_another_story_about_the_same_item_is_refused() -> None:
    known = project()
    known.record_past([Past("S1-01", date(2026, 3, 10), date(2026, 3, 10))], SOMEBODY, today=TODAY)

    with pytest.raises(PastDecisionDiffers):
        known.record_past(
            [Past("S1-01", date(2026, 3, 10), date(2026, 3, 11))], SOMEBODY, today=TODAY
        )


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (Past("S1-99", TODAY, TODAY), "decisions[0].item_code"),
        (Past("S1-01", TODAY, TODAY - timedelta(days=1)), "decisions[0].decided_on"),
        (Past("S1-01", TODAY, TODAY + timedelta(days=1)), "decisions[0].decided_on"),
        (Past("S1-01", date(1980, 1, 1), TODAY), "decisions[0].accepted_on"),
    ],
    ids=["an unknown item", "decided before accepted", "in the future", "before 1990"],
)
def test_a_past_decision_that_cannot_be_is_refused_and_nothing_is_recorded(
    told: Past, field: str
) -> None:
    known = project()

    with pytest.raises(FieldsInvalid) as caught:
        known.record_past([told, Past("S1-02", TODAY, TODAY)], SOMEBODY, today=TODAY)

    assert [each.field for each in caught.value.violations] == [field]
    assert (known.past, known.events) == ({}, [])


def test_another_version_than_the_one_read_is_stale() -> None:
    known = project()
    known.expect(0)
    known.expect(1)

    with pytest.raises(Stale):
        known.expect(2)
