"""The state's promises against numbers counted by hand from the same facts."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from chassis.events import Envelope
from reporting import promises
from reporting.promises import Kept
from support import newsroom as told
from support.clocks import at, happening
from support.newsroom import DANBEI, JURONG, Newsroom

NOW = at("2026-11-20 12:00")


def measured(newsroom: Newsroom, promise: str, by: str) -> dict[str, Kept]:
    with newsroom.db.read() as connection:
        rows = promises.measure(connection, now=NOW)
    return {row.of: row for row in rows if (row.promise, row.by) == (promise, by)}


def decided(case_id: int, on: str, *, accepted: str, **state: Any) -> Envelope:
    return told.case(
        "case_decided.v1",
        f"{on} 11:00",
        case_id=UUID(int=case_id),
        version=3,
        status="decided",
        accepted=accepted,
        happenings=[happening("accepted", accepted), happening("decided", on)],
        **state,
    )


@pytest.fixture
def busy(newsroom: Newsroom) -> Newsroom:
    """Ten working days were promised: kept on 18 November, broken on 9 and 17, one running."""
    newsroom.take(
        decided(1, "2026-11-18", accepted="2026-11-10"),
        # Due on 9 November, decided on the 19th: it counts on the 10th.
        decided(2, "2026-11-19", accepted="2026-10-26"),
        # Nobody decides it: due on 16 November.
        told.case("case_accepted.v1", "2026-11-02 10:00", case_id=UUID(int=3), accepted="2026-11-02"),
        told.case("case_accepted.v1", "2026-11-18 10:00", case_id=UUID(int=4), accepted="2026-11-18"),
        decided(5, "2026-11-18", accepted="2026-11-10", region_path=JURONG, historical=True),
    )  # fmt: skip
    return newsroom


def test_a_case_counts_on_the_day_on_which_its_promise_was_kept_or_broken(busy: Newsroom) -> None:
    (row,) = measured(busy, "case", "department").values()

    # In the last 3, 7 and 30 days.
    assert row.windows == ((1, 1), (2, 1), (3, 1))
    assert row.overdue == 1


def test_the_same_cases_are_told_by_item_and_district(busy: Newsroom) -> None:
    items, districts = measured(busy, "case", "item"), measured(busy, "case", "district")

    assert [row.windows for row in items.values()] == [((1, 1), (2, 1), (3, 1))]
    assert list(districts) == [DANBEI.split("/")[1]]


def test_the_law_is_a_promise_of_its_own(busy: Newsroom) -> None:
    (row,) = measured(busy, "law", "department").values()

    # The law allows twenty days: only what was decided has come to its end.
    assert row.windows == ((2, 2), (2, 2), (2, 2))
    assert row.overdue == 0


def test_orders_are_promises_to_sign_and_to_answer(newsroom: Newsroom) -> None:
    limits = {
        "sign_by": at("2026-11-18 17:30").isoformat(),
        "feedback_by": at("2026-11-19 17:30").isoformat(),
    }
    newsroom.take(
        told.order(1, "2026-11-17 09:00", **limits, signed_at=at("2026-11-17 10:00").isoformat(),
                   answered_at=at("2026-11-19 10:00").isoformat()),
        told.order(2, "2026-11-17 09:00", **limits, colour=""),
        # Merged into another: closed without an answer of its own.
        told.order(3, "2026-11-17 09:00", **limits, status="closed",
                   closed_at=at("2026-11-18 10:00").isoformat()),
    )  # fmt: skip

    (order,) = measured(newsroom, "order", "department").values()
    (card,) = measured(newsroom, "card", "department").values()
    (sign,) = measured(newsroom, "sign", "department").values()

    assert (order.windows[0], order.overdue) == ((3, 2), 1)
    assert (card.windows[0], card.overdue) == ((2, 2), 0)
    # The first was signed for on the 17th, before the last three days.
    assert (sign.windows[0], sign.overdue) == ((2, 1), 1)


def test_a_month_is_counted_by_the_same_rule(busy: Newsroom) -> None:
    with busy.db.read() as connection:
        rows = promises.of_period(
            connection, date(2026, 11, 1), date(2026, 12, 1), now=at("2026-12-05 12:00")
        )
    (row,) = [each for each in rows if (each.promise, each.by) == ("case", "department")]

    # The one that was running on 20 November was not decided by the end of its ten days either:
    # they end in December.
    assert row.windows == ((3, 1),)
    assert row.overdue == 2


def test_there_are_never_more_series_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promises, "MOST", 3)
    rows = [Kept("case", "item", f"S1-{i}", f"S1-{i}", ((i, 0),) * 3, 1) for i in range(6)]

    bounded = promises._bounded(rows)

    assert [row.of for row in bounded] == ["S1-5", "S1-4", promises.REST]
    assert bounded[-1].windows[0] == (3 + 2 + 1 + 0, 0)
    assert bounded[-1].overdue == 4


def test_what_is_not_counted_any_more_leaves_no_series_behind() -> None:
    registry = CollectorRegistry()
    gauges = promises.PromiseGauges(registry)
    gauges.show([Kept("case", "item", "S1-01", "备案", ((2, 1), (4, 3), (9, 8)), 1)])
    shown = generate_latest(registry).decode()
    gauges.show([])

    assert (
        'promises_kept_count{by="item",days="30",name="备案",of="S1-01",promise="case"} 8.0'
        in shown
    )
    assert "S1-01" not in generate_latest(registry).decode()
