"""Where a project stands follows from its items."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from project_registry.domain.progress import (
    ItemProgress,
    derive_pool,
    derive_stage,
    ended_before_the_measures,
)
from project_registry.domain.reference import items
from project_registry.usecases.loading import demo_projects

ITEMS = items()
DAY = date(2026, 3, 10)


def done(code: str, days: int = 0) -> tuple[str, ItemProgress]:
    return code, ItemProgress("done", DAY + timedelta(days=days))


def doing(code: str) -> tuple[str, ItemProgress]:
    return code, ItemProgress("in_progress")


def waiting(code: str) -> tuple[str, ItemProgress]:
    return code, ItemProgress("not_started")


@pytest.mark.article("A10.4")
@pytest.mark.parametrize(
    ("progress", "stage"),
    [
        pytest.param([], "S1", id="nothing is known yet"),
        pytest.param([waiting("S1-01"), waiting("S2-01")], "S1", id="nothing has begun"),
        pytest.param([doing("S2-06"), doing("S5-03")], "S2", id="the earliest under way counts"),
        pytest.param(
            [waiting("S1-06"), done("S2-01"), doing("S2-06")],
            "S2",
            id="what nobody applied for holds nothing up",
        ),
        pytest.param(
            [done("S4-01"), doing("S3-05")], "S3", id="an item of S4 done early moves nothing"
        ),
        pytest.param(
            [done("S1-01"), done("S2-01", 1), waiting("S2-06"), waiting("S3-02")],
            "S2",
            id="between two items it is where the last decision was",
        ),
        pytest.param(
            [done("S1-01"), done("S2-01", 1), waiting("S3-02"), waiting("S4-01")],
            "S3",
            id="a finished stage gives way to the next with something to do",
        ),
        pytest.param([done("S1-01"), done("S6-17", 9)], "DONE", id="all is decided"),
        pytest.param(
            [waiting("S1-06"), done("S6-17", 9)], "S1", id="only something early is left over"
        ),
        pytest.param([doing("S9-99"), doing("S3-05")], "S3", id="an item we do not know"),
    ],
)
def test_the_stage_follows_from_the_items(
    progress: list[tuple[str, ItemProgress]], stage: str
) -> None:
    assert derive_stage(dict(progress), "dispatch6", ITEMS) == stage


@pytest.mark.article("A10.4")
def test_the_other_scheme_cuts_the_same_items_otherwise() -> None:
    registering = dict([done("S1-01"), doing("S6-17")])

    assert derive_stage(registering, "dispatch6", ITEMS) == "S6"
    assert derive_stage(registering, "gongai_1_4_1", ITEMS) == "G6"
    assert derive_stage(dict([doing("S2-02")]), "gongai_1_4_1", ITEMS) == "G2"
    assert derive_stage(dict([doing("S3-05")]), "gongai_1_4_1", ITEMS) == "G2"


_STATES = {
    "completed": "done",
    "completed_late": "done",
    "committed": "done",
    "pre_review": "not_started",
    "not_started": "not_started",
}


@pytest.mark.parametrize("said", list(demo_projects()), ids=lambda said: said["id"])
def test_the_demonstrations_projects_are_in_the_stages_that_their_authors_gave(
    said: dict[str, object],
) -> None:
    told = {item["code"]: item for item in said["item_states"]}  # type: ignore[attr-defined]
    progress = {
        code: ItemProgress(
            _STATES.get(item["state"], "in_progress"),
            date.fromisoformat(item["decided"]) if "decided" in item else None,
        )
        for code, item in told.items()
    }
    # Something of a later stage always waits, unless the project is done.
    if said["current_stage"] != "DONE":
        progress.setdefault("S6-17", ItemProgress("not_started"))

    assert derive_stage(progress, "dispatch6", ITEMS) == said["current_stage"]


_PROGRESS = st.dictionaries(
    st.sampled_from(sorted(ITEMS.names)),
    st.builds(
        ItemProgress,
        st.sampled_from(["not_started", "in_progress", "done"]),
        st.dates(date(2020, 1, 1), date(2027, 1, 1)),
    ),
)


@given(_PROGRESS, st.sampled_from(sorted(ITEMS.schemes)))
def test_a_stage_is_always_one_with_something_left_to_do(
    progress: dict[str, ItemProgress], scheme: str
) -> None:
    stage = derive_stage(progress, scheme, ITEMS)
    unfinished = {
        ITEMS.stage_of[scheme][code] for code, each in progress.items() if each.state != "done"
    }

    assert stage in unfinished or (not unfinished and (stage == "DONE" or not progress))


@pytest.mark.parametrize(
    ("progress", "signed", "started", "pool"),
    [
        pytest.param([], False, False, "", id="not even signed"),
        pytest.param([], True, False, "signed", id="signed and not filed"),
        pytest.param([doing("S2-02")], True, False, "signed", id="a filing under way"),
        pytest.param([done("S2-02")], True, False, "filed", id="filed"),
        pytest.param([done("S2-05")], True, False, "filed", id="a technical upgrade is filed too"),
        pytest.param([done("S2-03")], False, False, "filed", id="approved in place of filed"),
        pytest.param([done("S2-02")], True, True, "started", id="work has begun"),
        pytest.param([], True, True, "started", id="work began without a filing on record"),
        pytest.param(
            [done("S2-02"), done("S6-08"), doing("S6-09")],
            True,
            True,
            "started",
            id="one gate of production is open",
        ),
        pytest.param(
            [done("S2-02"), done("S6-08"), done("S6-09"), waiting("S6-17")],
            True,
            True,
            "producing",
            id="every gate that applies is decided, the title is not needed",
        ),
    ],
)
def test_a_project_is_in_the_furthest_pool_it_has_reached(
    progress: list[tuple[str, ItemProgress]], signed: bool, started: bool, pool: str
) -> None:
    found = derive_pool(dict(progress), signed=signed, started=started, items=ITEMS)

    assert found == pool


@pytest.mark.article("A26.1")
def test_only_what_ended_before_the_measures_is_history() -> None:
    before, since = date(2023, 2, 22), date(2023, 2, 23)

    assert ended_before_the_measures({"S1-01": ItemProgress("done", before)})
    assert not ended_before_the_measures({"S1-01": ItemProgress("done", since)})
    assert not ended_before_the_measures({"S1-01": ItemProgress("in_progress")})
    assert not ended_before_the_measures({})
