"""Batches of facts: whatever comes twice, late or in another order, the read models end the same."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa

from reporting import store
from support import newsroom as told
from support.clocks import at, happening
from support.newsroom import Newsroom

CASE, OTHER = UUID(int=21), UUID(int=22)
READ_MODELS = (
    store.projects,
    store.cases,
    store.cards,
    store.orders,
    store.logs,
    store.stage_moves,
    store.daily,
    store.annual_lists,
)

STORY = (
    told.project(),
    told.project("2026-10-20 09:00", version=2, stage="S5"),
    told.moved("2026-10-20 09:00", "S4", "S5"),
    told.fact("annual_list_published.v1", "2026-10-08 09:00", year=2026, project_ids=[str(UUID(int=7))]),
    told.case("case_submitted.v1", "2026-10-08 09:00", case_id=CASE, status="received"),
    told.case("case_accepted.v1", "2026-10-08 10:00", case_id=CASE, version=2),
    told.case("case_submitted.v1", "2026-10-09 09:00", case_id=OTHER, status="received"),
    told.card(31, "yellow", "2026-10-19 00:30"),
    told.card(32, "red", "2026-10-23 00:30"),
    told.card(32, "red", "2026-10-26 16:00", version=2, status="closed"),
    told.order(41, "2026-10-23 00:30"),
    told.order(41, "2026-10-26 09:00", version=2, status="signed"),
    told.log(51, "2026-10-12 15:00"),
    told.case(
        "case_decided.v1",
        "2026-10-26 15:00",
        case_id=CASE,
        version=3,
        status="decided",
        decided=at("2026-10-26 15:00"),
        happenings=[happening("decided", "2026-10-26", "15:00")],
    ),
)  # fmt: skip


def models(newsroom: Newsroom) -> dict[str, object]:
    return {table.name: newsroom.rows(table) for table in READ_MODELS}


def test_a_batch_taken_twice_counts_once(newsroom: Newsroom) -> None:
    assert newsroom.take(*STORY) == len(STORY)
    before = models(newsroom)

    assert newsroom.take(*STORY, *STORY) == 0
    assert models(newsroom) == before


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_arrival_does_not_matter(newsroom: Newsroom, seed: int) -> None:
    newsroom.take(*STORY)
    expected = models(newsroom)
    with newsroom.db.begin() as tx:
        for table in (*READ_MODELS, store.metadata.tables["inbox"]):
            tx.execute(sa.delete(table))

    newsroom.take_shuffled(STORY, seed=seed)

    assert models(newsroom) == expected


def test_an_older_version_never_overwrites_a_newer_one(newsroom: Newsroom) -> None:
    newsroom.take(told.project("2026-10-20 09:00", version=5, stage="S6"))

    newsroom.take(told.project(version=1, stage="S2"), told.project(version=4, stage="S4"))

    columns = sa.select(store.projects.c.version, store.projects.c.stage)
    with newsroom.db.read() as connection:
        assert connection.execute(columns).all() == [(5, "S6")]


def test_a_day_is_counted_by_what_happened_on_it(newsroom: Newsroom) -> None:
    newsroom.take(*STORY)

    days = {(str(row[0]), row[1]): row[-1] for row in newsroom.rows(store.daily) if row[1] != "log"}
    assert days == {
        ("2026-10-08", "submitted"): 1,
        ("2026-10-09", "submitted"): 1,
        ("2026-10-08", "accepted"): 1,
        ("2026-10-26", "approved"): 1,
        ("2026-10-19", "card_yellow"): 1,
        ("2026-10-23", "card_red"): 1,
        ("2026-10-23", "order"): 1,
        ("2026-10-12", "visit"): 1,
    }


def test_a_fact_just_before_midnight_in_shanghai_belongs_to_that_day(newsroom: Newsroom) -> None:
    newsroom.take(told.log(1, "2026-10-31 23:59"), told.log(2, "2026-11-01 00:00"))

    assert [str(row[0]) for row in newsroom.rows(store.daily)] == ["2026-10-31", "2026-11-01"]


def test_a_fact_of_an_unknown_kind_is_passed_over(newsroom: Newsroom) -> None:
    before = models(newsroom)

    newsroom.take(told.fact("something_new.v1", "2026-10-08 09:00", what="ever"))

    assert models(newsroom) == before
