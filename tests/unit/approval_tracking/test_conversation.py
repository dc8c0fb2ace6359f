"""The conversation on a case and its issues: nothing is lost, and only who may acts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from approval_tracking.domain.conversation import Message, MessageFile, check_mentions
from approval_tracking.domain.conversation_errors import (
    AlreadyRaised,
    IssueNotInState,
    MessageSettled,
    NotAParticipant,
    NotTheLeadingBody,
    NotYourIssue,
    NotYourMessage,
    TooManyFiles,
)
from approval_tracking.domain.issues import CaseIssue
from support.approvals import MONDAY

FILE = MessageFile(uuid4(), "图.pdf", "application/pdf", 1, "0" * 64, "k")
LATER = MONDAY + timedelta(minutes=11)


def said(text: str = "请补图") -> Message:
    return Message(uuid4(), uuid4(), 1, "company", "a", "a", "甲", "", text, MONDAY)


def raised(**more: object) -> CaseIssue:
    issue = CaseIssue(
        id=uuid4(),
        number="WT-321181-2026-00001",
        case_id=uuid4(),
        project_id=uuid4(),
        project_name="示例",
        item_name="环评",
        stage="received",
        message_id=None,
        as_order=False,
        lead_org="x:甲",
        lead_org_name="甲局",
        text="缺口",
        raised_by="window",
        raised_at=MONDAY,
        region_path="321100",
        level="市级",
        uscc="",
        agents=(),
        org="x:甲",
    )
    return replace(issue, **more)  # type: ignore[arg-type]


def test_an_edit_keeps_the_words_before_and_ends_after_ten_minutes() -> None:
    message = said("一")
    message.edit("二", by="a", at=MONDAY + timedelta(minutes=10))
    message.edit("二", by="a", at=MONDAY)

    assert (message.text, message.earlier) == ("二", ("一",))
    with pytest.raises(MessageSettled):
        message.edit("三", by="a", at=LATER)
    with pytest.raises(NotYourMessage):
        message.edit("三", by="b", at=MONDAY)


def test_what_was_withdrawn_is_not_changed_and_may_be_withdrawn_late() -> None:
    message = said()
    message.withdraw("发错", by="a", at=LATER)

    assert (message.withdrawn_at, message.withdrawn_why) == (LATER, "发错")
    with pytest.raises(MessageSettled):
        message.withdraw("再撤", by="a", at=LATER)
    with pytest.raises(MessageSettled):
        message.add_file(FILE, by="a", at=MONDAY)


def test_a_message_that_an_issue_came_of_stays() -> None:
    with pytest.raises(AlreadyRaised):
        replace(said(), issue_id=uuid4()).withdraw("x", by="a", at=MONDAY)


def test_a_message_has_at_most_ten_files() -> None:
    message = said()
    for _ in range(10):
        message.add_file(FILE, by="a", at=MONDAY)

    with pytest.raises(TooManyFiles):
        message.add_file(FILE, by="a", at=MONDAY)


def test_a_mention_names_a_side_or_who_is_in_it() -> None:
    assert check_mentions(["department", "b"], {"a", "b"}) == ("department", "b")
    with pytest.raises(NotAParticipant) as caught:
        check_mentions(["a", "c"], {"a"})
    assert caught.value.violations[0].field == "mentions[1]"


def test_an_issue_is_answered_by_who_leads_and_closed_by_who_raised_it_or_coordinates() -> None:
    issue = raised()
    with pytest.raises(IssueNotInState):
        issue.close("", by="window", coordinates=False, at=MONDAY)
    with pytest.raises(NotTheLeadingBody):
        issue.answer("已协调", org="x:乙", by="b", at=MONDAY)
    issue.answer("已协调", org="x:甲", by="b", at=MONDAY)
    with pytest.raises(NotYourIssue):
        issue.close("", by="c", coordinates=False, at=MONDAY)
    issue.reopen("未解决", by="c", coordinates=True)
    assert (issue.status, issue.note) == ("open", "未解决")
    issue.answer("已落实", org="x:甲", by="b", at=MONDAY)
    issue.close("", by="window", coordinates=False, at=MONDAY)
    assert (issue.status, issue.measures) == ("closed", "已落实")


def test_an_order_is_not_answered_here() -> None:
    with pytest.raises(IssueNotInState):
        raised(as_order=True).answer("x", org="x:甲", by="b", at=MONDAY)
