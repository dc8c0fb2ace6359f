"""Evidence packs over gRPC: everything on record of a card, an order or a matter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote
from uuid import UUID

import sqlalchemy as sa
from google.api import httpbody_pb2
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.archives import ARCHIVE_TYPE
from chassis.events import plain
from chassis.evidence import evidence
from chassis.objects import ObjectStore
from chassis.rpc import Call, command, read_uuid
from warning_dispatch import queries
from warning_dispatch.domain import CardNotFound, EscalationNotFound, WorkOrderNotFound
from warning_dispatch.edge.shared import Shared, scoped
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import Witness

Row = sa.Row[Any]


class Evidence(Shared):
    witness: Witness
    objects: ObjectStore | None

    @command
    def GetCardEvidence(
        self, request: pb.GetCardEvidenceRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        card_id = read_uuid("card_id", request.card_id)
        row = queries.find_card(call.tx, card_id)
        if row is None:
            raise CardNotFound(card_id=card_id, field="card_id")
        call.scope.check(**scoped(row, org=row.org))
        orders = queries.orders_of_cards(call.tx, [card_id]).get(card_id, [])
        documents = {
            "state.json": _plain(row),
            "rule.json": queries.rule_version(call.tx, row.rule, row.rule_version),
            "orders.json": [_plain(queries.find_order(call.tx, each)) for each in orders],
            "notices.json": queries.told_about(call.tx, card_id=card_id),
        }
        return self._pack(call, "card", card_id, f"牌-{row.rule}-{card_id}", documents, orders)

    @command
    def GetOrderEvidence(
        self, request: pb.GetOrderEvidenceRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        order_id = read_uuid("order_id", request.order_id)
        row = queries.find_order(call.tx, order_id)
        if row is None:
            raise WorkOrderNotFound(order_id=order_id, field="order_id")
        call.scope.check(**scoped(row, org=row.lead_org))
        documents = {
            "state.json": _plain(row),
            "notices.json": queries.told_about(call.tx, order_id=order_id),
        }
        return self._pack(call, "order", order_id, f"工单-{row.number}", documents, [])

    @command
    def GetEscalationEvidence(
        self, request: pb.GetEscalationEvidenceRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        escalation_id = read_uuid("escalation_id", request.escalation_id)
        row = queries.find_escalation(call.tx, escalation_id)
        if row is None:
            raise EscalationNotFound(escalation_id=escalation_id, field="escalation_id")
        call.scope.check(
            region_path=row.region_path,
            level=row.level,
            uscc=row.uscc,
            agents=row.agents,
            project_id=str(row.project_id or ""),
        )
        orders = [UUID(each) for each in row.state["orders"]]
        documents = {
            "state.json": row.state,
            "orders.json": [_plain(queries.find_order(call.tx, each)) for each in orders],
        }
        name = f"联动-{row.number}"
        return self._pack(call, "escalation", escalation_id, name, documents, orders)

    def _pack(
        self,
        call: Call,
        kind: str,
        subject_id: UUID,
        name: str,
        documents: dict[str, object],
        also: Iterable[UUID],
    ) -> httpbody_pb2.HttpBody:
        ledger = Ledger(call.tx)
        keys = ledger.heads.keys(lambda: self.witness.seal.make(str(call.new_id()), call.now))
        file = evidence(
            call.tx,
            f"{name}.zip",
            {"kind": kind, "id": str(subject_id), "instance": self._instance},
            documents,
            {str(subject_id), *map(str, also)},
            self.objects,
            heads=ledger.heads.listed(instance=self._instance, service="warning_dispatch"),
            sign=lambda text: self.witness.seal.sign(keys, text),
            public_key=keys[-1].public_key,
        )
        # About the taking of the pack, and not about the subject: its pack stays the same.
        call.audit(subject_type="evidence", subject_id=f"{kind}/{subject_id}")
        call.header(
            "content-disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}.zip"
        )
        return httpbody_pb2.HttpBody(content_type=ARCHIVE_TYPE, data=file)


def _plain(row: Row | None) -> object:
    return plain(dict(row._mapping)) if row is not None else None
