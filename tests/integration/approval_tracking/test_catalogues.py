"""A catalogue's way into force: file, draft, review, publication; what is bad changes nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc

from approval_tracking.api import ApprovalTracking
from approval_tracking.catalogue_files import write_yaml
from approval_tracking.catalogue_workbooks import XLSX_TYPE, write_xlsx
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.usecases.data import load_data
from approval_tracking.usecases.projects import follow_catalogue, take_project
from chassis.db import Database
from support import approvals as people
from support import servers
from support.approval_data import seed
from support.approvals import COMPANY, MONDAY, OBJECTS, REVIEWER, SEAL, shanghai
from support.servicers import Client, serving

DRAFTER = people.person("S1", "drafter", region_path="321100")
LEADER = people.person("D5", "leader", region_path="321100")
BOTH = people.person("S1", "both", region_path="321100")
THEMES = seed("themes.yaml")["themes"]


@dataclass
class Watch:
    now: datetime = MONDAY


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def db(database: servers.Databases) -> Iterator[Database]:
    """A database of its own: what is published stays."""
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
        [COMPANY, REVIEWER, DRAFTER, LEADER, BOTH],
    ) as client:
        yield client


def changed(**item: Any) -> httpbody_pb2.HttpBody:
    """Return the seed as a file, with S2-06 changed."""
    content = copy.deepcopy(seed("catalog.yaml"))
    next(each for each in content["items"] if each["code"] == "S2-06").update(item)
    return httpbody_pb2.HttpBody(data=write_yaml(content, THEMES))


def draft(call: Client, who: Any = DRAFTER, **item: Any) -> str:
    file = changed(**(item or {"committed_limit_days": 4}))
    return str(call(who, "ImportCatalogue", file=file, note="压减").draft.draft_id)


def published(call: Client, effective_from: str = "", **item: Any) -> Any:
    draft_id = draft(call, **item)
    call(LEADER, "ReviewCatalogue", draft_id=draft_id, approved=True)
    answer = call(LEADER, "PublishCatalogue", draft_id=draft_id, effective_from=effective_from)
    return answer.draft


def test_what_one_drafts_and_another_approves_comes_into_force(call: Client) -> None:
    told = published(call)
    listed = call(LEADER, "ListCatalogueVersions")

    assert (told.state, told.published_as, told.effective_from) == ("published", 2, "2026-03-02")
    assert (listed.in_force, [each.version for each in listed.versions]) == (2, [2, 1])
    assert call(COMPANY, "GetItem", code="S2-06").guide.item.committed.days == "4"


def test_a_version_of_a_later_day_waits_for_it(call: Client, watch: Watch) -> None:
    published(call, effective_from="2026-04-01")
    before = call(COMPANY, "GetItem", code="S2-06")
    watch.now = shanghai("2026-04-01T09:00:00")
    after = call(COMPANY, "GetItem", code="S2-06")

    assert [(each.catalogue, each.guide.item.committed.days) for each in (before, after)] == [
        (1, "5"),
        (2, "4"),
    ]


def test_a_running_case_keeps_the_version_it_began_with(db: Database, call: Client) -> None:
    state = people.project_state()
    project_id = UUID(state["project_id"])
    with db.begin() as tx:
        take_project(ProjectStore(tx), CaseStore(tx), state, now=MONDAY)
    wanted = {"project_id": str(project_id), "item_code": "S2-06"}
    case = call(COMPANY, "SubmitCase", **wanted).case
    published(
        call,
        committed_limit_days=3,
        special_procedures=[],
        applicability={"rule": "无", "expr": "social_risk"},
    )
    with db.begin() as tx:
        assert follow_catalogue(ProjectStore(tx), Reference(tx), most=5, now=MONDAY) == 1
        assert follow_catalogue(ProjectStore(tx), Reference(tx), most=5, now=MONDAY) == 0
        assert ProjectStore(tx).get(project_id).catalogue == 2
    accepted = call(REVIEWER, "AcceptCase", case_id=case.case_id).case

    assert accepted.clock.committed_due == "2026-03-09"
    assert [each.name for each in accepted.special_procedures] == ["节能评审(委托)"]
    guide = call(COMPANY, "GetProjectGuide", project_id=str(project_id))
    assert guide.catalogue == 2
    assert "S2-06" in [each.code for each in guide.set_aside]


def test_who_drafted_it_neither_reviews_nor_publishes_it(call: Client) -> None:
    draft_id = draft(call)

    refused = call.refused(DRAFTER, "ReviewCatalogue", draft_id=draft_id, approved=True)
    assert refused.reason == "DRAFT_NOT_YOURS"
    assert call.refused(LEADER, "PublishCatalogue", draft_id=draft_id).reason == "DRAFT_NOT_READY"
    call(BOTH, "ReviewCatalogue", draft_id=draft_id, approved=True)
    assert call.refused(BOTH, "PublishCatalogue", draft_id=draft_id).reason == "NOT_YOUR_ROLE"
    again = call.refused(LEADER, "ReviewCatalogue", draft_id=draft_id, approved=True)
    assert again.reason == "DRAFT_NOT_READY"


def test_a_draft_sent_back_is_not_published(call: Client) -> None:
    draft_id = draft(call)

    refused = call.refused(LEADER, "ReviewCatalogue", draft_id=draft_id, approved=False)
    assert refused.fields == ["reason"]
    told = call(LEADER, "ReviewCatalogue", draft_id=draft_id, approved=False, reason="依据不足")
    assert (told.draft.state, told.draft.reason) == ("rejected", "依据不足")
    assert call.refused(LEADER, "PublishCatalogue", draft_id=draft_id).reason == "DRAFT_NOT_READY"


def test_a_draft_made_before_another_was_published_is_stale(call: Client) -> None:
    late = draft(call, committed_limit_days=2)
    call(LEADER, "ReviewCatalogue", draft_id=late, approved=True)
    published(call)

    assert call.refused(LEADER, "PublishCatalogue", draft_id=late).reason == "STALE"
    assert call(COMPANY, "GetItem", code="S2-06").guide.item.committed.days == "4"


def test_nothing_comes_into_force_in_the_past(call: Client) -> None:
    draft_id = draft(call)
    call(LEADER, "ReviewCatalogue", draft_id=draft_id, approved=True)
    refused = call.refused(
        LEADER, "PublishCatalogue", draft_id=draft_id, effective_from="2026-03-01"
    )

    assert refused.fields == ["effective_from"]


def test_a_draft_says_what_it_would_change(call: Client) -> None:
    draft_id = draft(call)
    shown = call(LEADER, "GetCatalogueDraft", draft_id=draft_id)
    listed = call(LEADER, "ListCatalogueDrafts")

    assert [(each.path, each.before, each.after) for each in shown.differences] == [
        ("items[S2-06].committed_limit_days", "5", "4")
    ]
    assert [each.draft_id for each in listed.drafts] == [draft_id]
    unknown = call.refused(LEADER, "GetCatalogueDraft", draft_id=str(uuid4()))
    assert unknown.reason == "DRAFT_UNKNOWN"


def test_two_versions_are_compared(call: Client) -> None:
    published(call)

    found = call(LEADER, "CompareCatalogues", version=1, other=2).differences
    assert [each.path for each in found] == ["items[S2-06].committed_limit_days"]
    assert not call(LEADER, "CompareCatalogues", version=1, other=1).differences
    refused = call.refused(LEADER, "CompareCatalogues", version=1, other=9)
    assert refused.reason == "CATALOGUE_UNKNOWN"


@pytest.mark.parametrize(
    ("format_", "kind"),
    [
        (pb.CATALOGUE_FORMAT_UNSPECIFIED, "application/yaml"),
        (pb.CATALOGUE_FORMAT_YAML, "application/yaml"),
        (pb.CATALOGUE_FORMAT_XLSX, XLSX_TYPE),
    ],
)
def test_what_is_exported_can_be_imported(call: Client, format_: int, kind: str) -> None:
    body = call(DRAFTER, "ExportCatalogue", version=1, format=format_)
    same = call.refused(DRAFTER, "ImportCatalogue", file=httpbody_pb2.HttpBody(data=body.data))

    assert body.content_type == kind
    assert same.reason == "CATALOGUE_UNCHANGED"
    assert call.refused(LEADER, "ExportCatalogue", version=9).reason == "CATALOGUE_UNKNOWN"


def test_a_workbook_becomes_a_draft_like_any_file(call: Client) -> None:
    content = copy.deepcopy(seed("catalog.yaml"))
    next(each for each in content["items"] if each["code"] == "S2-06")["committed_limit_days"] = 3
    file = httpbody_pb2.HttpBody(data=write_xlsx(content, THEMES))
    draft_id = call(DRAFTER, "ImportCatalogue", file=file).draft.draft_id

    shown = call(LEADER, "GetCatalogueDraft", draft_id=draft_id).differences
    assert [each.path for each in shown] == ["items[S2-06].committed_limit_days"]


@pytest.mark.parametrize("data", [b"", b"PK", b"items: [", b"\xff"])
def test_what_is_no_catalogue_file_is_refused_with_its_field(call: Client, data: bytes) -> None:
    file = httpbody_pb2.HttpBody(data=data)
    refused = call.refused(DRAFTER, "ImportCatalogue", file=file)

    assert (refused.reason, refused.fields) == ("CATALOGUE_UNREADABLE", ["file"])


def test_a_bad_catalogue_is_refused_and_the_good_one_stays(call: Client) -> None:
    bad = changed(
        committed_limit_days=99, applicability={"rule": "", "expr": "anual_energy_tce > 1.0"}
    )
    refused = call.refused(DRAFTER, "ImportCatalogue", file=bad)

    assert refused.code == "INVALID_ARGUMENT"
    assert sorted(refused.fields) == [
        "items[S2-06].applicability.expr",
        "items[S2-06].committed_limit_days",
    ]
    assert not call(LEADER, "ListCatalogueDrafts").drafts
    assert call(LEADER, "ListCatalogueVersions").in_force == 1


def test_only_configurators_draft(call: Client) -> None:
    for who in (COMPANY, REVIEWER, LEADER):
        assert call.refused(who, "ImportCatalogue", file=changed()).reason == "NOT_YOUR_ROLE"
