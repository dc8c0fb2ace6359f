"""Pre-reviews 预研预审: before the application, without effect, and what they spare."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from support.approvals import (
    COMPANY,
    ELSEWHERE,
    HEAD,
    NAVIGATOR,
    REVIEWER,
    STRANGER,
    WINDOW,
)
from support.servicers import Client

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
PAPERS = [{"title": "节能报告", "sha256": A}, {"title": "总平面图", "sha256": B}]


@pytest.fixture
def asked(call: Client, project_id: str) -> Any:
    return call(
        COMPANY,
        "AskPreReview",
        project_id=project_id,
        item_code="S2-06",
        question="报告深度是否符合要求",
        papers=PAPERS,
    ).pre_review


def test_the_deciding_body_says_what_is_missing_and_no_clock_runs(
    call: Client, asked: Any, project_id: str
) -> None:
    one = {"pre_review_id": asked.pre_review_id}
    given = call(
        REVIEWER, "GivePreReview", **one, ready=False, missing=["缺能源计量方案"], text="见附件"
    ).pre_review

    assert (asked.status, asked.org) == ("asked", "321181:发改")
    assert (given.status, list(given.opinion.missing), given.opinion.by) == (
        "not_ready",
        ["缺能源计量方案"],
        "reviewer",
    )
    assert "不具法律效力" in given.effect
    assert "no legal effect" in given.effect_en
    assert not call(COMPANY, "ListCases", project_id=project_id).cases
    again = call.refused(REVIEWER, "GivePreReview", **one, ready=True)
    assert again.reason == "PRE_REVIEW_NOT_OPEN"


def test_papers_that_did_not_change_need_not_be_handed_in_again(
    call: Client, asked: Any, project_id: str
) -> None:
    call(REVIEWER, "GivePreReview", pre_review_id=asked.pre_review_id, ready=True)
    submitted: dict[str, Any] = {"project_id": project_id, "item_code": "S2-06"}
    case = call(
        COMPANY,
        "SubmitCase",
        **submitted,
        pre_review_id=asked.pre_review_id,
        papers=[{"title": "总平面图", "sha256": C}, {"title": "委托书", "sha256": A}],
    ).case

    assert case.pre_review_id == asked.pre_review_id
    assert [(each.title, each.sha256, each.standing) for each in case.papers] == [
        ("总平面图", C, "changed"),
        ("委托书", A, "new"),
        ("节能报告", A, "unchanged"),
    ]
    review = call(COMPANY, "GetPreReview", pre_review_id=asked.pre_review_id).pre_review
    assert (review.status, review.case_id) == ("formal", case.case_id)
    call(COMPANY, "WithdrawCase", case_id=case.case_id, reason="方案调整")
    twice = call.refused(COMPANY, "SubmitCase", **submitted, pre_review_id=asked.pre_review_id)
    assert twice.reason == "PRE_REVIEW_NOT_OPEN"


def test_a_void_pre_review_spares_nothing(call: Client, asked: Any, project_id: str) -> None:
    one = {"pre_review_id": asked.pre_review_id}
    void = call(REVIEWER, "VoidPreReview", **one, reason="规划条件变化").pre_review

    refused = call.refused(COMPANY, "SubmitCase", project_id=project_id, item_code="S2-06", **one)

    assert (void.status, void.void_reason) == ("void", "规划条件变化")
    assert (refused.reason, refused.fields) == ("PRE_REVIEW_VOID", ["pre_review_id"])
    assert not call(COMPANY, "ListCases", project_id=project_id).cases


def test_a_pre_review_belongs_to_its_item_and_project(
    call: Client, asked: Any, new_project: Any
) -> None:
    other: dict[str, Any] = {"project_id": new_project(), "item_code": "S2-06"}

    refused = call.refused(COMPANY, "SubmitCase", **other, pre_review_id=asked.pre_review_id)
    unknown = call.refused(COMPANY, "SubmitCase", **other, pre_review_id=str(uuid4()))

    assert (refused.reason, unknown.code) == ("PRE_REVIEW_OF_ANOTHER", "NOT_FOUND")


def test_the_body_sees_how_far_the_items_before_and_after_are(
    call: Client, asked: Any, done: Any
) -> None:
    done("S2-01")

    review = call(REVIEWER, "GetPreReview", pre_review_id=asked.pre_review_id).pre_review

    assert [(each.item_code, each.state) for each in review.before] == [("S2-01", "done")]
    assert all(each.state == "not_started" for each in review.after)


def test_who_asks_who_answers_and_who_sees(call: Client, asked: Any, new_project: Any) -> None:
    one = {"pre_review_id": asked.pre_review_id}
    ask: dict[str, Any] = {
        "project_id": asked.project_id,
        "item_code": "S2-06",
        "question": "?",
        "papers": PAPERS,
    }

    assert call.refused(COMPANY, "AskPreReview", **ask).code == "ALREADY_EXISTS"
    for who in (NAVIGATOR, WINDOW):
        fresh = {**ask, "project_id": new_project()}
        assert call(who, "AskPreReview", **fresh).pre_review.asked_by == who.account_id
    assert call.refused(STRANGER, "AskPreReview", **ask).reason == "OUT_OF_SCOPE"
    assert call.refused(STRANGER, "GetPreReview", **one).reason == "OUT_OF_SCOPE"
    assert call.refused(ELSEWHERE, "GivePreReview", **one, ready=True).reason == "OUT_OF_SCOPE"
    assert call.refused(HEAD, "GivePreReview", **one, ready=True).reason == "NOT_YOUR_ROLE"
    incomplete = call.refused(REVIEWER, "GivePreReview", **one, ready=False)
    assert incomplete.fields == ["missing"]


def test_the_queue_of_a_body_is_paged_and_filtered(
    call: Client, asked: Any, new_project: Any
) -> None:
    for _ in range(2):
        call(
            COMPANY,
            "AskPreReview",
            project_id=new_project(),
            item_code="S2-06",
            question="?",
            papers=PAPERS,
        )
    wanted: dict[str, Any] = {
        "org": "321181:发改",
        "status": pb.PRE_REVIEW_STATUS_ASKED,
        "page_size": 2,
    }
    first = call(REVIEWER, "ListPreReviews", **wanted)
    rest = call(REVIEWER, "ListPreReviews", **wanted, page_token=first.next_page_token)

    times = [each.asked_at.ToNanoseconds() for each in [*first.pre_reviews, *rest.pre_reviews]]
    assert len(first.pre_reviews) == 2
    assert asked.pre_review_id in {
        each.pre_review_id for each in [*first.pre_reviews, *rest.pre_reviews]
    }
    assert times == sorted(times, reverse=True)
    mine = call(COMPANY, "ListPreReviews", project_id=asked.project_id)
    assert [each.pre_review_id for each in mine.pre_reviews] == [asked.pre_review_id]
