"""The gRPC edge: who may see which region, frozen reports, pages and the file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from kaigong.reporting.v1 import reporting_pb2 as pb
from kaigong.reporting.v1 import reporting_pb2_grpc as pb_grpc
from openpyxl import load_workbook

from chassis import db as chassis_db
from chassis.db import Database
from reporting.api import Reporting
from support import newsroom as told
from support.clocks import at
from support.desk import D1, D4, D5, E1, OTHER_D1, OTHER_E1, S2
from support.newsroom import JURONG, Newsroom
from support.servicers import Client, Refusal, serving

NOW = at("2026-11-20 10:00")


@pytest.fixture
def call(newsroom: Newsroom) -> Iterator[Client]:
    servicer = Reporting(newsroom.db, lambda: NOW)
    with serving(
        lambda server: pb_grpc.add_ReportingServiceServicer_to_server(servicer, server),
        pb_grpc.ReportingServiceStub,
        pb,
        (D1, D4, D5, E1, OTHER_D1, OTHER_E1, S2),
    ) as client:
        yield client


@pytest.fixture
def told_of(newsroom: Newsroom) -> Newsroom:
    newsroom.take(
        told.project(),
        told.project(project_id=UUID(int=9), region_path=JURONG, uscc="913211710000000199"),
        *(
            told.case(
                "case_accepted.v1",
                "2026-11-18 10:00",
                case_id=UUID(int=number),
                accepted="2026-11-18",
            )
            for number in range(20, 25)
        ),
    )
    return newsroom


def test_the_total_is_the_sum_of_the_regions(call: Client, told_of: Newsroom) -> None:
    answer = call(D4, "GetNetwork")

    assert answer.total.projects == sum(each.projects for each in answer.regions) == 2
    assert answer.total.cases_open == sum(each.cases_open for each in answer.regions) == 5
    assert {each.region for each in answer.regions if each.projects} == {"321181", "321183"}
    assert answer.calendar_version == "2026-11"


def test_another_region_is_refused_and_an_unknown_one_named(call: Client) -> None:
    outside = Refusal("PERMISSION_DENIED", "OUT_OF_SCOPE", [])

    assert call.refused(D1, "GetNetwork", region="321183") == outside
    assert call.refused(D1, "GetNetwork", region="321100") == outside
    assert call.refused(D1, "GetReport", period="2026-11", region="321183") == outside
    assert call.refused(D4, "GetNetwork", region="999999").fields == ["region"]
    assert call.refused(S2, "GetNetwork").code == "PERMISSION_DENIED"


def test_a_company_lists_its_own_cases_wherever_they_lie(call: Client, told_of: Newsroom) -> None:
    told_of.take(
        told.case("case_accepted.v1", "2026-11-18 10:00", case_id=UUID(int=30), region_path=JURONG)
    )

    own = {each.case_id for each in call(E1, "ListNetworkCases").cases}

    assert str(UUID(int=30)) in own
    assert len(own) == 6
    assert call(OTHER_E1, "ListNetworkCases").total_size == 0


def test_pages_hold_every_case_once(call: Client, told_of: Newsroom) -> None:
    seen: list[str] = []
    token = ""
    while True:
        answer = call(D1, "ListNetworkCases", page_size=2, page_token=token)
        seen += [each.case_id for each in answer.cases]
        token = answer.next_page_token
        if not token:
            break

    assert seen == [str(UUID(int=number)) for number in range(20, 25)]
    assert answer.total_size == 5
    assert call.refused(D1, "ListNetworkCases", page_token="made up").fields == ["page_token"]


def test_an_issued_report_stays_as_it_was_issued(call: Client, told_of: Newsroom) -> None:
    issued = call(D5, "IssueReport", key="k1", period="2026-11")
    told_of.take(told.project(project_id=UUID(int=8)))

    read = call(D4, "GetReport", period="2026-11")

    assert read.digest == issued.digest
    assert read.report == issued.report
    assert (
        hashlib.sha256(read.report.SerializeToString(deterministic=True)).hexdigest()
        == issued.digest
    )
    assert call(D1, "GetReport", period="2026-11").report.overview[0].value == "2"
    with told_of.db.read() as connection:
        (fact,) = connection.scalars(sa.select(chassis_db.outbox.c.envelope))
    assert (fact["type"], fact["data"]["digest"]) == ("report_issued.v1", issued.digest)


def test_a_report_is_issued_once_and_not_before_its_month(call: Client, told_of: Newsroom) -> None:
    first = call(D5, "IssueReport", key="k1", period="2026-11")

    assert call(D5, "IssueReport", key="k1", period="2026-11") == first
    assert call.refused(D5, "IssueReport", key="k2", period="2026-11").reason == "ALREADY_ISSUED"
    assert call.refused(D5, "IssueReport", key="k3", period="2026-12").reason == "PERIOD_NOT_BEGUN"
    assert call.refused(D4, "GetReport", period="2026-13").fields == ["period"]


def test_the_file_holds_the_same_numbers_and_says_who_took_it(
    call: Client, told_of: Newsroom
) -> None:
    report = call(D4, "GetReport", period="2026-11").report

    answer = call(D4, "DownloadReport", period="2026-11")

    book = load_workbook(io.BytesIO(answer.data))
    rows = list(book["总体情况"].iter_rows(min_row=4, max_col=3, values_only=True))
    for indicator, row in zip(report.overview, rows, strict=False):
        assert row == (
            indicator.id,
            indicator.name,
            float(indicator.value) if indicator.value else "—",
        )
    said = [cell.value for cell in book["部门"]["A"] if cell.value]
    assert any("d4.city" in str(text) for text in said)


def test_without_a_calendar_there_is_no_report_but_a_reason(db: Database) -> None:
    servicer = Reporting(db, lambda: NOW)
    with serving(
        lambda server: pb_grpc.add_ReportingServiceServicer_to_server(servicer, server),
        pb_grpc.ReportingServiceStub,
        pb,
        (D4,),
    ) as call:
        refused = call.refused(D4, "GetReport", period="2026-11")

    assert refused.reason == "CALENDAR_MISSING"
