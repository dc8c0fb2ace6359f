"""Wrong records put right: a new one takes the place, nothing is lost, and everybody is told."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from chassis.db import Database
from support.approvals import COMPANY, HEAD, OTHER_HEAD, REVIEWER, WINDOW, shanghai
from support.servicers import Client

WHY = {"reason": "录入日期有误", "document": "窗口收件登记表"}
PAUSE = {"procedure": "节能评审(委托)", "expected_end": "2026-03-20"}


@pytest.fixture
def paused(call: Client, watch: Any, case: Any) -> Any:
    """Received and accepted on 2 March, paused since the 5th, known on the 9th."""
    at = {"case_id": case.case_id}
    call(REVIEWER, "AcceptCase", **at)
    watch.now = shanghai("2026-03-05T09:30:00")
    call(REVIEWER, "PauseCase", **at, **PAUSE)
    told = call(HEAD, "DecidePause", **at, approved=True).case
    watch.now = shanghai("2026-03-09T09:30:00")
    return told


def record(case: Any, kind: str) -> int:
    return next(int(each.number) for each in case.clock.happenings if each.kind == kind)


def kinds(told: Any) -> list[str]:
    return [each.kind for each in told]


def test_a_corrected_day_moves_the_clock_and_keeps_the_old_record(
    call: Client, db: Database, paused: Any
) -> None:
    number = record(paused, "paused")

    right = call(
        OTHER_HEAD,
        "CorrectRecord",
        case_id=paused.case_id,
        number=number,
        happened_on="2026-03-04",
        **WHY,
    ).case

    assert (paused.clock.statutory_due, right.clock.statutory_due) == ("2026-04-15", "2026-04-16")
    (old,), now = right.clock.superseded, right.clock.happenings[-1]
    assert (old.number, old.on, old.by) == (number, "2026-03-05", "head")
    assert (now.kind, now.on, now.at) == ("paused", "2026-03-04", old.at)
    assert (now.correction.supersedes, now.correction.by, now.correction.reason) == (
        number,
        "other-head",
        WHY["reason"],
    )
    assert call(COMPANY, "GetCase", case_id=paused.case_id).case.clock == right.clock
    with db.read() as connection:
        newest = "select envelope from outbox order by position desc limit 1"
        told = connection.execute(sa.text(newest)).scalar_one()
    assert (told["type"], told["data"]["cause"]) == ("case_clock_changed.v1", "corrected")
    assert told["data"]["case"]["clock"]["statutory_due"] == "2026-04-16"


def test_a_correction_may_itself_be_corrected(call: Client, paused: Any) -> None:
    at = {"case_id": paused.case_id, **WHY}
    first = call(
        OTHER_HEAD, "CorrectRecord", number=record(paused, "paused"), happened_on="2026-03-04", **at
    ).case
    again: dict[str, Any] = {"number": record(first, "paused"), "happened_on": "2026-03-05"}

    same_person = call.refused(OTHER_HEAD, "CorrectRecord", **again, **at)

    second = call(HEAD, "CorrectRecord", **again, expected_end="2026-03-27", **at)
    assert same_person.reason == "DUTIES_NOT_SEPARATED"
    assert len(second.case.clock.superseded) == 2


def test_a_pause_recorded_by_mistake_is_annulled(call: Client, paused: Any) -> None:
    at = {"case_id": paused.case_id, **WHY}

    right = call(OTHER_HEAD, "CorrectRecord", number=record(paused, "paused"), annul=True, **at)

    case = right.case
    assert (case.status, case.clock.running, case.clock.statutory_due) == (
        "in_review",
        True,
        "2026-03-30",
    )
    assert kinds(case.clock.happenings) == ["received", "accepted"]
    assert kinds(case.clock.superseded) == ["paused", "annulled"]
    assert call(REVIEWER, "PauseCase", case_id=case.case_id, **PAUSE).case.pause_asked.procedure


def test_a_correction_that_may_not_be_is_refused_and_says_why(call: Client, paused: Any) -> None:
    def refused(who: Any, kind: str, **change: Any) -> tuple[str, list[str]]:
        told = {"case_id": paused.case_id, "number": record(paused, kind), **WHY, **change}
        found = call.refused(who, "CorrectRecord", **told)
        return found.reason, found.fields

    field = ["happened_on"]
    assert refused(HEAD, "paused", happened_on="2026-03-04")[0] == "DUTIES_NOT_SEPARATED"
    assert refused(OTHER_HEAD, "paused", happened_on="2026-03-03") == ("PAUSE_TOO_FAR_BACK", field)
    assert refused(OTHER_HEAD, "paused", happened_on="2026-03-10") == ("HAPPENS_IN_FUTURE", field)
    assert refused(OTHER_HEAD, "received", happened_on="2026-03-03") == (
        "CORRECTION_OUT_OF_ORDER",
        field,
    )
    assert refused(OTHER_HEAD, "paused")[0] == "CORRECTION_CHANGES_NOTHING"
    assert refused(OTHER_HEAD, "accepted", annul=True)[0] == "RECORD_NOT_ANNULLABLE"
    assert refused(OTHER_HEAD, "paused", number=9) == ("RECORD_UNKNOWN", ["number"])
    assert refused(WINDOW, "paused", annul=True)[0] == "NOT_YOUR_ROLE"
    assert call(COMPANY, "GetCase", case_id=paused.case_id).case.version == paused.version


def test_an_extension_is_no_record_to_put_right(call: Client, case: Any) -> None:
    at = {"case_id": case.case_id}
    call(REVIEWER, "AcceptCase", **at)
    call(REVIEWER, "ExtendCase", **at, days=10, reason="评审")
    longer = call(HEAD, "DecideExtension", **at, approved=True).case

    found = call.refused(
        OTHER_HEAD,
        "CorrectRecord",
        **at,
        number=record(longer, "extended"),
        happened_on="2026-03-02",
        **WHY,
    )

    assert found.reason == "RECORD_NOT_CORRECTABLE"


def test_a_clock_is_read_out_with_its_corrections_up_to_its_deadline(
    call: Client, watch: Any, paused: Any
) -> None:
    at = {"case_id": paused.case_id}
    number = record(paused, "paused")
    call(OTHER_HEAD, "CorrectRecord", **at, number=number, happened_on="2026-03-04", **WHY)
    watch.now = shanghai("2026-03-20T09:30:00")
    call(REVIEWER, "ResumeCase", **at)
    call(REVIEWER, "ExtendCase", **at, days=10, reason="评审")
    longer = call(HEAD, "DecideExtension", **at, approved=True).case

    lines = call(COMPANY, "GetCaseClock", **at, until=longer.clock.statutory_due).lines

    by_day = {(line.first_day, line.kind): line for line in lines}
    corrected = by_day["2026-03-09", "happening"]
    assert corrected.zh == (
        f"第 {number} 条记录(停表 2026-03-05)更正为 2026-03-04 (录入日期有误; 窗口收件登记表)"
    )
    assert corrected.en.startswith(
        f"record {number} (clock stopped, 2026-03-05) corrected to 2026-03-04"
    )
    last = by_day[longer.clock.statutory_due, "counted"]
    assert (last.statutory, longer.clock.statutory_due) == (30, "2026-04-30")
    assert last.en == f"counted: day {last.committed} of the promise, 30 of the law"
    assert by_day[longer.clock.committed_due, "counted"].committed == 5
    assert lines[-1].zh == "法定 20 + 延长 10 个工作日, 到期日 2026-04-30"
    assert lines[-1].en == "by law: 20 + 10 more working days, due 2026-04-30"
