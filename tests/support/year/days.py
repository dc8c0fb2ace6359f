"""The year's days as plain sets, read from the data file and counted one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import yaml

from support.clocks import SEED

ZONE = ZoneInfo("Asia/Shanghai")
ONE = timedelta(days=1)


@cache
def _exceptions() -> tuple[frozenset[date], frozenset[date]]:
    years = yaml.safe_load(SEED.read_text("utf-8"))["years"]

    def days(name: str) -> frozenset[date]:
        return frozenset(
            date.fromisoformat(str(each["date"])) for year in years for each in year[name]
        )

    return days("holidays"), days("makeup_workdays")


@cache
def works(day: date) -> bool:
    off, on = _exceptions()
    return day in on or (day.weekday() < 5 and day not in off)


def after(day: date, working_days: int) -> date:
    """Return the day that many working days after `day`, one step at a time."""
    while working_days:
        day += ONE
        working_days -= works(day)
    return day


def on_or_after(day: date) -> date:
    while not works(day):
        day += ONE
    return day


def working_days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        if works(first):
            yield first
        first += ONE


def left(day: date, due: date) -> int:
    """Return how many working days there are after `day`, up to and with `due`."""
    return sum(1 for _ in working_days(day + ONE, due))


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZONE)


def night(day: date) -> datetime:
    """Return when cards of this day rise: 00:30 on the first working day from it on."""
    return at(on_or_after(day), "00:30")


def day_of(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()
