"""Cards over gRPC."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.paging import page
from chassis.rpc import Call, command, query, read_uuid
from warning_dispatch import queries, usecases
from warning_dispatch.edge.shared import (
    Shared,
    caller_of,
    tell_card,
    token_of,
    written_card,
)
from warning_dispatch.edge.words import name_of, optional_uuid
from warning_dispatch.store import Ledger

Row = sa.Row[Any]


class Cards(Shared):
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
            untriaged=request.untriaged,
            objection=name_of(pb.ObjectionStatus, request.objection),
            cause=name_of(pb.Cause, request.cause),
            rule=request.rule,
            org=request.org,
            project_id=optional_uuid("project_id", request.project_id),
            subject_type="case" if request.case_id else "",
            subject_id=optional_uuid("case_id", request.case_id),
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        orders = queries.orders_of_cards(call.tx, [row.id for row in rows])
        return pb.ListCardsResponse(
            cards=[tell_card(row, orders.get(row.id, ())) for row in rows],
            next_page_token=token_of(rows, "due_moment") if more else "",
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
            caller_of(call),
            self._occasion(call),
            expected_version=request.expected_version,
        )
        return pb.AcknowledgeCardResponse(card=written_card(call, card))

    @command
    def WaiveCard(self, request: pb.WaiveCardRequest, call: Call) -> pb.WaiveCardResponse:
        if self._handed_down(call, "waive_card", "card_id", request.card_id, reason=request.reason):
            return pb.WaiveCardResponse(card=self._read_card(request.card_id, call))
        card = usecases.waive_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            caller_of(call),
            self._occasion(call),
            reason=request.reason,
            expected_version=request.expected_version,
        )
        return pb.WaiveCardResponse(card=written_card(call, card))

    @command
    def RevokeCard(self, request: pb.RevokeCardRequest, call: Call) -> pb.RevokeCardResponse:
        if self._handed_down(
            call, "revoke_card", "card_id", request.card_id, reason=request.reason
        ):
            return pb.RevokeCardResponse(card=self._read_card(request.card_id, call))
        card = usecases.revoke_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            caller_of(call),
            self._occasion(call),
            reason=request.reason,
            expected_version=request.expected_version,
        )
        return pb.RevokeCardResponse(card=written_card(call, card))

    @command
    def CloseCard(self, request: pb.CloseCardRequest, call: Call) -> pb.CloseCardResponse:
        if self._handed_down(
            call,
            "close_card",
            "card_id",
            request.card_id,
            note=request.note,
            statement=request.statement,
        ):
            return pb.CloseCardResponse(card=self._read_card(request.card_id, call))
        card = usecases.close_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            caller_of(call),
            self._occasion(call),
            note=request.note,
            statement=request.statement,
            expected_version=request.expected_version,
        )
        return pb.CloseCardResponse(card=written_card(call, card))
