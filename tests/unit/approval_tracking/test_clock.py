"""The approval clock: the table worked out by hand, and what must hold for every clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.clock import Rules, Story, deemed_at, reckon
from approval_tracking.domain.clock_words import explain
from approval_tracking.domain.events import ClockState, Happening
from chassis.calendar import SHANGHAI, months_later
from support.approval_data import calendar

VECTORS = yaml.safe_load(
    (Path(__file__).parent / "data/clock_vectors.yaml").read_text(encoding="utf-8")
)["vectors"]
CALENDAR = calendar()
Given = Mapping[str, Any]


def at(day: date, clock: time = time(9, 30)) -> datetime:
    return datetime.combine(day, clock, SHANGHAI)


def happened(kind: str, day: date | str, *, clock: time = time(9, 30), **more: Any) -> Happening:
    on = date.fromisoformat(day) if isinstance(day, str) else day
    return Happening(kind, on, at(on, clock), **more)


def rules(days: int | None, unit: str = "working", **more: Any) -> Rules:
    given = {
        "clock_start": "acceptance",
        "statutory": Limit.of(days, unit),
        "committed": Limit(None),
        "notice_days": 5,
        "notice_unit": "working",
        "on_expiry": "deemed_accepted_from_receipt",
        **more,
    }
    return Rules(**given)


def accepted_on(day: str, *more: Happening) -> list[Happening]:
    return [happened("received", day), happened("accepted", day), *more]


def pauses(given: Given) -> list[Happening]:
    return [
        happened(kind, day)
        for pause in given.get("pauses", ())
        for kind, day in zip(("paused", "resumed"), pause, strict=True)
    ]


def dues(state: ClockState) -> str:
    return str(state.statutory_due)


def by_working_days(given: Given) -> dict[str, Any]:
    start, out = date.fromisoformat(given["start"]), {}
    if given.get("after_hours_rule") == "next_working_day":
        start = CALENDAR.working_day_on_or_after(start)
        out["effective_start"] = str(start)
    state = reckon(accepted_on(str(start)), rules(given["days"]), CALENDAR)
    return {**out, "due": dues(state), "provisional": state.provisional}


def by_calendar_days(given: Given) -> dict[str, Any]:
    told, more = accepted_on(given.get("received", given["start"])), {}
    if given.get("clock_start") == "receipt":
        more = {"clock_start": "receipt"}
        told = told[:1]
    if "supplemented" in given:
        told.append(happened("supplement_asked", given["notice_sent"]))
        told.append(happened("supplemented", given["supplemented"]))
    state = reckon(told, rules(given["days"], "calendar", **more), CALENDAR)
    start = date.fromisoformat(given["start"])
    return {"raw": str(CALENDAR.raw_due_calendar(start, given["days"])), "due": dues(state)}


def by_acceptance(given: Given) -> dict[str, Any]:
    told = [happened("received", given["received"])]
    limits = rules(given["decision_days"])
    notice = reckon(told, limits, CALENDAR).notice_due
    if given["notice_sent"] is None:
        due = deemed_at(Story.of(told), limits, CALENDAR)
        assert due == at(date.fromisoformat(str(notice)), time()) + timedelta(days=1)
        told.append(replace(happened("deemed_accepted", given["received"]), at=due))
    else:
        told.append(happened("supplement_asked", given["notice_sent"]))
        told.append(happened("supplemented", given["supplemented"]))
        told.append(happened("accepted", given["supplemented"]))
    state = reckon(told, limits, CALENDAR)
    return {
        "notice_due": str(notice),
        "accepted": str(state.started_on),
        "deemed": told[-1].kind == "deemed_accepted",
        "decision_due": dues(state),
    }


def by_extension(given: Given) -> dict[str, Any]:
    told = accepted_on(given["start"])
    due = dues(reckon(told, rules(given["days"]), CALENDAR))
    longer = [*told, happened("extended", due, days=given["extension"])]
    extended = dues(reckon(longer, rules(given["days"]), CALENDAR))
    return {"due": due, "extended_due": extended, "approve_extension_by": due}


def by_pauses(given: Given) -> dict[str, Any]:
    told = accepted_on(given["start"], *pauses(given))
    out = {"due": dues(reckon(told, rules(given["days"], given["unit"]), CALENDAR))}
    if "pause_limit_days" in given:
        begins = date.fromisoformat(given["pauses"][0][0])
        out["pause_limit_due"] = str(CALENDAR.due_working(begins, given["pause_limit_days"]))
    return out


def by_months(given: Given) -> dict[str, Any]:
    start = date.fromisoformat(given["start"])
    assert months_later(start, given["months"]) <= CALENDAR.add_months(start, given["months"])
    return {"due": str(CALENDAR.add_months(start, given["months"]))}


def by_minimum_calendar(given: Given) -> dict[str, Any]:
    earliest = CALENDAR.raw_due_calendar(date.fromisoformat(given["start"]), given["days"])
    return {
        "earliest": str(earliest),
        "earliest_working": str(CALENDAR.working_day_on_or_after(earliest)),
    }


def by_minimum_working(given: Given) -> dict[str, Any]:
    last = CALENDAR.due_working(date.fromisoformat(given["start"]), given["days"])
    return {"last_day": str(last), "earliest_next": str(CALENDAR.next_working_day(last))}


def by_saving(given: Given) -> dict[str, Any]:
    state = reckon(accepted_on(given["accepted"]), rules(given["statutory_days"]), CALENDAR)
    accepted, decided = (date.fromisoformat(given[name]) for name in ("accepted", "decided"))
    assert state.statutory_due
    return {
        "used": CALENDAR.used(accepted, decided, given["unit"]),
        "statutory_due": dues(state),
        "saved": CALENDAR.working_days_between(decided, state.statutory_due),
    }


def by_hearing(given: Given) -> dict[str, Any]:
    informed, applied = (date.fromisoformat(given[name]) for name in ("informed", "applied"))
    return {
        "apply_by": str(CALENDAR.due_working(informed, 5)),
        "organise_by": str(CALENDAR.due_working(applied, 20)),
    }


def by_light(given: Given) -> dict[str, Any]:
    limits = rules(given["statutory_days"], committed=Limit.of(given["committed_days"], "working"))
    state = reckon(accepted_on(given["accepted"]), limits, CALENDAR)

    def light(day: date) -> str:
        if state.statutory_due and day > state.statutory_due:
            return "red_statutory"
        if state.committed_due and day > state.committed_due:
            return "red"
        return "yellow" if state.yellow_on and day >= state.yellow_on else "green"

    return {
        "committed_due": str(state.committed_due),
        "statutory_due": dues(state),
        "lights": [light(date.fromisoformat(day)) for day in given["as_of"]],
    }


WAYS: dict[str, Callable[[Given], dict[str, Any]]] = {
    "working_due": by_working_days,
    "calendar_due": by_calendar_days,
    "acceptance": by_acceptance,
    "extension": by_extension,
    "paused_due": by_pauses,
    "add_months": by_months,
    "min_period_calendar": by_minimum_calendar,
    "min_period_working": by_minimum_working,
    "saved": by_saving,
    "hearing": by_hearing,
    "light": by_light,
}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_the_clock_agrees_with_what_was_worked_out_by_hand(vector: dict[str, Any]) -> None:
    found = WAYS[vector["op"]](vector["in"])

    assert {name: found[name] for name in vector["out"]} == vector["out"]


@pytest.mark.parametrize(
    ("days", "clock", "due", "yellow"),
    [
        pytest.param("0", time(16), "2026-03-06", None, id="at once"),
        pytest.param("0.5", time(9), "2026-03-06", None, id="half a day from the morning"),
        pytest.param(
            "0.5", time(15), "2026-03-09", "2026-03-09", id="half a day from the afternoon"
        ),
        pytest.param("1", time(9), "2026-03-09", "2026-03-09", id="one day"),
        pytest.param("3", time(9), "2026-03-11", "2026-03-10", id="one day left of three"),
        pytest.param("5", time(9), "2026-03-13", "2026-03-12", id="four days of five used"),
    ],
)
def test_a_promise_of_days_or_half_days(
    days: str, clock: time, due: str, yellow: str | None
) -> None:
    told = [
        happened("received", "2026-03-06", clock=clock),
        happened("accepted", "2026-03-06", clock=clock),
    ]
    limits = rules(None, committed=Limit(Decimal(days), "working"))

    state = reckon(told, limits, CALENDAR)

    assert str(state.committed_due) == due
    assert (str(state.yellow_on) if state.yellow_on else None) == yellow


def test_an_open_pause_shows_the_dates_that_hold_if_it_ends_as_expected() -> None:
    told = accepted_on("2026-06-01")
    paused = happened("paused", "2026-06-08", expected_end=date(2026, 6, 24))

    state = reckon([*told, paused], rules(20), CALENDAR)

    assert (state.running, dues(state), state.yellow_on) == (False, "2026-07-15", None)


def test_construction_permits_stop_while_papers_are_missing() -> None:
    told = [
        happened("received", "2026-03-02"),
        happened("supplement_asked", "2026-03-04"),
        happened("supplemented", "2026-03-11"),
    ]
    limits = rules(7, "calendar", clock_start="receipt", supplement_effect="pause_and_extend")

    waiting = reckon(told[:2], limits, CALENDAR)
    assert (waiting.running, waiting.statutory_due) == (False, None)
    assert dues(reckon(told, limits, CALENDAR)) == "2026-03-16"


def test_a_notice_given_too_late_does_not_restart_the_clock() -> None:
    told = [
        happened("received", "2026-06-01"),
        happened("supplement_asked", "2026-06-10"),
        happened("supplemented", "2026-06-12"),
    ]

    state = reckon(told, rules(30, "calendar", clock_start="receipt"), CALENDAR)

    assert state.started_on == date(2026, 6, 1)


def test_a_clock_is_explained_day_by_day() -> None:
    told = accepted_on("2026-04-30", happened("decided", "2026-05-08"))
    limits = rules(20, committed=Limit.of(10, "working"))

    lines = explain(told, limits, CALENDAR, until=date(2026, 6, 1))

    assert [(str(line.first), str(line.last), line.kind) for line in lines] == [
        ("2026-04-30", "2026-04-30", "happening"),
        ("2026-04-30", "2026-04-30", "happening"),
        ("2026-04-30", "2026-04-30", "happening"),
        ("2026-05-01", "2026-05-05", "rest"),
        ("2026-05-06", "2026-05-06", "counted"),
        ("2026-05-07", "2026-05-07", "counted"),
        ("2026-05-08", "2026-05-08", "counted"),
        ("2026-05-08", "2026-05-08", "happening"),
        ("2026-05-18", "2026-05-18", "due"),
        ("2026-06-01", "2026-06-01", "due"),
    ]
    assert lines[6].zh == "计入: 承诺第 3 日, 法定第 3 日"


DAYS = st.dates(date(2024, 1, 2), date(2025, 12, 1))


@st.composite
def stories(draw: st.DrawFn) -> list[Happening]:
    """An accepted case with pauses one after another, some within a single day."""
    day = draw(DAYS)
    told = accepted_on(day.isoformat())
    for length in draw(st.lists(st.integers(0, 15), max_size=3)):
        day += timedelta(days=draw(st.integers(0, 6)))
        told.append(happened("paused", day, clock=time(10)))
        day += timedelta(days=length)
        told.append(happened("resumed", day, clock=time(11)))
    return told


LIMITS = st.builds(
    rules,
    st.integers(1, 45),
    st.sampled_from(["working", "calendar"]),
    committed=st.builds(Limit, st.integers(1, 20).map(Decimal), st.just("working")),
)


@given(told=stories(), limits=LIMITS, data=st.data())
def test_the_order_of_happenings_changes_nothing(
    told: list[Happening], limits: Rules, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(told))

    assert reckon(shuffled, limits, CALENDAR) == reckon(told, limits, CALENDAR)


@given(told=stories(), limits=LIMITS)
def test_a_replayed_clock_equals_the_live_one(told: list[Happening], limits: Rules) -> None:
    live: Sequence[Happening] = ()
    for happening in told:
        live = reckon([*live, happening], limits, CALENDAR).happenings

    assert reckon(live, limits, CALENDAR) == reckon(told, limits, CALENDAR)


@given(told=stories(), limits=LIMITS)
def test_every_day_of_a_limit_is_used_by_its_due_date(told: list[Happening], limits: Rules) -> None:
    state = reckon(told, limits, CALENDAR)
    lines = explain(told, limits, CALENDAR, until=state.committed_due or date.max)
    counted = [line for line in lines if line.kind != "due" and line.last <= state.committed_due]  # type: ignore[operator]

    assert max(line.committed for line in counted) == state.committed_days
