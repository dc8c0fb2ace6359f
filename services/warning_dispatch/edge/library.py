"""The library of problems 问题库 over gRPC."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

from google.api import httpbody_pb2
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis import regions
from chassis.rpc import Call, command, query, read_date, read_uuid
from warning_dispatch import queries, usecases
from warning_dispatch.domain import Escalation
from warning_dispatch.domain.special_report import SpecialReport, special_report
from warning_dispatch.edge.escalations import Escalations
from warning_dispatch.edge.words import name_of, value_of
from warning_dispatch.official_letters import DOCX, lay_out
from warning_dispatch.store import Ledger


class Library(Escalations):
    @command
    def ClassifyEscalation(
        self, request: pb.ClassifyEscalationRequest, call: Call
    ) -> pb.ClassifyEscalationResponse:
        classing = usecases.Classing(name_of(pb.Cause, request.cause), request.lead_org)
        matter = usecases.classify_escalation(*self._on(request, call), classing=classing)
        return pb.ClassifyEscalationResponse(escalation=self._written(matter, call))

    @command
    def PlanMeasure(self, request: pb.PlanMeasureRequest, call: Call) -> pb.PlanMeasureResponse:
        matter = usecases.plan_measure(
            *self._on(request, call),
            text=request.text,
            org=request.org,
            due_on=read_date("due_on", request.due_on),
        )
        return pb.PlanMeasureResponse(escalation=self._written(matter, call))

    @command
    def FinishMeasure(
        self, request: pb.FinishMeasureRequest, call: Call
    ) -> pb.FinishMeasureResponse:
        matter = usecases.finish_measure(
            *self._on(request, call), place=request.measure, result=request.result
        )
        return pb.FinishMeasureResponse(escalation=self._written(matter, call))

    @query
    def CountEscalations(
        self, request: pb.CountEscalationsRequest, call: Call
    ) -> pb.CountEscalationsResponse:
        top = regions.path_of(request.region) if request.region else ""
        rows = queries.count_escalations(call.tx, call.scope, call.now, top=top)
        return pb.CountEscalationsResponse(
            counts=[
                pb.EscalationCount(
                    cause=value_of(pb.Cause, row.cause),
                    status=value_of(pb.EscalationStatus, row.status),
                    count=row.total,
                    overdue=row.late,
                )
                for row in rows
            ],
            total_size=sum(row.total for row in rows),
        )

    @query
    def DownloadServiceReport(
        self, request: pb.DownloadServiceReportRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        ledger = Ledger(call.tx)
        matter = ledger.escalations.look(read_uuid("escalation_id", request.escalation_id))
        call.scope.check(
            region_path=matter.region_path,
            level=matter.seen_at_level,
            project_id=matter.project_id,
        )
        letter = lay_out(_report(ledger, matter))
        name = quote(f"重大项目服务专报-{matter.number}.docx", safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=DOCX, data=letter)


def _report(ledger: Ledger, matter: Escalation) -> SpecialReport:
    project, cards, orders = None, 0, 0
    if matter.project_id:
        project_id = UUID(matter.project_id)
        project = ledger.copies.projects([project_id]).get(project_id)
        cards, orders = ledger.desks.standing_of(project_id)
    return special_report(matter, project, live_cards=cards, open_orders=orders)
