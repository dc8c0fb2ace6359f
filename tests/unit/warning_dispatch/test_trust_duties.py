"""From papers that follow and from pledges to the moments of their cards (W-06, W-07)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from support.clocks import at, calendar, case_state, happening
from warning_dispatch.domain import Case, Duty, RuleBook, duties_of_case
from warning_dispatch.domain.duties import over_since
from warning_dispatch.usecases import shipped_rules

BOOK = RuleBook.read(shipped_rules())
ACCEPTED = [happening("received", "2026-10-08"), happening("accepted", "2026-10-08")]


def deferral(paper: str, due_on: str, supplied_on: str | None = None) -> dict[str, Any]:
    return {"paper": paper, "due_on": due_on, "supplied_on": supplied_on}


def found(rule: str, **state: Any) -> list[Duty]:
    every = duties_of_case(Case.read(case_state(**state)), BOOK, calendar())
    return [duty for duty in every if duty.rule == rule]


def moments(duties: list[Duty]) -> list[tuple[str, str, datetime]]:
    return [(duty.period, duty.colour, duty.due_moment) for duty in duties]


def test_each_paper_warns_three_working_days_before_it_is_due_and_again_after() -> None:
    papers = [deferral("监理合同", "2026-10-16"), deferral("资金证明", "2026-10-20")]

    duties = found("W-06", deferrals=papers)

    assert moments(duties) == [
        ("1", "yellow", at("2026-10-13 00:30")),
        ("2", "yellow", at("2026-10-15 00:30")),
        ("1", "red", at("2026-10-19 00:30")),
        ("2", "red", at("2026-10-21 00:30")),
    ]
    assert {duty.duty_bearer for duty in duties} == {"enterprise"}
    assert "监理合同" in duties[0].zh[0]


@pytest.mark.parametrize(
    ("due_on", "yellow"), [("2026-10-14", ["2026-10-13 00:30"]), ("2026-10-12", [])]
)
def test_so_short_a_time_for_a_paper_is_not_warned_of_before_it_began(
    due_on: str, yellow: list[str]
) -> None:
    happenings = [*ACCEPTED, happening("deferred", "2026-10-12")]
    duties = found("W-06", deferrals=[deferral("监理合同", due_on)], happenings=happenings)

    assert [each.due_moment for each in duties if each.colour == "yellow"] == list(map(at, yellow))


def test_a_paper_handed_in_in_time_makes_nothing_due() -> None:
    happenings = [*ACCEPTED, happening("deferred_supplied", "2026-10-12")]
    papers = [deferral("监理合同", "2026-10-16", "2026-10-12")]

    assert found("W-06", deferrals=papers, happenings=happenings) == []


def test_a_paper_handed_in_late_ends_its_cards() -> None:
    happenings = [*ACCEPTED, happening("deferred_supplied", "2026-10-19", "15:00")]
    papers = [deferral("监理合同", "2026-10-16", "2026-10-19")]
    case = Case.read(case_state(deferrals=papers, happenings=happenings))

    duties = found("W-06", deferrals=papers, happenings=happenings)

    assert [(duty.colour, duty.ends) for duty in duties] == [
        ("yellow", at("2026-10-19 15:00")),
        ("red", at("2026-10-19 15:00")),
    ]
    assert over_since("W-06", "1", case) == at("2026-10-19 15:00")


DECIDED = [*ACCEPTED, happening("decided", "2026-10-09")]
PLEDGE = {"signed_by": "王示例", "check_due": "2026-12-09"}


@pytest.mark.parametrize("status", ["decided", "delivered"])
def test_a_pledge_warns_after_the_decision_until_it_is_checked(status: str) -> None:
    decided = at("2026-10-09 10:00")

    duties = found("W-07", status=status, happenings=DECIDED, decided=decided, pledge=PLEDGE)

    assert moments(duties) == [
        ("1", "yellow", at("2026-12-02 00:30")),
        ("1", "red", at("2026-12-10 00:30")),
    ]
    assert all(duty.ends is None for duty in duties)


def test_a_checked_pledge_makes_nothing_due() -> None:
    happenings = [*DECIDED, happening("pledge_checked", "2026-11-20")]
    decided = at("2026-10-09 10:00")
    state: dict[str, Any] = {"status": "delivered", "decided": decided, "pledge": PLEDGE}

    assert found("W-07", happenings=happenings, **state) == []
    case = Case.read(case_state(happenings=happenings, **state))
    assert over_since("W-07", "1", case) == at("2026-11-20 10:00")
