"""The calendar's arithmetic, checked against two packages that know China's working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
import holidays
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chassis.calendar import (
    SHANGHAI,
    Calendar,
    CalendarEnds,
    CalendarYear,
    OfficeHours,
    local_day,
    months_later,
    read_calendar,
    union,
)

SEED = Path(__file__).parents[3] / "services/approval_tracking/data/calendar.yaml"


def seed_calendar() -> Calendar:
    years: list[dict[str, Any]] = yaml.safe_load(SEED.read_text(encoding="utf-8"))["years"]
    return Calendar(
        [
            CalendarYear(
                year["year"],
                official=year["status"] == "official",
                days={
                    **{date.fromisoformat(day["date"]): False for day in year["holidays"]},
                    **{date.fromisoformat(day["date"]): True for day in year["makeup_workdays"]},
                },
            )
            for year in years
        ],
        version="test",
    )


CALENDAR = seed_calendar()
DAYS = st.dates(date(2023, 2, 1), date(2026, 6, 30))
PAUSES = st.lists(
    st.tuples(DAYS, st.integers(0, 40)).map(lambda p: (p[0], p[0] + timedelta(days=p[1]))),
    max_size=4,
)


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_two_packages_agree_with_the_table_on_every_day_from_2023_to_2026() -> None:
    china = holidays.country_holidays("CN", years=range(2023, 2027))
    day, last = date(2023, 1, 1), date(2026, 12, 31)
    differing = []
    while day <= last:
        ours = CALENDAR.is_working(day)
        if not ours == chinese_calendar.is_workday(day) == china.is_working_day(day):
            differing.append(day)
        day += timedelta(days=1)

    assert differing == []


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        pytest.param("2026-02-10", 20, "2026-03-16", id="a spring festival and two Saturdays"),
        pytest.param("2026-05-16", 5, "2026-05-22", id="a start on a day of rest"),
        pytest.param("2026-02-28", 5, "2026-03-06", id="a start on a make-up Saturday"),
        pytest.param("2026-03-16", -20, "2026-02-10", id="back to where it came from"),
        pytest.param("2026-10-07", -1, "2026-09-30", id="back from a holiday"),
        pytest.param("2026-10-07", 0, "2026-10-07", id="no days at all"),
    ],
)
def test_working_days_are_counted_from_the_day_after(start: str, days: int, expected: str) -> None:
    found = CALENDAR.add_working_days(date.fromisoformat(start), days)

    assert found == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        pytest.param("2026-08-03", 60, "2026-10-08", id="out of the October holiday"),
        pytest.param("2026-05-20", 45, "2026-07-06", id="from Saturday to Monday"),
        pytest.param("2026-01-15", 30, "2026-02-14", id="a make-up Saturday stays"),
    ],
)
def test_a_calendar_limit_rolls_out_of_days_of_rest(start: str, days: int, expected: str) -> None:
    assert CALENDAR.due_calendar(date.fromisoformat(start), days) == date.fromisoformat(expected)


def test_a_limit_never_rolls_into_a_pause() -> None:
    friday, saturday = date(2026, 6, 12), date(2026, 6, 13)

    due = CALENDAR.due_calendar(friday, 1, [(saturday, date(2026, 6, 17))])

    assert due == date(2026, 6, 18)


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2025-11-30", 3, "2026-02-28"),
        ("2023-11-30", 3, "2024-02-29"),
        ("2026-01-15", 12, "2027-01-15"),
        ("2026-03-31", -1, "2026-02-28"),
    ],
)
def test_a_month_without_the_day_ends_on_its_last(start: str, months: int, expected: str) -> None:
    assert months_later(date.fromisoformat(start), months) == date.fromisoformat(expected)


def test_a_day_beyond_the_known_years_is_refused_by_name() -> None:
    with pytest.raises(CalendarEnds, match="2023 to 2027, not 2028"):
        CALENDAR.add_working_days(date(2027, 12, 30), 20)
    with pytest.raises(CalendarEnds, match="not 2022-12-31"):
        CALENDAR.is_working(date(2022, 12, 31))
    with pytest.raises(CalendarEnds):
        CALENDAR.add_working_days(date(2023, 1, 4), -5)


def test_a_plan_may_look_further_but_only_provisionally() -> None:
    longer = CALENDAR.assuming_weekdays_until(2029)

    assert longer.add_working_days(date(2027, 12, 30), 20) == date(2028, 1, 27)
    assert longer.provisional(date(2028, 1, 27))
    assert longer.version == CALENDAR.version
    assert CALENDAR.assuming_weekdays_until(2026) is CALENDAR


def test_a_date_in_a_year_without_its_notice_is_provisional() -> None:
    assert CALENDAR.provisional(date(2027, 1, 19))
    assert not CALENDAR.provisional(date(2026, 12, 31))


def test_years_with_a_gap_are_no_calendar() -> None:
    with pytest.raises(ValueError, match="years in a row"):
        Calendar([CalendarYear(2024, official=True), CalendarYear(2026, official=True)])


def test_a_card_falls_due_at_half_past_midnight_of_the_first_working_day() -> None:
    moment = CALENDAR.first_working_moment(date(2026, 10, 1))

    assert moment == datetime(2026, 10, 7, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "hours", "expected"),
    [
        pytest.param("2026-09-30T16:30", 2, "2026-10-08T10:00", id="over the holiday"),
        pytest.param("2026-05-08T17:00", 1, "2026-05-09T09:30", id="into a make-up Saturday"),
        pytest.param("2026-06-01T11:30", 1, "2026-06-01T14:00", id="over lunch"),
        pytest.param("2026-06-01T09:00", 7, "2026-06-01T17:30", id="a whole day ends that evening"),
        pytest.param("2026-05-30T22:00", 1, "2026-06-01T10:00", id="from Saturday night"),
        pytest.param("2026-06-01T10:00", -2, "2026-05-29T16:30", id="back over the weekend"),
        pytest.param("2026-06-01T12:30", 0, "2026-06-01T12:30", id="no hours at all"),
    ],
)
def test_office_hours_stand_still_outside_the_office(at: str, hours: float, expected: str) -> None:
    assert CALENDAR.add_office_hours(shanghai(at), hours) == shanghai(expected)


def test_a_feedback_limit_ends_when_the_office_closes() -> None:
    issued = shanghai("2026-09-30T16:00")

    assert CALENDAR.office_day_after(issued, 3) == shanghai("2026-10-10T17:30")
    assert CALENDAR.office_day_after(issued, 1) == shanghai("2026-10-08T17:30")


def test_office_hours_that_overlap_are_refused() -> None:
    nine, noon = OfficeHours().windows[0]
    with pytest.raises(ValueError, match="must follow each other"):
        OfficeHours(((nine, noon), (nine, noon)))


def test_a_published_calendar_reads_back_the_same() -> None:
    published = {
        "version": "v7",
        "years": [
            {
                "year": year.year,
                "official": year.official,
                "days": [
                    {"day": day.isoformat(), "working": working, "name": ""}
                    for day, working in year.days.items()
                ],
            }
            for year in CALENDAR.years
        ],
        "morning_opens": "08:30",
        "morning_closes": "12:00",
        "afternoon_opens": "14:00",
        "afternoon_closes": "18:00",
    }

    read = read_calendar(published)

    assert read.version == "v7"
    assert read.official_years == (2023, 2024, 2025, 2026)
    assert read.working_days_between(date(2023, 1, 1), date(2027, 12, 31)) == (
        CALENDAR.working_days_between(date(2023, 1, 1), date(2027, 12, 31))
    )
    assert read.end_of_office_day(date(2026, 6, 1)) == shanghai("2026-06-01T18:00")


@given(start=DAYS, days=st.integers(1, 120))
def test_counting_back_undoes_counting_forward(start: date, days: int) -> None:
    due = CALENDAR.add_working_days(start, days)

    assert CALENDAR.working_days_between(start, due) == days
    assert CALENDAR.add_working_days(due, -days) == CALENDAR.working_day_on_or_before(start)


@given(start=DAYS, days=st.integers(1, 60), pauses=PAUSES)
def test_a_paused_working_limit_uses_exactly_its_days(
    start: date, days: int, pauses: list[tuple[date, date]]
) -> None:
    due = CALENDAR.due_working(start, days, pauses)

    assert CALENDAR.used(start, due, "working", pauses) == days
    assert CALENDAR.used(start, due - timedelta(days=1), "working", pauses) == days - 1


@given(
    start=DAYS,
    days=st.integers(1, 60),
    pauses=PAUSES,
    unit=st.sampled_from(["working", "calendar"]),
)
def test_pauses_count_once_where_they_overlap_and_splitting_one_changes_nothing(
    start: date, days: int, pauses: list[tuple[date, date]], unit: str
) -> None:
    halves = [
        half
        for begins, ends in pauses
        for middle in [begins + (ends - begins) / 2]
        for half in [(begins, middle), (middle, ends)]
    ]

    due = CALENDAR.due(start, days, unit, pauses)

    assert CALENDAR.due(start, days, unit, [*pauses, *pauses]) == due
    assert CALENDAR.due(start, days, unit, halves) == due
    assert CALENDAR.due(start, days, unit, union(pauses)) == due


@given(start=DAYS, days=st.integers(1, 60), day=DAYS)
def test_a_pause_outside_working_time_costs_nothing(start: date, days: int, day: date) -> None:
    rest = CALENDAR.next_working_day(day) - timedelta(days=1)

    due = CALENDAR.due_working(start, days, [(CALENDAR.working_day_on_or_before(rest), rest)])

    assert due == CALENDAR.add_working_days(start, days)


@given(
    at=st.datetimes(datetime(2024, 1, 1), datetime(2026, 6, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    minutes=st.integers(1, 6000),
)
def test_office_time_added_is_office_time_passed(at: datetime, minutes: int) -> None:
    due = CALENDAR.add_office_hours(at, minutes / 60)

    assert abs(CALENDAR.office_hours_between(at, due) - timedelta(minutes=minutes)) < timedelta(
        milliseconds=1
    )


# --- edges -----------------------------------------------------------------------------------------


def small(*days: tuple[str, bool], **more: Any) -> Calendar:
    """One year with a few exceptions, built within the test."""
    exceptions = {date.fromisoformat(day): working for day, working in days}
    return Calendar([CalendarYear(2026, official=True, days=exceptions)], **more)


def test_a_calendar_ends_with_its_last_year() -> None:
    one = small()

    assert one.version == ""
    assert (one.working_days[0], one.working_days[-1]) == (date(2026, 1, 1), date(2026, 12, 31))
    assert one.working_day(len(one.working_days)) == date(2026, 12, 31)
    with pytest.raises(CalendarEnds, match="2027"):
        one.working_day(len(one.working_days) + 1)
    with pytest.raises(CalendarEnds, match="2025"):
        one.working_day(0)
    with pytest.raises(ValueError, match="2025-01-02 is not in 2026"):
        small(("2025-01-02", False))


def test_a_longer_calendar_keeps_its_office_hours_and_goes_no_further_than_asked() -> None:
    early = OfficeHours(((time(8, 15, 30), time(12)), (time(13), time(17))))

    longer = small(office_hours=early).assuming_weekdays_until(2028)

    assert longer.last_day == date(2028, 12, 31)
    assert longer.office_hours == early
    assert longer.official_years == (2026,)
    assert longer.first_working_moment(date(2026, 3, 2)) == shanghai("2026-03-02T00:30:00")
    assert longer.add_office_hours(shanghai("2026-03-02T08:00:00"), 1) == shanghai(
        "2026-03-02T09:15:30"
    )
    assert longer.end_of_office_day(date(2026, 3, 2)) == shanghai("2026-03-02T17:00:00")


@pytest.mark.parametrize(
    ("at", "hours", "expected"),
    [
        ("2026-03-02T09:40:20", 1, "2026-03-02T10:40:20"),
        ("2026-03-02T11:30:00", 1, "2026-03-02T14:00:00"),
        ("2026-03-02T13:45:00", 1.5, "2026-03-02T15:15:00"),
        ("2026-03-02T16:45:00", 1, "2026-03-03T09:15:00"),
        ("2026-03-02T23:30:00", 1, "2026-03-03T10:00:00"),
    ],
)
def test_office_hours_are_counted_to_the_second(at: str, hours: float, expected: str) -> None:
    assert small().add_office_hours(shanghai(at), hours) == shanghai(expected)


def test_instants_are_told_in_utc() -> None:
    one = small()
    told = (
        one.first_working_moment(date(2026, 3, 1)),
        one.end_of_office_day(date(2026, 3, 2)),
        one.add_office_hours(shanghai("2026-03-02T09:30:00"), 1),
        one.add_office_hours(shanghai("2026-03-02T09:30:00"), 0),
    )

    assert [each.isoformat() for each in told] == [
        "2026-03-01T16:30:00+00:00",
        "2026-03-02T09:30:00+00:00",
        "2026-03-02T02:30:00+00:00",
        "2026-03-02T01:30:00+00:00",
    ]
    assert local_day(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == date(2026, 3, 2)
    assert local_day(datetime(2026, 3, 1, 15, 59, tzinfo=UTC)) == date(2026, 3, 1)


def test_a_limit_counts_in_working_or_calendar_days() -> None:
    with pytest.raises(ValueError, match="not 'weeks'"):
        small().due(date(2026, 3, 2), 3, "weeks")


def test_a_pause_that_is_over_before_the_start_does_not_hide_a_later_one() -> None:
    pauses = [(date(2026, 2, 2), date(2026, 2, 4)), (date(2026, 3, 3), date(2026, 3, 5))]

    assert small().due_working(date(2026, 3, 2), 3, pauses) == date(2026, 3, 9)
    assert small().raw_due_calendar(date(2026, 3, 2), 3, pauses) == date(2026, 3, 7)


@pytest.mark.parametrize(
    ("pause", "due"),
    [
        # The Monday to which it rolls is the first day of the pause, which counts.
        (("2026-03-09", "2026-03-11"), "2026-03-09"),
        (("2026-03-08", "2026-03-11"), "2026-03-12"),
        (("2026-03-08", "2026-03-09"), "2026-03-10"),
    ],
)
def test_the_first_day_of_a_pause_counts_and_its_last_does_not(
    pause: tuple[str, str], due: str
) -> None:
    begins, ends = (date.fromisoformat(day) for day in pause)

    rolled = small().due_calendar(date(2026, 3, 2), 5, [(begins, ends)])

    assert rolled == date.fromisoformat(due)


def test_stretches_that_touch_are_one() -> None:
    first, shared, last = date(2026, 3, 2), date(2026, 3, 4), date(2026, 3, 9)

    assert union([(shared, last), (first, shared)]) == [(first, last)]
    assert union([(first, first)]) == []
