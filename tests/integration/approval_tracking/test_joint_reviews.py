"""Joint review 联审会办 as people meet it: invitations, opinions, silence, minutes, conclusions."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import docx
import pytest
import sqlalchemy as sa
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.joint_reviews import JointReviewStore
from approval_tracking.usecases import joint_reviews as acts
from approval_tracking.usecases.projects import take_project
from chassis.db import Database
from support.approvals import (
    COMPANY,
    DISPATCHER,
    ELSEWHERE,
    HEAD,
    MONDAY,
    NATURE_REVIEWER,
    NAVIGATOR,
    OTHER_REVIEWER,
    REVIEWER,
    STRANGER,
    project_state,
    shanghai,
)
from support.servicers import Client

REFORM, NATURE, FAR = "321181:发改", "321181:自然资源和规划", "321183:发改"
MEETING = shanghai("2026-03-06T14:00:00")


def guest(org: str = REFORM, due: str = "2026-03-05", silence: Any = None) -> dict[str, Any]:
    rule = pb.SILENCE_RULE_CONSENT if silence is None else silence
    return {"org": org, "opinion_due": due, "silence": rule}


@pytest.fixture
def agenda(project_id: str, case: Any) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "case_ids": [case.case_id],
        "subject": "节能审查联审会办",
        "meets_on": "2026-03-06",
        "meets_at": "14:00",
        "place": "市政务服务中心三楼会议室",
        "invitations": [guest(), guest(NATURE, silence=pb.SILENCE_RULE_CHASED)],
        "papers": [{"title": "节能报告", "document": "sha256:ab12"}],
    }


@pytest.fixture
def review(call: Client, agenda: dict[str, Any]) -> Any:
    return call(DISPATCHER, "ConveneJointReview", **agenda).review


@pytest.fixture
def one(review: Any, case: Any) -> dict[str, str]:
    return {"review_id": review.review_id, "case_id": case.case_id}


@pytest.fixture
def facts(db: Database, review: Any) -> Callable[[], list[dict[str, Any]]]:
    """The facts that wait for the relay about this review, in order."""

    def told() -> list[dict[str, Any]]:
        with db.read() as connection:
            rows = connection.execute(sa.text("select envelope from outbox order by position"))
            return [
                row.envelope
                for row in rows
                if row.envelope["data"].get("review_id") == review.review_id
            ]

    return told


def drawn(case_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "outcome": pb.JOINT_OUTCOME_PROCEED,
        "text": "同意按程序办理",
        **changes,
    }


def task(**changes: Any) -> dict[str, Any]:
    return {"text": "补充用能计量方案", "org": NATURE, "due_on": "2026-03-20", **changes}


def states(review: Any) -> list[tuple[str, str, str]]:
    return [(each.org, each.state, each.view) for each in review.opinions]


def hold_meeting(call: Client, watch: Any, review_id: str) -> Any:
    watch.now = shanghai("2026-03-06T16:00:00")
    return call(
        DISPATCHER,
        "RecordJointMeeting",
        review_id=review_id,
        minutes="各单位逐项讨论, 意见一致。",
        present=[{"name": "张三", "org": REFORM}, {"name": "李四"}],
    ).review


# --- convening ---------------------------------------------------------------------------------


def test_bodies_are_invited_to_a_case_and_told(
    call: Client, review: Any, facts: Callable[[], list[dict[str, Any]]]
) -> None:
    seen = call(REVIEWER, "GetJointReview", review_id=review.review_id).review

    assert (seen.status, seen.version, seen.place) == ("convened", 1, "市政务服务中心三楼会议室")
    assert [each.item_code for each in seen.cases] == ["S2-06"]
    assert [(each.org, each.silence) for each in seen.invitations] == [
        (REFORM, "silence_is_consent"),
        (NATURE, "silence_is_chased"),
    ]
    assert [(each.kind, each.by, each.basis) for each in seen.acts] == [
        ("convened", "dispatcher", "行政许可法 第二十六条第二款")
    ]
    assert [(each.title, each.document) for each in seen.papers] == [("节能报告", "sha256:ab12")]
    (fact,) = facts()
    assert fact["type"] == "joint_review_convened.v1"
    assert fact["data"]["invitations"][0]["opinion_due"] == "2026-03-05"


def test_a_wrong_agenda_is_refused_with_the_field(
    call: Client, agenda: dict[str, Any], case: Any, new_project: Callable[[], str]
) -> None:
    def refused(**changes: Any) -> tuple[str, list[str]]:
        found = call.refused(DISPATCHER, "ConveneJointReview", **{**agenda, **changes})
        return found.reason, found.fields

    other = call(COMPANY, "SubmitCase", project_id=new_project(), item_code="S2-06").case

    assert refused(invitations=[guest("321181:无此机关")]) == (
        "BODY_UNKNOWN",
        ["invitations[0].org"],
    )
    assert refused(invitations=[guest(), guest()]) == ("NAMED_TWICE", ["invitations[1].org"])
    assert refused(invitations=[guest(due="2026-03-01")]) == (
        "IN_THE_PAST",
        ["invitations[0].opinion_due"],
    )
    assert refused(invitations=[guest(due="2026-02-30")]) == (
        "FIELD_INVALID",
        ["invitations[0].opinion_due"],
    )
    assert refused(meets_on="2026-03-02", meets_at="09:00") == ("IN_THE_PAST", ["meets_on"])
    assert refused(case_ids=[case.case_id, case.case_id]) == ("NAMED_TWICE", ["case_ids[1]"])
    assert refused(case_ids=[other.case_id]) == ("CASE_OF_ANOTHER_PROJECT", ["case_ids[0]"])
    assert refused(case_ids=[str(uuid4())])[0] == "CASE_UNKNOWN"
    assert refused(project_id=str(uuid4()))[0] == "PROJECT_UNKNOWN"
    call(COMPANY, "WithdrawCase", case_id=case.case_id, reason="方案调整")
    assert refused() == ("JOINT_CASE_NOT_OPEN", ["case_ids[0]"])


def test_only_a_coordinator_of_the_territory_convenes(call: Client, agenda: dict[str, Any]) -> None:
    assert call.refused(REVIEWER, "ConveneJointReview", **agenda).reason == "NOT_YOUR_ROLE"
    assert call.refused(COMPANY, "ConveneJointReview", **agenda).reason == "NOT_YOUR_ROLE"


# --- opinions ----------------------------------------------------------------------------------


def test_an_invited_body_gives_one_opinion_on_a_case(
    call: Client, one: dict[str, str], facts: Callable[[], list[dict[str, Any]]]
) -> None:
    given = call(REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_AGREE).review
    again = call.refused(
        OTHER_REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_OPPOSE, text="用能过高"
    )

    assert states(given) == [(REFORM, "given", "agree"), (NATURE, "pending", "")]
    assert (given.opinions[0].given_by, given.version) == ("reviewer", 2)
    told = facts()[-1]
    assert (told["type"], told["data"]["org"], told["data"]["view"], told["data"]["late"]) == (
        "joint_opinion_given.v1",
        REFORM,
        "agree",
        False,
    )
    assert (again.code, again.reason) == ("ALREADY_EXISTS", "OPINION_ALREADY_GIVEN")


def test_nobody_speaks_for_a_body_that_was_not_invited(call: Client, one: dict[str, str]) -> None:
    agree: dict[str, Any] = {"view": pb.JOINT_VIEW_AGREE}

    assert call.refused(DISPATCHER, "GiveJointOpinion", **one, **agree).reason == "NOT_INVITED"
    assert call.refused(ELSEWHERE, "GiveJointOpinion", **one, **agree).reason == "OUT_OF_SCOPE"
    assert call.refused(COMPANY, "GiveJointOpinion", **one, **agree).reason == "NOT_YOUR_ROLE"


def test_a_body_of_another_district_speaks_once_it_is_invited(
    call: Client, agenda: dict[str, Any], case: Any
) -> None:
    invited = {**agenda, "invitations": [guest(FAR)]}
    review_id = call(DISPATCHER, "ConveneJointReview", **invited).review.review_id

    given = call(
        ELSEWHERE,
        "GiveJointOpinion",
        review_id=review_id,
        case_id=case.case_id,
        view=pb.JOINT_VIEW_AGREE_WITH_CONDITIONS,
        text="须错峰用能",
    ).review

    assert states(given) == [(FAR, "given", "agree_with_conditions")]
    listed = call(ELSEWHERE, "ListJointReviews").reviews
    assert [each.review_id for each in listed] == [review_id]


def test_an_objection_needs_its_reason_and_a_case_its_place_on_the_agenda(
    call: Client, one: dict[str, str]
) -> None:
    bare = call.refused(HEAD, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_OPPOSE)
    elsewhere = call.refused(
        HEAD,
        "GiveJointOpinion",
        review_id=one["review_id"],
        case_id=str(uuid4()),
        view=pb.JOINT_VIEW_AGREE,
    )

    assert (bare.reason, bare.fields) == ("CONDITIONS_OR_REASON_MISSING", ["text"])
    assert (elsewhere.reason, elsewhere.fields) == ("NOT_AMONG_THE_REVIEWED", ["case_id"])


def test_after_the_limit_silence_is_consent_or_is_chased(
    call: Client, watch: Any, one: dict[str, str]
) -> None:
    watch.now = shanghai("2026-03-05T23:59:00")
    before = call(REVIEWER, "GetJointReview", review_id=one["review_id"]).review
    watch.now = shanghai("2026-03-06T00:00:00")
    after = call(REVIEWER, "GetJointReview", review_id=one["review_id"]).review
    late = call.refused(REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_AGREE)

    assert states(before) == [(REFORM, "pending", ""), (NATURE, "pending", "")]
    assert states(after) == [(REFORM, "deemed", "agree"), (NATURE, "overdue", "")]
    assert after.opinions[0].text == "至 2026-03-05 未反馈意见, 视为同意"
    assert after.version == 1
    assert (late.code, late.reason) == ("FAILED_PRECONDITION", "OPINION_TOO_LATE")


def test_an_opinion_on_an_older_version_is_stale(call: Client, one: dict[str, str]) -> None:
    call(REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_AGREE)

    refused = call.refused(
        HEAD, "GiveJointOpinion", **one, expected_version=1, view=pb.JOINT_VIEW_AGREE
    )

    assert refused.reason == "STALE"


# --- meeting and conclusion --------------------------------------------------------------------


def test_a_meeting_is_recorded_once_it_was_held(call: Client, watch: Any, review: Any) -> None:
    wanted: dict[str, Any] = {"review_id": review.review_id, "minutes": "讨论", "present": []}
    people = [{"name": "张三", "org": FAR}]
    early = call.refused(
        DISPATCHER, "RecordJointMeeting", **{**wanted, "present": [{"name": "张三"}]}
    )
    watch.now = MEETING
    uninvited = call.refused(DISPATCHER, "RecordJointMeeting", **{**wanted, "present": people})
    held = hold_meeting(call, watch, review.review_id)
    again = call.refused(
        DISPATCHER, "RecordJointMeeting", **{**wanted, "present": [{"name": "张三"}]}
    )

    assert early.reason == "MEETING_NOT_YET_HELD"
    assert (uninvited.reason, uninvited.fields) == ("BODY_NOT_INVITED", ["present[0].org"])
    assert (held.status, held.minutes) == ("met", "各单位逐项讨论, 意见一致。")
    assert [(each.name, each.org) for each in held.present] == [("张三", REFORM), ("李四", "")]
    assert again.reason == "JOINT_REVIEW_CLOSED"


def test_nothing_is_concluded_while_a_chased_opinion_is_missing(
    call: Client, watch: Any, review: Any, one: dict[str, str]
) -> None:
    asked = {"review_id": review.review_id, "conclusions": [drawn(one["case_id"])]}
    before = call.refused(DISPATCHER, "ConcludeJointReview", **asked)
    hold_meeting(call, watch, review.review_id)

    missing = call.refused(DISPATCHER, "ConcludeJointReview", **asked)

    assert before.reason == "JOINT_REVIEW_CLOSED"
    assert missing.reason == "OPINION_MISSING"


@pytest.fixture
def met(call: Client, watch: Any, agenda: dict[str, Any]) -> str:
    """A review that needs no more opinions: the only body invited was silent."""
    invited = {**agenda, "invitations": [guest()]}
    review_id = call(DISPATCHER, "ConveneJointReview", **invited).review.review_id
    return str(hold_meeting(call, watch, review_id).review_id)


def test_a_conclusion_shows_on_the_case_and_moves_no_clock(
    call: Client, db: Database, case: Any, met: str
) -> None:
    before = call(COMPANY, "GetCase", case_id=case.case_id).case
    conclusion = drawn(
        case.case_id, outcome=pb.JOINT_OUTCOME_PROCEED_WITH_CONDITIONS, tasks=[task()]
    )
    done = call(DISPATCHER, "ConcludeJointReview", review_id=met, conclusions=[conclusion]).review
    after = call(COMPANY, "GetCase", case_id=case.case_id).case

    assert (done.status, [each.kind for each in done.acts]) == (
        "concluded",
        ["convened", "met", "concluded"],
    )
    (told,) = after.joint_conclusions
    assert (told.review_id, told.conclusion.outcome) == (met, "proceed_with_conditions")
    assert (told.concluded_by, told.basis) == ("dispatcher", "行政许可法 第二十六条第二款")
    assert [(each.org, each.due_on) for each in told.conclusion.tasks] == [(NATURE, "2026-03-20")]
    assert (after.clock, after.version, after.status) == (
        before.clock,
        before.version,
        before.status,
    )
    assert not before.joint_conclusions
    with db.read() as connection:
        fact = connection.execute(
            sa.text(
                "select envelope from outbox where envelope->>'type' = 'joint_review_concluded.v1' "
                "and envelope->'data'->>'review_id' = :review"
            ),
            {"review": met},
        ).scalar_one()
    (concluded,) = fact["data"]["conclusions"]
    assert concluded["tasks"] == [
        {
            "text": "补充用能计量方案",
            "org": NATURE,
            "org_name": "丹阳市自然资源和规划",
            "due_on": "2026-03-20",
        }
    ]


def test_a_wrong_conclusion_is_refused_with_the_field(call: Client, case: Any, met: str) -> None:
    def refused(*conclusions: dict[str, Any]) -> tuple[str, list[str]]:
        found = call.refused(
            DISPATCHER, "ConcludeJointReview", review_id=met, conclusions=list(conclusions)
        )
        return found.reason, found.fields

    one, conditions = case.case_id, {"outcome": pb.JOINT_OUTCOME_PROCEED_WITH_CONDITIONS}

    assert refused(drawn(str(uuid4()))) == ("NOT_AMONG_THE_REVIEWED", ["conclusions[0].case_id"])
    assert refused(drawn(one), drawn(one)) == ("NAMED_TWICE", ["conclusions[1].case_id"])
    assert refused(drawn(one, **conditions)) == (
        "CONDITIONS_MISMATCH",
        ["conclusions[0].tasks"],
    )
    assert refused(drawn(one, tasks=[task()]))[0] == "CONDITIONS_MISMATCH"
    assert refused(drawn(one, **conditions, tasks=[task(org="321181:无此机关")])) == (
        "BODY_UNKNOWN",
        ["conclusions[0].tasks[0].org"],
    )
    assert refused(drawn(one, **conditions, tasks=[task(due_on="2026-03-05")])) == (
        "IN_THE_PAST",
        ["conclusions[0].tasks[0].due_on"],
    )


def test_a_cancelled_review_says_why_and_takes_nothing_more(
    call: Client, review: Any, one: dict[str, str], facts: Callable[[], list[dict[str, Any]]]
) -> None:
    ended = call(
        DISPATCHER, "CancelJointReview", review_id=review.review_id, reason="项目暂缓"
    ).review
    refused = call.refused(REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_AGREE)

    assert (ended.status, ended.acts[-1].kind, ended.acts[-1].reason) == (
        "cancelled",
        "cancelled",
        "项目暂缓",
    )
    assert refused.reason == "JOINT_REVIEW_CLOSED"
    assert [each["type"] for each in facts()] == [
        "joint_review_convened.v1",
        "joint_review_cancelled.v1",
    ]


# --- reading -----------------------------------------------------------------------------------


def test_who_sees_a_review(call: Client, review: Any, one: dict[str, str]) -> None:
    call(REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_AGREE)
    asked = {"review_id": review.review_id}

    company = call(COMPANY, "GetJointReview", **asked).review
    assert (company.subject, len(company.opinions)) == ("节能审查联审会办", 0)
    assert len(call(DISPATCHER, "GetJointReview", **asked).review.opinions) == 2
    assert call.refused(STRANGER, "GetJointReview", **asked).reason == "OUT_OF_SCOPE"
    assert call.refused(ELSEWHERE, "GetJointReview", **asked).reason == "OUT_OF_SCOPE"
    assert (
        call.refused(COMPANY, "GetJointReview", review_id=str(uuid4())).reason
        == "JOINT_REVIEW_UNKNOWN"
    )


def test_the_reviews_of_a_project_are_listed_in_pages_the_newest_first(
    call: Client, watch: Any, agenda: dict[str, Any], review: Any, project_id: str
) -> None:
    watch.now = shanghai("2026-03-02T10:00:00")
    newer = call(DISPATCHER, "ConveneJointReview", **agenda).review

    first = call(DISPATCHER, "ListJointReviews", project_id=project_id, page_size=1)
    second = call(
        DISPATCHER,
        "ListJointReviews",
        project_id=project_id,
        page_size=1,
        page_token=first.next_page_token,
    )

    assert [each.review_id for each in first.reviews] == [newer.review_id]
    assert [each.review_id for each in second.reviews] == [review.review_id]
    assert not second.next_page_token
    other = call.refused(STRANGER, "ListJointReviews", project_id=project_id)
    assert other.reason == "OUT_OF_SCOPE"


def test_the_minutes_are_a_document_without_opinions_for_the_company(
    call: Client, case: Any, review: Any, met: str
) -> None:
    call(DISPATCHER, "ConcludeJointReview", review_id=met, conclusions=[drawn(case.case_id)])

    def text(who: Any) -> str:
        file = call(who, "DownloadJointMinutes", review_id=met)
        document = docx.Document(io.BytesIO(file.data))
        cells = [cell.text for each in document.tables for row in each.rows for cell in row.cells]
        return "\n".join([*(each.text for each in document.paragraphs), *cells])

    official, company = text(REVIEWER), text(COMPANY)
    assert "各单位逐项讨论" in official
    assert "视为同意" in official
    assert "同意按程序办理" in company
    assert "视为同意" not in company
    early = call.refused(REVIEWER, "DownloadJointMinutes", review_id=review.review_id)
    assert early.reason == "MINUTES_MISSING"


def test_a_navigator_no_longer_bound_sees_the_reviews_no_more(
    call: Client, db: Database, new_project: Callable[[], str], agenda: dict[str, Any]
) -> None:
    project_id = new_project()
    case = call(COMPANY, "SubmitCase", project_id=project_id, item_code="S2-06").case
    wanted = {**agenda, "project_id": project_id, "case_ids": [case.case_id]}
    asked = {"review_id": call(DISPATCHER, "ConveneJointReview", **wanted).review.review_id}
    assert call(NAVIGATOR, "GetJointReview", **asked).review.status == "convened"

    state = project_state(project_id=project_id, version=2, agents=["another"])
    with db.begin() as tx:
        take_project(ProjectStore(tx), CaseStore(tx), state, now=MONDAY)

    assert call.refused(NAVIGATOR, "GetJointReview", **asked).reason == "OUT_OF_SCOPE"


def test_bodies_that_speak_at_the_same_moment_are_both_heard(
    call: Client, agenda: dict[str, Any], case: Any
) -> None:
    invited = {**agenda, "invitations": [guest(), guest(FAR)]}
    review_id = call(DISPATCHER, "ConveneJointReview", **invited).review.review_id
    start = Barrier(2)

    def speak(who: Any) -> None:
        start.wait(timeout=30)
        call(
            who,
            "GiveJointOpinion",
            review_id=review_id,
            case_id=case.case_id,
            view=pb.JOINT_VIEW_AGREE,
        )

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(speak, who) for who in (REVIEWER, ELSEWHERE)]:
            each.result(timeout=30)

    seen = call(DISPATCHER, "GetJointReview", review_id=review_id).review
    assert states(seen) == [(REFORM, "given", "agree"), (FAR, "given", "agree")]
    assert seen.version == 3


def test_every_act_leaves_its_line_in_the_audit(
    call: Client, db: Database, review: Any, one: dict[str, str]
) -> None:
    call(REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_AGREE)
    call(DISPATCHER, "CancelJointReview", review_id=review.review_id, reason="项目暂缓")

    with db.read() as connection:
        lines = connection.execute(
            sa.text(
                "select account, subject_type, detail from audit where subject_id = :id order by id"
            ),
            {"id": review.review_id},
        ).all()

    assert [(line.account, line.subject_type) for line in lines] == [
        ("dispatcher", "joint_review"),
        ("reviewer", "joint_review"),
        ("dispatcher", "joint_review"),
    ]
    assert (lines[1].detail["view"], lines[1].detail["org"]) == ("agree", REFORM)
    assert lines[2].detail["reason"] == "项目暂缓"


def test_a_body_whose_silence_is_chased_is_reminded_once_on_a_working_day(
    db: Database, review: Any, facts: Callable[[], list[dict[str, Any]]]
) -> None:
    def chase(day: str) -> int:
        with db.begin() as tx:
            now = shanghai(f"{day}T09:00:00")
            return acts.chase(JointReviewStore(tx), Reference(tx), most=50, now=now)

    def reminded() -> list[tuple[str, str]]:
        return [
            (each["data"]["org"], each["data"]["opinion_due"])
            for each in facts()
            if each["type"].endswith("joint_opinion_overdue.v1")
        ]

    chase("2026-03-05")
    assert reminded() == []
    # The seventh is a Saturday.
    chase("2026-03-07")
    assert reminded() == []
    chase("2026-03-09")
    chase("2026-03-10")
    assert reminded() == [(NATURE, "2026-03-05")]


def test_a_body_that_said_what_it_thinks_is_not_reminded(
    call: Client, db: Database, one: dict[str, str], facts: Callable[[], list[dict[str, Any]]]
) -> None:
    call(NATURE_REVIEWER, "GiveJointOpinion", **one, view=pb.JOINT_VIEW_AGREE)

    with db.begin() as tx:
        now = shanghai("2026-03-09T09:00:00")
        acts.chase(JointReviewStore(tx), Reference(tx), most=50, now=now)

    assert not [each for each in facts() if "overdue" in each["type"]]
