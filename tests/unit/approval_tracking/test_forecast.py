"""The forecast: many futures of one plan, held against what can be worked out by hand."""

from __future__ import annotations

import itertools
import random
from datetime import date
from typing import Any

import numpy as np
import pytest

from approval_tracking.domain.forecast import Forecast, Past, Terms, forecast
from approval_tracking.plan import PlanItem, lay
from support.approval_data import calendar

TODAY = date(2026, 3, 2)
CALENDAR = calendar()


def item(code: str, days: int, *after: str, **more: Any) -> PlanItem:
    given = {"name": code, "stage": "S2", "org": "", "unit": "working", **more}
    return PlanItem(code=code, days=days, after=after, **given)


def foreseen(*items: PlanItem, past: dict[str, Past] | None = None, **more: Any) -> Forecast:
    given: dict[str, Any] = {"today": TODAY, "gates": ["permit"], "final_stage": "S6", **more}
    return forecast(items, CALENDAR, past or {}, **given)


def after_days(days: int) -> date:
    """The first day on which work can start when the last gate takes so many working days."""
    return CALENDAR.working_day(CALENDAR.ordinal(TODAY) + days + 1)


def own(*days: int, times: int = 4) -> Past:
    return Past(own=days * times)


# --- what is certain ------------------------------------------------------------------------


def test_without_a_record_the_forecast_is_the_plan() -> None:
    items = (
        item("code", 2),
        item("auction", 30, "code", unit="calendar"),
        item("permit", 7, "auction"),
    )
    plan = lay(items, CALENDAR, today=TODAY, gates=["permit"], final_stage="S6")
    seen = foreseen(*items, planned_start=plan.earliest_start)

    assert {seen.p50, seen.p80, seen.p95} == {plan.earliest_start}
    assert seen.keeps == 1.0
    assert [each.samples for each in seen.outlooks] == [0, 0, 0]


def test_after_the_last_gate_nothing_is_foreseen_work_could_start_then() -> None:
    items = (
        item("code", 2, done_on=date(2026, 1, 8)),
        item("permit", 7, "code", done_on=date(2026, 1, 20)),
        item("completion", 5, stage="S6"),
    )
    plan = lay(items, CALENDAR, today=TODAY, gates=["permit"], final_stage="S6")
    seen = foreseen(*items, planned_start=date(2026, 1, 21))

    assert {seen.p50, seen.p95} == {plan.earliest_start} == {date(2026, 1, 21)}
    assert seen.keeps == 1.0
    assert foreseen(*items, planned_start=date(2026, 1, 20)).keeps == 0.0
    assert seen.outlooks == ()


def test_what_always_took_longer_than_promised_will_again() -> None:
    seen = foreseen(item("permit", 5), past={"permit": own(9, times=20)})

    assert seen.p50 == after_days(9)


def test_a_day_too_early_is_never_kept_and_the_day_itself_always() -> None:
    items, past = item("permit", 5), {"permit": own(9, times=20)}

    assert foreseen(items, past=past, planned_start=after_days(9)).keeps == 1.0
    assert foreseen(items, past=past, planned_start=after_days(8)).keeps == 0.0


def test_two_equal_chances_keep_the_day_half_the_time() -> None:
    seen = foreseen(
        item("permit", 5), past={"permit": own(4, 10, times=10)}, planned_start=after_days(4)
    )

    assert seen.keeps == pytest.approx(0.5, abs=0.02)
    assert (seen.p50, seen.p80) in {(after_days(4), after_days(10)), (after_days(10),) * 2}


def test_the_later_of_two_beside_each_other_decides() -> None:
    """Each is done in 4 days or in 10: both in 4 is one future in four."""
    seen = foreseen(
        item("left", 5),
        item("right", 5),
        item("permit", 0, "left", "right"),
        past={"left": own(4, 10, times=10), "right": own(4, 10, times=10)},
        planned_start=after_days(4),
    )

    assert seen.keeps == pytest.approx(0.25, abs=0.02)
    shares = {each.code: (each.critical, each.threat) for each in seen.outlooks}
    assert shares["permit"] == (1.0, 1.0)
    # It holds up the start where it is the later, or both are as late: 3 in 4; of the lost, 2 in 3.
    assert shares["left"][0] == pytest.approx(0.75, abs=0.02)
    assert shares["left"][1] == pytest.approx(2 / 3, abs=0.02)


def test_the_same_question_has_the_same_answer() -> None:
    def ask() -> Forecast:
        past = {"permit": own(3, 5, 9, 14)}
        return foreseen(item("permit", 5), past=past, planned_start=after_days(9))

    assert ask() == ask()


# --- the record -----------------------------------------------------------------------------


def test_a_thin_record_is_filled_up_with_other_bodies_and_then_the_promise() -> None:
    """Twelve occasions are enough: 6 of its own, 3 elsewhere, and the promise for the missing 3."""
    past = {"permit": Past(own=(10,) * 6, others=(20,) * 3)}
    shares = {
        days: foreseen(item("permit", 5), past=past, planned_start=after_days(days)).keeps
        for days in (5, 10, 20)
    }

    assert shares[5] == pytest.approx(3 / 12, abs=0.02)
    assert shares[10] == pytest.approx(9 / 12, abs=0.02)
    assert shares[20] == 1.0


def test_a_full_record_needs_no_other_bodies() -> None:
    past = {"permit": Past(own=(10,) * 12, others=(50,) * 100)}

    assert foreseen(item("permit", 5), past=past).p95 == after_days(10)


def test_what_is_under_way_takes_longer_than_it_has_taken() -> None:
    """Ten days are gone: the times it took 5 say nothing any more."""
    begun = CALENDAR.working_day(CALENDAR.ordinal(TODAY) - 10)
    due = CALENDAR.working_day(CALENDAR.ordinal(TODAY) - 1)
    seen = foreseen(
        item("permit", 9, started_on=begun, due=due), past={"permit": own(5, 5, 5, 13, times=10)}
    )

    assert seen.p50 == after_days(3)
    assert seen.outlooks[0].samples == 10


def test_what_took_longer_than_anything_on_record_takes_as_long_again() -> None:
    begun = CALENDAR.working_day(CALENDAR.ordinal(TODAY) - 30)
    seen = foreseen(item("permit", 9, started_on=begun), past={"permit": own(5, times=20)})

    assert seen.p50 == after_days(5)


def test_an_open_prerequisite_holds_up_the_decision_of_what_has_begun() -> None:
    seen = foreseen(item("first", 8), item("permit", 3, "first", started_on=TODAY))

    assert seen.p50 == after_days(8)
    assert {each.code for each in seen.outlooks if each.critical == 1.0} == {"first", "permit"}


# --- what if --------------------------------------------------------------------------------


def test_begun_beside_its_prerequisite_an_item_is_still_decided_after_it() -> None:
    items = (item("first", 8), item("permit", 5, "first"))
    beside = Terms(beside=frozenset({("permit", "first")}))

    assert foreseen(*items).p50 == after_days(13)
    assert foreseen(*items, terms=beside).p50 == after_days(8)


def test_a_shorter_item_and_one_that_is_held_back() -> None:
    items = (item("permit", 8),)
    until = CALENDAR.working_day(CALENDAR.ordinal(TODAY) + 4)

    assert foreseen(*items, terms=Terms(days={"permit": 3})).p50 == after_days(3)
    assert foreseen(*items, terms=Terms(not_before={"permit": until})).p50 == after_days(12)


def test_another_plan_is_met_by_the_same_chances() -> None:
    """Leaving out what never matters changes no number at all."""
    past = {code: own(3, 5, 9, 14) for code in ("first", "permit")}
    items = (item("first", 5), item("permit", 5, "first"))
    with_more = foreseen(*items, item("aside", 2), past=past, planned_start=after_days(12))
    without = foreseen(*items, past=past, planned_start=after_days(12))

    assert with_more.keeps == without.keeps
    assert (with_more.p50, with_more.p95) == (without.p50, without.p95)


# --- the plan's dates on networks of the published kind -------------------------------------


def psplib_like(jobs: int, seed: int) -> list[PlanItem]:
    """A network as ProGen makes them for PSPLIB: 1-3 successors each, durations 1 to 10, one sink."""
    chance = random.Random(seed)
    after: dict[int, set[int]] = {job: set() for job in range(jobs)}
    for job in range(jobs - 1):
        for successor in chance.sample(
            range(job + 1, jobs), min(chance.randint(1, 3), jobs - 1 - job)
        ):
            after[successor].add(job)
    return [
        item(
            "permit" if job == jobs - 1 else f"job{job}",
            0 if job == jobs - 1 else chance.randint(1, 10),
            *(f"job{each}" for each in sorted(after[job])),
        )
        for job in range(jobs)
    ]


def longest(items: list[PlanItem]) -> dict[tuple[str, str], int]:
    """The longest path between any two, by relaxing every edge as often as there are items."""
    paths = {(each.code, each.code): each.days for each in items}
    for _ in items:
        before = dict(paths)
        for each in items:
            for prerequisite in each.after:
                for (start, end), length in before.items():
                    if end == prerequisite:
                        key = (start, each.code)
                        paths[key] = max(paths.get(key, 0), length + each.days)
        if paths == before:
            break
    return paths


@pytest.mark.parametrize(("jobs", "seed"), list(itertools.product((12, 32), range(6))))
def test_the_dates_are_those_of_the_longest_paths(jobs: int, seed: int) -> None:
    items = psplib_like(jobs, seed)
    paths = longest(items)
    whole = max(length for (_, end), length in paths.items() if end == "permit")
    plan = lay(items, CALENDAR, today=TODAY, gates=["permit"], final_stage="S6")
    now = CALENDAR.ordinal(TODAY)

    assert plan.earliest_start == after_days(whole)
    assert foreseen(*items).p50 == plan.earliest_start
    through = {}
    for node in plan.nodes:
        head = max(length for (_, end), length in paths.items() if end == node.code)
        tail = paths.get((node.code, "permit"), 0)
        days = next(each.days for each in items if each.code == node.code)
        through[node.code] = head + tail - days
        assert CALENDAR.ordinal(node.early_finish) - now == head
        assert node.slack_days == whole - through[node.code]
    assert {node.code for node in plan.nodes if node.critical} == {
        code for code, length in through.items() if length == whole
    }
    lengths = {each.code: each.days for each in items}
    assert sum(lengths[code] for code in plan.critical_path) == whole


# --- whether the stated probability is true -------------------------------------------------


def test_of_the_projects_given_a_chance_that_share_keeps_the_day() -> None:
    """Seven hundred projects whose truth is known: bodies with a year of history each."""
    chance = np.random.default_rng(20261124)
    codes = [f"job{n}" for n in range(9)]
    truth = {code: (chance.uniform(4, 20), chance.uniform(0.2, 0.6)) for code in [*codes, "permit"]}

    def took(code: str, times: int) -> list[int]:
        middle, spread = truth[code]
        return [int(n) for n in np.ceil(middle * chance.lognormal(0.0, spread, times))]

    given, kept = list[float](), list[bool]()
    for _ in range(700):
        seed = int(chance.integers(0, 2**31))
        shape = random.Random(seed)
        items = [
            item(code, 10, *shape.sample(codes[:n], min(n, shape.randint(0, 2))))
            for n, code in enumerate(codes)
        ]
        items.append(item("permit", 10, *shape.sample(codes, 4)))
        past = {code: Past(own=tuple(took(code, 60))) for code in truth}
        ends: dict[str, int] = {}
        for each in items:
            ready = max((ends[code] for code in each.after), default=0)
            ends[each.code] = ready + took(each.code, 1)[0]
        planned = after_days(int(chance.integers(20, 90)))
        said = foreseen(*items, past=past, planned_start=planned, futures=2_000, seed=seed)
        given.append(said.keeps or 0.0)
        kept.append(after_days(ends["permit"]) <= planned)

    for low, high in ((0.05, 0.35), (0.35, 0.65), (0.65, 0.95), (0.7, 0.9)):
        group = [(p, k) for p, k in zip(given, kept, strict=True) if low <= p < high]
        assert len(group) > 60
        stated, true = (float(np.mean(column)) for column in zip(*group, strict=True))
        # Three standard errors of a share in a group of this size.
        assert true == pytest.approx(stated, abs=3 * (0.25 / len(group)) ** 0.5)
