"""The gRPC edge: decode, count, encode."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa
from google.api import httpbody_pb2
from google.protobuf import json_format
from kaigong.reporting.v1 import reporting_pb2 as pb
from kaigong.reporting.v1 import reporting_pb2_grpc as pb_grpc

from chassis import regions
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import OutOfScope
from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, to_timestamp
from reporting import queries, store, usecases
from reporting.documents import month_workbook
from reporting.domain import (
    DEFINITIONS,
    GREEN,
    LIGHTS,
    RED,
    RED_STATUTORY,
    YELLOW,
    CalendarMissing,
    Indicator,
    Month,
)

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LIGHT_NUMBERS = {name: number for number, name in enumerate(LIGHTS, start=1)}


class Reporting(pb_grpc.ReportingServiceServicer):
    def __init__(self, db: Database, now: Clock) -> None:
        self.db, self.now = db, now

    @query(transaction=True)
    def GetNetwork(self, request: pb.GetNetworkRequest, call: Call) -> pb.GetNetworkResponse:
        path = _path(call, request.region)
        found = queries.network(
            call.tx, path, year=request.year, today=local_day(call.now), now=call.now
        )
        code = path.rpartition("/")[2]
        children = [each for each in regions.all_regions().values() if each.parent == code]
        _, version = store.load_calendar(call.tx)
        return pb.GetNetworkResponse(
            total=_figures(code, found.values()),
            regions=[
                _figures(each.code, [found[each.code]] if each.code in found else [])
                for each in children
            ],
            as_of=to_timestamp(call.now),
            calendar_version=version,
            definition_version=DEFINITIONS,
        )

    @query(transaction=True)
    def ListNetworkCases(
        self, request: pb.ListNetworkCasesRequest, call: Call
    ) -> pb.ListNetworkCasesResponse:
        asked = page(request, width=1)
        rows, total = queries.list_cases(
            call.tx,
            call.scope,
            asked,
            path=_asked(call, request.region),
            light=LIGHTS[request.light - 1] if request.light else "",
            year=request.year,
            today=local_day(call.now),
        )
        return pb.ListNetworkCasesResponse(
            cases=[_case(row) for row in rows[: asked.size]],
            next_page_token=_next(rows, asked.size),
            total_size=total,
        )

    @query(transaction=True)
    def ListNetworkProjects(
        self, request: pb.ListNetworkProjectsRequest, call: Call
    ) -> pb.ListNetworkProjectsResponse:
        asked = page(request, width=1)
        rows, total = queries.list_projects(
            call.tx,
            call.scope,
            asked,
            path=_asked(call, request.region),
            stage=request.stage,
            level=request.level,
            pool=request.pool,
            year=request.year,
        )
        return pb.ListNetworkProjectsResponse(
            projects=[_project(row) for row in rows[: asked.size]],
            next_page_token=_next(rows, asked.size),
            total_size=total,
        )

    @query(transaction=True)
    def GetReport(self, request: pb.GetReportRequest, call: Call) -> pb.GetReportResponse:
        report, digest, issued_at = _report(call, request.period, request.region)
        return pb.GetReportResponse(report=report, digest=digest, issued_at=to_timestamp(issued_at))

    @query(transaction=True)
    def DownloadReport(
        self, request: pb.DownloadReportRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        report, digest, _ = _report(call, request.period, request.region)
        body = json_format.MessageToDict(
            report, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        at = call.now.astimezone().isoformat(timespec="seconds")
        mark = f"导出人 {call.principal.name} ({call.principal.username}) · {at}"
        call.audit(subject_type="report", subject_id=f"{report.region}/{report.period}")
        call.header(
            "content-disposition",
            f'attachment; filename="report-{report.region}-{report.period}.xlsx"',
        )
        return httpbody_pb2.HttpBody(
            content_type=_XLSX, data=month_workbook(body, mark=mark, digest=digest)
        )

    @command
    def IssueReport(self, request: pb.IssueReportRequest, call: Call) -> pb.IssueReportResponse:
        path = _path(call, request.region)
        Month.read(request.period).check_begun(request.period, call.now)
        report = _present(call, request.period, path)
        report_id = call.new_id()
        digest = usecases.issue_report(
            store.ReportShelf(call.tx),
            report.SerializeToString(deterministic=True),
            report_id=report_id,
            period=request.period,
            region=report.region,
            by=call.principal.account_id,
            now=call.now,
        )
        call.audit(subject_type="report", subject_id=report_id, digest=digest)
        return pb.IssueReportResponse(report_id=str(report_id), digest=digest, report=report)


def _path(call: Call, region: str) -> str:
    """Return the path of the region asked for, or of the caller's own; another's is out of scope."""
    own = call.principal.region_path
    if not region:
        return own
    path = regions.path_of(region)
    if own and not regions.within(path, own):
        raise OutOfScope
    return path


def _asked(call: Call, region: str) -> str:
    """Like `_path`, but without a region the rows in scope decide: a company's lie anywhere."""
    return _path(call, region) if region else ""


def _next(rows: list[sa.Row[Any]], size: int) -> str:
    return token_after(str(rows[size - 1].id)) if len(rows) > size else ""


def _report(call: Call, period: str, region: str) -> tuple[pb.Report, str, Any]:
    """Return the frozen report where there is one, else the present figures."""
    path = _path(call, region)
    code = path.rpartition("/")[2]
    kept = store.ReportShelf(call.tx).find(kind="month", period=period, region=code)
    if kept is not None:
        return pb.Report.FromString(kept.figures), kept.digest, kept.issued_at
    return _present(call, period, path), "", None


def _present(call: Call, period: str, path: str) -> pb.Report:
    calendar, version = store.load_calendar(call.tx)
    if calendar is None:
        raise CalendarMissing
    numbers = queries.MonthNumbers(call.tx, path, Month.read(period), calendar, call.now)
    levels = call.scope.levels
    code = path.rpartition("/")[2]
    return pb.Report(
        period=period,
        region=code,
        region_name=regions.name(code) if code else "",
        overview=_indicators(numbers.overview()),
        by_stage=[pb.Counted(key=key, count=number) for key, number in numbers.by_stage()],
        moves=[
            pb.StageMove(from_stage=before, to_stage=after, count=number)
            for before, after, number in numbers.moves()
        ],
        limits=_indicators(numbers.limits()),
        departments=[pb.DepartmentFigures(**row) for row in numbers.departments()],
        service=_indicators(numbers.service()),
        problems=[
            pb.Problem(
                project_id=str(row.project_id),
                project_name=row.name,
                on=local_day(row.filed_at).isoformat(),
                text=row.problem,
            )
            for row in numbers.problems()
        ],
        starting_next=[_project(row) for row in numbers.starting_next() if row.level in levels],
        cases_due_next=numbers.due_next(),
        projects=[_project(row) for row in numbers.projects(levels)],
        orders=[
            pb.OrderLine(
                number=row.number,
                project_name=row.project_name,
                lead_org_name=row.lead_org_name,
                colour=row.colour,
                status=row.status,
                issued_on=local_day(row.issued_at).isoformat(),
            )
            for row in numbers.orders(levels)
        ],
        as_of=instant(call.now),
        definition_version=DEFINITIONS,
        calendar_version=version,
    )


def _indicators(found: Iterable[Indicator]) -> list[pb.Indicator]:
    return [
        pb.Indicator(
            id=each.id,
            name=each.name,
            value=each.value,
            unit=each.unit,
            numerator=each.numerator,
            denominator=each.denominator,
            definition=each.definition,
        )
        for each in found
    ]


def _figures(code: str, found: Iterable[dict[str, dict[str, int]]]) -> pb.RegionFigures:
    sums: dict[str, dict[str, int]] = {}
    for counted in found:
        for what, by_key in counted.items():
            for key, number in by_key.items():
                sums.setdefault(what, {})[key] = sums.get(what, {}).get(key, 0) + number

    def of(what: str, *keys: str) -> int:
        return sum(sums.get(what, {}).get(key, 0) for key in keys)

    def table(what: str) -> list[pb.Counted]:
        return [pb.Counted(key=key, count=n) for key, n in sorted(sums.get(what, {}).items())]

    return pb.RegionFigures(
        region=code,
        name=regions.name(code) if code else "",
        projects=sum(sums.get("stage", {}).values()),
        by_stage=table("stage"),
        by_level=table("level"),
        by_pool=table("pool"),
        cases_open=of("light", GREEN, YELLOW, RED, RED_STATUTORY),
        cases_yellow=of("light", YELLOW),
        cases_red=of("light", RED),
        cases_red_statutory=of("light", RED_STATUTORY),
        cases_decided=of("decided", "decided"),
        cards_yellow=of("card", "yellow"),
        cards_red=of("card", "red", "red_statutory"),
        orders_open=of("order", "open", "late"),
        orders_overdue=of("order", "late"),
    )


def _case(row: sa.Row[Any]) -> pb.NetworkCase:
    return pb.NetworkCase(
        case_id=str(row.id),
        project_id=str(row.project_id),
        project_name=row.project_name,
        item_code=row.item_code,
        item_name=row.item_name,
        status=row.status,
        org=row.org,
        org_name=row.org_name,
        region_path=row.region_path,
        committed_due=_day(row.committed_due),
        statutory_due=_day(row.statutory_due),
        light=_LIGHT_NUMBERS[row.light],  # type: ignore[arg-type]
    )


def _project(row: sa.Row[Any]) -> pb.NetworkProject:
    return pb.NetworkProject(
        project_id=str(row.id),
        name=row.name,
        level=row.level,
        stage=row.stage,
        status=row.status,
        pool=row.pool,
        region_path=row.region_path,
        planned_start=_day(row.planned_start),
        actual_start=_day(row.actual_start),
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
