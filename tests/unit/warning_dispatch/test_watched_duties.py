"""Cards of plans, themes, licences, ratings, investment, visits, completion and delivery, counted by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from support.clocks import at, calendar, case_state, happening, project_state
from warning_dispatch.domain import (
    Case,
    Duty,
    Project,
    RuleBook,
    duties_of_case,
    duties_of_facts,
    duties_of_log,
    duties_of_project,
    follow_plan,
    over_since,
    read_watched,
)
from warning_dispatch.usecases import shipped_rules

BOOK = RuleBook.read(shipped_rules())
PROJECT = Project.read(project_state())
Moments = dict[tuple[str, str, str], datetime]


def moments(found: list[Duty]) -> Moments:
    return {duty.key: duty.due_moment for duty in found}


def watched(kind: str, state: dict[str, Any], **project: Any) -> list[Duty]:
    read = read_watched(kind, state, Project.read(project_state(**project)))
    return duties_of_facts(read, BOOK, calendar()) if read else []


def node(code: str, finish: str, *after: str, done: str | None = None) -> dict[str, Any]:
    return {
        "item_code": code,
        "item_name": f"事项 {code}",
        "org": "321181:资规",
        "early_finish": finish,
        "after": list(after),
        "done_on": done,
    }


def plan(*nodes: dict[str, Any], version: int, baseline: int = 0, slack: int = 30) -> Any:
    return {
        "project_id": str(UUID(int=7)),
        "version": version,
        "baseline": baseline,
        "planned_start": "2026-12-15",
        "slack_days": slack,
        "nodes": list(nodes),
    }


def followed(*told: tuple[Any, str]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for each, when in told:
        state = follow_plan(state, each, at=at(when)) or state
    return state


# --- W-08 and W-18: plans ------------------------------------------------------------------------

FROZEN = plan(
    node("S2-02", "2026-10-16"), node("S3-01", "2026-11-20", "S2-02"), version=2, baseline=1
)


def test_a_node_is_late_the_working_day_after_its_baseline_and_red_after_five_more() -> None:
    state = followed((FROZEN, "2026-10-08 10:00"))

    assert moments(watched("plan", state)) == {
        ("W-08", "yellow", "V1:S2-02"): at("2026-10-19 00:30"),
        ("W-08", "red", "V1:S2-02"): at("2026-10-26 00:30"),
        ("W-08", "yellow", "V1:S3-01"): at("2026-11-23 00:30"),
        # The node before it is not done either: two in a row.
        ("W-08", "red", "V1:S3-01"): at("2026-11-23 00:30"),
    }


def test_a_node_beyond_the_calendar_takes_no_other_with_it() -> None:
    far = plan(node("S2-02", "2026-10-16"), node("S6-08", "2029-05-16"), version=2, baseline=1)
    state = followed((far, "2026-10-08 10:00"))

    assert {duty.period for duty in watched("plan", state)} == {"V1:S2-02"}


def test_a_draft_that_was_not_agreed_on_makes_nobody_late() -> None:
    draft = plan(node("S2-02", "2026-10-16"), version=1, slack=-9)

    assert watched("plan", followed((draft, "2026-10-08 10:00"))) == []


def test_a_node_that_was_done_in_time_has_no_card_and_saves_the_one_after_it() -> None:
    done = plan(node("S2-02", "2026-10-16", done="2026-10-16"), version=3)
    state = followed((FROZEN, "2026-10-08 10:00"), (done, "2026-10-16 16:00"))

    assert moments(watched("plan", state)) == {
        ("W-08", "yellow", "V1:S3-01"): at("2026-11-23 00:30"),
        ("W-08", "red", "V1:S3-01"): at("2026-11-30 00:30"),
    }


def test_news_of_a_node_done_long_ago_ends_with_that_day() -> None:
    done = plan(node("S2-02", "2026-10-16", done="2026-10-20"), version=3)
    state = followed((FROZEN, "2026-10-08 10:00"), (done, "2026-11-02 09:00"))
    (yellow,) = [duty for duty in watched("plan", state) if duty.period == "V1:S2-02"]
    read = read_watched("plan", state, PROJECT)

    assert (yellow.colour, yellow.ends) == ("yellow", at("2026-10-21 00:00"))
    assert read
    assert over_since("W-08", "V1:S2-02", read) == at("2026-10-21 00:00")


def test_an_older_draft_overwrites_nothing_but_a_baseline_that_comes_late_is_taken() -> None:
    newer = plan(node("S2-02", "2026-10-16", done="2026-10-12"), version=5)
    state = followed((newer, "2026-10-12 11:00"), (FROZEN, "2026-10-12 11:01"))

    assert (
        follow_plan(state, plan(node("S2-02", "2026-10-30"), version=4), at=at("2026-10-13 09:00"))
        is None
    )
    assert (state["version"], state["baseline"]) == (5, 1)
    assert {duty.period for duty in watched("plan", state)} == {"V1:S3-01"}


def test_slack_below_the_threshold_is_a_card_at_once_for_as_long_as_it_lasts() -> None:
    def now(version: int, slack: int) -> Any:
        return plan(node("S2-02", "2026-12-31"), version=version, slack=slack)

    state = followed(
        (plan(node("S2-02", "2026-12-31"), version=2, baseline=1, slack=20), "2026-10-08 10:00"),
        (now(3, 4), "2026-10-12 10:00"),
        (now(4, 2), "2026-10-13 10:00"),
        (now(5, -1), "2026-10-14 10:00"),
        (now(6, 9), "2026-10-20 10:00"),
        (now(7, 4), "2026-10-21 10:00"),
    )
    found = [duty for duty in watched("plan", state) if duty.rule == "W-18"]

    assert [(d.colour, d.due_moment, d.ends) for d in found] == [
        ("yellow", at("2026-10-12 10:00"), at("2026-10-20 10:00")),
        ("red", at("2026-10-14 10:00"), at("2026-10-20 10:00")),
        ("yellow", at("2026-10-21 10:00"), None),
    ]
    assert [d for d in watched("plan", state, actual_start="2026-10-21") if d.rule == "W-18"] == []


# --- W-17: themes --------------------------------------------------------------------------------


def theme(**more: Any) -> dict[str, Any]:
    return {
        "application_id": str(UUID(int=9)),
        "version": 3,
        "mode": "theme",
        "theme": "T-01",
        "theme_name": "开工一件事",
        "lead_org": "321181:住建",
        "lead_org_name": "丹阳市住建",
        "status": "in_progress",
        "started_on": "2026-10-08",
        "statutory_due": "2026-11-23",
        "target_due": "2026-10-28",
        "extended": False,
        "ended_on": "",
        "at": "2026-10-08T02:00:00Z",
        **more,
    }


def test_a_theme_has_a_clock_of_its_own() -> None:
    assert moments(watched("theme", theme())) == {
        ("W-17", "yellow", "1"): at("2026-10-23 00:30"),
        ("W-17", "red", "1"): at("2026-10-29 00:30"),
        ("W-17", "red_statutory", "1"): at("2026-11-24 00:30"),
    }


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(theme(mode="full_process"), id="the whole process has no such clock"),
        pytest.param(theme(started_on=""), id="not all were accepted"),
        pytest.param(theme(statutory_due="", target_due=""), id="it stands still"),
    ],
)
def test_no_clock_no_card(state: dict[str, Any]) -> None:
    assert watched("theme", state) == []


def test_a_theme_that_ended_has_the_cards_of_before() -> None:
    ended = theme(status="done", ended_on="2026-10-30", at="2026-10-30T03:00:00Z")

    assert [duty.colour for duty in watched("theme", ended)] == ["yellow", "red"]


# --- W-15, W-14, W-10 --------------------------------------------------------------------------


def test_a_licence_warns_thirty_days_before_and_is_red_when_it_has_expired() -> None:
    licence = {
        "licence_id": str(UUID(int=5)),
        "state": "in_force",
        "until_start": True,
        "name": "建筑工程施工许可证",
        "number": "3211812026",
        "item_code": "S4-09",
        "valid_until": "2026-12-31",
    }
    found = watched("licence", licence)

    assert moments(found) == {
        ("W-15", "yellow", "2026-12-31"): at("2026-12-01 00:30"),
        ("W-15", "red", "2026-12-31"): at("2027-01-04 00:30"),
    }
    assert watched("licence", {**licence, "state": "replaced"}) == []
    assert watched("licence", {**licence, "valid_until": ""}) == []
    # Once work has begun it does not lapse any more; a licence with a term of its own does.
    assert watched("licence", licence, actual_start="2026-11-01") == []
    assert watched("licence", {**licence, "until_start": False}, actual_start="2026-11-01")


def rating(score: int, *, contacted: str = "") -> dict[str, Any]:
    return {
        "rating_id": str(UUID(int=6)),
        "score": score,
        "org": "321181:住建",
        "rated_at": "2026-10-16T02:00:00Z",
        "contacted_at": contacted,
    }


@pytest.mark.parametrize(
    ("state", "cards"),
    [
        pytest.param(rating(3), {}, id="so-so is no card"),
        pytest.param(
            rating(2),
            {"yellow": at("2026-10-16 10:00"), "red": at("2026-10-19 17:30")},
            id="red when nobody calls within a working day",
        ),
        pytest.param(
            rating(2, contacted="2026-10-16T08:00:00Z"),
            {"yellow": at("2026-10-16 10:00")},
            id="somebody called in time",
        ),
        pytest.param(rating(1), {"red": at("2026-10-16 10:00")}, id="very bad is red at once"),
    ],
)
def test_a_bad_rating(state: dict[str, Any], cards: dict[str, datetime]) -> None:
    assert {duty.colour: duty.due_moment for duty in watched("rating", state)} == cards


@pytest.mark.parametrize(
    ("completed", "colour"),
    [("400", ""), ("390", "yellow"), ("200", "yellow"), ("199.99", "red")],
    ids=["on pace less ten but one", "ten points", "thirty points", "more than thirty"],
)
def test_investment_against_an_even_pace(completed: str, colour: str) -> None:
    """In June half of the year's plan of 1,000 万元 is due."""
    report = {
        "year": 2026,
        "month": 6,
        "completed_wan": completed if completed != "400" else "400.01",
        "planned_wan": "1000",
        "reported_at": "2026-07-03T02:00:00Z",
    }
    found = watched("investment", report)

    assert [(d.colour, d.period, d.due_moment) for d in found] == (
        [(colour, "2026-06", at("2026-07-03 10:00"))] if colour else []
    )


# --- W-04, W-11 and W-16: beside the clock -----------------------------------------------------


def delivered(*more: dict[str, Any]) -> list[Duty]:
    state = case_state(status="decided", decided=at("2026-10-09 10:00"))
    state["clock"]["delivery_due"] = "2026-10-26"
    state["clock"]["happenings"] += [happening("decided", "2026-10-09"), *more]
    return [d for d in duties_of_case(Case.read(state), BOOK, calendar()) if d.rule == "W-04"]


def test_what_was_granted_and_is_not_handed_over() -> None:
    assert moments(delivered()) == {
        ("W-04", "yellow", "delivery"): at("2026-10-27 00:30"),
        ("W-04", "red", "delivery"): at("2026-10-29 00:30"),
    }
    assert [d.colour for d in delivered(happening("delivered", "2026-10-28"))] == ["yellow"]
    assert delivered(happening("delivered", "2026-10-20")) == []


def test_thirty_days_without_a_visit_are_red_although_the_log_is_kept() -> None:
    seen = Project.read(
        project_state(), log_since=at("2026-11-02 10:00"), visit_since=at("2026-10-08 10:00")
    )

    assert moments(duties_of_log(seen, BOOK, calendar())) == {
        ("W-11", "yellow", "2026-11-02"): at("2026-11-10 00:30"),
        ("W-11", "red", "2026-11-02"): at("2026-11-17 00:30"),
        ("W-11", "red", "visit:2026-10-08"): at("2026-11-09 00:30"),
    }


def test_a_planned_completion_that_is_missed() -> None:
    building: dict[str, Any] = {"actual_start": "2026-03-01", "pool": "started", "stage": "S6"}
    late = Project.read(project_state(planned_completion="2026-09-20", **building))
    built = Project.read(
        project_state(planned_completion="2026-09-20", **{**building, "pool": "producing"})
    )

    assert moments(duties_of_project(late, BOOK, calendar())) == {
        ("W-16", "yellow", "end:2026-09"): at("2026-10-08 00:30"),
        ("W-16", "red", "end:2026-09"): at("2026-12-01 00:30"),
    }
    assert duties_of_project(built, BOOK, calendar()) == []
