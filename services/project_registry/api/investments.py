"""Reports of investment over gRPC."""

from __future__ import annotations

from decimal import Decimal

from kaigong.project_registry.v1 import project_registry_pb2 as pb

from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command, query, read_uuid, to_timestamp
from project_registry.api.callers import caller_of, read_project
from project_registry.domain.details import show
from project_registry.domain.investments import Report
from project_registry.store import Registry
from project_registry.usecases import investments as acts


class Investments:
    db: Database
    now: Clock

    @command
    def ReportInvestment(
        self, request: pb.ReportInvestmentRequest, call: Call
    ) -> pb.ReportInvestmentResponse:
        report = acts.report_investment(
            Registry(call.tx),
            read_uuid("project_id", request.project_id),
            request.year,
            request.month,
            Decimal(request.completed_wan),
            request.visual_progress,
            caller_of(call, reason=request.reason),
            now=call.now,
        )
        call.audit(
            subject_type="project",
            subject_id=report.project_id,
            month=f"{report.year}-{report.month:02}",
            completed_wan=show(report.newest.completed_wan),
        )
        return pb.ReportInvestmentResponse(report=_told(report))

    @query(transaction=True)
    def ListInvestment(
        self, request: pb.ListInvestmentRequest, call: Call
    ) -> pb.ListInvestmentResponse:
        project_id = read_project(call, request.project_id).id
        reports = Registry(call.tx).investments.of_project(project_id)
        return pb.ListInvestmentResponse(reports=[_told(each) for each in reports])


def _told(report: Report) -> pb.InvestmentReport:
    return pb.InvestmentReport(
        year=report.year,
        month=report.month,
        version=report.version,
        planned_wan=show(report.planned_wan),
        told=[
            pb.InvestmentTold(
                completed_wan=show(each.completed_wan),
                visual_progress=each.visual_progress,
                reason=each.reason,
                by=each.by,
                by_name=each.by_name,
                at=to_timestamp(each.at),
            )
            for each in report.told
        ],
    )
