"""Next year's notice arrives: what may be published, and which clocks it moves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from approval_tracking.store import CaseStore
from approval_tracking.usecases.calendars import follow_calendar
from chassis.db import Database
from chassis.events import plain
from support.approvals import COMPANY, CONFIGURATOR, DISPATCHER, REVIEWER, shanghai
from support.servicers import Client

NOTICE = "国办发明电〔2026〕7号"
OFF = {
    "2027-01-01": "元旦",
    "2027-02-05": "春节",
    "2027-02-08": "春节",
    "2027-02-09": "春节",
    "2027-04-05": "清明节",
    "2027-05-01": "劳动节",
    "2027-06-09": "端午节",
    "2027-09-15": "中秋节",
    "2027-10-01": "国庆节",
    "2027-10-02": "国庆节",
    "2027-10-03": "国庆节",
}


def year(number: int = 2027, *, without: str = "", **more: Any) -> dict[str, Any]:
    days = [
        {"day": day.replace("2027", str(number)), "working": False, "name": name}
        for day, name in OFF.items()
        if not without or without not in name
    ]
    for day, working in more.pop("changes", {}).items():
        days.append({"day": day, "working": working, "name": "调休"})
    return {"year": number, "official": True, "notice": NOTICE, "days": days, **more}


def follow(db: Database) -> int:
    with db.begin() as tx:
        return follow_calendar(CaseStore(tx), most=100, now=shanghai("2026-12-22T10:00:00"))


def told_of(db: Database, case_id: str) -> list[dict[str, Any]]:
    with db.read() as connection:
        rows = connection.execute(
            sa.text(
                "select envelope from outbox where envelope->>'aggregate_id' = :id order by position"
            ),
            {"id": case_id},
        )
        return [row.envelope for row in rows]


@pytest.fixture
def late(call: Client, watch: Any, new_project: Callable[[], str], db: Database) -> Any:
    """Accepted so late in the year that the law's limit ends in the next."""
    follow(db)
    watch.now = shanghai("2026-12-21T09:30:00")
    case = call(COMPANY, "SubmitCase", project_id=new_project(), item_code="S2-06").case
    return call(REVIEWER, "AcceptCase", case_id=case.case_id).case


def test_a_published_year_moves_the_clocks_that_reach_into_it_and_tells_of_them(
    call: Client, db: Database, late: Any
) -> None:
    published = call(
        CONFIGURATOR,
        "PublishCalendar",
        **year(changes={"2027-01-04": False}),
        expected_version=late.clock.calendar_version,
    )
    before = len(told_of(db, late.case_id))

    assert follow(db) >= 1
    assert follow(db) == 0

    moved = call(COMPANY, "GetCase", case_id=late.case_id).case
    assert (late.clock.statutory_due, late.clock.provisional) == ("2027-01-19", True)
    assert (moved.clock.statutory_due, moved.clock.provisional) == ("2027-01-20", False)
    assert moved.clock.committed_due == late.clock.committed_due == "2026-12-28"
    assert moved.version == late.version + 1
    assert moved.clock.calendar_version == published.version
    told = told_of(db, late.case_id)[before:]
    assert [(each["type"], each["data"]["cause"]) for each in told] == [
        ("case_clock_changed.v1", "calendar_published")
    ]
    assert told[0]["data"]["case"]["clock"]["statutory_due"] == "2027-01-20"
    assert [each.official for each in published.years] == [True] * 5


def test_a_storm_closes_the_offices_and_only_the_clocks_it_meets_move(
    call: Client, db: Database, case: Any, late: Any
) -> None:
    """The case of March ended its limits before; it is neither written nor told of."""
    years = call(COMPANY, "GetCalendar").years
    this = next(each for each in years if each.year == 2026)
    days = [{"day": d.day, "working": d.working, "name": d.name} for d in this.days]
    days.append({"day": "2026-12-24", "working": False, "name": "台风停工"})
    call(CONFIGURATOR, "PublishCalendar", year=2026, official=True, notice=NOTICE, days=days)

    follow(db)

    moved = call(COMPANY, "GetCase", case_id=late.case_id).case
    assert (late.clock.committed_due, moved.clock.committed_due) == ("2026-12-28", "2026-12-29")
    same = call(COMPANY, "GetCase", case_id=case.case_id).case
    assert same == case
    assert [each["type"] for each in told_of(db, case.case_id)].count("case_clock_changed.v1") == 1


def test_a_calendar_with_holes_is_refused_and_every_hole_named(call: Client) -> None:
    def refused(**given: Any) -> tuple[str, list[str]]:
        found = call.refused(CONFIGURATOR, "PublishCalendar", **given)
        return found.reason, found.fields

    version = call(COMPANY, "GetCalendar").version
    assert refused(**year(2030)) == ("CALENDAR_HAS_HOLE", ["year"])
    assert refused(year=2025, days=[])[0] == "YEAR_IS_OFFICIAL"
    assert refused(**year(2028, without="春节"))[1] == ["days"]
    assert refused(**year(2028, without="国庆"))[1] == ["days"] * 4
    assert refused(**{**year(2028), "notice": ""})[1] == ["notice"]
    assert refused(**year(2028, changes={"2028-03-01": True}))[1] == ["days"]
    assert refused(**year(2028, changes={"2027-03-01": False}))[1] == ["days"]
    assert refused(**year(2028, changes={"2028-01-01": False}))[1] == ["days"]
    assert refused(**year(2028), expected_version="2023-2026.0") == ("CALENDAR_MOVED", [])
    assert call(COMPANY, "GetCalendar").version == version


def test_only_the_configurator_publishes_and_only_what_is_new(call: Client) -> None:
    assert call.refused(DISPATCHER, "PublishCalendar", **year()).reason == "NOT_YOUR_ROLE"
    call(CONFIGURATOR, "PublishCalendar", **year(2028))
    again = call.refused(CONFIGURATOR, "PublishCalendar", **year(2028))
    assert again.reason == "CALENDAR_UNCHANGED"


def test_a_limit_past_the_last_notice_is_provisional_not_refused(
    call: Client, watch: Any, project_id: str
) -> None:
    last = max(each.year for each in call(COMPANY, "GetCalendar").years)
    watch.now = shanghai(f"{last}-12-28T09:30:00")
    case = call(COMPANY, "SubmitCase", project_id=project_id, item_code="S2-06").case

    accepted = call(REVIEWER, "AcceptCase", case_id=case.case_id).case

    assert accepted.clock.statutory_due.startswith(str(last + 1))
    assert accepted.clock.provisional


def test_two_workers_share_the_clocks_and_tell_each_once(
    call: Client, db: Database, late: Any, new_project: Callable[[], str]
) -> None:
    cases = [late]
    for _ in range(5):
        made = call(COMPANY, "SubmitCase", project_id=new_project(), item_code="S2-06").case
        cases.append(call(REVIEWER, "AcceptCase", case_id=made.case_id).case)
    years = call(COMPANY, "GetCalendar").years
    this = next(each for each in years if each.year == 2026)
    days = [{"day": d.day, "working": d.working, "name": d.name} for d in this.days]
    days.append({"day": "2026-12-25", "working": False, "name": "台风停工"})
    call(CONFIGURATOR, "PublishCalendar", year=2026, official=True, notice=NOTICE, days=days)
    before = [len(told_of(db, each.case_id)) for each in cases]

    together = Barrier(2)

    def share() -> int:
        together.wait()
        found = 0
        while True:
            with db.begin() as tx:
                now = shanghai("2026-12-22T10:00:00")
                taken = follow_calendar(CaseStore(tx), most=2, now=now)
            found += taken
            if not taken:
                return found

    with ThreadPoolExecutor(2) as pool:
        shares = [pool.submit(share) for _ in range(2)]
        assert sum(each.result() for each in shares) >= len(cases)

    for case, told in zip(cases, before, strict=True):
        after = call(COMPANY, "GetCase", case_id=case.case_id).case
        facts = told_of(db, case.case_id)[told:]
        assert [each["version"] for each in facts] == [case.version + 1] == [after.version]
        assert facts[0]["data"]["case"]["clock"] == {
            **facts[0]["data"]["case"]["clock"],
            "statutory_due": after.clock.statutory_due,
            "committed_due": after.clock.committed_due,
        }
        assert after.clock.committed_due > case.clock.committed_due


def test_what_the_database_writes_is_what_the_case_itself_would_say(
    call: Client, db: Database, late: Any
) -> None:
    """The dates are put into the stored case without building it: both must agree in every field."""
    years = call(COMPANY, "GetCalendar").years
    this = next(each for each in years if each.year == 2026)
    days = [{"day": d.day, "working": d.working, "name": d.name} for d in this.days]
    days.append({"day": "2026-12-28", "working": False, "name": "台风停工"})
    call(CONFIGURATOR, "PublishCalendar", year=2026, official=True, notice=NOTICE, days=days)
    while follow(db):
        pass

    with db.begin() as tx:
        held = CaseStore(tx).hold(UUID(late.case_id), today=date(2026, 12, 22))
        row = tx.execute(
            sa.text(
                "select state, due_on, act_by, deemed_at, calendar_version from cases where id = :id"
            ),
            {"id": late.case_id},
        ).one()
    state = held.case.state(held.calendar)

    assert row.state == plain(state)
    assert row.calendar_version == held.calendar.version
    dues = [state.clock.committed_due, state.clock.statutory_due]
    assert row.due_on == row.act_by == min(due for due in dues if due)
    assert row.deemed_at == held.case.deemed_at(held.calendar)
