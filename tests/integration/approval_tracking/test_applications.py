"""Three ways to apply and four channels, as people meet them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.store.applications import ApplicationStore
from approval_tracking.store.tables import application_news
from approval_tracking.usecases.applications import Stores
from approval_tracking.usecases.projects import take_project
from approval_tracking.usecases.theme_news import tell_themes
from chassis.db import Database, outbox
from support.approvals import (
    COMPANY,
    ELSEWHERE,
    HEAD,
    MONDAY,
    NAVIGATOR,
    REVIEWER,
    STRANGER,
    WINDOW,
    project_state,
    shanghai,
)
from support.servicers import Client, Refusal

PAPERS = [{"name": "总平面图", "document": "图-01"}]
FORM = [{"name": "项目基本信息", "text": "丹阳示例项目"}]
UNKNOWN = "01a20b2f-cc01-7210-b763-f5e9670f1bbb"


@pytest.fixture
def themed(call: Client, project_id: str) -> Any:
    return call(
        COMPANY, "ApplyForTheme", project_id=project_id, theme="T02", form=FORM, papers=PAPERS
    ).application


def with_cases(application: Any) -> dict[str, Any]:
    return {each.item_code: each for each in application.items if each.case_id}


# --- themes ---------------------------------------------------------------------------------------


def test_a_project_is_shown_the_themes_that_apply_with_its_own_items(
    call: Client, project_id: str
) -> None:
    themes = {each.code: each for each in call(COMPANY, "ListThemes", project_id=project_id).themes}

    assert "T02" in themes
    assert "T01" not in themes
    assert "S2-06" in themes["T02"].items
    assert not set(themes["T02"].items) & set(themes["T02"].set_aside)
    assert (themes["T02"].target_working_days, "用地红线坐标" in themes["T02"].merged_papers) == (
        20,
        True,
    )
    refused = call.refused(STRANGER, "ListThemes", project_id=project_id)
    assert refused.reason == "OUT_OF_SCOPE"


def test_a_theme_applied_for_once_becomes_its_cases(
    call: Client, project_id: str, themed: Any
) -> None:
    cases = with_cases(themed)

    assert (themed.mode, themed.channel, themed.status, themed.decided) == (
        "theme",
        "online",
        "in_progress",
        0,
    )
    assert "S2-06" in cases
    assert cases["S2-06"].state == "received"
    case = call(COMPANY, "GetCase", case_id=cases["S2-06"].case_id).case
    assert (case.mode, case.channel, case.application_id) == (
        "theme",
        "online",
        themed.application_id,
    )
    listed = call(COMPANY, "ListCases", project_id=project_id, mode=pb.SUBMISSION_MODE_THEME).cases
    assert {each.case_id for each in listed} == {each.case_id for each in cases.values()}
    assert all(each.reason for each in themed.items if each.state in ("locked", "elsewhere"))


def test_an_item_under_way_elsewhere_is_named_and_left_out(
    call: Client, case: Any, themed: Any
) -> None:
    left_out = next(each for each in themed.items if each.item_code == case.item_code)

    assert (left_out.state, left_out.case_id) == ("elsewhere", "")
    assert "another application" in left_out.reason_en


def test_what_a_theme_refuses_leaves_nothing_behind(call: Client, project_id: str) -> None:
    good: dict[str, Any] = {"project_id": project_id, "theme": "T02", "papers": PAPERS}
    field = [{"name": "不存在", "text": "1"}]

    def reason(**changes: Any) -> tuple[str, list[str]]:
        refused = call.refused(COMPANY, "ApplyForTheme", **{**good, **changes})
        return refused.reason, refused.fields

    assert reason(theme="T01") == ("THEME_NOT_APPLICABLE", ["theme"])
    assert reason(theme="T99") == ("THEME_UNKNOWN", ["theme"])
    assert reason(form=field) == ("FIELD_INVALID", ["form"])
    assert reason(papers=[{"name": " "}]) == ("FIELD_INVALID", ["papers"])
    assert reason(papers=[])[1] == ["papers"]
    assert reason(project_id=UNKNOWN)[0] == "PROJECT_UNKNOWN"
    assert call.refused(STRANGER, "ApplyForTheme", **good).reason == "OUT_OF_SCOPE"
    assert not call(COMPANY, "ListCases", project_id=project_id).cases


def test_a_theme_is_not_applied_for_twice_while_open(
    call: Client, project_id: str, themed: Any
) -> None:
    again = call.refused(
        COMPANY, "ApplyForTheme", project_id=project_id, theme="T02", papers=PAPERS
    )

    assert again.reason == "APPLICATION_OPEN"
    listed = call(COMPANY, "ListApplications", project_id=project_id).applications
    assert [each.application_id for each in listed] == [themed.application_id]


# --- one notice -----------------------------------------------------------------------------------


def test_corrections_come_as_one_notice_and_only_repeat(call: Client, themed: Any) -> None:
    cases = with_cases(themed)
    on = {"application_id": themed.application_id}
    one, two = sorted(cases)[0], "S2-06"
    alone = call.refused(
        REVIEWER, "RequestSupplement", case_id=cases[two].case_id, entries=["节能报告"]
    )
    asked = [
        {"item_code": code, "entries": [f"{code} 的图纸"]} for code in dict.fromkeys((one, two))
    ]

    told = call(WINDOW, "AskThemeCorrections", **on, corrections=asked).application
    call(COMPANY, "SupplementCase", case_id=cases[two].case_id)
    new = call.refused(
        WINDOW,
        "AskThemeCorrections",
        **on,
        corrections=[{"item_code": two, "entries": ["另一份图纸"]}],
    )

    assert alone.reason == "THROUGH_COMBINED_NOTICE"
    states = {each.item_code: each.state for each in told.items}
    assert states[two] == "supplementing"
    assert told.HasField("notice_sent_at")
    assert new.reason == "NEW_SUPPLEMENT_ENTRY"
    company = call.refused(COMPANY, "AskThemeCorrections", **on, corrections=asked)
    assert company.reason == "NOT_YOUR_ROLE"


def test_what_the_departments_propose_is_gathered_into_the_one_notice(
    call: Client, themed: Any
) -> None:
    on = {"application_id": themed.application_id}
    wanted: dict[str, Any] = {**on, "item_code": "S2-06", "entries": ["节能报告"]}
    nothing = call.refused(WINDOW, "AskThemeCorrections", **on)
    not_there = call.refused(
        REVIEWER, "ProposeCorrections", **on, item_code="S6-01", entries=["图纸"]
    )

    seen = call(REVIEWER, "ProposeCorrections", **wanted).application
    hidden = call(COMPANY, "GetApplication", **on).application
    told = call(WINDOW, "AskThemeCorrections", **on).application

    assert nothing.fields == ["corrections"]
    assert not_there.fields == ["item_code"]
    assert [(each.item_code, list(each.entries)) for each in seen.proposed] == [
        ("S2-06", ["节能报告"])
    ]
    assert not hidden.proposed
    assert not told.proposed
    case = call(COMPANY, "GetCase", case_id=with_cases(told)["S2-06"].case_id).case
    assert (case.status, [each.text for each in case.notice]) == ("supplementing", ["节能报告"])
    assert call.refused(ELSEWHERE, "ProposeCorrections", **wanted).reason == "OUT_OF_SCOPE"
    assert call.refused(COMPANY, "ProposeCorrections", **wanted).reason == "NOT_YOUR_ROLE"


def test_a_notice_with_one_wrong_item_is_not_sent_at_all(call: Client, themed: Any) -> None:
    on = {"application_id": themed.application_id}
    asked = [{"item_code": code, "entries": ["图纸"]} for code in ("S2-06", "S6-01")]

    refused = call.refused(WINDOW, "AskThemeCorrections", **on, corrections=asked)

    assert refused.fields == ["corrections"]
    after = call(COMPANY, "GetApplication", **on).application
    assert with_cases(after)["S2-06"].state == "received"
    assert (after.version, after.HasField("notice_sent_at")) == (1, False)


# --- partial completion and the theme's clock ----------------------------------------------------


def test_partial_completion_shows_when_a_case_is_withdrawn(call: Client, themed: Any) -> None:
    case_id = with_cases(themed)["S2-06"].case_id

    call(COMPANY, "WithdrawCase", case_id=case_id, reason="方案调整")
    after = call(COMPANY, "GetApplication", application_id=themed.application_id).application

    assert after.status == "partly_done"
    call(COMPANY, "ApplyNext", application_id=themed.application_id, item_codes=["S2-06"])
    again = call(COMPANY, "GetApplication", application_id=themed.application_id).application
    assert again.status == "in_progress"
    assert with_cases(again)["S2-06"].case_id != case_id


def test_the_themes_limit_runs_from_the_last_acceptance_and_is_extended_once(
    call: Client, watch: Any, themed: Any
) -> None:
    on = {"application_id": themed.application_id}
    more: dict[str, Any] = {**on, "days": 15, "reason": "复杂", "document": "丹政批〔2026〕1号"}
    cases = with_cases(themed)
    early = call.refused(HEAD, "ExtendApplication", **more)
    for code, each in cases.items():
        if code != "S2-06":
            call(COMPANY, "WithdrawCase", case_id=each.case_id, reason="先办节能审查")
    watch.now = shanghai("2026-03-04T09:30:00")
    call(REVIEWER, "AcceptCase", case_id=cases["S2-06"].case_id)

    clock = call(COMPANY, "GetApplication", **on).application.clock
    longer = call(HEAD, "ExtendApplication", **more).application.clock

    assert early.reason == "THEME_CLOCK_NOT_RUNNING"
    assert (clock.started_on, clock.statutory_due) == ("2026-03-04", "2026-04-20")
    assert (clock.target_due, clock.basis) == ("2026-04-01", "行政许可法 第四十二条第二款")
    assert (longer.statutory_due, longer.extension_days) == ("2026-05-06", 15)
    assert call.refused(HEAD, "ExtendApplication", **more).reason == "THEME_EXTENDED_ALREADY"
    assert call.refused(REVIEWER, "ExtendApplication", **more).reason == "NOT_YOUR_ROLE"


# --- what others are told of a theme ---------------------------------------------------------------


def told(db: Database, watch: Any) -> list[dict[str, Any]]:
    """Let the worker tell what moved; return what it told of themes so far."""
    with db.begin() as tx:
        stores = Stores(ApplicationStore(tx), CaseStore(tx), ProjectStore(tx))
        while tell_themes(stores, most=20, now=watch.now):
            pass
        envelopes = tx.scalars(sa.select(outbox.c.envelope).order_by(outbox.c.position))
        return [
            each["data"]["application"]
            for each in envelopes
            if each["type"] == "application_changed.v1"
        ]


def test_a_theme_s_clock_is_told_when_it_moves_and_only_then(
    call: Client, watch: Any, themed: Any, db: Database
) -> None:
    mine = {"application_id": themed.application_id}
    cases = with_cases(themed)
    for code, each in cases.items():
        if code != "S2-06":
            call(COMPANY, "WithdrawCase", case_id=each.case_id, reason="先办节能审查")
    told(db, watch)
    watch.now = shanghai("2026-03-04T09:30:00")
    call(REVIEWER, "AcceptCase", case_id=cases["S2-06"].case_id)
    running = told(db, watch)[-1]
    again = told(db, watch)[-1]
    more: dict[str, Any] = {**mine, "days": 15, "reason": "复杂", "document": "丹政批〔2026〕1号"}
    call(HEAD, "ExtendApplication", **more)
    longer = told(db, watch)[-1]

    assert running["application_id"] == themed.application_id
    assert (running["started_on"], running["statutory_due"]) == ("2026-03-04", "2026-04-20")
    assert (running["target_due"], running["ended_on"]) == ("2026-04-01", None)
    assert running["lead_org"].startswith("321181:")
    assert again["version"] == running["version"]
    assert (longer["version"], longer["statutory_due"]) == (running["version"] + 1, "2026-05-06")
    assert longer["extended"] is True


def test_a_case_by_itself_tells_of_no_theme(
    call: Client, watch: Any, case: Any, db: Database
) -> None:
    told(db, watch)
    call(REVIEWER, "AcceptCase", case_id=case.case_id)
    with db.read() as connection:
        waiting = connection.scalars(sa.select(application_news.c.application_id)).all()

    assert case.application_id == ""
    assert waiting == []


def test_unknown_and_foreign_applications_are_refused(call: Client, themed: Any) -> None:
    on = {"application_id": themed.application_id}

    assert call.refused(COMPANY, "GetApplication", application_id=UNKNOWN).reason == (
        "APPLICATION_UNKNOWN"
    )
    assert call.refused(STRANGER, "GetApplication", **on).reason == "OUT_OF_SCOPE"
    assert call.refused(ELSEWHERE, "GetApplication", **on).reason == "OUT_OF_SCOPE"
    stale = call.refused(COMPANY, "ApplyNext", **on, item_codes=["S2-06"], expected_version=9)
    assert stale.reason == "STALE"


# --- the whole process ----------------------------------------------------------------------------


def test_the_whole_process_is_opened_once_and_unlocks_item_by_item(
    call: Client, done: Any, project_id: str
) -> None:
    whole: dict[str, Any] = {"project_id": project_id, "papers": PAPERS}
    made = call(COMPANY, "ApplyForWhole", **whole).application
    on = {"application_id": made.application_id}
    locked = [
        each for each in made.items if each.state == "locked" and "S2-01" not in each.waits_for
    ]
    ready = [each.item_code for each in made.items if each.state == "ready"]
    assert locked
    assert "S2-01" in ready

    taken = call(COMPANY, "ApplyNext", **on, item_codes=["S2-01"]).application
    too_early = call.refused(COMPANY, "ApplyNext", **on, item_codes=[locked[0].item_code])
    foreign = call.refused(COMPANY, "ApplyNext", **on, item_codes=["S9-99"])
    twice = call.refused(COMPANY, "ApplyNext", **on, item_codes=["S2-01"])

    assert (taken.mode, with_cases(taken)["S2-01"].state) == ("full_process", "received")
    assert (too_early.reason, too_early.fields) == ("ITEM_LOCKED", ["item_codes"])
    assert (foreign.fields, twice.reason) == (["item_codes"], "CASE_ALREADY_OPEN")
    assert call.refused(COMPANY, "ApplyForWhole", **whole).reason == "APPLICATION_OPEN"
    done(*locked[0].waits_for)
    after = call(COMPANY, "GetApplication", **on).application
    states = {each.item_code: each.state for each in after.items}
    assert states[locked[0].item_code] == "ready"


# --- channels -------------------------------------------------------------------------------------


def test_every_channel_leads_to_one_queue_and_is_remembered(call: Client, new_project: Any) -> None:
    call_taken: dict[str, Any] = {
        "channel": pb.CHANNEL_HOTLINE,
        "caller": "王某",
        "summary": "来电申请节能审查",
    }
    mandated: dict[str, Any] = {"channel": pb.CHANNEL_AGENT, "authorisation": "授权〔2026〕1号"}
    for who, more, channel in (
        (COMPANY, {}, "online"),
        (WINDOW, {}, "counter"),
        (WINDOW, call_taken, "hotline"),
        (NAVIGATOR, mandated, "agent"),
    ):
        project = new_project()
        made = call(who, "SubmitCase", project_id=project, item_code="S2-06", **more).case
        assert (made.channel, made.status) == (channel, "received")
        wanted = pb.Channel.Value(f"CHANNEL_{channel.upper()}")
        found = call(REVIEWER, "ListCases", project_id=project, channel=wanted).cases
        assert [each.case_id for each in found] == [made.case_id]
        other = pb.CHANNEL_COUNTER if channel == "online" else pb.CHANNEL_ONLINE
        assert not call(REVIEWER, "ListCases", project_id=project, channel=other).cases
    assert made.authorisation == "授权〔2026〕1号"


def test_a_channel_that_is_not_the_applicants_own_is_refused(call: Client, project_id: str) -> None:
    wanted: dict[str, Any] = {"project_id": project_id, "item_code": "S2-06"}

    counter = call.refused(COMPANY, "SubmitCase", **wanted, channel=pb.CHANNEL_COUNTER)
    silent = call.refused(WINDOW, "SubmitCase", **wanted, channel=pb.CHANNEL_HOTLINE)
    bare = call.refused(NAVIGATOR, "SubmitCase", **wanted, channel=pb.CHANNEL_AGENT)

    assert counter.fields == ["channel"]
    assert silent.fields == ["caller"]
    assert bare.fields == ["authorisation"]


# --- what the project says of itself --------------------------------------------------------------


def test_an_application_follows_its_project_to_another_company(
    call: Client, db: Database, new_project: Any
) -> None:
    project_id = new_project()
    made = call(
        COMPANY, "ApplyForTheme", project_id=project_id, theme="T02", papers=PAPERS
    ).application
    moved = project_state(
        project_id=project_id, version=2, name=project_id, uscc=next(iter(STRANGER.companies))
    )

    with db.begin() as tx:
        take_project(ProjectStore(tx), CaseStore(tx), moved, now=MONDAY)

    on = {"application_id": made.application_id}
    assert call.refused(COMPANY, "GetApplication", **on).reason == "OUT_OF_SCOPE"
    assert call(STRANGER, "GetApplication", **on).application.theme == "T02"


def test_applications_are_listed_a_page_at_a_time_the_newest_first(
    call: Client, watch: Any, project_id: str
) -> None:
    call(COMPANY, "ApplyForTheme", project_id=project_id, theme="T02", papers=PAPERS)
    watch.now = shanghai("2026-03-03T09:30:00")
    call(COMPANY, "ApplyForWhole", project_id=project_id, papers=PAPERS)

    first = call(COMPANY, "ListApplications", project_id=project_id, page_size=1)
    second = call(
        COMPANY,
        "ListApplications",
        project_id=project_id,
        page_size=1,
        page_token=first.next_page_token,
    )

    assert [each.mode for each in first.applications] == ["full_process"]
    assert [each.mode for each in second.applications] == ["theme"]
    assert second.next_page_token == ""


def test_two_who_apply_for_one_theme_at_once_make_one_application(
    call: Client, project_id: str
) -> None:
    wanted: dict[str, Any] = {"project_id": project_id, "theme": "T02", "papers": PAPERS}

    def apply(who: Any) -> str:
        try:
            call(who, "ApplyForTheme", **wanted)
        except grpc.RpcError as error:
            return Refusal.of(error).reason
        return "applied"

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(apply, (COMPANY, WINDOW)))

    assert told == ["APPLICATION_OPEN", "applied"]
    assert len(call(COMPANY, "ListApplications", project_id=project_id).applications) == 1
