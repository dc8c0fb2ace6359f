"""The conversation on a case: three sides talk, nothing internal leaks, and issues come of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.api import httpbody_pb2

from approval_tracking.store.conversations import ConversationStore
from chassis.db import Database
from chassis.identity import Principal
from support.approvals import (
    COMPANY,
    DISPATCHER,
    ECO_REVIEWER,
    ELSEWHERE,
    HEAD,
    MONDAY,
    NAVIGATOR,
    REVIEWER,
    STRANGER,
    WINDOW,
    shanghai,
)
from support.servicers import Client


def say(call: Client, case: Any, who: Principal, text: str = "请看附图", **more: Any) -> Any:
    return call(who, "PostCaseMessage", case_id=case.case_id, text=text, **more).message


def heard(call: Client, case: Any, who: Principal, **more: Any) -> Any:
    return call(who, "ListCaseMessages", case_id=case.case_id, **more)


def texts(call: Client, case: Any, who: Principal) -> list[str]:
    return [each.text for each in heard(call, case, who).messages]


def facts(db: Database, kind: str, case: Any) -> list[dict[str, Any]]:
    with db.read() as connection:
        rows = connection.execute(
            sa.text(
                "select envelope from outbox where envelope->>'type' like :kind"
                " and envelope->'data'->>'case_id' = :case_id order by position"
            ),
            {"kind": f"%{kind}.v1", "case_id": case.case_id},
        )
        return [row.envelope["data"] for row in rows]


# --- talking -----------------------------------------------------------------------------------------


def test_the_company_the_authority_and_the_navigator_talk_on_one_case(
    call: Client, case: Any
) -> None:
    for who in (COMPANY, REVIEWER, NAVIGATOR, WINDOW):
        say(call, case, who, f"{who.username} 留言")

    answer = heard(call, case, HEAD)
    assert [(each.number, each.side) for each in answer.messages] == [
        (4, "window"),
        (3, "navigator"),
        (2, "department"),
        (1, "company"),
    ]
    assert answer.unread == 4
    assert list(answer.participants) == ["company", "navigator", "reviewer", "window"]
    for who in (ECO_REVIEWER, STRANGER, ELSEWHERE):
        assert call.refused(
            who, "ListCaseMessages", case_id=case.case_id
        ).reason == "OUT_OF_SCOPE"  # fmt: skip
    looking_on = call.refused(DISPATCHER, "PostCaseMessage", case_id=case.case_id, text="x")
    assert looking_on.code == "PERMISSION_DENIED"


def test_each_person_has_his_own_mark_of_what_he_read(call: Client, case: Any) -> None:
    for number in range(3):
        say(call, case, COMPANY, f"第{number}条")

    left = call(REVIEWER, "ReadCaseMessages", case_id=case.case_id, number=2).unread
    back = call(REVIEWER, "ReadCaseMessages", case_id=case.case_id, number=1).unread
    assert (left, back) == (1, 1)
    assert heard(call, case, HEAD).unread == 3
    assert heard(call, case, COMPANY).unread == 0
    assert call(REVIEWER, "ReadCaseMessages", case_id=case.case_id).unread == 0


def test_a_long_conversation_is_paged_from_its_end(call: Client, case: Any) -> None:
    for number in range(5):
        say(call, case, COMPANY, str(number))
    seen, token = [], ""
    while True:
        page = heard(call, case, COMPANY, page_size=2, page_token=token)
        seen += [each.text for each in page.messages]
        token = page.next_page_token
        if not token:
            break

    assert seen == ["4", "3", "2", "1", "0"]


def test_an_internal_remark_reaches_nobody_outside_its_body(
    call: Client, case: Any, db: Database
) -> None:
    say(call, case, COMPANY, "公开")
    message = say(
        call, case, REVIEWER, "内部意见: 材料存疑", internal=True,
        mentions=["company", "navigator", "window"],
    )  # fmt: skip
    file = httpbody_pb2.HttpBody(data=b"%PDF-1.7 secret")
    one = {"case_id": case.case_id, "message_id": message.message_id}
    kept = call(REVIEWER, "AddMessageFile", **one, file=file, name="内部.pdf").message.files[0]

    assert texts(call, case, HEAD) == ["内部意见: 材料存疑", "公开"]
    for who in (COMPANY, NAVIGATOR, WINDOW):
        answer = heard(call, case, who)
        assert [each.text for each in answer.messages] == ["公开"]
        assert answer.unread <= 1
        assert "reviewer" not in answer.participants
        assert [each.text for each in call(who, "ListMentions").messages] == []
        got = call.refused(who, "DownloadMessageFile", **one, file_id=kept.file_id)
        assert got.reason == "MESSAGE_UNKNOWN"
        assert call.refused(who, "EditCaseMessage", **one, text="x").reason == "MESSAGE_UNKNOWN"
        raised = call.refused(who, "RaiseCaseIssue", **one)
        assert raised.reason == "MESSAGE_UNKNOWN"
    (told,) = facts(db, "case_mentioned", case)
    assert (told["accounts"], told["uscc"], told["roles"]) == ([], "", [])
    assert told["orgs"] == [case.org]
    refusal = call.refused(
        COMPANY, "PostCaseMessage", case_id=case.case_id, text="x", internal=True
    )
    assert refusal.fields == ["internal"]


# --- mentions ----------------------------------------------------------------------------------------


def test_who_is_mentioned_is_told_and_finds_it_in_one_place(
    call: Client, case: Any, db: Database
) -> None:
    say(call, case, REVIEWER, "已收到")
    message = say(call, case, COMPANY, "请问进度", mentions=["reviewer", "navigator"])

    for who in (REVIEWER, NAVIGATOR):
        found = call(who, "ListMentions").messages[0]
        assert (found.message_id, found.item_name) == (message.message_id, case.item_name)
    others = [each.message_id for each in call(HEAD, "ListMentions").messages]
    assert message.message_id not in others
    (told,) = facts(db, "case_mentioned", case)
    assert sorted(told["accounts"]) == ["navigator", "reviewer"]
    unknown = call.refused(
        COMPANY, "PostCaseMessage", case_id=case.case_id, text="x", mentions=["nobody"]
    )
    assert unknown == ("INVALID_ARGUMENT", "NOT_A_PARTICIPANT", ["mentions[0]"])


# --- own words ---------------------------------------------------------------------------------------


def test_own_words_are_put_right_with_a_trace_and_withdrawn_in_sight(
    call: Client, case: Any, watch: Any
) -> None:
    message = say(call, case, COMPANY, "一稿")
    one = {"case_id": case.case_id, "message_id": message.message_id}
    edited = call(COMPANY, "EditCaseMessage", **one, text="二稿").message
    others = call.refused(REVIEWER, "EditCaseMessage", **one, text="三稿")
    watch.now = shanghai("2026-03-02T09:41:00")
    late = call.refused(COMPANY, "EditCaseMessage", **one, text="三稿")
    gone = call(COMPANY, "WithdrawCaseMessage", **one, reason="发错").message

    assert (edited.text, list(edited.earlier)) == ("二稿", ["一稿"])
    assert (others.reason, late.reason) == ("NOT_YOUR_MESSAGE", "MESSAGE_SETTLED")
    (seen,) = heard(call, case, REVIEWER).messages
    assert (seen.text, list(seen.earlier), seen.withdrawn_why) == ("", [], "发错")
    assert gone.HasField("withdrawn_at")


def test_a_file_is_kept_as_it_was_sent(call: Client, case: Any) -> None:
    message = say(call, case, COMPANY)
    one = {"case_id": case.case_id, "message_id": message.message_id}
    file = httpbody_pb2.HttpBody(data=b"%PDF-1.7 plan")
    (kept,) = call(COMPANY, "AddMessageFile", **one, file=file, name="总图.pdf").message.files

    got = call(REVIEWER, "DownloadMessageFile", **one, file_id=kept.file_id)

    assert (got.data, got.content_type) == (b"%PDF-1.7 plan", "application/pdf")
    bad = httpbody_pb2.HttpBody(data=b"MZ")
    refusal = call.refused(COMPANY, "AddMessageFile", **one, file=bad, name="x.exe")
    assert refusal == ("INVALID_ARGUMENT", "NOT_A_MATERIAL", ["file"])
    unknown = call.refused(REVIEWER, "DownloadMessageFile", **one, file_id=str(uuid4()))
    assert unknown.reason == "MESSAGE_FILE_UNKNOWN"


# --- issues ------------------------------------------------------------------------------------------


def test_a_message_becomes_an_issue_once_and_shows_what_came_of_it(
    call: Client, case: Any, db: Database
) -> None:
    message = say(call, case, COMPANY, "红线与现状道路冲突")
    one = {"case_id": case.case_id, "message_id": message.message_id}
    issue = call(COMPANY, "RaiseCaseIssue", **one).issue
    again = call.refused(REVIEWER, "RaiseCaseIssue", **one)
    wrong = call.refused(ECO_REVIEWER, "AnswerCaseIssue", issue_id=issue.issue_id, measures="x")
    call(REVIEWER, "AnswerCaseIssue", issue_id=issue.issue_id, measures="已会同资规调整红线")
    closed = call(COMPANY, "CloseCaseIssue", issue_id=issue.issue_id).issue

    assert (issue.text, issue.status, issue.lead_org) == ("红线与现状道路冲突", "open", case.org)
    assert issue.number.startswith("WT-321181-2026-")
    assert again.reason == "ALREADY_RAISED"
    assert wrong.code == "PERMISSION_DENIED"
    assert (closed.status, closed.measures) == ("closed", "已会同资规调整红线")
    (shown,) = heard(call, case, COMPANY).messages
    assert (shown.issue.number, shown.issue.status) == (issue.number, "closed")
    assert [each["status"] for each in facts(db, "case_issue_moved", case)] == [
        "open",
        "answered",
        "closed",
    ]


def test_the_window_attaches_an_issue_at_receipt(call: Client, case: Any) -> None:
    issue = call(
        WINDOW, "RaiseCaseIssue", case_id=case.case_id, text="跨部门意见不一致",
        lead_org="321181:生态环境",
    ).issue  # fmt: skip

    assert (issue.stage, issue.lead_org) == ("received", "321181:生态环境")
    by_case = call(WINDOW, "ListCaseIssues", case_id=case.case_id).issues
    by_project = call(COMPANY, "ListCaseIssues", project_id=case.project_id, open_only=True).issues
    leading = call(ECO_REVIEWER, "ListCaseIssues", lead_org="321181:生态环境").issues
    for found in (by_case, by_project, leading):
        assert issue.issue_id in [each.issue_id for each in found]
    assert issue.issue_id not in [
        each.issue_id for each in call(ELSEWHERE, "ListCaseIssues").issues
    ]
    answered = call(ECO_REVIEWER, "AnswerCaseIssue", issue_id=issue.issue_id, measures="已统一")
    assert answered.issue.status == "answered"
    sent_back = call(
        DISPATCHER, "CloseCaseIssue", issue_id=issue.issue_id, reopen=True, note="仍有分歧"
    ).issue
    assert (sent_back.status, sent_back.note) == ("open", "仍有分歧")
    nothing = call.refused(WINDOW, "RaiseCaseIssue", case_id=case.case_id)
    assert nothing == ("INVALID_ARGUMENT", "ISSUE_TEXT_MISSING", ["text"])
    nobody = call.refused(
        WINDOW, "RaiseCaseIssue", case_id=case.case_id, text="x", lead_org="321181:无"
    )
    assert nobody.fields == ["lead_org"]


def test_who_may_dispatch_makes_a_work_order_of_a_message_and_its_state_comes_back(
    call: Client, case: Any, db: Database
) -> None:
    message = say(call, case, COMPANY, "评估报告迟迟未出")
    one = {"case_id": case.case_id, "message_id": message.message_id, "as_order": True}
    refusal = call.refused(COMPANY, "RaiseCaseIssue", **one)
    issue = call(DISPATCHER, "RaiseCaseIssue", **one).issue

    assert refusal.reason == "NOT_A_DISPATCHER"
    (wanted,) = facts(db, "case_order_wanted", case)
    assert (wanted["order_id"], wanted["requirement"]) == (issue.issue_id, "评估报告迟迟未出")
    order = {"order_id": issue.issue_id, "number": "ZJDB-321181-2026-000001"}

    def follow(version: int, status: str) -> str:
        with db.begin() as tx:
            ConversationStore(tx).follow_order(
                {**order, "version": version, "status": status}, at=MONDAY
            )
        (shown,) = heard(call, case, COMPANY).messages
        return f"{shown.issue.number} {shown.issue.status}"

    assert follow(1, "issued") == "ZJDB-321181-2026-000001 issued"
    assert follow(3, "closed") == "ZJDB-321181-2026-000001 closed"
    assert follow(2, "signed") == "ZJDB-321181-2026-000001 closed"
    answered = call.refused(REVIEWER, "AnswerCaseIssue", issue_id=issue.issue_id, measures="x")
    assert answered.reason == "ISSUE_NOT_IN_STATE"


@pytest.mark.parametrize(
    ("method", "field"),
    [("AnswerCaseIssue", {"measures": "x"}), ("CloseCaseIssue", {})],
)
def test_an_unknown_issue_is_not_found(call: Client, method: str, field: dict[str, str]) -> None:
    refusal = call.refused(REVIEWER, method, issue_id=str(UUID(int=1)), **field)

    assert refusal == ("NOT_FOUND", "ISSUE_UNKNOWN", ["issue_id"])
