"""From the facts about plans, themes, licences, ratings and investment to cards, on a real database."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from support.clocks import at, case_state, project_state
from support.desk import Desk
from warning_dispatch import usecases
from warning_dispatch.domain import INVESTMENT, LICENCE, PLAN, RATING, THEME, LevelChange, Revision
from warning_dispatch.store import Ledger, Subject

PROJECT = UUID(int=7)


def told(desk: Desk, kind: str, subject_id: UUID, state: dict[str, Any]) -> bool:
    with desk.db.begin() as tx:
        return usecases.follow_watched(
            Ledger(tx),
            Subject(kind, subject_id),
            state,
            desk.occasion,
            version=usecases.version_of(kind, state),
            at=desk.now,
        )


def plan(version: int, *, baseline: int = 0, slack: int = 30, done: str = "") -> dict[str, Any]:
    return {
        "project_id": str(PROJECT),
        "version": version,
        "baseline": baseline,
        "planned_start": "2026-12-15",
        "slack_days": slack,
        "nodes": [
            {
                "item_code": "S3-01",
                "item_name": "建设用地规划许可",
                "org": "321181:资规",
                "early_finish": "2026-10-16",
                "after": [],
                "done_on": done or None,
            }
        ],
    }


def rating(version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "rating_id": str(UUID(int=6)),
        "version": version,
        "project_id": str(PROJECT),
        "score": 2,
        "org": "321181:住建",
        "rated_at": "2026-10-16T02:00:00Z",
        "contacted_at": "",
        **more,
    }


def held(desk: Desk) -> list[tuple[str, str, str, str]]:
    return [
        (row.rule, row.colour, row.status, row.org)
        for row in desk.cards
        if row.subject_type not in ("log", "project", "work_order", "escalation")
    ]


def test_a_node_that_is_late_is_the_card_of_the_body_that_has_it(desk: Desk) -> None:
    desk.project(project_state())
    told(desk, PLAN, PROJECT, plan(2, baseline=1))
    desk.sweep("2026-10-19 00:30")
    desk.sweep("2026-10-26 00:30")

    assert held(desk) == [
        ("W-08", "yellow", "open", "321181:资规"),
        ("W-08", "red", "open", "321181:资规"),
    ]
    red = desk.card("W-08", "red")
    assert (red.item_code, red.period, red.project_id) == ("S3-01", "V1:S3-01", PROJECT)
    (order,) = [row for row in desk.orders if row.card_id == red.id]
    assert "S3-01" in order.requirement
    desk.now = at("2026-10-26 10:00")
    told(desk, PLAN, PROJECT, plan(3, done="2026-10-26"))
    assert desk.card("W-08", "red").status == "rectified"


def test_a_plan_that_comes_before_its_project_is_watched_once_the_project_is_known(
    desk: Desk,
) -> None:
    told(desk, PLAN, PROJECT, plan(2, baseline=1))
    assert desk.dues == []
    desk.project(project_state())

    assert [row.rule for row in desk.dues if row.subject_type == "plan"] == ["W-08", "W-08"]
    desk.project(project_state(version=2, status="withdrawn"))
    assert [row.rule for row in desk.dues if row.subject_type == "plan"] == []


def test_slack_that_falls_below_the_threshold_is_a_card_at_once_before_any_clock_is_late(
    desk: Desk,
) -> None:
    desk.project(project_state())
    told(desk, PLAN, PROJECT, plan(2, baseline=1, slack=20))
    desk.now = at("2026-10-12 14:00")
    told(desk, PLAN, PROJECT, plan(3, slack=3))
    desk.sweep("2026-10-12 14:00")

    (card,) = [row for row in desk.cards if row.rule == "W-18"]
    assert (card.colour, card.due_moment) == ("yellow", at("2026-10-12 14:00"))
    assert "浮时 3 个工作日" in "; ".join(card.explanation_zh)


def test_older_news_changes_nothing(desk: Desk) -> None:
    desk.project(project_state())
    assert told(desk, RATING, UUID(int=6), rating(2, contacted_at="2026-10-16T06:00:00Z"))

    assert not told(desk, RATING, UUID(int=6), rating(1))
    desk.sweep("2026-10-20 09:00")
    assert [(each[0], each[1]) for each in held(desk)] == [("W-14", "yellow")]


def test_a_report_of_a_later_month_takes_the_place_of_the_one_before(desk: Desk) -> None:
    desk.project(project_state())

    def report(month: int, completed: str, *, version: int = 1) -> bool:
        return told(
            desk,
            INVESTMENT,
            PROJECT,
            {
                "project_id": str(PROJECT),
                "version": version,
                "year": 2026,
                "month": month,
                "completed_wan": completed,
                "planned_wan": "1200",
                "reported_at": "2026-10-09T02:00:00Z",
            },
        )

    assert report(8, "300", version=7)
    desk.sweep("2026-10-09 10:30")
    assert report(9, "890")
    assert not report(8, "300", version=8)
    desk.sweep("2026-10-09 11:00")

    ((rule, colour, status, _),) = held(desk)
    assert (rule, colour) == ("W-10", "red")
    assert status != "open"


def test_the_lead_of_a_theme_and_the_holder_of_a_licence_answer(desk: Desk) -> None:
    desk.project(project_state())
    theme = {
        "application_id": str(uuid4()),
        "version": 1,
        "project_id": str(PROJECT),
        "mode": "theme",
        "theme": "T-01",
        "theme_name": "开工一件事",
        "lead_org": "321181:住建",
        "lead_org_name": "丹阳市住建局",
        "status": "in_progress",
        "started_on": "2026-10-08",
        "statutory_due": "2026-11-23",
        "target_due": "2026-10-28",
        "extended": False,
        "ended_on": "",
        "at": "2026-10-08T02:00:00Z",
    }
    licence = {
        "licence_id": str(uuid4()),
        "version": 1,
        "project_id": str(PROJECT),
        "state": "in_force",
        "until_start": True,
        "name": "建筑工程施工许可证",
        "number": "3211812026",
        "item_code": "S4-09",
        "valid_until": "2026-11-20",
    }
    told(desk, THEME, UUID(str(theme["application_id"])), theme)
    told(desk, LICENCE, UUID(str(licence["licence_id"])), licence)
    desk.sweep("2026-10-29 00:30")

    found = {row.rule: row for row in desk.cards if row.rule in ("W-15", "W-17")}
    assert {(row.rule, row.colour) for row in desk.cards} >= {
        ("W-15", "yellow"),
        ("W-17", "yellow"),
        ("W-17", "red"),
    }
    assert (found["W-17"].org, found["W-17"].duty_bearer) == ("321181:住建", "authority")
    # Only where the company itself answers does it see the card.
    assert (found["W-15"].duty_bearer, found["W-15"].uscc) == ("enterprise", "91321181000000027K")


# --- rules that change -----------------------------------------------------------------------------


def preview(desk: Desk, code: str, *changes: LevelChange, since: str, until: str) -> Any:
    with desk.db.begin() as tx:
        return usecases.preview_rule(
            Ledger(tx),
            code,
            Revision(levels=changes),
            None,
            desk.occasion,
            since=date.fromisoformat(since),
            until=date.fromisoformat(until),
        )


@pytest.fixture
def quarter(desk: Desk) -> Desk:
    """Two cases that end in time after their yellow card, and one that runs."""
    for number, decided in enumerate(("2026-10-20 10:00", "2026-10-16 10:00"), start=1):
        desk.case(
            case_state(case_id=UUID(int=number), status="decided", decided=at(decided), version=2),
            decided,
        )
    desk.case(case_state(case_id=UUID(int=3), accepted="2026-11-02"), "2026-11-02 10:00")
    desk.now = at("2026-11-03 09:00")
    return desk


def test_a_dry_run_says_what_a_changed_rule_would_have_issued_and_changes_nothing(
    quarter: Desk,
) -> None:
    before = (quarter.dues, quarter.cards)
    found = preview(
        quarter,
        "W-01",
        LevelChange("yellow", {"used_percent": 60}),
        since="2026-10-01",
        until="2026-11-03",
    )

    assert (found.subjects, dict(found.issued_now), dict(found.issued_then)) == (
        3,
        {"yellow": 1},
        {"yellow": 2},
    )
    moved = {each.subject.id.int: (each.before, each.after) for each in found.past}
    assert moved == {
        1: (at("2026-10-19 00:30"), at("2026-10-15 00:30")),
        2: (None, at("2026-10-15 00:30")),
    }
    (running,) = found.running
    assert (running.subject.id.int, running.before, running.after) == (
        3,
        at("2026-11-12 00:30"),
        at("2026-11-10 00:30"),
    )
    assert (quarter.dues, quarter.cards) == before


def test_what_was_foretold_of_the_running_clocks_comes_true(quarter: Desk) -> None:
    change = LevelChange("yellow", {"used_percent": 60})
    foretold = preview(quarter, "W-01", change, since="2026-10-01", until="2026-11-03").running
    with quarter.db.begin() as tx:
        usecases.revise_rule(
            Ledger(tx),
            "W-01",
            Revision(levels=(change,)),
            quarter.occasion,
            effective_from=date(2026, 11, 3),
            reason="提前预警",
            by="s1",
            expected_version=1,
        )
    quarter.sweep("2026-11-03 09:01")
    (due,) = [row for row in quarter.dues if (row.rule, row.colour) == ("W-01", "yellow")]

    assert due.due_moment == foretold[0].after
    quarter.sweep("2026-11-10 00:30")
    (card,) = [row for row in quarter.cards if row.subject_id.int == 3]
    assert (card.colour, card.rule_version) == ("yellow", 2)


def test_a_changed_limit_of_feedback_moves_the_orders_that_are_out(desk: Desk) -> None:
    desk.case(case_state(case_id=UUID(int=11)))
    desk.sweep("2026-10-22 00:30")

    def due() -> Any:
        return next(
            row.due_moment
            for row in desk.dues
            if (row.subject_type, row.colour) == ("work_order", "yellow")
        )

    before = due()
    with desk.db.begin() as tx:
        usecases.revise_rule(
            Ledger(tx),
            "W-13",
            Revision(levels=(LevelChange("yellow", {"working_days_left": 0.25}),)),
            desk.occasion,
            effective_from=date(2026, 10, 22),
            reason="临期提醒",
            by="s1",
            expected_version=1,
        )
    desk.sweep("2026-10-22 00:31")

    assert (due() - before).total_seconds() > 0
