"""What an official reads out of a clock, word for word."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.clock import Rules, freeze
from approval_tracking.domain.clock_words import Line, explain
from approval_tracking.domain.events import Correction, Happening
from chassis.calendar import SHANGHAI
from support.approval_data import calendar, catalogue

DATA = Path(__file__).parent / "data/explained_clocks.yaml"
CLOCKS = yaml.safe_load(DATA.read_text(encoding="utf-8"))


def limit(text: str | None) -> Limit:
    if text is None:
        return Limit(None)
    days, unit = text.split()
    return Limit(Decimal(days), unit)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(str(text)).replace(tzinfo=SHANGHAI)


def happening(number: int, told: dict[str, Any]) -> Happening:
    at, correction = moment(told["at"]), told.get("corrects")
    day = told.get("on")
    end = told.get("expected_end")
    return Happening(
        kind=told["kind"],
        on=date.fromisoformat(day) if day else at.date(),
        at=at,
        reason=told.get("reason", ""),
        basis=told.get("basis", ""),
        document=told.get("document", ""),
        expected_end=date.fromisoformat(end) if end else None,
        days=told.get("days", 0),
        number=number,
        correction=correction
        and Correction(
            correction["record"],
            "head",
            moment(correction["at"]),
            correction["reason"],
            correction["document"],
        ),
    )


def written(line: Line) -> str:
    days = str(line.first) if line.first == line.last else f"{line.first}..{line.last}"
    counts = (str(line.committed), str(line.statutory))
    return " | ".join((days, line.kind, *counts, line.zh, line.en))


@pytest.mark.parametrize("clock", [pytest.param(each, id=each["name"]) for each in CLOCKS])
def test_a_clock_is_told_day_by_day(clock: dict[str, Any]) -> None:
    told = clock["rules"]
    rules = Rules(
        told["clock_start"],
        limit(told["statutory"]),
        limit(told["committed"]),
        notice_days=told["notice_days"],
        notice_unit="working",
        on_expiry=told["on_expiry"],
    )
    happenings = [happening(n, each) for n, each in enumerate(clock["happenings"], start=1)]

    lines = explain(happenings, rules, calendar(), until=date.fromisoformat(clock["until"]))

    assert [written(line) for line in lines] == clock["lines"]


def test_a_clock_that_nobody_stopped_is_told_for_four_hundred_days_at_most() -> None:
    rules = Rules("acceptance", limit("10 working"), limit("5 working"))
    day = date(2024, 3, 1)
    story = [Happening(kind, day, moment("2024-03-01 10:00")) for kind in ("received", "accepted")]

    lines = explain(story, rules, calendar(), until=date(2026, 3, 1))

    assert max(line.last for line in lines if line.kind != "due") == date(2025, 4, 5)


# --- the rules of a case, frozen -----------------------------------------------------------------


def test_what_a_case_runs_under_is_frozen_from_its_item() -> None:
    item = catalogue().item("S2-06")

    assert freeze(item, statutory=item.statutory, committed=item.committed) == Rules(
        "acceptance",
        limit("20 working"),
        limit("5 working"),
        notice_days=5,
        notice_unit="working",
        on_expiry="deemed_accepted_from_receipt",
        supplement_effect="restart",
        extension_days=10,
        extension_basis="行政许可法 第四十二条第一款",
    )


def test_an_item_without_a_limit_or_a_notice_has_none() -> None:
    item = catalogue().item("S1-01")

    assert freeze(item, statutory=item.statutory, committed=item.committed) == Rules(
        "instant", Limit(None), limit("0 working"), extension_basis=item.legal_basis
    )


def test_a_minimum_period_promises_nothing() -> None:
    item = next(each for each in catalogue().items.values() if each.limit_kind == "minimum")

    frozen = freeze(item, statutory=Limit(None), committed=Limit(Decimal(3), "working"))

    assert frozen.committed == Limit(None)
    assert frozen.extension_days == 0


def test_an_extension_of_another_limit_has_the_items_own_basis() -> None:
    items = catalogue().items.values()
    item = next(each for each in items if each.extension_days and each.statutory.days != 20)

    frozen = freeze(item, statutory=item.statutory, committed=item.committed)

    assert (frozen.extension_days, frozen.extension_basis) == (
        item.extension_days,
        item.legal_basis,
    )
    assert frozen.promising(limit("2 working")).committed == limit("2 working")
    assert frozen.promising(limit("2 working")).statutory == frozen.statutory
