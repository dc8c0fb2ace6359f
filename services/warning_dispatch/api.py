"""The gRPC edge: read the request, run one use case, write the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.events import instant, read_instant
from chassis.links.ledger import Links
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from warning_dispatch import queries, usecases
from warning_dispatch.domain import (
    Card,
    CardNotFound,
    Feedback,
    LevelChange,
    NotificationNotFound,
    OrderSubjectMissing,
    Rule,
    RuleBook,
    WorkOrder,
    WorkOrderNotFound,
    is_overdue,
    shows,
)
from warning_dispatch.edge.escalations import Escalations
from warning_dispatch.edge.words import name_of, optional_uuid, value_of
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import Caller, Occasion, Wish

Row = sa.Row[Any]


class WarningDispatch(Escalations, pb_grpc.WarningDispatchServiceServicer):
    def __init__(self, db: Database, now: Clock, *, links: Links) -> None:
        self.db = db
        self.now = now
        self._links, self._instance = links, links.instance

    # --- cards

    @query
    def ListCards(self, request: pb.ListCardsRequest, call: Call) -> pb.ListCardsResponse:
        wanted = page(request, width=2)
        rows, total = queries.list_cards(
            call.tx,
            call.scope,
            wanted,
            live=request.live,
            colour=name_of(pb.Colour, request.colour),
            status=name_of(pb.CardStatus, request.status),
            rule=request.rule,
            org=request.org,
            project_id=optional_uuid("project_id", request.project_id),
            subject_type="case" if request.case_id else "",
            subject_id=optional_uuid("case_id", request.case_id),
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        orders = queries.orders_of_cards(call.tx, [row.id for row in rows])
        return pb.ListCardsResponse(
            cards=[_card_row(row, orders.get(row.id, ())) for row in rows],
            next_page_token=_token(rows, "due_moment") if more else "",
            total_size=total,
        )

    @query
    def GetCard(self, request: pb.GetCardRequest, call: Call) -> pb.GetCardResponse:
        return pb.GetCardResponse(card=self._read_card(request.card_id, call))

    @command
    def AcknowledgeCard(
        self, request: pb.AcknowledgeCardRequest, call: Call
    ) -> pb.AcknowledgeCardResponse:
        card = usecases.acknowledge_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            _caller(call),
            self._occasion(call),
            expected_version=request.expected_version,
        )
        return pb.AcknowledgeCardResponse(card=_written(call, card))

    @command
    def WaiveCard(self, request: pb.WaiveCardRequest, call: Call) -> pb.WaiveCardResponse:
        card = usecases.waive_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            _caller(call),
            self._occasion(call),
            reason=request.reason,
            expected_version=request.expected_version,
        )
        return pb.WaiveCardResponse(card=_written(call, card))

    @command
    def RevokeCard(self, request: pb.RevokeCardRequest, call: Call) -> pb.RevokeCardResponse:
        card = usecases.revoke_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            _caller(call),
            self._occasion(call),
            reason=request.reason,
            expected_version=request.expected_version,
        )
        return pb.RevokeCardResponse(card=_written(call, card))

    @command
    def CloseCard(self, request: pb.CloseCardRequest, call: Call) -> pb.CloseCardResponse:
        card = usecases.close_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            _caller(call),
            self._occasion(call),
            note=request.note,
            statement=request.statement,
            expected_version=request.expected_version,
        )
        return pb.CloseCardResponse(card=_written(call, card))

    # --- work orders

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
        )
        if not (wish.card_id or wish.case_id or wish.project_id):
            raise OrderSubjectMissing(field="card_id")
        order = usecases.dispatch_work_order(
            Ledger(call.tx), wish, _caller(call), self._occasion(call)
        )
        return pb.DispatchWorkOrderResponse(order=_ordered(call, order))

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
            colour=name_of(pb.Colour, request.colour),
            lead_org=request.lead_org,
            card_id=optional_uuid("card_id", request.card_id),
            project_id=optional_uuid("project_id", request.project_id),
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        return pb.ListWorkOrdersResponse(
            orders=[_order_row(row, call.now) for row in rows],
            next_page_token=_token(rows, "issued_at") if more else "",
            total_size=total,
        )

    @query
    def GetWorkOrder(self, request: pb.GetWorkOrderRequest, call: Call) -> pb.GetWorkOrderResponse:
        order_id = read_uuid("order_id", request.order_id)
        row = queries.find_order(call.tx, order_id)
        if row is None:
            raise WorkOrderNotFound(order_id=order_id, field="order_id")
        if not (call.principal.org and call.principal.org in row.co_orgs):
            call.scope.check(**_scoped(row, org=row.lead_org))
        return pb.GetWorkOrderResponse(order=_order_row(row, call.now))

    @command
    def SignWorkOrder(
        self, request: pb.SignWorkOrderRequest, call: Call
    ) -> pb.SignWorkOrderResponse:
        order = usecases.sign_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            _caller(call),
            self._occasion(call),
            expected_version=request.expected_version,
        )
        return pb.SignWorkOrderResponse(order=_ordered(call, order))

    @command
    def HandleWorkOrder(
        self, request: pb.HandleWorkOrderRequest, call: Call
    ) -> pb.HandleWorkOrderResponse:
        order = usecases.handle_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            _caller(call),
            self._occasion(call),
            handler=request.handler,
            note=request.note,
            expected_version=request.expected_version,
        )
        return pb.HandleWorkOrderResponse(order=_ordered(call, order))

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
            _caller(call),
            self._occasion(call),
            feedback=feedback,
            expected_version=request.expected_version,
        )
        return pb.AnswerWorkOrderResponse(order=_ordered(call, order))

    @command
    def ReturnWorkOrder(
        self, request: pb.ReturnWorkOrderRequest, call: Call
    ) -> pb.ReturnWorkOrderResponse:
        order = usecases.return_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            _caller(call),
            self._occasion(call),
            reason=request.reason,
            should_go_to=request.should_go_to,
            expected_version=request.expected_version,
        )
        return pb.ReturnWorkOrderResponse(order=_ordered(call, order))

    @command
    def ReassignWorkOrder(
        self, request: pb.ReassignWorkOrderRequest, call: Call
    ) -> pb.ReassignWorkOrderResponse:
        order = usecases.reassign_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            _caller(call),
            self._occasion(call),
            org=request.lead_org,
            org_name=request.lead_org_name,
            note=request.note,
            expected_version=request.expected_version,
        )
        return pb.ReassignWorkOrderResponse(order=_ordered(call, order))

    @command
    def CheckWorkOrder(
        self, request: pb.CheckWorkOrderRequest, call: Call
    ) -> pb.CheckWorkOrderResponse:
        order, card = usecases.check_work_order(
            Ledger(call.tx),
            read_uuid("order_id", request.order_id),
            _caller(call),
            self._occasion(call),
            passed=request.passed,
            note=request.note,
            statement=request.statement,
            expected_version=request.expected_version,
        )
        return pb.CheckWorkOrderResponse(
            order=_ordered(call, order),
            card_status=value_of(pb.CardStatus, card.status if card else ""),
        )

    # --- notifications and rules

    @query
    def ListNotifications(
        self, request: pb.ListNotificationsRequest, call: Call
    ) -> pb.ListNotificationsResponse:
        wanted = page(request, width=2)
        rows = queries.list_notifications(
            call.tx, call.scope, call.principal, wanted, unread=request.unread
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        return pb.ListNotificationsResponse(
            notifications=[_notification(row, row.read_at) for row in rows],
            next_page_token=_token(rows, "at") if more else "",
            unread_count=queries.count_unread(call.tx, call.scope, call.principal),
        )

    @command
    def ReadNotification(
        self, request: pb.ReadNotificationRequest, call: Call
    ) -> pb.ReadNotificationResponse:
        notification_id = read_uuid("notification_id", request.notification_id)
        row = queries.find_notification(call.tx, call.scope, call.principal, notification_id)
        if row is None:
            raise NotificationNotFound(notification_id=notification_id, field="notification_id")
        account = call.principal.account_id
        Ledger(call.tx).notices.mark_read(notification_id, account=account, at=call.now)
        call.audit(subject_type="notification", subject_id=notification_id)
        return pb.ReadNotificationResponse(notification=_notification(row, row.read_at or call.now))

    @query
    def ListRules(self, request: pb.ListRulesRequest, call: Call) -> pb.ListRulesResponse:
        book = RuleBook.read(queries.list_rules(call.tx, local_day(call.now)))
        return pb.ListRulesResponse(rules=[_rule(rule) for rule in book.rules.values()])

    @command
    def ReviseRule(self, request: pb.ReviseRuleRequest, call: Call) -> pb.ReviseRuleResponse:
        changes = [
            LevelChange(
                colour=name_of(pb.Colour, each.colour),
                thresholds={name: _number(text) for name, text in each.thresholds.items()},
                dispatches=each.dispatches if each.HasField("dispatches") else None,
            )
            for each in request.levels
        ]
        rule = usecases.revise_rule(
            Ledger(call.tx),
            request.code,
            changes,
            self._occasion(call),
            effective_from=read_date("effective_from", request.effective_from),
            reason=request.reason,
            by=call.principal.account_id,
            expected_version=request.expected_version,
        )
        call.audit(subject_type="rule", subject_id=rule.code, version=rule.version)
        return pb.ReviseRuleResponse(rule=_rule(rule))

    # --- what they share

    def _occasion(self, call: Call) -> Occasion:
        return Occasion(call.now, call.new_id, self._instance, self._links)

    def _read_card(self, text: str, call: Call) -> pb.Card:
        card_id = read_uuid("card_id", text)
        row = queries.find_card(call.tx, card_id)
        if row is None:
            raise CardNotFound(card_id=card_id, field="card_id")
        call.scope.check(**_scoped(row, org=row.org))
        return _card_row(row, queries.orders_of_cards(call.tx, [card_id]).get(card_id, ()))


def _caller(call: Call) -> Caller:
    return Caller(call.principal, call.scope)


def _scoped(row: Row, *, org: str) -> dict[str, Any]:
    return {
        "region_path": row.region_path,
        "level": row.level,
        "uscc": row.uscc,
        "agents": row.agents,
        "org": org,
        "project_id": _text(row.project_id),
    }


def _written(call: Call, card: Card) -> pb.Card:
    """Write the card as it now stands in the transaction, titles and orders included."""
    call.audit(subject_type="card", subject_id=card.id, status=card.status)
    row = queries.find_card(call.tx, card.id)
    assert row is not None
    return _card_row(row, queries.orders_of_cards(call.tx, [card.id]).get(card.id, ()))


def _ordered(call: Call, order: WorkOrder) -> pb.WorkOrder:
    call.audit(subject_type="work_order", subject_id=order.id, status=order.status)
    row = queries.find_order(call.tx, order.id)
    assert row is not None
    return _order_row(row, call.now)


def _card_row(row: Row, orders: Iterable[UUID]) -> pb.Card:
    return pb.Card(
        card_id=str(row.id),
        version=row.version,
        rule=row.rule,
        rule_version=row.rule_version,
        rule_title_zh=row.rule_title_zh or "",
        rule_title_en=row.rule_title_en or "",
        colour=value_of(pb.Colour, row.colour),
        shows=value_of(pb.Colour, shows(row.status, row.colour)),
        status=value_of(pb.CardStatus, row.status),
        subject_type=value_of(pb.SubjectType, row.subject_type),
        subject_id=str(row.subject_id),
        period=row.period,
        project_id=_text(row.project_id),
        project_name=row.project_name,
        item_code=row.item_code,
        item_name=row.item_name,
        org=row.org,
        org_name=row.org_name,
        region_path=row.region_path,
        level=row.level,
        duty_bearer=row.duty_bearer,
        due_moment=to_timestamp(row.due_moment),
        issued_at=to_timestamp(row.issued_at),
        closed_at=to_timestamp(row.closed_at),
        explanation_zh=row.explanation_zh,
        explanation_en=row.explanation_en,
        orders=[str(order) for order in orders],
        steps=_steps(row.steps),
    )


def _order_row(row: Row, now: datetime) -> pb.WorkOrder:
    feedback = row.feedback
    return pb.WorkOrder(
        order_id=str(row.id),
        version=row.version,
        number=row.number,
        source=value_of(pb.OrderSource, row.source),
        colour=value_of(pb.Colour, row.colour),
        status=value_of(pb.OrderStatus, row.status),
        card_id=_text(row.card_id),
        project_id=_text(row.project_id),
        project_name=row.project_name,
        case_id=_text(row.case_id),
        subject=row.subject,
        requirement=row.requirement,
        lead_org=row.lead_org,
        lead_org_name=row.lead_org_name,
        co_orgs=row.co_orgs,
        handler=row.handler,
        region_path=row.region_path,
        level=row.level,
        issued_at=to_timestamp(row.issued_at),
        sign_by=to_timestamp(row.sign_by),
        feedback_by=to_timestamp(row.feedback_by),
        close_by=to_timestamp(row.close_by),
        signed_at=to_timestamp(row.signed_at),
        answered_at=to_timestamp(row.answered_at),
        closed_at=to_timestamp(row.closed_at),
        reworks=row.reworks,
        escalated=row.escalated,
        feedback=feedback
        and pb.Feedback(
            cause=value_of(pb.Cause, feedback["cause"]),
            measures=feedback["measures"],
            completion_date=feedback["completion_date"],
            evidence=feedback["evidence"],
            signer_name=feedback["signer_name"],
            at=to_timestamp(read_instant(feedback["at"])),
            by=feedback["by"],
        ),
        steps=_steps(row.steps),
        overdue=is_overdue(
            row.status,
            sign_by=row.sign_by,
            feedback_by=row.feedback_by,
            close_by=row.close_by,
            now=now,
        ),
        dispatched_by=row.dispatched_by,
        returned_to=row.returned_to,
    )


def _steps(body: Sequence[dict[str, str]]) -> list[pb.Step]:
    return [
        pb.Step(
            step=each["step"],
            at=to_timestamp(read_instant(each["at"])),
            by=each["by"],
            by_name=each["by_name"],
            note=each["note"],
        )
        for each in body
    ]


def _notification(row: Row, read_at: datetime | None) -> pb.Notification:
    return pb.Notification(
        notification_id=str(row.id),
        kind=row.kind,
        title_zh=row.title_zh,
        title_en=row.title_en,
        body_zh=row.body_zh,
        body_en=row.body_en,
        card_id=_text(row.card_id),
        order_id=_text(row.order_id),
        project_id=_text(row.project_id),
        colour=value_of(pb.Colour, row.colour),
        at=to_timestamp(row.at),
        read_at=to_timestamp(read_at),
    )


def _rule(rule: Rule) -> pb.Rule:
    return pb.Rule(
        code=rule.code,
        version=rule.version,
        title_zh=rule.title_zh,
        title_en=rule.title_en,
        basis=rule.basis,
        subject_type=value_of(pb.SubjectType, rule.subject_type),
        effective_from=rule.effective_from,
        levels=[
            pb.RuleLevel(
                colour=value_of(pb.Colour, level.colour),
                condition_zh=level.condition_zh,
                condition_en=level.condition_en,
                thresholds={name: str(value) for name, value in level.thresholds.items()},
                dispatches=level.dispatches,
            )
            for level in rule.levels
        ],
    )


def _token(rows: Sequence[Row], column: str) -> str:
    last = rows[-1]
    return token_after(instant(getattr(last, column)), str(last.id))


def _number(text: str) -> float:
    """Read a threshold; whole numbers stay whole, as they are shown and counted."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _text(value: object) -> str:
    return str(value) if value else ""
