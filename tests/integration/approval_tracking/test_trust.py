"""Papers that follow later 容缺受理, and pledges 告知承诺 with their check and revocation."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.projects import PastDecision
from approval_tracking.usecases.projects import record_past_decisions, take_project
from chassis.db import Database
from chassis.identity import Principal
from support.approvals import (
    COMPANY,
    ECO_CHECKER,
    ECO_HEAD,
    ECO_REVIEWER,
    HEAD,
    MONDAY,
    STRANGER,
    WINDOW,
    project_state,
    shanghai,
)
from support.servicers import Client

PAPER = "入园证明/规划环评符合性说明"
FOLLOWS: dict[str, Any] = {"deferred": [{"paper": PAPER}], "undertaking": "容缺承诺书〔2026〕1号"}
PLEDGE = {"signed_by": "王示例"}


@pytest.fixture
def project_id(db: Database) -> str:
    return ready_project(db)


def ready_project(db: Database, **changes: Any) -> str:
    """Return a project that needs an environmental report form and has what comes before it."""
    attributes = {"eia_class": '"form"', "land_type": '"transfer"'}
    state = project_state(name=str(uuid4()), attributes=attributes, **changes)
    with db.begin() as tx:
        projects = ProjectStore(tx)
        take_project(projects, CaseStore(tx), state, now=MONDAY)
        done = [PastDecision("S2-01", MONDAY.date(), MONDAY.date())]
        project_id = UUID(state["project_id"])
        record_past_decisions(projects, Reference(tx), project_id, done, now=MONDAY)
    return str(project_id)


def apply(call: Client, project_id: str, who: Principal = COMPANY, **more: Any) -> Any:
    return call(who, "SubmitCase", project_id=project_id, item_code="S2-09", **more).case


@pytest.fixture
def deferred(call: Client, project_id: str) -> dict[str, str]:
    case = apply(call, project_id)
    call(ECO_REVIEWER, "AcceptCase", case_id=case.case_id, **FOLLOWS)
    return {"case_id": case.case_id}


APPROVE: dict[str, Any] = {"outcome": pb.DECISION_OUTCOME_APPROVED, "reason": "符合规定"}


# --- papers that follow -------------------------------------------------------------------------


def test_a_paper_follows_a_working_day_before_the_promise_ends(
    call: Client, deferred: dict[str, str]
) -> None:
    case = call(COMPANY, "GetCase", **deferred).case

    assert case.clock.committed_due == "2026-03-11"
    assert [(each.paper, each.due_on, each.supplied_on) for each in case.deferrals] == [
        (PAPER, "2026-03-10", "")
    ]
    assert case.undertaking == FOLLOWS["undertaking"]
    told = case.clock.happenings[-1]
    assert (told.kind, told.by, told.document) == ("deferred", "eco-reviewer", case.undertaking)
    assert "容缺受理" in told.basis


def test_an_approval_waits_for_the_paper_and_a_rejection_does_not(
    call: Client, deferred: dict[str, str]
) -> None:
    locked = call.refused(ECO_HEAD, "DecideCase", **deferred, **APPROVE)
    supplied = call(WINDOW, "SupplyDeferred", **deferred, document="收件单 7").case
    decided = call(ECO_HEAD, "DecideCase", **deferred, **APPROVE).case

    assert (locked.code, locked.reason) == ("FAILED_PRECONDITION", "PAPERS_STILL_MISSING")
    assert [each.supplied_on for each in supplied.deferrals] == ["2026-03-02"]
    assert supplied.clock.committed_due == "2026-03-11"
    assert decided.status == "decided"
    rejected: dict[str, Any] = {"outcome": pb.DECISION_OUTCOME_REJECTED, "reason": "材料未补齐"}
    assert call.refused(ECO_HEAD, "DecideCase", **deferred, **rejected).reason == "CASE_NOT_OPEN"


def test_a_rejection_needs_no_paper(call: Client, deferred: dict[str, str]) -> None:
    outcome = pb.DECISION_OUTCOME_REJECTED

    decided = call(ECO_HEAD, "DecideCase", **deferred, outcome=outcome, reason="逾期未补齐").case

    assert decided.outcome == "rejected"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"deferred": [{"paper": "环境影响报告表"}]}, "PAPER_NOT_DEFERRABLE", "deferred[0].paper"),
        ({"undertaking": ""}, "FIELD_INVALID", "undertaking"),
        (
            {"deferred": [{"paper": PAPER}, {"paper": PAPER}]},
            "FIELD_INVALID",
            "deferred[1].paper",
        ),
        (
            {"deferred": [{"paper": PAPER, "due_on": "2026-03-11"}]},
            "FIELD_INVALID",
            "deferred[0].due_on",
        ),
        (
            {"deferred": [{"paper": PAPER, "due_on": "2026-03-02"}]},
            "FIELD_INVALID",
            "deferred[0].due_on",
        ),
    ],
)
def test_what_may_not_follow_is_refused_and_nothing_is_accepted(
    call: Client, project_id: str, changes: dict[str, Any], reason: str, field: str
) -> None:
    case = apply(call, project_id)

    refused = call.refused(
        ECO_REVIEWER, "AcceptCase", case_id=case.case_id, **{**FOLLOWS, **changes}
    )

    assert (refused.reason, refused.fields) == (reason, [field])
    assert call(COMPANY, "GetCase", case_id=case.case_id).case.status == "received"


def test_only_awaited_papers_are_supplied_and_by_the_applicant_only(
    call: Client, deferred: dict[str, str]
) -> None:
    assert call.refused(STRANGER, "SupplyDeferred", **deferred).reason == "OUT_OF_SCOPE"
    assert call.refused(ECO_HEAD, "SupplyDeferred", **deferred).reason == "NOT_YOUR_ROLE"
    other = call.refused(COMPANY, "SupplyDeferred", **deferred, papers=["监理合同"])
    to_come = call.refused(COMPANY, "SupplyDeferred", **deferred, happened_on="2026-03-03")
    call(COMPANY, "SupplyDeferred", **deferred, papers=[PAPER])

    assert other.fields == ["papers[0]"]
    assert to_come.reason == "HAPPENS_IN_FUTURE"
    assert call.refused(COMPANY, "SupplyDeferred", **deferred).reason == "NOTHING_DEFERRED"


def test_a_promise_of_a_day_leaves_no_time_for_papers(
    call: Client, db: Database, project_id: str
) -> None:
    case = apply(call, project_id, pledge=PLEDGE)

    refused = call.refused(ECO_REVIEWER, "AcceptCase", case_id=case.case_id, **FOLLOWS)

    assert refused.reason == "DEFERRAL_NOT_POSSIBLE"


# --- pledges ------------------------------------------------------------------------------------


@pytest.fixture
def pledged(call: Client, project_id: str) -> dict[str, str]:
    """An approval that rests on a pledge."""
    return decided_on_pledge(call, project_id, COMPANY)


def decided_on_pledge(call: Client, project_id: str, who: Principal) -> dict[str, str]:
    case = apply(call, project_id, who, pledge=PLEDGE)
    call(ECO_REVIEWER, "AcceptCase", case_id=case.case_id)
    call(ECO_HEAD, "DecideCase", case_id=case.case_id, **APPROVE)
    return {"case_id": case.case_id}


UNTRUE: dict[str, Any] = {
    "found_true": False,
    "text": "未落实防治措施",
    "put_right_by": "2026-05-15",
}
REVOKE = {"reason": "承诺不实, 逾期未整改", "document": "丹环撤〔2026〕1号"}


def test_a_pledge_is_decided_on_within_a_day_and_checked_within_two_months(
    call: Client, pledged: dict[str, str]
) -> None:
    case = call(COMPANY, "GetCase", **pledged).case

    assert case.clock.committed_due == "2026-03-03"
    assert case.clock.statutory_due == "2026-04-01"
    assert (case.pledge.signed_by, case.pledge.signed_on) == ("王示例", "2026-03-02")
    # The second of May falls into the holidays; the sixth is the next working day.
    assert (case.pledge.check_due, case.pledge.found) == ("2026-05-06", "")


def test_a_pledge_found_true_is_done(call: Client, pledged: dict[str, str]) -> None:
    checked = call(
        ECO_CHECKER, "RecordPledgeCheck", **pledged, found_true=True, text="现场核查一致"
    ).case
    again = call.refused(
        ECO_CHECKER, "RecordPledgeCheck", **pledged, found_true=True, text="现场核查一致"
    )

    assert (checked.pledge.found, checked.pledge.checked_by) == ("true", "eco-checker")
    assert checked.clock.happenings[-1].kind == "pledge_checked"
    assert again.reason == "PLEDGE_ALREADY_CHECKED"
    assert (
        call.refused(ECO_HEAD, "RevokeDecision", **pledged, **REVOKE).reason
        == "PLEDGE_ALREADY_CHECKED"
    )


def test_an_untrue_pledge_that_is_not_put_right_costs_the_approval_and_the_trust(
    call: Client, db: Database, watch: Any
) -> None:
    project_id = ready_project(db, uscc=next(iter(STRANGER.companies)))
    pledged = decided_on_pledge(call, project_id, STRANGER)
    assert (
        call.refused(ECO_HEAD, "RevokeDecision", **pledged, **REVOKE).reason == "PLEDGE_FOUND_TRUE"
    )
    watch.now = shanghai("2026-04-20T10:00:00")
    call(ECO_CHECKER, "RecordPledgeCheck", **pledged, **UNTRUE)
    early = call.refused(ECO_HEAD, "RevokeDecision", **pledged, **REVOKE)
    watch.now = shanghai("2026-05-18T10:00:00")
    revoked = call(ECO_HEAD, "RevokeDecision", **pledged, **REVOKE).case

    licences: dict[str, Any] = {"project_id": project_id, "title": "环评批复", "history": True}
    (licence,) = call(STRANGER, "ListMaterials", **licences).materials
    assert (licence.standing, licence.ended_by, licence.ended_why) == (
        pb.MATERIAL_STANDING_VOID,
        "eco-head",
        REVOKE["reason"],
    )
    assert early.reason == "PUT_RIGHT_STILL_RUNS"
    assert (revoked.status, revoked.outcome, revoked.reason) == (
        "revoked",
        "approved",
        REVOKE["reason"],
    )
    told = revoked.clock.happenings[-1]
    assert (told.kind, told.basis, told.document) == (
        "revoked",
        "行政许可法 第六十九条第二款",
        REVOKE["document"],
    )
    items = call(STRANGER, "ListProjectItems", project_id=project_id, page_size=200).items
    assert next(each.state for each in items if each.item_code == "S2-09") == "not_started"
    with db.begin() as tx:
        facts = CaseStore(tx)._tx.exec_driver_sql(
            "select count(*) from outbox where envelope->>'type' like '%%case_decision_revoked.v1'"
            f" and envelope::text like '%%{pledged['case_id']}%%'"
        )
        assert facts.scalar_one() == 1

    no_pledge = call.refused(
        STRANGER, "SubmitCase", project_id=project_id, item_code="S2-09", pledge=PLEDGE
    )
    again = apply(call, project_id, STRANGER)
    no_papers = call.refused(ECO_REVIEWER, "AcceptCase", case_id=again.case_id, **FOLLOWS)
    assert (no_pledge.reason, no_papers.reason) == ("COMPANY_NOT_TRUSTED", "COMPANY_NOT_TRUSTED")
    assert call(ECO_REVIEWER, "AcceptCase", case_id=again.case_id).case.status == "in_review"


def test_what_was_put_right_is_checked_again_and_stands(
    call: Client, watch: Any, pledged: dict[str, str]
) -> None:
    call(ECO_CHECKER, "RecordPledgeCheck", **pledged, **UNTRUE)
    watch.now = shanghai("2026-05-12T10:00:00")
    call(ECO_CHECKER, "RecordPledgeCheck", **pledged, found_true=True, text="已整改到位")
    watch.now = shanghai("2026-05-18T10:00:00")

    assert (
        call.refused(ECO_HEAD, "RevokeDecision", **pledged, **REVOKE).reason
        == "PLEDGE_ALREADY_CHECKED"
    )


def test_who_may_check_and_revoke(call: Client, watch: Any, pledged: dict[str, str]) -> None:
    found: dict[str, Any] = {"found_true": True, "text": "一致"}

    assert call.refused(COMPANY, "RecordPledgeCheck", **pledged, **found).reason == "NOT_YOUR_ROLE"
    assert call.refused(HEAD, "RevokeDecision", **pledged, **REVOKE).reason == "OUT_OF_SCOPE"
    no_day = call.refused(
        ECO_CHECKER, "RecordPledgeCheck", **pledged, found_true=False, text="不实"
    )
    assert no_day.fields == ["put_right_by"]


def test_a_pledge_is_signed_by_the_company_itself_or_on_paper(
    call: Client, project_id: str
) -> None:
    asked: dict[str, Any] = {"project_id": project_id, "item_code": "S2-09"}

    unsigned = call.refused(WINDOW, "SubmitCase", **asked, pledge=PLEDGE)
    signed = {**PLEDGE, "document": "承诺书〔2026〕3号"}
    case = call(WINDOW, "SubmitCase", **asked, pledge=signed).case

    assert (unsigned.reason, unsigned.fields) == ("PLEDGE_NOT_SIGNED", ["pledge.document"])
    assert case.pledge.document == "承诺书〔2026〕3号"


def test_only_items_that_know_pledges_rest_on_one(call: Client, new_project: Any) -> None:
    refused = call.refused(
        COMPANY, "SubmitCase", project_id=new_project(), item_code="S2-06", pledge=PLEDGE
    )

    assert (refused.reason, refused.fields) == ("PLEDGE_NOT_ALLOWED", ["pledge"])
