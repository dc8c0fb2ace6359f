"""The turns of a case as people meet them: more time, withdrawal, lateness, refusal, delivery."""

from __future__ import annotations

from typing import Any

import pytest
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases.projects import take_project
from chassis.db import Database
from support.approvals import (
    COMPANY,
    DISPATCHER,
    ELSEWHERE,
    HEAD,
    MONDAY,
    OTHER_HEAD,
    REVIEWER,
    STRANGER,
    WINDOW,
    project_state,
    shanghai,
)
from support.servicers import Client

LONGER: dict[str, Any] = {
    "days": 10,
    "reason": "需补充节能评审",
    "document": "丹发改延告〔2026〕1号",
}


@pytest.fixture
def accepted(call: Client, case: Any) -> dict[str, str]:
    call(REVIEWER, "AcceptCase", case_id=case.case_id)
    return {"case_id": case.case_id}


def kinds(case: Any) -> list[str]:
    return [each.kind for each in case.clock.happenings]


# --- extension ---------------------------------------------------------------------------------


def test_an_extension_asked_by_the_reviewer_is_approved_by_the_head(
    call: Client, accepted: dict[str, str]
) -> None:
    asked = call(REVIEWER, "ExtendCase", **accepted, **LONGER).case
    granted = call(HEAD, "DecideExtension", **accepted, approved=True).case

    assert (asked.extension_asked.days, asked.clock.statutory_due) == (10, "2026-03-30")
    assert granted.clock.statutory_due == "2026-04-14"
    assert not granted.HasField("extension_asked")
    told = granted.clock.happenings[-1]
    assert (told.kind, told.by, told.days, told.reason, told.document, told.basis) == (
        "extended",
        "head",
        10,
        LONGER["reason"],
        LONGER["document"],
        "行政许可法 第四十二条第一款",
    )


def test_an_extension_is_given_once(call: Client, accepted: dict[str, str]) -> None:
    call(REVIEWER, "ExtendCase", **accepted, **LONGER)
    waiting = call.refused(REVIEWER, "ExtendCase", **accepted, **LONGER)
    call(HEAD, "DecideExtension", **accepted, approved=True)

    assert waiting.reason == "EXTENSION_ALREADY_ASKED"
    assert (
        call.refused(REVIEWER, "ExtendCase", **accepted, **LONGER).reason == "EXTENSION_ONLY_ONCE"
    )


def test_an_extension_is_too_late_once_the_limit_ended_even_if_asked_in_time(
    call: Client, watch: Any, accepted: dict[str, str]
) -> None:
    call(REVIEWER, "ExtendCase", **accepted, **LONGER)
    watch.now = shanghai("2026-03-31T09:00:00")

    refused = call.refused(HEAD, "DecideExtension", **accepted, approved=True)
    call(HEAD, "DecideExtension", **accepted, approved=False)

    assert refused.reason == "EXTENSION_TOO_LATE"
    assert call.refused(REVIEWER, "ExtendCase", **accepted, **LONGER).reason == "EXTENSION_TOO_LATE"


def test_on_its_last_day_a_limit_may_still_be_extended(
    call: Client, watch: Any, accepted: dict[str, str]
) -> None:
    watch.now = shanghai("2026-03-30T23:00:00")
    call(REVIEWER, "ExtendCase", **accepted, **LONGER)

    granted = call(HEAD, "DecideExtension", **accepted, approved=True).case

    assert granted.clock.statutory_due == "2026-04-14"


def test_who_may_extend_and_by_how_much(call: Client, accepted: dict[str, str]) -> None:
    too_long = call.refused(REVIEWER, "ExtendCase", **accepted, days=11, reason="评审")
    elsewhere = call.refused(ELSEWHERE, "ExtendCase", **accepted, **LONGER)
    company = call.refused(COMPANY, "ExtendCase", **accepted, **LONGER)

    assert (too_long.reason, too_long.fields) == ("EXTENSION_TOO_LONG", ["days"])
    assert (elsewhere.reason, company.reason) == ("OUT_OF_SCOPE", "NOT_YOUR_ROLE")
    nothing = call.refused(HEAD, "DecideExtension", **accepted, approved=True)
    assert nothing.reason == "NO_EXTENSION_ASKED"
    assert call.refused(HEAD, "ExtendCase", **accepted, **LONGER).reason == "NOT_YOUR_ROLE"


def test_before_acceptance_nothing_is_extended(call: Client, case: Any) -> None:
    refused = call.refused(REVIEWER, "ExtendCase", case_id=case.case_id, **LONGER)

    assert refused.reason == "CASE_NOT_OPEN"


# --- withdrawal --------------------------------------------------------------------------------


def test_the_applicant_withdraws_and_may_apply_again(
    call: Client, db: Database, accepted: dict[str, str], project_id: str
) -> None:
    ended = call(COMPANY, "WithdrawCase", **accepted, reason="方案调整").case
    again = call(COMPANY, "SubmitCase", project_id=project_id, item_code="S2-06").case

    assert (ended.status, ended.reason, kinds(ended)[-1]) == ("withdrawn", "方案调整", "withdrawn")
    assert not ended.clock.running
    assert not ended.HasField("decided_at")
    assert again.case_id != ended.case_id
    listed = call(COMPANY, "ListCases", project_id=project_id, status=pb.CASE_STATUS_WITHDRAWN)
    assert [each.case_id for each in listed.cases] == [ended.case_id]


def test_only_the_applicant_withdraws_and_only_what_is_open(
    call: Client, accepted: dict[str, str]
) -> None:
    reason = {"reason": "方案调整"}

    assert call.refused(STRANGER, "WithdrawCase", **accepted, **reason).reason == "OUT_OF_SCOPE"
    assert call.refused(REVIEWER, "WithdrawCase", **accepted, **reason).reason == "NOT_YOUR_ROLE"
    call(COMPANY, "WithdrawCase", **accepted, **reason)
    assert call.refused(COMPANY, "WithdrawCase", **accepted, **reason).reason == "CASE_NOT_OPEN"


# --- decision and delivery ---------------------------------------------------------------------


def test_a_refusal_names_the_remedy(call: Client, case: Any) -> None:
    refused = call(
        REVIEWER,
        "RefuseCase",
        case_id=case.case_id,
        reason="不属于本机关职权范围",
        document="丹发改不受〔2026〕3号",
    ).case

    assert "丹阳市人民政府申请行政复议" in refused.remedy
    assert "within six months" in refused.remedy_en
    assert refused.clock.happenings[-1].document == "丹发改不受〔2026〕3号"


def test_a_late_rejection_says_why_it_is_one_and_why_it_is_late(
    call: Client, watch: Any, accepted: dict[str, str]
) -> None:
    watch.now = shanghai("2026-03-10T09:00:00")
    rejected: dict[str, Any] = {**accepted, "outcome": pb.DECISION_OUTCOME_REJECTED}

    unsaid = call.refused(HEAD, "DecideCase", **rejected, reason="不符合规划")
    decided = call(
        HEAD, "DecideCase", **rejected, reason="不符合规划", public_reason="专家意见不一致"
    ).case

    assert unsaid.fields == ["public_reason"]
    assert (decided.reason, decided.public_reason) == ("不符合规划", "专家意见不一致")
    assert "行政复议" in decided.remedy
    assert decided.clock.delivery_due == ""


def test_what_was_granted_has_ten_working_days_to_be_handed_over(
    call: Client, watch: Any, db: Database, decided: Any
) -> None:
    assert decided.clock.delivery_due == "2026-03-17"
    assert decided.remedy == ""
    lines = call(COMPANY, "GetCaseClock", case_id=decided.case_id).lines
    assert lines[-1].en == "last day to hand over what was granted: 2026-03-17"


@pytest.fixture
def decided(call: Client, watch: Any, done: Any, accepted: dict[str, str]) -> Any:
    done("S2-01")
    watch.now = shanghai("2026-03-03T09:30:00")
    return call(HEAD, "DecideCase", **accepted, outcome=pb.DECISION_OUTCOME_APPROVED).case


# --- recorded late -----------------------------------------------------------------------------


def test_a_delivery_recorded_late_needs_its_proof(call: Client, watch: Any, decided: Any) -> None:
    at = {"case_id": decided.case_id}
    watch.now = shanghai("2026-03-06T09:30:00")

    bare = call.refused(WINDOW, "DeliverCase", **at, happened_on="2026-03-04")
    early = call.refused(WINDOW, "DeliverCase", **at, happened_on="2026-03-02", document="回执")
    future = call.refused(WINDOW, "DeliverCase", **at, happened_on="2026-03-07", document="回执")
    told = call(WINDOW, "DeliverCase", **at, happened_on="2026-03-04", document="回执").case

    assert (bare.reason, bare.fields) == ("PROOF_MISSING", ["document"])
    assert (early.reason, early.fields) == ("HAPPENED_BEFORE_PREVIOUS", ["happened_on"])
    assert (future.reason, future.fields) == ("HAPPENS_IN_FUTURE", ["happened_on"])
    last = told.clock.happenings[-1]
    assert (last.on, last.at[:10], last.document) == ("2026-03-04", "2026-03-06", "回执")


def test_papers_recorded_late_count_from_the_day_they_came(
    call: Client, watch: Any, case: Any
) -> None:
    at = {"case_id": case.case_id}
    call(REVIEWER, "RequestSupplement", **at, entries=["节能报告"])
    watch.now = shanghai("2026-03-06T09:30:00")

    early = call.refused(WINDOW, "SupplementCase", **at, happened_on="2026-03-01")
    call(WINDOW, "SupplementCase", **at, happened_on="2026-03-04")
    accepted = call(REVIEWER, "AcceptCase", **at).case

    assert early.reason == "HAPPENED_BEFORE_PREVIOUS"
    assert (accepted.clock.started_on, accepted.clock.statutory_due) == ("2026-03-04", "2026-04-01")


def test_a_pause_is_not_recorded_more_than_one_working_day_back(
    call: Client, watch: Any, accepted: dict[str, str]
) -> None:
    watch.now = shanghai("2026-03-09T09:30:00")
    pause = {**accepted, "procedure": "节能评审(委托)", "expected_end": "2026-03-20"}

    too_far = call.refused(REVIEWER, "PauseCase", **pause, starts_on="2026-03-05")
    call(REVIEWER, "PauseCase", **pause, starts_on="2026-03-06", document="丹发改评告〔2026〕2号")
    paused = call(OTHER_HEAD, "DecidePause", **accepted, approved=True).case
    watch.now = shanghai("2026-03-20T09:30:00")
    resumed = call(REVIEWER, "ResumeCase", **accepted, happened_on="2026-03-18").case

    assert too_far.fields == ["starts_on"]
    assert paused.clock.happenings[-1].document == "丹发改评告〔2026〕2号"
    assert (resumed.clock.happenings[-1].on, resumed.clock.statutory_due) == (
        "2026-03-18",
        "2026-04-10",
    )


# --- the green channel -------------------------------------------------------------------------


def test_the_green_channel_moves_no_limit(call: Client, accepted: dict[str, str]) -> None:
    before = call(COMPANY, "GetCase", **accepted).case
    green = call(WINDOW, "MarkGreenChannel", **accepted, green=True, reason="省重大项目").case
    twice = call.refused(DISPATCHER, "MarkGreenChannel", **accepted, green=True, reason="重大")
    back = call(DISPATCHER, "MarkGreenChannel", **accepted, green=False, reason="已调出").case

    assert green.green
    assert not back.green
    assert twice.reason == "GREEN_ALREADY"
    dues = [(each.clock.committed_due, each.clock.statutory_due) for each in (before, green, back)]
    assert len(set(dues)) == 1
    assert kinds(back)[-2:] == ["green_marked", "green_cleared"]
    refused = call.refused(COMPANY, "MarkGreenChannel", **accepted, green=True, reason="急")
    assert refused.reason == "NOT_YOUR_ROLE"


def test_what_is_decided_is_in_no_queue(call: Client, decided: Any) -> None:
    one = {"case_id": decided.case_id}

    refused = call.refused(WINDOW, "MarkGreenChannel", **one, green=True, reason="省重大项目")

    assert refused.reason == "CASE_NOT_OPEN"


# --- a project that is over ----------------------------------------------------------------------


@pytest.mark.parametrize("status", ["withdrawn", "archived"])
def test_for_a_project_that_is_over_nothing_more_is_applied(
    call: Client, db: Database, status: str
) -> None:
    state = project_state(name=status, status=status)
    with db.begin() as tx:
        take_project(ProjectStore(tx), CaseStore(tx), state, now=MONDAY)

    refused = call.refused(COMPANY, "SubmitCase", project_id=state["project_id"], item_code="S2-06")

    assert (refused.reason, refused.fields) == ("PROJECT_OVER", ["project_id"])
    assert call(COMPANY, "ListProjectItems", project_id=state["project_id"]).items
