"""A project's guide as a client asks for it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import docx
import pytest
import yaml
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc

from approval_tracking.api import ApprovalTracking
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases.projects import take_project
from chassis.db import Database
from support import approvals as people
from support.approvals import COMPANY, ELSEWHERE, MONDAY, OBJECTS, REVIEWER, SEAL, STRANGER
from support.servicers import Client, serving

HERE = Path(__file__).parents[2]
PROJECTS = yaml.safe_load(
    (HERE / "unit/approval_tracking/data/demo_projects.yaml").read_text(encoding="utf-8")
)["projects"]


@pytest.fixture(scope="module")
def call(db: Database) -> Iterator[Client]:
    servicer = ApprovalTracking(db, lambda: MONDAY, objects=OBJECTS, seal=SEAL)
    with serving(
        lambda server: pb_grpc.add_ApprovalTrackingServiceServicer_to_server(servicer, server),
        pb_grpc.ApprovalTrackingServiceStub,
        pb,
        [COMPANY, ELSEWHERE, REVIEWER, STRANGER, people.person("S2", "operator")],
    ) as client:
        yield client


def arrive(db: Database, **attributes: Any) -> str:
    told = {name: json.dumps(value) for name, value in attributes.items()}
    state = people.project_state(name=str(uuid4()), attributes=told)
    with db.begin() as tx:
        take_project(ProjectStore(tx), CaseStore(tx), state, now=MONDAY)
    return str(state["project_id"])


@pytest.mark.article("A02.4")
@pytest.mark.parametrize("project", PROJECTS, ids=[project["id"] for project in PROJECTS])
def test_a_demo_projects_guide_has_its_items_with_reasons(
    db: Database, call: Client, project: dict[str, Any]
) -> None:
    project_id = arrive(db, **project["attributes"])
    guide = call(COMPANY, "GetProjectGuide", project_id=project_id)
    listed = call(COMPANY, "ListProjectItems", project_id=project_id)

    assert [each.item.code for each in guide.needed] == [each.item_code for each in listed.items]
    assert len(guide.needed) == project["expected_applicable_count"]
    assert len(guide.needed) + len(guide.set_aside) == 80
    assert all(each.reason.zh and each.reason.en for each in (*guide.needed, *guide.set_aside))
    assert guide.papers_once < guide.papers_asked
    for each, line in zip(guide.needed, listed.items, strict=True):
        assert (each.org, each.org_name) == (line.org, line.org_name)
        assert (each.item.statutory, each.item.committed) == (line.statutory, line.committed)
        assert each.prerequisites == line.prerequisites


def test_the_guide_says_where_what_it_costs_and_what_may_follow(db: Database, call: Client) -> None:
    guide = call(COMPANY, "GetProjectGuide", project_id=arrive(db, annual_energy_tce=2400))
    items = {each.item.code: each for each in guide.needed}
    papers = {paper.name: paper for paper in guide.papers}

    assert items["S2-06"].window == "丹阳市政务服务中心综合窗口(发改)"
    assert items["S2-06"].notice_rule.days == 5
    assert not items["S2-06"].fees
    assert [fee.name for fee in items["S3-11"].fees] == ["不动产登记费"]
    assert [cause.attribute for cause in items["S2-06"].reason.causes] == ["annual_energy_tce"]
    assert papers["监理合同"].may_follow_for == ["S5-06", "S5-09"]


@pytest.mark.article("A02.4")
def test_another_value_shows_at_once_what_would_change(db: Database, call: Client) -> None:
    project_id = arrive(db, eia_class="form")
    found = call(COMPANY, "CompareProjectGuide", project_id=project_id, changes="eia_class=report")

    assert [(each.attribute, each.before, each.after) for each in found.changes] == [
        ("eia_class", "报告表", "报告书")
    ]
    assert [each.code for each in found.added] == ["S2-08"]
    assert [each.code for each in found.dropped] == ["S2-09"]
    assert found.added[0].reason.en.startswith("needed: class of environmental")
    assert "环境影响报告书" in found.papers_added
    same = call(COMPANY, "GetProjectGuide", project_id=project_id)
    assert "S2-09" in [each.item.code for each in same.needed]


def test_the_notice_is_a_document_in_the_projects_name(db: Database, call: Client) -> None:
    project_id = arrive(db, is_new_enterprise=True)
    body = call(COMPANY, "DownloadProjectGuide", project_id=project_id)
    read = docx.Document(io.BytesIO(body.data))

    assert body.content_type.endswith("wordprocessingml.document")
    assert read.paragraphs[0].text == "一次性告知书"
    assert "丹阳市发改" in "\n".join(cell.text for row in read.tables[0].rows for cell in row.cells)


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("GetProjectGuide", {}),
        ("CompareProjectGuide", {"changes": "eia_class=report"}),
        ("DownloadProjectGuide", {}),
    ],
)
def test_a_guide_is_for_those_who_may_see_the_project(
    db: Database, call: Client, method: str, more: dict[str, str]
) -> None:
    wanted = {"project_id": arrive(db), **more}
    operator = people.person("S2", "operator")

    assert call.refused(STRANGER, method, **wanted).reason == "OUT_OF_SCOPE"
    assert call.refused(ELSEWHERE, method, **wanted).reason == "OUT_OF_SCOPE"
    assert call.refused(operator, method, **wanted).reason == "NOT_YOUR_ROLE"
    unknown = {**wanted, "project_id": str(uuid4())}
    assert call.refused(COMPANY, method, **unknown).reason == "PROJECT_UNKNOWN"


@pytest.mark.parametrize("changes", ["eia_klass=report", "eia_class=x", "land_area_ha=true", "no"])
def test_a_value_that_cannot_be_is_refused_with_its_field(
    db: Database, call: Client, changes: str
) -> None:
    refused = call.refused(COMPANY, "CompareProjectGuide", project_id=arrive(db), changes=changes)

    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ["changes"])
