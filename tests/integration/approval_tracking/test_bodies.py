"""Who decides what where: another body here, another name from a day on, old cases as they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc

from approval_tracking.api import ApprovalTracking
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.usecases.data import load_data
from approval_tracking.usecases.projects import lay_plan, take_project
from chassis.db import Database
from support import approvals as people
from support import servers
from support.approvals import COMPANY, MONDAY, OBJECTS, REVIEWER, SEAL, shanghai
from support.servicers import Client, serving

CONFIGURATOR = people.person("S1", "configurator", region_path="321100")
DISTRICT = people.person("D1", "district")
BUREAU = people.person("A2", "bureau", org="321181:行政审批")


@dataclass
class Watch:
    now: datetime = MONDAY


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def db(database: servers.Databases) -> Iterator[Database]:
    """A database of its own: what is configured stays."""
    made = Database(database("approval_tracking"))
    with made.begin() as tx:
        load_data(Reference(tx), now=MONDAY)
    yield made
    made.close()


@pytest.fixture
def call(db: Database, watch: Watch) -> Iterator[Client]:
    servicer = ApprovalTracking(db, lambda: watch.now, objects=OBJECTS, seal=SEAL)
    with serving(
        lambda server: pb_grpc.add_ApprovalTrackingServiceServicer_to_server(servicer, server),
        pb_grpc.ApprovalTrackingServiceStub,
        pb,
        [COMPANY, REVIEWER, CONFIGURATOR, DISTRICT, BUREAU],
    ) as client:
        yield client


def arrive(db: Database) -> str:
    state = people.project_state(name=str(uuid4()))
    with db.begin() as tx:
        take_project(ProjectStore(tx), CaseStore(tx), state, now=MONDAY)
    return str(state["project_id"])


def submit(call: Client, project_id: str) -> Any:
    return call(COMPANY, "SubmitCase", project_id=project_id, item_code="S2-06").case


def move(call: Client, who: Any = CONFIGURATOR, **changes: Any) -> Any:
    wanted = {"code": "S2-06", "region": "321181", "org": "321181:行政审批", **changes}
    return call(who, "SetDecider", **wanted)


def test_the_same_item_may_lie_with_another_body_in_one_district(
    db: Database, call: Client
) -> None:
    before = submit(call, arrive(db))
    move(call)
    project_id = arrive(db)
    after = submit(call, project_id)
    listed = {each.region: each for each in call(COMPANY, "ListDeciders", code="S2-06").deciders}

    assert (before.org, after.org) == ("321181:发改", "321181:行政审批")
    assert call(BUREAU, "AcceptCase", case_id=after.case_id).case.status == "in_review"
    assert call(REVIEWER, "AcceptCase", case_id=before.case_id).case.org == "321181:发改"
    assert listed["321181"].org == "321181:行政审批"
    assert listed["321183"].org == "321183:发改"
    assert listed["321183"].window == "句容市政务服务中心综合窗口(发改)"


def test_guide_list_and_plan_name_the_same_body(db: Database, call: Client) -> None:
    move(call)
    project_id = arrive(db)
    guide = call(COMPANY, "GetProjectGuide", project_id=project_id)
    listed = call(COMPANY, "ListProjectItems", project_id=project_id)
    with db.begin() as tx:
        plan = lay_plan(ProjectStore(tx), Reference(tx), UUID(project_id), now=MONDAY)

    told = {
        next(each.org for each in guide.needed if each.item.code == "S2-06"),
        next(each.org for each in listed.items if each.item_code == "S2-06"),
        next(each["org"] for each in plan.content["nodes"] if each["item_code"] == "S2-06"),
    }
    assert told == {"321181:行政审批"}


@pytest.mark.article("A03.7")
def test_after_a_body_is_renamed_an_old_case_shows_the_old_name(
    db: Database, call: Client, watch: Watch
) -> None:
    old = submit(call, arrive(db))
    told = {"name": "丹阳市发展改革局", "section": "投资科", "head": "张三", "phone": "0511-1"}
    call(CONFIGURATOR, "SetBody", org="321181:发改", effective_from="2026-03-04", **told)
    still = submit(call, arrive(db))
    watch.now = shanghai("2026-03-04T09:00:00")
    new = submit(call, arrive(db))
    shown = call(COMPANY, "GetCase", case_id=old.case_id).case
    listed = {each.region: each for each in call(COMPANY, "ListDeciders", code="S2-06").deciders}
    earlier = call(COMPANY, "ListDeciders", code="S2-06", on="2026-03-03").deciders

    assert [each.org_name for each in (shown, still, new)] == [
        "丹阳市发改",
        "丹阳市发改",
        "丹阳市发展改革局",
    ]
    found = listed["321181"]
    assert (found.org_name, found.section, found.head, found.phone) == tuple(told.values())
    assert found.window == "丹阳市政务服务中心综合窗口(发改)"
    assert next(each for each in earlier if each.region == "321181").org_name == "丹阳市发改"


def test_a_body_with_a_name_of_its_own_is_still_under_its_places_government(
    db: Database, call: Client
) -> None:
    move(call)
    call(CONFIGURATOR, "SetBody", org="321181:行政审批", name="丹阳市行政审批局")
    case = submit(call, arrive(db))
    refused = call(BUREAU, "RefuseCase", case_id=case.case_id, reason="不属于本机关职权").case

    assert refused.org_name == "丹阳市行政审批局"
    assert "向丹阳市人民政府申请行政复议" in refused.remedy


def test_an_item_goes_back_to_its_department(call: Client) -> None:
    move(call)
    move(call, org="")
    answer = call(COMPANY, "ListDeciders", code="S2-06")

    assert {each.region: each.org for each in answer.deciders}["321181"] == "321181:发改"
    assert [(each.region, each.org) for each in answer.history] == [("321181", "")]


def test_a_district_moves_its_own_items_only(call: Client) -> None:
    move(call, DISTRICT)

    refused = call.refused(
        DISTRICT, "SetDecider", code="S2-06", region="321183", org="321183:行政审批"
    )
    assert refused.reason == "REGION_NOT_YOURS"
    body = call.refused(DISTRICT, "SetBody", org="321183:发改", name="句容")
    assert body.reason == "REGION_NOT_YOURS"
    assert call.refused(COMPANY, "SetBody", org="321181:发改", name="x").reason == "NOT_YOUR_ROLE"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": "S9-99"}, "ITEM_UNKNOWN"),
        ({"region": "999999"}, "REGION_UNKNOWN"),
        ({"effective_from": "2026-03-01"}, "effective_from"),
        ({"org": "321183:发改"}, "org"),
    ],
)
def test_what_cannot_be_set_is_refused(call: Client, changes: dict[str, str], reason: str) -> None:
    wanted = {"code": "S2-06", "region": "321181", "org": "321181:行政审批", **changes}
    refused = call.refused(CONFIGURATOR, "SetDecider", **wanted)

    assert reason in (refused.reason, *refused.fields)
