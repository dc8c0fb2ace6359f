"""Objections to cards, and how cards are sorted, over gRPC."""

from __future__ import annotations

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.rpc import Call, command, read_uuid
from warning_dispatch import usecases
from warning_dispatch.edge.shared import Shared, caller_of, written_card
from warning_dispatch.edge.words import name_of
from warning_dispatch.store import Ledger


class Triage(Shared):
    @command
    def ObjectToCard(self, request: pb.ObjectToCardRequest, call: Call) -> pb.ObjectToCardResponse:
        card = usecases.object_to_card(
            Ledger(call.tx),
            read_uuid("card_id", request.card_id),
            caller_of(call),
            self._occasion(call),
            reason=request.reason,
            evidence=request.evidence,
            expected_version=request.expected_version,
        )
        return pb.ObjectToCardResponse(card=written_card(call, card))

    @command
    def DecideObjection(
        self, request: pb.DecideObjectionRequest, call: Call
    ) -> pb.DecideObjectionResponse:
        name, given = (
            request.card_id,
            {
                "decision": name_of(pb.ObjectionDecision, request.decision),
                "reason": request.reason,
            },
        )
        if self._handed_down(call, "decide_objection", "card_id", name, **given):
            return pb.DecideObjectionResponse(card=self._read_card(name, call))
        card = usecases.decide_objection(
            Ledger(call.tx),
            read_uuid("card_id", name),
            caller_of(call),
            self._occasion(call),
            **given,
            expected_version=request.expected_version,
        )
        return pb.DecideObjectionResponse(card=written_card(call, card))

    @command
    def SortCard(self, request: pb.SortCardRequest, call: Call) -> pb.SortCardResponse:
        name, given = (
            request.card_id,
            {
                "cause": name_of(pb.Cause, request.cause),
                "note": request.note,
            },
        )
        if self._handed_down(call, "sort_card", "card_id", name, **given):
            return pb.SortCardResponse(card=self._read_card(name, call))
        card = usecases.sort_card(
            Ledger(call.tx),
            read_uuid("card_id", name),
            caller_of(call),
            self._occasion(call),
            **given,
            expected_version=request.expected_version,
        )
        return pb.SortCardResponse(card=written_card(call, card))

    @command
    def IgnoreCard(self, request: pb.IgnoreCardRequest, call: Call) -> pb.IgnoreCardResponse:
        name, reason = request.card_id, request.reason
        if self._handed_down(call, "ignore_card", "card_id", name, reason=reason):
            return pb.IgnoreCardResponse(card=self._read_card(name, call))
        card = usecases.ignore_card(
            Ledger(call.tx),
            read_uuid("card_id", name),
            caller_of(call),
            self._occasion(call),
            reason=reason,
            expected_version=request.expected_version,
        )
        return pb.IgnoreCardResponse(card=written_card(call, card))

    @command
    def MergeCard(self, request: pb.MergeCardRequest, call: Call) -> pb.MergeCardResponse:
        name, into, note = request.card_id, read_uuid("into", request.into), request.note
        if self._handed_down(call, "merge_card", "card_id", name, into=into, note=note):
            return pb.MergeCardResponse(card=self._read_card(name, call))
        card = usecases.merge_card(
            Ledger(call.tx),
            read_uuid("card_id", name),
            caller_of(call),
            self._occasion(call),
            into=into,
            note=note,
            expected_version=request.expected_version,
        )
        return pb.MergeCardResponse(card=written_card(call, card))
