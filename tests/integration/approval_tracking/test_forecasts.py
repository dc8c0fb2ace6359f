"""Forecast and what-if as a client asks for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from chassis.db import Database
from support.approvals import COMPANY, ELSEWHERE, HEAD, MONDAY, REVIEWER, STRANGER, shanghai
from support.servicers import Client

CHANGED = dict[str, Any]
# Their periods begin with an event: the law does not let them run beside what brings it about.
EVENTS = {"S3-05", "S3-07", "S3-08", "S3-10"}


def change(kind: str, code: str, **more: Any) -> CHANGED:
    return {"kind": f"WHAT_IF_KIND_{kind.upper()}", "item_code": code, **more}


def asked(call: Client, project_id: str, *changes: CHANGED, **more: Any) -> pb.WhatIfResponse:
    answer: pb.WhatIfResponse = call(
        COMPANY, "WhatIf", project_id=project_id, changes=list(changes), **more
    )
    return answer


@pytest.fixture
def record(db: Database) -> Callable[..., None]:
    """Put decided cases on record: so many at a body, each this many calendar days from June 2024."""

    def put(code: str, org: str, days: int, times: int) -> None:
        with db.begin() as tx:
            tx.execute(
                sa.text(
                    """
                    insert into durations (case_id, item_code, org, started_on, decided_on)
                    select gen_random_uuid(), :code, :org, date '2024-06-03', date '2024-06-03' + :days
                    from generate_series(1, :times)
                    """
                ),
                {"code": code, "org": org, "days": days, "times": times},
            )

    return put


def test_a_forecast_names_the_days_the_chance_and_what_threatens_it(
    call: Client, project_id: str
) -> None:
    told = call(COMPANY, "GetForecast", project_id=project_id).forecast
    plan = call(COMPANY, "GetPlan", project_id=project_id).plan

    assert told.futures == 10_000
    assert told.planned_start == plan.planned_start
    assert told.p50 <= told.p80 <= told.p95
    # Nothing is on record: every promise is kept to the day, as in the plan.
    assert told.p50 == told.p95 == plan.earliest_start
    assert set(plan.critical_path) <= {each.item_code for each in told.items if each.critical == 1}


def test_a_decided_case_is_on_record(
    call: Client, db: Database, case: Any, watch: Any, done: Callable[..., None]
) -> None:
    done("S2-01", "S2-02")
    call(REVIEWER, "AcceptCase", case_id=case.case_id)
    watch.now = shanghai("2026-03-11T10:00:00")
    call(
        HEAD, "DecideCase", case_id=case.case_id, outcome="DECISION_OUTCOME_APPROVED", reason="符合"
    )

    with db.read() as connection:
        row = connection.execute(
            sa.text("select item_code, org, decided_on - started_on as days from durations")
        ).one()
    assert (row.item_code, row.org, row.days) == ("S2-06", "321181:发改", 9)


def test_a_slow_body_makes_the_start_less_likely(
    call: Client, new_project: Callable[[], str], record: Callable[..., None]
) -> None:
    before = call(COMPANY, "GetForecast", project_id=new_project()).forecast
    code = before.items[0].item_code
    slow = next(each for each in before.items if each.item_code == code)
    record(code, slow.org, 170, 30)
    after = call(COMPANY, "GetForecast", project_id=new_project()).forecast

    assert after.p50 > before.p50
    assert next(each for each in after.items if each.item_code == code).samples >= 30


def test_what_if_shows_both_forecasts_and_keeps_nothing(call: Client, project_id: str) -> None:
    plan = call(COMPANY, "GetPlan", project_id=project_id).plan
    longest = max(
        (node for node in plan.nodes if node.critical and node.item_code != "S3-05"),
        key=lambda node: node.duration_days,
    )
    told = asked(call, project_id, change("shorten", longest.item_code, days=0))

    assert told.after.p50 < told.before.p50
    assert told.days_gained > 0
    assert told.keeps_gained >= 0
    assert call(COMPANY, "GetForecast", project_id=project_id).forecast == told.before


def test_an_item_beside_its_prerequisite_starts_earlier(call: Client, project_id: str) -> None:
    plan = call(COMPANY, "GetPlan", project_id=project_id).plan
    nodes = {node.item_code: node for node in plan.nodes}
    chain = list(plan.critical_path)
    gained = []
    for first, then in itertools.pairwise(chain):
        if nodes[first].duration_days and nodes[then].duration_days and then not in EVENTS:
            parallel = change("parallel", then, prerequisite=first)
            gained.append(asked(call, project_id, parallel).days_gained)

    assert max(gained) > 0


def test_other_attributes_make_another_plan(call: Client, project_id: str) -> None:
    told = asked(call, project_id, attributes="annual_energy_tce=10")
    codes = [{each.item_code for each in one.items} for one in (told.before, told.after)]

    assert "S2-06" in codes[0] - codes[1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([change("drop", "S2-06")], "WHAT_IF_FORBIDDEN"),
        ([change("shorten", "S2-06", days=60)], "WHAT_IF_FORBIDDEN"),
        ([change("shorten", "S3-05", days=3)], "WHAT_IF_FORBIDDEN"),
        ([change("parallel", "S3-07", prerequisite="S3-05")], "WHAT_IF_FORBIDDEN"),
        ([change("parallel", "S2-06", prerequisite="S6-01")], "FIELD_INVALID"),
        ([change("defer", "S2-06")], "FIELD_INVALID"),
        ([change("defer", "S2-06", until="2026-02-27")], "FIELD_INVALID"),
        ([change("drop", "S9-99")], "WHAT_IF_ITEM_UNKNOWN"),
        ([change("drop", "S1-07"), change("defer", "S1-07")], "WHAT_IF_ITEM_UNKNOWN"),
    ],
)
def test_what_the_law_forbids_or_makes_no_sense_is_refused(
    call: Client, project_id: str, changes: list[CHANGED], reason: str
) -> None:
    refused = call.refused(COMPANY, "WhatIf", project_id=project_id, changes=changes)

    assert (refused.reason, refused.fields) == (reason, ["changes"])


def test_what_is_under_way_cannot_be_put_off(call: Client, project_id: str, case: Any) -> None:
    until = MONDAY.date().replace(month=5).isoformat()
    put_off = [change("defer", case.item_code, until=until)]

    refused = call.refused(COMPANY, "WhatIf", project_id=project_id, changes=put_off)
    assert refused.reason == "WHAT_IF_FORBIDDEN"


def test_the_case_that_threatens_the_start_is_named(
    call: Client, project_id: str, case: Any, record: Callable[..., None]
) -> None:
    record("S2-06", "321181:发改", 400, 30)
    told = call(COMPANY, "GetForecast", project_id=project_id).forecast

    assert told.keeps < 0.5
    assert told.threatened_by == case.case_id
    assert told.items[0].case_id == case.case_id


@pytest.mark.parametrize("stranger", [STRANGER, ELSEWHERE])
def test_a_forecast_is_for_those_who_may_see_the_project(
    call: Client, project_id: str, stranger: Any
) -> None:
    refused = call.refused(stranger, "GetForecast", project_id=project_id)
    assert refused.code == "PERMISSION_DENIED"
