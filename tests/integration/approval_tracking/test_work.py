"""One list for a company, one for a department, one for a region: what they count is the same."""

from __future__ import annotations

import io
import random
from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import openpyxl
import pytest
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.projects import PastDecision
from approval_tracking.usecases.projects import record_past_decisions, take_project
from chassis.db import Database
from support.approvals import (
    COMPANY,
    DISPATCHER,
    ECO_HEAD,
    ECO_REVIEWER,
    ELSEWHERE,
    HEAD,
    MONDAY,
    REVIEWER,
    WINDOW,
    project_state,
    shanghai,
)
from support.servicers import Client

REFORM, ECOLOGY = "321181:发改", "321181:生态环境"
ITEMS = {"S2-06": (REVIEWER, HEAD), "S2-09": (ECO_REVIEWER, ECO_HEAD)}
URGENCIES = (
    pb.URGENCY_OVERDUE,
    pb.URGENCY_DUE_SOON,
    pb.URGENCY_IN_TIME,
    pb.URGENCY_WAITING,
)


@pytest.fixture(scope="module")
def city(db: Database, call: Client, _watch: Any) -> list[str]:
    """Projects with cases that came in over two months and took different turns."""
    chance, made = random.Random(5), []
    for number in range(24):
        attributes = {"eia_class": '"form"', "annual_energy_tce": "2400"}
        state = project_state(name=str(uuid4()), attributes=attributes)
        project_id = UUID(state["project_id"])
        with db.begin() as tx:
            projects = ProjectStore(tx)
            take_project(projects, CaseStore(tx), state, now=MONDAY)
            done = [PastDecision("S2-01", MONDAY.date(), MONDAY.date())]
            record_past_decisions(projects, Reference(tx), project_id, done, now=MONDAY)
        _watch.now = shanghai(f"2026-03-{2 + number:02}T10:00:00")
        for item, (reviewer, head) in ITEMS.items():
            one = {"project_id": str(project_id), "item_code": item}
            case = {"case_id": call(COMPANY, "SubmitCase", **one).case.case_id}
            turn = chance.randrange(6)
            if turn == 1:
                call(reviewer, "RequestSupplement", **case, entries=["图纸"])
            if turn >= 2:
                call(reviewer, "AcceptCase", **case)
            if turn == 3:
                outcome = pb.DECISION_OUTCOME_APPROVED
                call(head, "DecideCase", **case, outcome=outcome, reason="符合规定")
            if turn == 4:
                call(COMPANY, "WithdrawCase", **case, reason="方案调整")
            if turn == 5:
                call(WINDOW, "MarkGreenChannel", **case, green=True, reason="省重大项目")
        made.append(str(project_id))
    return made


@pytest.fixture
def today(watch: Any, city: list[str]) -> date:
    watch.now = shanghai("2026-03-26T10:00:00")
    return date(2026, 3, 26)


def all_work(call: Client, who: Any, **wanted: Any) -> list[Any]:
    found, token = [], ""
    while True:
        page = call(who, "ListWork", page_size=5, page_token=token, **wanted)
        found += page.work
        token = page.next_page_token
        if not token:
            return found


def test_the_three_views_count_the_same(call: Client, today: date) -> None:
    region = call(DISPATCHER, "GetRegionProgress", region="321181")
    bodies: Counter[str] = Counter()
    urgent: Counter[int] = Counter()
    for stage in region.stages:
        assert sum(each.counts.total for each in stage.bodies) == stage.counts.total
        for each in stage.bodies:
            bodies[each.org] += each.counts.total
    listed = {org: all_work(call, DISPATCHER, org=org) for org in (REFORM, ECOLOGY)}
    for org, work in listed.items():
        counts = call(DISPATCHER, "ListWork", org=org).counts
        assert counts.total == len(work) == bodies[org] > 0
        by_status = Counter(each.case.status for each in work)
        assert by_status == Counter(
            {
                name: getattr(counts, name)
                for name in ("received", "supplementing", "in_review", "suspended", "decided")
            }
        )
        urgent += Counter(each.urgency for each in work)
    assert sum(stage.counts.total for stage in region.stages) == region.counts.total
    assert urgent == Counter(
        {
            pb.URGENCY_OVERDUE: region.counts.overdue,
            pb.URGENCY_DUE_SOON: region.counts.due_soon,
            pb.URGENCY_IN_TIME: region.counts.in_time,
            pb.URGENCY_WAITING: region.counts.waiting,
        }
    )
    assert all(urgent[each] for each in URGENCIES)


def test_the_views_agree_with_a_slow_recount_from_the_companys_own_lists(
    call: Client, today: date, city: list[str]
) -> None:
    running = {"received", "supplementing", "in_review", "suspended", "decided"}
    soon, slow = date(2026, 3, 31), Counter[str]()
    for project_id in city:
        for case in call(COMPANY, "ListCases", project_id=project_id).cases:
            if case.status not in running:
                continue
            clock = case.clock
            days = {
                "received": [clock.notice_due],
                "in_review": [clock.committed_due, clock.statutory_due],
                "decided": [clock.delivery_due],
            }.get(case.status, [])
            last = min((date.fromisoformat(day) for day in days if day), default=None)
            urgency = "waiting"
            if last:
                urgency = "in_time" if last > soon else "due_soon"
                urgency = "overdue" if last < today else urgency
            slow[urgency] += 1

    counts = call(COMPANY, "GetRegionProgress", region="321181").counts
    mine = {name: getattr(counts, name) for name in ("overdue", "due_soon", "in_time", "waiting")}

    assert {**mine} == {name: slow[name] for name in mine}
    assert counts.total == slow.total()


def test_what_is_green_comes_first_and_the_rest_by_the_day(call: Client, today: date) -> None:
    work = all_work(call, REVIEWER)

    order = [(not each.case.green, each.act_by or "9999", each.case.case_id) for each in work]
    assert order == sorted(order)
    assert {each.case.green for each in work} == {True, False}
    assert len({each.case.case_id for each in work}) == len(work)


def test_a_department_filters_its_list(call: Client, today: date) -> None:
    overdue = all_work(call, REVIEWER, urgency=pb.URGENCY_OVERDUE)
    received = all_work(call, REVIEWER, status=pb.CASE_STATUS_RECEIVED, item_code="S2-06")

    assert {each.urgency for each in overdue} == {pb.URGENCY_OVERDUE}
    assert all(each.act_by < "2026-03-26" for each in overdue)
    assert {each.case.status for each in received} == {"received"}
    assert all_work(call, REVIEWER, region="321181113")
    assert not all_work(call, REVIEWER, region="321183")
    assert not all_work(call, REVIEWER, item_code="S5-09")


def test_a_list_shows_what_the_caller_may_see(call: Client, today: date) -> None:
    assert call(ELSEWHERE, "ListWork", org=REFORM).counts.total == 0
    assert call(ELSEWHERE, "GetRegionProgress", region="321100").counts.total == 0
    nobody = call.refused(DISPATCHER, "ListWork")
    assert nobody.fields == ["org"]
    unknown = call.refused(DISPATCHER, "GetRegionProgress", region="999999")
    assert unknown.fields == ["region"]


def test_the_items_of_a_project_are_exported_with_who_answers_for_them(
    call: Client, today: date, city: list[str]
) -> None:
    one = {"project_id": city[0]}
    listed = call(COMPANY, "ListProjectItems", **one).items
    made = call(COMPANY, "ExportProjectItems", **one)

    sheet = openpyxl.load_workbook(io.BytesIO(made.data))["一单清"]
    heads = [cell.value for cell in sheet[2]]
    rows = [dict(zip(heads, (c.value for c in row), strict=True)) for row in sheet.iter_rows(3)]
    assert [row["事项编号"] for row in rows] == [each.item_code for each in listed]
    one_row = next(row for row in rows if row["事项编号"] == "S2-06")
    assert one_row["实施机关"] == "丹阳市发改"
    assert (one_row["法定时限"], one_row["承诺时限"]) == ("20 个工作日", "5 个工作日")
