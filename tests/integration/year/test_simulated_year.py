"""A year of the city: every card that should exist exists, none else, each with one order."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date

import pytest

from chassis import regions
from support.servers import Databases
from support.year.year import Year, differences, play
from warning_dispatch.domain import RuleBook
from warning_dispatch.usecases import shipped_rules

SEED = int(os.environ.get("KAIGONG_YEAR_SEED") or 20260105)
BOOK = RuleBook.read(shipped_rules())


def check(year: Year) -> None:
    print(f"\nseed {SEED}: {year.story()}")
    wrong = differences(year)
    assert wrong == [], f"seed {SEED}: {len(wrong)} differences\n" + "\n".join(wrong[:40])
    # A card that sends an order sent one, and no more.
    orders = Counter(row.card_id for row in year.orders if row.card_id)
    assert set(orders.values()) <= {1}
    numbers = [row.number for row in year.orders]
    assert len(set(numbers)) == len(numbers)


def test_a_small_city_from_january_to_may(database: Databases) -> None:
    year = play(
        database,
        seed=SEED,
        projects=12,
        places=("321181113", "321171002", "321183102", "321112"),
        last=date(2026, 5, 29),
    )

    check(year)
    assert {row.rule for row in year.cards} >= {"W-01", "W-02", "W-03", "W-11", "W-12", "W-13"}


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_the_whole_city_through_the_whole_year(database: Databases) -> None:
    """The 8 districts and zones and 72 towns, 500 projects with all their cases; every rule comes."""
    places = [each.code for each in regions.all_regions().values() if each.tier != "city"]
    year = play(database, seed=SEED, projects=500, places=places)

    check(year)
    raised = {(row.rule, row.colour) for row in year.cards}
    wanted = {(rule.code, level.colour) for rule in BOOK.rules.values() for level in rule.levels}
    assert wanted - raised == set()
    dispatching = {
        (rule.code, level.colour)
        for rule in BOOK.rules.values()
        for level in rule.levels
        if level.dispatches
    }
    ordered = {row.card_id for row in year.orders}
    without = [
        row
        for row in year.cards
        if (row.rule, row.colour) in dispatching
        and row.id not in ordered
        and not any(step["step"] in ("rectified", "revoked") for step in row.steps[:2])
    ]
    assert without == []
