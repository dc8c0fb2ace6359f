"""A joint review: one opinion per body and case, silence by its rule, conclusions that are complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from approval_tracking.domain.events import (
    JointConclusion,
    JointInvitation,
    JointReviewConcluded,
    JointTask,
)
from approval_tracking.domain.joint_review import (
    AGREE,
    CHASED,
    CONSENT,
    DO_NOT_PROCEED,
    OPPOSE,
    PROCEED,
    PROCEED_WITH_CONDITIONS,
    Attendant,
    JointReview,
    ReviewedCase,
    Subject,
    check_agenda,
)
from approval_tracking.domain.joint_review_errors import (
    CaseOfAnotherProject,
    ConclusionMissing,
    ConditionsMismatch,
    InThePast,
    JointCaseNotOpen,
    JointReviewClosed,
    MeetingNotYetHeld,
    NamedTwice,
    NotInvited,
    OpinionMissing,
    OpinionTooLate,
)
from chassis.calendar import SHANGHAI

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=SHANGHAI)
FRIDAY = datetime(2026, 3, 6, 14, 0, tzinfo=SHANGHAI)
DUE = date(2026, 3, 5)
PROJECT, FIRST, SECOND = UUID(int=1), UUID(int=11), UUID(int=12)
SILENT = JointInvitation("321181:发改", "丹阳市发改", DUE, CONSENT)
OWING = JointInvitation("321181:住建", "丹阳市住建", DUE, CHASED)


def review(*invitations: JointInvitation) -> JointReview:
    made = JointReview(
        id=UUID(int=5),
        project_id=PROJECT,
        project_name="丹阳示例项目",
        region_path="321100/321181",
        level="市级",
        uscc="",
        agents=(),
        subject="联审会办",
        meets_at=FRIDAY,
        place="三楼",
        cases=(
            Subject(FIRST, "S2-06", "节能审查", "丹阳市发改"),
            Subject(SECOND, "S2-01", "备案", "丹阳市发改"),
        ),
        invitations=invitations or (SILENT, OWING),
        papers=(),
    )
    made.convene("dispatcher", at=MONDAY)
    made.told.clear()
    return made


def met(*invitations: JointInvitation) -> JointReview:
    made = review(*invitations)
    made.record_meeting("讨论", [Attendant("张三", "")], by="dispatcher", at=FRIDAY)
    return made


def concluded(case_id: UUID, outcome: str = PROCEED, *tasks: JointTask) -> JointConclusion:
    return JointConclusion(case_id, "S2-06", outcome, "结论", tasks)


def task(due_on: date = DUE + timedelta(days=30)) -> JointTask:
    return JointTask("补充材料", SILENT.org, SILENT.org_name, due_on)


def opine(made: JointReview, who: JointInvitation, at: datetime = MONDAY, **more: Any) -> None:
    given = {"case_id": FIRST, "view": AGREE, "text": "", **more}
    made.give_opinion(**given, org=who.org, by="somebody", at=at)


def reviewed(case_id: UUID = FIRST, **changes: Any) -> ReviewedCase:
    case = ReviewedCase(case_id, PROJECT, "S2-06", "节能审查", "丹阳市发改", "received", True)
    return replace(case, **changes)


def states(made: JointReview, day: date) -> list[str]:
    return [each.state for each in made.standings(day)]


def test_the_last_day_for_an_opinion_is_still_in_time() -> None:
    made = review()

    assert states(made, DUE) == ["pending"] * 4
    opine(made, SILENT, datetime(2026, 3, 5, 23, 59, tzinfo=SHANGHAI))
    assert states(made, DUE) == ["given", "pending", "pending", "pending"]


def test_silence_counts_by_its_rule_and_is_never_stored_as_if_said() -> None:
    made = review()

    assert states(made, DUE + timedelta(days=1)) == ["deemed", "overdue", "deemed", "overdue"]
    assert made.opinions == []


def test_after_the_limit_only_a_chased_opinion_still_comes_and_is_marked_late() -> None:
    made = review()

    with pytest.raises(OpinionTooLate) as refused:
        opine(made, SILENT, FRIDAY)
    opine(made, OWING, FRIDAY, view=OPPOSE, text="用地未落实")

    assert "2026-03-05" in refused.value.message_zh
    assert "2026-03-05" in refused.value.message_en
    assert [(each.state, each.late) for each in made.standings(FRIDAY.date())][1] == ("given", True)


def test_an_account_without_a_body_speaks_for_none() -> None:
    with pytest.raises(NotInvited):
        review().give_opinion(FIRST, AGREE, "", org="", by="somebody", at=MONDAY)


def test_a_meeting_is_not_recorded_before_it_began() -> None:
    with pytest.raises(MeetingNotYetHeld):
        review().record_meeting("讨论", [], by="d", at=FRIDAY - timedelta(minutes=1))


def test_it_waits_for_every_opinion_that_silence_does_not_replace() -> None:
    made = met()
    opine(made, OWING, FRIDAY)
    made.told.clear()

    with pytest.raises(OpinionMissing) as refused:
        made.conclude([concluded(FIRST), concluded(SECOND)], by="d", at=FRIDAY)

    assert refused.value.facts["missing"] == "丹阳市住建 (S2-01)"


def test_it_waits_for_a_limit_that_still_runs() -> None:
    made = met(replace(SILENT, opinion_due=FRIDAY.date()))

    with pytest.raises(OpinionMissing):
        made.conclude([concluded(FIRST), concluded(SECOND)], by="d", at=FRIDAY)


def test_every_case_gets_one_conclusion_and_conditions_where_they_belong() -> None:
    made = met(SILENT)

    def refused(kind: type[Exception], *drawn: JointConclusion) -> None:
        with pytest.raises(kind):
            made.conclude(drawn, by="d", at=FRIDAY)

    refused(ConclusionMissing, concluded(FIRST))
    refused(NamedTwice, concluded(FIRST), concluded(FIRST))
    refused(ConditionsMismatch, concluded(FIRST, PROCEED_WITH_CONDITIONS))
    refused(ConditionsMismatch, concluded(FIRST, DO_NOT_PROCEED, task()))
    refused(InThePast, concluded(FIRST, PROCEED_WITH_CONDITIONS, task(DUE)))
    assert (made.status, made.conclusions, made.told) == ("met", (), [])


def test_what_was_concluded_is_told_with_its_tasks() -> None:
    made = met(SILENT)
    first = concluded(FIRST, PROCEED_WITH_CONDITIONS, task())

    made.conclude([first, concluded(SECOND)], by="dispatcher", at=FRIDAY)

    (fact,) = made.told
    assert isinstance(fact, JointReviewConcluded)
    assert fact.conclusions[0].tasks == (task(),)
    assert made.acts[-1].kind == "concluded"


def test_a_cancelled_review_stays_as_it_was_on_that_day() -> None:
    made = review()
    made.cancel("项目暂缓", by="dispatcher", at=MONDAY)

    assert states(made, DUE + timedelta(days=90)) == ["pending"] * 4
    with pytest.raises(JointReviewClosed) as refused:
        made.cancel("再次取消", by="dispatcher", at=FRIDAY)
    assert "已取消" in refused.value.message_zh


@pytest.mark.parametrize(
    ("kind", "cases", "guests", "meets_at"),
    [
        (InThePast, [reviewed()], [SILENT], MONDAY),
        (NamedTwice, [reviewed(), reviewed()], [SILENT], FRIDAY),
        (CaseOfAnotherProject, [reviewed(project_id=UUID(int=2))], [SILENT], FRIDAY),
        (JointCaseNotOpen, [reviewed(status="decided", is_open=False)], [SILENT], FRIDAY),
        (NamedTwice, [reviewed()], [SILENT, SILENT], FRIDAY),
        (InThePast, [reviewed()], [replace(SILENT, opinion_due=date(2026, 3, 1))], FRIDAY),
    ],
)
def test_a_wrong_agenda_is_refused(
    kind: type[Exception],
    cases: list[ReviewedCase],
    guests: list[JointInvitation],
    meets_at: datetime,
) -> None:
    with pytest.raises(kind):
        check_agenda(PROJECT, cases, guests, meets_at=meets_at, now=MONDAY)


def test_today_is_early_enough_for_an_opinion_and_later_today_for_a_meeting() -> None:
    guest = replace(SILENT, opinion_due=MONDAY.date())
    soon = MONDAY + timedelta(minutes=1)

    (subject,) = check_agenda(PROJECT, [reviewed()], [guest], meets_at=soon, now=MONDAY)

    assert subject.case_id == FIRST
