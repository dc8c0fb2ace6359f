"""Several items applied for at once: what locks an item, the theme's own limit, one notice, channels."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from approval_tracking.domain.application_errors import (
    ApplicationNotATheme,
    ThemeClockNotRunning,
    ThemeExtendedAlready,
    ThemeLimitEnded,
)
from approval_tracking.domain.errors import NewSupplementEntry
from approval_tracking.domain.seeds import read_seed_calendar
from approval_tracking.domain.themes import (
    Application,
    Channel,
    Standing,
    check_form,
    check_papers,
    read_themes,
    waiting,
)
from approval_tracking.usecases.data import read_data
from chassis.calendar import Calendar, read_calendar
from chassis.errors import FieldInvalid
from chassis.events import plain
from support.approvals import MONDAY, shanghai

ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return read_calendar(plain(read_seed_calendar(read_data("calendar.yaml"), version="test")))


def application(**changes: Any) -> Application:
    told: dict[str, Any] = {
        "id": UUID(int=9),
        "project_id": UUID(int=8),
        "mode": "theme",
        "theme": "T02",
        "theme_name": "项目前期评价一件事",
        "target_working_days": 20,
        "channel": Channel("online"),
        "form": {},
        "papers": (("总平面图", ""),),
        "items": ("A", "B"),
        "region_path": "321100/321181",
        "level": "市级",
        "uscc": "",
        "agents": (),
        "catalogue": 1,
        "applied_by": "company",
        "applied_at": MONDAY,
        "cases": {"A": ONE, "B": TWO},
    }
    return Application(**{**told, **changes})


def standing(status: str = "in_review", day: int = 2, *, counts: bool = True) -> Standing:
    return Standing(status, date(2026, 3, day), counts)


# --- what locks an item ---------------------------------------------------------------------------


def test_a_prerequisite_within_the_theme_does_not_lock() -> None:
    items = {"A": (), "B": ("A",)}

    assert waiting(items, done=(), needed="AB", within=True) == {}
    assert waiting(items, done=(), needed="AB", within=False) == {"B": ("A",)}
    assert waiting(items, done="A", needed="AB", within=False) == {}


def test_what_waits_for_a_locked_item_of_the_theme_is_locked_too() -> None:
    items = {"A": ("X",), "B": ("A",), "C": ()}

    assert waiting(items, done=(), needed="ABCX", within=True) == {"A": ("X",), "B": ("A",)}


def test_a_prerequisite_that_the_project_does_not_need_locks_nothing() -> None:
    assert waiting({"A": ("X",)}, done=(), needed="A", within=True) == {}


def test_the_services_themes_are_those_of_the_domain() -> None:
    themes = read_themes(read_data("themes.yaml")["themes"])

    assert list(themes) == [f"T{number:02}" for number in range(1, 12)]
    assert themes["T01"].applies({"is_new_enterprise": True})
    assert not themes["T01"].applies({"is_new_enterprise": False})
    assert themes["T09"].applies({})


# --- the theme's own limit --------------------------------------------------------------------------


def test_the_limit_starts_with_the_last_acceptance(calendar: Calendar) -> None:
    one = application()

    waits = one.clock({"A": standing(), "B": Standing("received", None)}, calendar)
    runs = one.clock({"A": standing(day=2), "B": standing(day=4)}, calendar)

    assert (waits.started_on, waits.statutory_due) == (None, None)
    assert (runs.started_on, runs.statutory_due) == (date(2026, 3, 4), date(2026, 4, 20))
    assert runs.target_due == date(2026, 4, 1)


def test_an_item_with_a_minimum_period_and_one_that_fell_out_do_not_count(
    calendar: Calendar,
) -> None:
    others = {"B": Standing("received", None, counts=False), "C": Standing("refused", None)}

    clock = application().clock({"A": standing(), **others}, calendar)

    assert clock.started_on == date(2026, 3, 2)


def test_the_time_of_a_special_procedure_is_left_out(calendar: Calendar) -> None:
    paused = Standing(
        "in_review", date(2026, 3, 2), pauses=((date(2026, 3, 10), date(2026, 3, 20)),)
    )
    still = Standing("suspended", date(2026, 3, 2), pauses=None)

    clock = application().clock({"A": paused, "B": standing(day=4)}, calendar)
    open_end = application().clock({"A": still, "B": standing(day=4)}, calendar)

    assert clock.statutory_due == date(2026, 4, 28)
    assert (open_end.started_on, open_end.statutory_due) == (date(2026, 3, 4), None)


def test_the_limit_is_extended_once_and_before_it_ends(calendar: Calendar) -> None:
    one = application()
    both: Any = {"A": standing(), "B": standing(day=4)}
    more: Any = {"document": "丹政批〔2026〕1号", "calendar": calendar, "by": "head"}

    with pytest.raises(ThemeClockNotRunning):
        one.extend(15, "复杂", standings={"A": Standing("received", None)}, at=MONDAY, **more)
    with pytest.raises(ThemeLimitEnded):
        one.extend(15, "复杂", standings=both, at=shanghai("2026-04-21T09:00:00"), **more)
    one.extend(15, "复杂", standings=both, at=shanghai("2026-04-20T09:00:00"), **more)

    assert one.clock(both, calendar).statutory_due == date(2026, 5, 6)
    with pytest.raises(ThemeExtendedAlready):
        one.extend(1, "复杂", standings=both, at=shanghai("2026-04-20T09:00:00"), **more)


# --- one notice --------------------------------------------------------------------------------------


def test_a_second_notice_repeats_only_what_the_first_asked_for() -> None:
    one = application()
    first = one.give_notice({"A": ["图纸", "图纸"]}, by="window", at=MONDAY)

    assert first == {ONE: ("图纸",)}
    assert one.give_notice({"A": ["图纸"]}, by="window", at=MONDAY) == first
    for later in ({"A": ["报告"]}, {"B": ["报告"]}):
        with pytest.raises(NewSupplementEntry):
            one.give_notice(later, by="window", at=MONDAY)


def test_a_case_that_joined_after_the_notice_may_have_its_first() -> None:
    one = application(cases={"A": ONE})
    one.give_notice({"A": ["图纸"]}, by="window", at=MONDAY)
    one.cases["B"] = TWO

    one.give_notice({"A": ["图纸"]}, by="window", at=MONDAY)

    assert one.give_notice({"B": ["报告"]}, by="window", at=MONDAY) == {TWO: ("报告",)}


def test_an_item_without_a_case_and_another_mode_have_no_notice() -> None:
    with pytest.raises(FieldInvalid):
        application().give_notice({"Z": ["图纸"]}, by="window", at=MONDAY)
    with pytest.raises(ApplicationNotATheme):
        application(mode="full_process").give_notice({"A": ["图纸"]}, by="window", at=MONDAY)


# --- partial completion ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "status", "is_open"),
    [
        ("in_review", "received", "in_progress", True),
        ("decided", "in_review", "in_progress", True),
        ("refused", "in_review", "partly_done", True),
        ("decided", "withdrawn", "partly_done", False),
        ("decided", "delivered", "done", False),
        ("done", "decided", "done", False),
    ],
)
def test_partial_completion_shows(first: str, second: str, status: str, is_open: bool) -> None:
    both = {"A": standing(first), "B": standing(second)}

    assert (application().status(both), application().is_open(both)) == (status, is_open)


def test_an_item_that_was_not_applied_for_yet_keeps_the_application_open() -> None:
    assert application().is_open({"A": standing("decided")})


# --- channels and forms ------------------------------------------------------------------------------


def test_a_channel_follows_from_the_applicant_and_a_call_from_the_window() -> None:
    assert Channel().of("online").name == "online"
    assert Channel("hotline", caller="王某", summary="申请取水").of("counter").name == "hotline"
    for wrong, applicant, field in (
        (Channel("counter"), "online", "channel"),
        (Channel("hotline", caller="王某", summary="申请"), "online", "channel"),
        (Channel("hotline", summary="申请"), "counter", "caller"),
        (Channel("hotline", caller="王某"), "counter", "summary"),
        (Channel("agent"), "agent", "authorisation"),
    ):
        with pytest.raises(FieldInvalid) as caught:
            wrong.of(applicant)
        assert caught.value.violations[0].field == field


def test_an_unknown_field_and_missing_papers_are_refused() -> None:
    check_form({"宗地编号": "1"}, ["宗地编号"])
    with pytest.raises(FieldInvalid):
        check_form({"不存在": "1"}, ["宗地编号"])
    for papers in ([], [(" ", "")]):
        with pytest.raises(FieldInvalid):
            check_papers(papers)
