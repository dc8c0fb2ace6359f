"""Rules as data: exceptions for items, departments and regions; a rule that nothing triggers is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chassis.errors import FieldInvalid
from support.clocks import at, calendar, case_state
from warning_dispatch.domain import (
    RED,
    YELLOW,
    Case,
    LevelChange,
    OverrideChange,
    Revision,
    Rule,
    RuleBook,
    RuleNeverFires,
    RuleOutOfOrder,
    check_fires,
    duties_of_case,
    revise,
)
from warning_dispatch.usecases import shipped_rules

BODIES = {body["code"]: body for body in shipped_rules()}
BOOK = RuleBook.read(shipped_rules())
TODAY = date(2026, 10, 8)


def revised(code: str, revision: Revision) -> dict[str, Any]:
    return revise(BODIES[code], revision, effective_from=TODAY, today=TODAY, reason="试点", by="s1")


def threshold(name: str, value: float, colour: str = YELLOW) -> LevelChange:
    return LevelChange(colour, {name: value})


def exception(
    *, items: str = "", departments: str = "", regions: str = "", percent: float
) -> OverrideChange:
    return OverrideChange(
        items=(items,) if items else (),
        departments=(departments,) if departments else (),
        regions=(regions,) if regions else (),
        levels=(threshold("used_percent", percent),),
    )


@pytest.mark.parametrize("code", sorted(BOOK.rules))
def test_every_rule_that_is_shipped_can_come_in_every_colour(code: str) -> None:
    check_fires(BOOK.rules[code], BOOK.limits[RED], calendar(), TODAY)


@pytest.mark.parametrize(
    ("code", "change", "refusal"),
    [
        pytest.param("W-01", threshold("used_percent", 130), RuleNeverFires, id="130 % of a limit"),
        pytest.param("W-14", threshold("score", 0.5), RuleNeverFires, id="no such score"),
        pytest.param("W-10", threshold("points_behind", 101, RED), RuleNeverFires, id="101 points"),
        pytest.param("W-11", threshold("working_days", 99), RuleOutOfOrder, id="yellow after red"),
        pytest.param("W-09", threshold("months", 9), RuleOutOfOrder, id="yellow months after red"),
    ],
)
def test_a_rule_that_nothing_can_trigger_is_refused(
    code: str, change: LevelChange, refusal: type[Exception]
) -> None:
    rule = Rule.read(revised(code, Revision(levels=(change,))))

    with pytest.raises(refusal):
        check_fires(rule, BOOK.limits[RED], calendar(), TODAY)


def test_an_exception_that_nothing_can_trigger_is_refused_too() -> None:
    body = revised("W-01", Revision(overrides=(exception(regions="321181", percent=130),)))

    with pytest.raises(RuleNeverFires):
        check_fires(Rule.read(body), BOOK.limits[RED], calendar(), TODAY)


@pytest.mark.parametrize(
    ("overrides", "yellow"),
    [
        pytest.param((), "2026-10-19 00:30", id="the rule itself: the eighth day of ten"),
        pytest.param((exception(regions="321181", percent=50),), "2026-10-14 00:30", id="a region"),
        pytest.param((exception(regions="321183", percent=50),), "2026-10-19 00:30", id="another"),
        pytest.param((exception(departments="发改", percent=90),), "2026-10-20 00:30", id="a body"),
        pytest.param(
            (
                exception(regions="321181", percent=50),
                exception(regions="321181113", percent=60),
            ),
            "2026-10-15 00:30",
            id="the smaller region counts",
        ),
        pytest.param(
            (
                exception(items="S2-02", departments="发改", percent=70),
                exception(regions="321181113", percent=60),
            ),
            "2026-10-16 00:30",
            id="more criteria count",
        ),
    ],
)
def test_exceptions_count_for_whom_they_are_meant(
    overrides: tuple[OverrideChange, ...], yellow: str
) -> None:
    body = revised("W-01", Revision(overrides=overrides)) if overrides else BODIES["W-01"]
    book = BOOK.with_rule(body)
    case = Case.read({**case_state(), "clock": {**case_state()["clock"]}})
    found = {
        duty.colour: duty.due_moment
        for duty in duties_of_case(case, book, calendar())
        if duty.rule == "W-01"
    }

    assert found == {"yellow": at(yellow), "red": at("2026-10-22 00:30")}


def test_who_is_told_and_the_limit_of_the_order_are_the_rules_own() -> None:
    body = revised("W-01", Revision(levels=(LevelChange(RED, tells=("D5",), feedback_days=2),)))
    level = Rule.read(body).level(RED)

    assert level
    assert (level.tells, level.dispatches) == (("D5",), True)
    assert BOOK.limits_of(RED, level).feedback.working_days == 2
    assert BOOK.limits_of(RED).feedback.working_days == 1


def test_a_rule_that_is_switched_off_is_in_no_book() -> None:
    off = revised("W-11", Revision(active=False))

    assert "W-11" not in BOOK.with_rule(off).rules
    assert "W-11" not in RuleBook.read([*shipped_rules(), off]).rules


@pytest.mark.parametrize(
    "revision",
    [
        pytest.param(Revision(), id="nothing"),
        pytest.param(Revision(levels=(threshold("used_percent", 80),)), id="as it is"),
        pytest.param(Revision(overrides=()), id="no exceptions, as before"),
        pytest.param(Revision(overrides=(OverrideChange((), (), (), ()),)), id="for nobody"),
        pytest.param(
            Revision(overrides=(exception(regions="999999", percent=50),)), id="an unknown region"
        ),
    ],
)
def test_a_revision_that_changes_nothing_or_is_for_nobody_is_refused(revision: Revision) -> None:
    with pytest.raises(FieldInvalid):
        revised("W-01", revision)
