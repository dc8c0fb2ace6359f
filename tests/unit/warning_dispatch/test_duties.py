"""From a clock to the moments of its cards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from support.clocks import at, calendar, case_state, happening, project_state
from warning_dispatch.domain import (
    Case,
    Duty,
    Project,
    RuleBook,
    duties_of_case,
    duties_of_log,
    duties_of_project,
    light,
)
from warning_dispatch.domain.duties import over_since
from warning_dispatch.usecases import shipped_rules

BOOK = RuleBook.read(shipped_rules())


def duties(**state: Any) -> list[Duty]:
    return duties_of_case(Case.read(case_state(**state)), BOOK, calendar())


def moment(found: list[Duty], rule: str, colour: str) -> datetime | None:
    return next((d.due_moment for d in found if (d.rule, d.colour) == (rule, colour)), None)


@pytest.mark.parametrize(
    ("on", "shows"),
    [
        ("2026-10-16", "green"),
        ("2026-10-19", "yellow"),
        ("2026-10-21", "yellow"),
        ("2026-10-22", "red"),
        ("2026-11-04", "red"),
        ("2026-11-05", "red_statutory"),
    ],
)
def test_the_lights_of_vector_v33_come_out_as_counted_by_hand(on: str, shows: str) -> None:
    case = Case.read(case_state(accepted="2026-10-08", committed_days=10, statutory_days=20))

    assert (case.committed_due, case.statutory_due) == (date(2026, 10, 21), date(2026, 11, 4))
    assert light(case, date.fromisoformat(on), BOOK, calendar()) == shows


@pytest.mark.parametrize(
    ("rule", "colour", "due"),
    [
        pytest.param("W-01", "yellow", "2026-10-19 00:30", id="80 % of ten days is the eighth"),
        pytest.param("W-01", "red", "2026-10-22 00:30", id="the due date itself is in time"),
        pytest.param("W-02", "yellow", "2026-11-02 00:30", id="two working days are left"),
        pytest.param("W-02", "red_statutory", "2026-11-05 00:30", id="past the law's limit"),
    ],
)
def test_a_date_rule_falls_due_at_half_past_midnight(rule: str, colour: str, due: str) -> None:
    assert moment(duties(), rule, colour) == at(due)


def test_no_card_falls_due_on_a_day_off() -> None:
    """Accepted so that the promised day is the last one before the National Day holiday."""
    found = duties(accepted="2026-09-16", committed_days=10)

    assert moment(found, "W-01", "red") == at("2026-10-08 00:30")


def test_another_share_than_80_percent_is_counted_here() -> None:
    rule = BOOK.rules["W-01"]
    levels = tuple(
        replace(level, thresholds={"used_percent": 90}) if level.colour == "yellow" else level
        for level in rule.levels
    )
    book = RuleBook({"W-01": replace(rule, version=2, levels=levels)}, {}, "W-01v2")

    found = duties_of_case(Case.read(case_state()), book, calendar())

    assert moment(found, "W-01", "yellow") == at("2026-10-20 00:30")
    assert {duty.rule_version for duty in found} == {2}


def test_a_pause_moves_what_is_still_to_come() -> None:
    pause = (date(2026, 10, 14), date(2026, 10, 20))
    paused = [
        happening("received", "2026-10-08"),
        happening("accepted", "2026-10-08"),
        happening("paused", "2026-10-14", expected_end="2026-10-20"),
        happening("resumed", "2026-10-20"),
    ]

    found = duties(pauses=(pause,), happenings=paused)

    assert moment(found, "W-01", "yellow") == at("2026-10-23 00:30")
    assert moment(found, "W-01", "red") == at("2026-10-28 00:30")


def test_while_paused_no_limit_falls_due_but_the_pause_itself_may() -> None:
    paused = [
        happening("received", "2026-10-08"),
        happening("accepted", "2026-10-08"),
        happening("paused", "2026-10-14", expected_end="2026-10-20"),
    ]

    found = duties(status="suspended", happenings=paused)

    assert {duty.rule for duty in found} == {"W-05"}
    assert moment(found, "W-05", "yellow") == at("2026-10-21 00:30")
    # 30 working days after 14 October end on 25 November.
    assert moment(found, "W-05", "red") == at("2026-11-26 00:30")


def test_a_pause_that_ended_in_time_makes_nothing_due() -> None:
    happenings = [
        happening("received", "2026-10-08"),
        happening("accepted", "2026-10-08"),
        happening("paused", "2026-10-14", expected_end="2026-10-20"),
        happening("resumed", "2026-10-20"),
    ]

    assert all(duty.rule != "W-05" for duty in duties(happenings=happenings))


def test_an_extension_begins_a_new_period_and_a_pause_does_not() -> None:
    base = [happening("received", "2026-10-08"), happening("accepted", "2026-10-08")]
    paused = [
        *base,
        happening("paused", "2026-10-14", expected_end="2026-10-15"),
        happening("resumed", "2026-10-15"),
    ]
    extended = [*base, happening("extended", "2026-10-20", days=10)]

    assert {duty.period for duty in duties(happenings=paused)} == {"1"}
    assert {duty.period for duty in duties(happenings=extended)} == {"2"}


def test_a_term_is_over_when_the_next_one_begins() -> None:
    base = [happening("received", "2026-10-08"), happening("accepted", "2026-10-08")]
    extended = [*base, happening("extended", "2026-10-20", "16:00", days=10)]
    case = Case.read(case_state(happenings=extended))

    assert over_since("W-01", "1", case) == at("2026-10-20 16:00")
    assert over_since("W-01", "2", case) is None


@pytest.mark.parametrize(
    ("happenings", "due"),
    [
        pytest.param(
            [], "2026-05-09 00:30", id="the fourth of five working days, a make-up Saturday"
        ),
        pytest.param(
            [happening("supplement_asked", "2026-05-08")],
            None,
            id="dealt with before the fourth day",
        ),
        pytest.param(
            [happening("accepted", "2026-05-11")],
            "2026-05-09 00:30",
            id="dealt with, but after the fourth day",
        ),
    ],
)
def test_an_application_left_lying_turns_yellow_on_the_fourth_day(
    happenings: list[dict[str, Any]], due: str | None
) -> None:
    state = case_state(
        status="received",
        accepted="2026-04-30",
        happenings=[happening("received", "2026-04-30"), *happenings],
    )
    state["clock"] |= {"started_on": "", "statutory_due": "", "committed_due": "", "yellow_on": ""}

    found = duties_of_case(Case.read(state), BOOK, calendar())

    assert moment(found, "W-03", "yellow") == (at(due) if due else None)


def test_an_on_the_spot_notice_has_no_yellow() -> None:
    state = case_state(
        status="received", accepted="2026-04-30", happenings=[happening("received", "2026-04-30")]
    )
    state["clock"] |= {"notice_due": "2026-04-30", "started_on": "", "yellow_on": ""}

    found = duties_of_case(Case.read(state), BOOK, calendar())

    assert all(duty.rule != "W-03" for duty in found)


def test_a_deemed_acceptance_is_red_at_once_and_once() -> None:
    found = duties(
        accepted="2026-04-30",
        happenings=[
            happening("received", "2026-04-30"),
            happening("deemed_accepted", "2026-04-30", "23:59"),
        ],
    )

    red = [duty for duty in found if (duty.rule, duty.colour) == ("W-03", "red")]
    assert [duty.due_moment for duty in red] == [at("2026-04-30 23:59")]


def test_a_decision_in_time_makes_nothing_due_and_a_late_one_what_it_missed() -> None:
    in_time = duties(status="decided", decided=at("2026-10-21 16:00"))
    late = duties(status="decided", decided=at("2026-10-22 16:00"))

    assert moment(in_time, "W-01", "red") is None
    assert moment(late, "W-01", "red") == at("2026-10-22 00:30")
    assert not any(duty.holds(at("2026-10-23 00:30")) for duty in late)


def test_a_refusal_ends_a_case_as_a_decision_does() -> None:
    refused = [happening("received", "2026-10-08"), happening("refused", "2026-10-12")]

    assert duties(status="refused", happenings=refused) == []


def test_a_case_from_before_the_platform_has_no_cards() -> None:
    assert duties(historical=True) == []


def test_the_explanation_counts_the_days_in_both_languages() -> None:
    yellow = next(duty for duty in duties() if (duty.rule, duty.colour) == ("W-01", "yellow"))

    assert yellow.zh[0] == "起算日 2026-10-08, 承诺 10 个工作日"
    assert "2026-10-19 为第 8 个计入日, 剩余 2 个工作日" in yellow.zh
    assert "2026-10-19 is day 8 of the limit, working days left: 2" in yellow.en
    assert len(yellow.zh) == len(yellow.en)


# --- projects and logs --------------------------------------------------------------------------


def project(**state: Any) -> Project:
    return Project.read(project_state(**state), log_since=at("2026-11-02 09:00"))


@pytest.mark.parametrize(
    ("colour", "period", "due"),
    [
        ("red", "contract:2026-03-09", "2026-08-03 00:30"),  # V26: a hundred days end on 31 July
        ("yellow", "plan:2026-12", "2027-01-04 00:30"),
        ("red", "plan:2026-12", "2027-03-01 00:30"),
    ],
)
def test_a_project_that_does_not_start_falls_due(colour: str, period: str, due: str) -> None:
    found = duties_of_project(project(), BOOK, calendar())

    (duty,) = [duty for duty in found if (duty.colour, duty.period) == (colour, period)]
    assert duty.due_moment == at(due)


@pytest.mark.parametrize(
    "state", [{"actual_start": "2026-07-01"}, {"stage": "S6"}, {"status": "withdrawn"}]
)
def test_a_project_that_started_or_left_makes_nothing_due(state: dict[str, str]) -> None:
    assert duties_of_project(project(**state), BOOK, calendar()) == []


def test_what_lies_beyond_the_calendar_waits_for_the_next_notice() -> None:
    found = duties_of_project(project(planned_start="2027-11-30"), BOOK, calendar())

    assert [(duty.colour, duty.period) for duty in found] == [
        ("red", "contract:2026-03-09"),
        ("yellow", "plan:2027-11"),
    ]


def test_a_silent_log_falls_due_after_five_and_after_ten_working_days() -> None:
    found = duties_of_log(project(), BOOK, calendar())

    assert [(duty.colour, duty.due_moment) for duty in found] == [
        ("yellow", at("2026-11-10 00:30")),
        ("red", at("2026-11-17 00:30")),
    ]
    assert {duty.period for duty in found} == {"2026-11-02"}


def test_due_moments_come_in_order() -> None:
    found = duties()

    assert [duty.due_moment for duty in found] == sorted(duty.due_moment for duty in found)


def test_a_limit_on_the_spot_has_no_yellow_before_its_red() -> None:
    found = duties(committed_days=1, statutory_days=1)

    assert moment(found, "W-02", "yellow") == at("2026-10-09 00:30")
    state = case_state(committed_days=1, statutory_days=1)
    state["clock"] |= {
        "statutory_due": "2026-10-08",
        "committed_due": "2026-10-08",
        "yellow_on": "",
    }
    found = duties_of_case(Case.read(state), BOOK, calendar())
    assert [(duty.colour, duty.due_moment) for duty in found] == [
        ("red", at("2026-10-09 00:30")),
        ("red_statutory", at("2026-10-09 00:30")),
    ]
