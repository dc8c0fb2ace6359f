"""Work orders over gRPC."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.calendar import SHANGHAI
from chassis.paging import page
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from warning_dispatch import queries, usecases
from warning_dispatch.domain import (
    Feedback,
    OrderSubjectMissing,
)
from warning_dispatch.edge.shared import (
    Shared,
    caller_of,
    tell_order,
    token_of,
    written_order,
)
from warning_dispatch.edge.words import name_of, optional_uuid, value_of
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import Wish

Row = sa.Row[Any]


class Orders(Shared):
    @command
    def DispatchWorkOrder(
        self, request: pb.DispatchWorkOrderRequest, call: Call
    ) -> pb.DispatchWorkOrderResponse:
        wish = Wish(
            card_id=optional_uuid("card_id", request.card_id),
            case_id=optional_uuid("case_id", request.case_id),
            project_id=optional_uuid("project_id", request.project_id),
            lead_org=request.lead_org,
            lead_org_name=request.lead_org_name,
            co_orgs=tuple(request.co_orgs),
            subject=request.subject,
            requirement=request.requirement,
            colour=name_of(pb.Colour, request.colour),
            source=name_of(pb.OrderSource, request.source),
            cause=name_of(pb.Cause, request.cause),
            template=request.template,
        )
        if not (wish.card_id or wish.case_id or wish.project_id):
            raise OrderSubjectMissing(field="card_id")
        if home := usecases.home_of_wish(Ledger(call.tx), wish):
            given = usecases.direct_order(
                Ledger(call.tx), wish, caller_of(call), self._occasion(call), home=home
            )
            call.audit(subject_type="work_order", subject_id=given.order_id, handed_to=home)
            return pb.DispatchWorkOrderResponse(
                order=pb.WorkOrder(
                    order_id=str(given.order_id),
                    number=given.number,
                    status=pb.ORDER_STATUS_ISSUED,
                    source=value_of(pb.OrderSource, given.source),
                    colour=value_of(pb.Colour, given.colour),
                    card_id=given.card_id,
                    project_id=given.project_id,
                    lead_org=given.lead_org,
                    lead_org_name=given.lead_org_name,
                    subject=given.subject,
                    requirement=given.requirement,
                    co_orgs=given.co_orgs,
                    origin=home,
                    directed=pb.DirectedAct(act="dispatch_order", given_at=to_timestamp(call.now)),
                )
            )
        order = usecases.dispatch_work_order(
            Ledger(call.tx), wish, caller_of(call), self._occasion(call)
        )
        return pb.DispatchWorkOrderResponse(order=written_order(call, order))

    @query
    def ListWorkOrders(
        self, request: pb.ListWorkOrdersRequest, call: Call
    ) -> pb.ListWorkOrdersResponse:
        wanted = page(request, width=2)
        rows, total = queries.list_orders(
            call.tx,
            call.scope,
            call.principal,
            wanted,
            still_open=request.open,
            overdue_at=call.now if request.overdue else None,
            status=name_of(pb.OrderStatus, request.status),
            mine=request.mine,
            co_org=request.co_org,
            region=request.region,
            due_before=midnight(request.due_before),
            source=name_of(pb.OrderSource, request.source),
            cause=name_of(pb.Cause, request.cause),
            handler=request.handler,
            colour=name_of(pb.Colour, request.colour),
            lead_org=request.lead_org,
            card_id=optional_uuid("card_id", request.card_id),
            project_id=optional_uuid("project_id", request.project_id),
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        return pb.ListWorkOrdersResponse(
            orders=[tell_order(row, call.now) for row in rows],
            next_page_token=token_of(rows, "issued_at") if more else "",
            total_size=total,
        )

    @query
    def GetWorkOrder(self, request: pb.GetWorkOrderRequest, call: Call) -> pb.GetWorkOrderResponse:
        return pb.GetWorkOrderResponse(order=self._read_order(request.order_id, call))

    @command
    def SignWorkOrder(
        self, request: pb.SignWorkOrderRequest, call: Call
    ) -> pb.SignWorkOrderResponse:
        order = usecases.sign_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            expected_version=request.expected_version,
        )
        return pb.SignWorkOrderResponse(order=written_order(call, order))

    @command
    def HandleWorkOrder(
        self, request: pb.HandleWorkOrderRequest, call: Call
    ) -> pb.HandleWorkOrderResponse:
        order = usecases.handle_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            handler=request.handler,
            note=request.note,
            expected_version=request.expected_version,
        )
        return pb.HandleWorkOrderResponse(order=written_order(call, order))

    @command
    def AnswerWorkOrder(
        self, request: pb.AnswerWorkOrderRequest, call: Call
    ) -> pb.AnswerWorkOrderResponse:
        feedback = Feedback(
            cause=name_of(pb.Cause, request.cause),
            measures=request.measures,
            completion_date=read_date("completion_date", request.completion_date),
            evidence=request.evidence,
            signer_name=request.signer_name,
            at=call.now,
            by=call.principal.account_id,
        )
        order = usecases.answer_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            feedback=feedback,
            expected_version=request.expected_version,
        )
        return pb.AnswerWorkOrderResponse(order=written_order(call, order))

    @command
    def ContributeToOrder(
        self, request: pb.ContributeToOrderRequest, call: Call
    ) -> pb.ContributeToOrderResponse:
        order = usecases.contribute_to_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            text=request.text,
            evidence=request.evidence,
            expected_version=request.expected_version,
        )
        return pb.ContributeToOrderResponse(order=written_order(call, order))

    @command
    def UrgeWorkOrder(
        self, request: pb.UrgeWorkOrderRequest, call: Call
    ) -> pb.UrgeWorkOrderResponse:
        name, note = request.order_id, request.note
        if self._handed_down(call, "urge_order", "order_id", name, note=note):
            return pb.UrgeWorkOrderResponse(order=self._read_order(name, call))
        order = usecases.urge_work_order(
            Ledger(call.tx),
            read_uuid("order_id", name),
            caller_of(call),
            self._occasion(call),
            note=note,
            expected_version=request.expected_version,
        )
        return pb.UrgeWorkOrderResponse(order=written_order(call, order))

    @command
    def SuperviseWorkOrder(
        self, request: pb.SuperviseWorkOrderRequest, call: Call
    ) -> pb.SuperviseWorkOrderResponse:
        name, note = request.order_id, request.note
        if self._handed_down(call, "supervise_order", "order_id", name, note=note):
            return pb.SuperviseWorkOrderResponse(order=self._read_order(name, call))
        order = usecases.supervise_work_order(
            Ledger(call.tx),
            read_uuid("order_id", name),
            caller_of(call),
            self._occasion(call),
            note=note,
            expected_version=request.expected_version,
        )
        return pb.SuperviseWorkOrderResponse(order=written_order(call, order))

    @command
    def ReturnWorkOrder(
        self, request: pb.ReturnWorkOrderRequest, call: Call
    ) -> pb.ReturnWorkOrderResponse:
        order = usecases.return_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            reason=request.reason,
            should_go_to=request.should_go_to,
            expected_version=request.expected_version,
        )
        return pb.ReturnWorkOrderResponse(order=written_order(call, order))

    @command
    def ReassignWorkOrder(
        self, request: pb.ReassignWorkOrderRequest, call: Call
    ) -> pb.ReassignWorkOrderResponse:
        if self._handed_down(
            call,
            "reassign_order",
            "order_id",
            request.order_id,
            org=request.lead_org,
            org_name=request.lead_org_name,
            note=request.note,
        ):
            return pb.ReassignWorkOrderResponse(order=self._read_order(request.order_id, call))
        order = usecases.reassign_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            org=request.lead_org,
            org_name=request.lead_org_name,
            note=request.note,
            expected_version=request.expected_version,
        )
        return pb.ReassignWorkOrderResponse(order=written_order(call, order))

    @command
    def CheckWorkOrder(
        self, request: pb.CheckWorkOrderRequest, call: Call
    ) -> pb.CheckWorkOrderResponse:
        if self._handed_down(
            call,
            "check_order",
            "order_id",
            request.order_id,
            passed=request.passed,
            note=request.note,
            statement=request.statement,
        ):
            return pb.CheckWorkOrderResponse(order=self._read_order(request.order_id, call))
        order, card = usecases.check_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            caller_of(call),
            self._occasion(call),
            passed=request.passed,
            note=request.note,
            statement=request.statement,
            expected_version=request.expected_version,
        )
        return pb.CheckWorkOrderResponse(
            order=written_order(call, order),
            card_status=value_of(pb.CardStatus, card.status if card else ""),
        )


def midnight(text: str) -> datetime | None:
    """Return when a day begins at the place, None when none was named."""
    if not text:
        return None
    return datetime.combine(read_date("due_before", text), time.min, SHANGHAI)
