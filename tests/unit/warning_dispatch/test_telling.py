"""When somebody is told outside the platform."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from support.clocks import at
from warning_dispatch.domain.telling import WAITS, Preferences, letter_of, wait_after

NIGHT = Preferences("a", {}, quiet_from=time(22), quiet_to=time(7, 30))


@pytest.mark.parametrize(
    ("now", "colour", "then"),
    [
        pytest.param("2026-11-24 12:00", "yellow", "2026-11-24 12:00", id="by day, at once"),
        pytest.param("2026-11-24 23:10", "red", "2026-11-25 07:30", id="before midnight, in the morning"),
        pytest.param("2026-11-25 05:00", "red", "2026-11-25 07:30", id="after midnight, the same morning"),
        pytest.param("2026-11-25 07:30", "red", "2026-11-25 07:30", id="the minute it ends"),
        pytest.param("2026-11-24 22:00", "yellow", "2026-11-25 07:30", id="the minute it begins"),
        pytest.param("2026-11-25 03:00", "red_statutory", "2026-11-25 03:00", id="a limit of the law waits for nobody"),
    ],
)  # fmt: skip
def test_quiet_hours_put_off_what_can_wait(now: str, colour: str, then: str) -> None:
    assert NIGHT.when(at(now), colour) == at(then)


def test_a_digest_gathers_the_yellow_ones_of_a_day() -> None:
    wants = Preferences("a", {}, digest=True)

    assert wants.when(at("2026-11-24 10:00"), "yellow") == at("2026-11-25 08:30")
    assert wants.when(at("2026-11-24 07:00"), "yellow") == at("2026-11-24 08:30")
    assert wants.when(at("2026-11-24 10:00"), "red") == at("2026-11-24 10:00")


def test_what_is_less_urgent_is_left_out() -> None:
    wants = Preferences("a", {}, from_colour="red")

    assert [wants.wants(each) for each in ("yellow", "red", "red_statutory")] == [False, True, True]


def test_a_deputy_stands_in_on_the_days_named_and_on_no_others() -> None:
    days = [date(2026, 11, each) for each in (23, 24, 25, 26)]
    wants = Preferences("a", {}, deputy="b", away_from=days[1], away_to=days[2])

    assert [wants.is_away(day) for day in days] == [False, True, True, False]


def test_a_failure_is_tried_again_less_and_less_often_and_then_given_up() -> None:
    waits = [wait_after(attempts) for attempts in range(1, len(WAITS) + 2)]

    assert waits[-1] is None
    known = [each for each in waits if each]
    assert known == sorted(known)
    assert known[0] == timedelta(minutes=1)


def test_a_digest_is_one_letter_with_every_notice() -> None:
    notices = [("黄牌 甲", "剩余 1 日"), ("黄牌 乙", "剩余 2 日")]
    alone = letter_of(notices[:1], channel="email", address="a@b", link="https://k")
    both = letter_of(notices, channel="email", address="a@b", link="https://k")

    assert (alone.title, alone.body) == ("黄牌 甲", "剩余 1 日\nhttps://k")
    assert both.title.startswith("开工平台: 2 条")
    assert all(title in both.body for title, _ in notices)
