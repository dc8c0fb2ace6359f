"""The library of problems 问题库 over gRPC."""

from __future__ import annotations

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis import regions
from chassis.rpc import Call, command, query, read_date
from warning_dispatch import queries, usecases
from warning_dispatch.edge.escalations import Escalations
from warning_dispatch.edge.words import name_of, value_of


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
