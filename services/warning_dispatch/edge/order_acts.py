"""Orders opened again, extended, merged and counted, and their templates, over gRPC."""

from __future__ import annotations

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis import regions
from chassis.rpc import Call, command, query, read_uuid
from warning_dispatch import queries, usecases
from warning_dispatch.domain import COLOURS
from warning_dispatch.edge.shared import Shared, caller_of, written_order
from warning_dispatch.edge.words import name_of, value_of
from warning_dispatch.store import Ledger


class OrderActs(Shared):
    @command
    def ReopenWorkOrder(
        self, request: pb.ReopenWorkOrderRequest, call: Call
    ) -> pb.ReopenWorkOrderResponse:
        name, reason = request.order_id, request.reason
        if self._handed_down(call, "reopen_order", "order_id", name, reason=reason):
            return pb.ReopenWorkOrderResponse(order=self._read_order(name, call))
        order = usecases.reopen_work_order(
            Ledger(call.tx),
            read_uuid("order_id", name),
            caller_of(call),
            self._occasion(call),
            reason=reason,
            expected_version=request.expected_version,
        )
        return pb.ReopenWorkOrderResponse(order=written_order(call, order))

    @command
    def AskOrderExtension(
        self, request: pb.AskOrderExtensionRequest, call: Call
    ) -> pb.AskOrderExtensionResponse:
        order = usecases.ask_order_extension(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            working_days=request.working_days,
            reason=request.reason,
            expected_version=request.expected_version,
        )
        return pb.AskOrderExtensionResponse(order=written_order(call, order))

    @command
    def DecideOrderExtension(
        self, request: pb.DecideOrderExtensionRequest, call: Call
    ) -> pb.DecideOrderExtensionResponse:
        name, approved, reason = request.order_id, request.approved, request.reason
        if self._handed_down(
            call, "decide_extension", "order_id", name, approved=approved, reason=reason
        ):
            return pb.DecideOrderExtensionResponse(order=self._read_order(name, call))
        order = usecases.decide_order_extension(
            Ledger(call.tx),
            read_uuid("order_id", name),
            caller_of(call),
            self._occasion(call),
            approved=approved,
            reason=reason,
            expected_version=request.expected_version,
        )
        return pb.DecideOrderExtensionResponse(order=written_order(call, order))

    @command
    def MergeWorkOrder(
        self, request: pb.MergeWorkOrderRequest, call: Call
    ) -> pb.MergeWorkOrderResponse:
        name, into, note = request.order_id, read_uuid("into", request.into), request.note
        if self._handed_down(call, "merge_order", "order_id", name, into=into, note=note):
            return pb.MergeWorkOrderResponse(order=self._read_order(name, call))
        order = usecases.merge_work_order(
            Ledger(call.tx),
            read_uuid("order_id", name),
            caller_of(call),
            self._occasion(call),
            into=into,
            note=note,
            expected_version=request.expected_version,
        )
        return pb.MergeWorkOrderResponse(order=written_order(call, order))

    @query
    def ListOrderTemplates(
        self, request: pb.ListOrderTemplatesRequest, call: Call
    ) -> pb.ListOrderTemplatesResponse:
        return pb.ListOrderTemplatesResponse(
            templates=[
                pb.OrderTemplate(
                    code=each.code,
                    cause=value_of(pb.Cause, each.cause),
                    title=each.title,
                    requirement=each.requirement,
                    helpers=each.helpers,
                )
                for each in usecases.order_templates()
            ]
        )

    @query
    def SummariseWorkOrders(
        self, request: pb.SummariseWorkOrdersRequest, call: Call
    ) -> pb.SummariseWorkOrdersResponse:
        rows = queries.summarise_orders(
            call.tx,
            call.scope,
            call.principal,
            by=name_of(pb.SummaryBy, request.by),
            at=call.now,
        )
        by_region = request.by == pb.SUMMARY_BY_REGION
        return pb.SummariseWorkOrdersResponse(
            lines=[
                pb.OrderSummary(
                    key=row.key,
                    name=regions.name(row.key) if by_region and row.key else row.name,
                    open=row.open,
                    statuses={
                        name: n for name in queries.OPEN_STATUSES if (n := row._mapping[name])
                    },
                    colours={name: n for name in COLOURS if (n := row._mapping[name])},
                    overdue=row.overdue,
                    due_within_a_day=row.due_soon,
                )
                for row in rows
            ]
        )
