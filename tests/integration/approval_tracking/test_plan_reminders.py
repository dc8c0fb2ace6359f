"""A plan reminds by itself: of what falls due, of what is blocked, and of a slip, once each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from chassis.db import Database
from support.approvals import BUREAU, CARRIER, COMPANY, DISPATCHER, NAVIGATOR, REVIEWER, shanghai
from support.servicers import Client


@pytest.fixture
def reminded(db: Database, project_id: str) -> Callable[[], list[dict[str, Any]]]:
    """What was told of the project's plan, in order."""

    def told() -> list[dict[str, Any]]:
        with db.read() as connection:
            rows = connection.execute(
                sa.text(
                    "select envelope from outbox where envelope->>'type' like '%plan_reminded.v1'"
                    " and envelope->'data'->>'project_id' = :project_id order by position"
                ),
                {"project_id": project_id},
            )
            return [row.envelope["data"] for row in rows]

    return told


def lay(call: Client, project_id: str) -> Any:
    return call(NAVIGATOR, "LayPlan", project_id=project_id).plan


def freeze(call: Client, project_id: str) -> None:
    call(NAVIGATOR, "ProposePlan", project_id=project_id)
    for who in (COMPANY, CARRIER, BUREAU):
        call(who, "SignPlan", project_id=project_id)
    call(DISPATCHER, "BaselinePlan", project_id=project_id)


def test_a_new_plan_tells_nothing_and_a_frozen_one_what_falls_due(
    call: Client, project_id: str, reminded: Callable[[], list[dict[str, Any]]]
) -> None:
    assert reminded() == []
    freeze(call, project_id)

    lay(call, project_id)
    lay(call, project_id)

    told = reminded()
    assert sorted({each["kind"] for each in told}) == ["blocked", "due"]
    assert len(told) == 2
    due = next(each for each in told if each["kind"] == "due")
    first = next(each for each in due["nodes"] if each["item_code"] == "S2-01")
    assert first["days_left"] <= 3
    assert due["agents"] == ["navigator"]
    blocked = next(each for each in told if each["kind"] == "blocked")
    assert all(each["waits_for"] for each in blocked["nodes"])


def test_one_delay_moves_what_follows_and_is_told_once(
    call: Client,
    project_id: str,
    watch: Any,
    reminded: Callable[[], list[dict[str, Any]]],
) -> None:
    before = call(COMPANY, "GetPlan", project_id=project_id).plan
    for day in ("03", "04", "05", "06"):
        watch.now = shanghai(f"2026-03-{day}T09:00:00")
        lay(call, project_id)
    after = call(COMPANY, "GetPlan", project_id=project_id).plan

    slips = [each for each in reminded() if each["kind"] == "slipped"]
    (slip,) = slips
    assert slip["days"] == 3
    assert slip["earliest_before"] == before.earliest_start
    assert [each["item_code"] for each in slip["nodes"]] == list(after.critical_path)
    ends = {each.item_code: each.early_finish for each in before.nodes}
    assert all(
        each.early_finish > ends[each.item_code]
        for each in after.nodes
        if each.item_code in after.critical_path
    )


def test_an_edit_that_moves_the_start_is_told_to_who_carries_the_path(
    call: Client, project_id: str, reminded: Callable[[], list[dict[str, Any]]]
) -> None:
    add = {
        "kind": pb.PLAN_EDIT_KIND_ADD,
        "name": "招拍挂准备会",
        "stage": "S5",
        "days": 120,
        "before": ["S5-09"],
        "carrier": "321181:自然资源和规划",
    }
    call(REVIEWER, "EditPlan", project_id=project_id, edits=[add], reason="需会办")

    (slip,) = reminded()
    assert slip["kind"] == "slipped"
    assert slip["days"] > 3
    assert ("N-01", "321181:自然资源和规划") in [
        (each["item_code"], each["org"]) for each in slip["nodes"]
    ]


def test_a_project_that_is_over_reminds_nobody(
    call: Client,
    db: Database,
    project_id: str,
    watch: Any,
    reminded: Callable[[], list[dict[str, Any]]],
) -> None:
    with db.begin() as tx:
        tx.execute(
            sa.text(
                "update projects set state = jsonb_set(state, '{status}', '\"archived\"')"
                " where id = :project_id"
            ),
            {"project_id": project_id},
        )
    watch.now = shanghai("2026-04-06T09:00:00")
    lay(call, project_id)

    assert reminded() == []
