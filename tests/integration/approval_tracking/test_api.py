"""The gRPC edge as a client meets it: roles, keys, pages, the clock explained."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from support import approvals as people
from support.approvals import (
    BUREAU,
    CARRIER,
    COMPANY,
    DISPATCHER,
    ELSEWHERE,
    HEAD,
    MONDAY,
    REVIEWER,
    WINDOW,
)
from support.servicers import Client


def test_a_case_is_answered_with_its_clock(call: Client, case: Any) -> None:
    accepted = call(REVIEWER, "AcceptCase", case_id=case.case_id, expected_version=1).case
    read = call(COMPANY, "GetCase", case_id=case.case_id).case

    assert read == accepted
    assert (read.status, read.version, read.org_name) == ("in_review", 2, "丹阳市发改")
    assert read.clock.committed_due == "2026-03-09"
    assert [each.kind for each in read.clock.happenings] == ["received", "accepted"]
    assert read.received_at.ToDatetime(tzinfo=MONDAY.tzinfo) == MONDAY
    assert read.special_procedures[0].stops_clock


def test_a_command_sent_twice_with_one_key_acts_once(call: Client, project_id: str) -> None:
    wanted = {"project_id": project_id, "item_code": "S2-06"}
    key = str(uuid4())

    first = call(COMPANY, "SubmitCase", key=key, **wanted)
    again = call(COMPANY, "SubmitCase", key=key, **wanted)

    assert first == again
    assert call.refused(COMPANY, "SubmitCase", **wanted).reason == "CASE_ALREADY_OPEN"


def test_refusals_have_their_reasons(call: Client, case: Any) -> None:
    at = {"case_id": case.case_id}
    unknown = {"case_id": str(uuid4())}

    assert call.refused(COMPANY, "AcceptCase", **at).reason == "NOT_YOUR_ROLE"
    assert call.refused(ELSEWHERE, "GetCase", **at).reason == "OUT_OF_SCOPE"
    assert call.refused(ELSEWHERE, "GetCase", **unknown).reason == "CASE_UNKNOWN"
    assert call.refused(REVIEWER, "AcceptCase", **at, expected_version=9).reason == "STALE"
    assert call.refused(REVIEWER, "ResumeCase", **at).reason == "CASE_NOT_OPEN"
    assert call.refused(HEAD, "DecidePause", **at, approved=True).reason == "NO_PAUSE_ASKED"
    assert (
        call.refused(HEAD, "DecideCase", **at, outcome=pb.DECISION_OUTCOME_APPROVED).reason
        == "CASE_NOT_OPEN"
    )


def test_the_list_is_paged_and_kept_to_the_callers_rows(call: Client, case: Any) -> None:
    seen, token = [], ""
    while True:
        answer = call(DISPATCHER, "ListCases", page_size=1, page_token=token)
        seen += [each.case_id for each in answer.cases]
        token = answer.next_page_token
        if not token:
            break

    assert case.case_id in seen
    assert len(seen) == len(set(seen))
    assert not call(ELSEWHERE, "ListCases").cases
    one = call(DISPATCHER, "ListCases", project_id=case.project_id, item_code="S2-06")
    assert [each.case_id for each in one.cases] == [case.case_id]
    assert call(DISPATCHER, "ListCases", org="321181:发改", status=pb.CASE_STATUS_RECEIVED).cases
    assert not call(
        DISPATCHER, "ListCases", project_id=case.project_id, due_before="2026-03-01"
    ).cases
    assert (
        call.refused(DISPATCHER, "ListCases", page_token="nonsense").reason == "PAGE_TOKEN_INVALID"
    )


def test_a_clock_is_explained_in_both_languages(call: Client, watch: Any, case: Any) -> None:
    call(REVIEWER, "AcceptCase", case_id=case.case_id)
    watch.now = people.shanghai("2026-03-06T10:00:00")
    answer = call(COMPANY, "GetCaseClock", case_id=case.case_id)

    counted = [line for line in answer.lines if line.kind == "counted"]
    assert [line.committed for line in counted] == [1, 2, 3, 4]
    assert counted[-1].zh == "计入: 承诺第 4 日, 法定第 4 日"
    assert counted[-1].en == "counted: day 4 of the promise, 4 of the law"


@pytest.mark.article("A02.3")
def test_the_catalogue_the_guide_and_the_calendar_are_open_to_everybody(call: Client) -> None:
    page = call(COMPANY, "ListItems", page_size=30)
    rest = call(COMPANY, "ListItems", page_size=200, page_token=page.next_page_token)
    guide = call(COMPANY, "GetItem", code="S2-06", region="321181").guide
    calendar = call(COMPANY, "GetCalendar")

    assert (len(page.items), len(rest.items), page.total_size) == (30, 50, 80)
    assert (guide.item.committed.days, guide.item.statutory.days) == ("5", "20")
    assert guide.notice_rule.days == 5
    assert "节能报告" in guide.core_materials
    assert [year.official for year in calendar.years] == [True, True, True, True, False]
    assert call.refused(COMPANY, "GetItem", code="X").reason == "ITEM_UNKNOWN"
    assert (
        call.refused(
            COMPANY,
            "SetCommitment",
            code="S2-06",
            region="321181",
            days="3",
            unit=pb.DAY_UNIT_WORKING,
        ).reason
        == "NOT_YOUR_ROLE"
    )
    promise: dict[str, Any] = {"code": "S2-15", "region": "321181", "unit": pb.DAY_UNIT_WORKING}
    call(DISPATCHER, "SetCommitment", **promise, days="3")
    danyang, jurong = (
        call(COMPANY, "GetItem", code="S2-15", region=region).guide.item.committed.days
        for region in ("321181", "321183")
    )
    assert (danyang, jurong) == ("3", "7")
    assert len(call(COMPANY, "ListCommitments", code="S2-15").commitments) == 1


def test_a_projects_list_says_who_decides_and_what_is_open(call: Client, case: Any) -> None:
    answer = call(COMPANY, "ListProjectItems", project_id=case.project_id)
    by_code = {item.item_code: item for item in answer.items}

    assert answer.total_size == len(answer.items) == len(by_code)
    assert by_code["S2-06"].case_id == case.case_id
    assert (by_code["S2-06"].state, by_code["S2-06"].org) == ("in_progress", "321181:发改")
    assert by_code["S2-06"].open_prerequisites == ["S2-01"]
    first = call(COMPANY, "ListProjectItems", project_id=case.project_id, page_size=2)
    assert len(first.items) == 2
    assert first.next_page_token


def test_a_plan_is_laid_and_frozen(call: Client, project_id: str) -> None:
    plan = call(COMPANY, "GetPlan", project_id=project_id).plan
    call(DISPATCHER, "ProposePlan", project_id=project_id, expected_version=plan.version)
    for party in (COMPANY, CARRIER, BUREAU):
        call(party, "SignPlan", project_id=project_id)
    frozen = call(DISPATCHER, "BaselinePlan", project_id=project_id, expected_version=plan.version)
    again = call(COMPANY, "GetPlan", project_id=project_id, baseline=1).plan

    assert (plan.baseline, frozen.plan.baseline) == (0, 1)
    assert again == frozen.plan
    assert list(plan.critical_path)
    assert call(COMPANY, "LayPlan", project_id=project_id).plan.nodes == plan.nodes
    assert (
        call.refused(COMPANY, "GetPlan", project_id=project_id, baseline=2).reason == "PLAN_UNKNOWN"
    )
    assert call.refused(WINDOW, "BaselinePlan", project_id=project_id).reason == "NOT_YOUR_ROLE"
    assert (
        call.refused(DISPATCHER, "LayPlan", project_id=str(UUID(int=5))).reason == "PROJECT_UNKNOWN"
    )
