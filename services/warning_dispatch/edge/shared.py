"""What every part of the edge needs: the occasion, reading what is shown, handing acts down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import instant, read_instant
from chassis.links.ledger import Links
from chassis.links.state import last_directive
from chassis.paging import Page, token_after
from chassis.rpc import Call, read_uuid, to_timestamp
from warning_dispatch import queries, usecases
from warning_dispatch.domain import (
    Card,
    CardNotFound,
    WorkOrder,
    WorkOrderNotFound,
    helping,
    is_overdue,
    shows,
)
from warning_dispatch.edge.words import value_of
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import Caller, Occasion

Row = sa.Row[Any]


class Shared:
    """What the parts of the servicer have in common."""

    db: Database
    now: Clock
    _links: Links
    _instance: str

    def _occasion(self, call: Call) -> Occasion:
        return Occasion(call.now, call.new_id, self._instance, self._links)

    def _read_card(self, text: str, call: Call) -> pb.Card:
        card_id = read_uuid("card_id", text)
        row = queries.find_card(call.tx, card_id)
        if row is None:
            raise CardNotFound(card_id=card_id, field="card_id")
        call.scope.check(**scoped(row, org=row.org))
        card = tell_card(row, queries.orders_of_cards(call.tx, [card_id]).get(card_id, ()))
        if row.origin:
            tell_last_act(card, call, card_id)
        return card

    def _read_order(self, text: str, call: Call) -> pb.WorkOrder:
        order_id = read_uuid("order_id", text)
        row = queries.find_order(call.tx, order_id)
        if row is None:
            raise WorkOrderNotFound(order_id=order_id, field="order_id")
        if not caller_of(call).helps_as(tuple(row.co_orgs)):
            call.scope.check(**scoped(row, org=row.lead_org))
        order = tell_order(row, call.now)
        if row.origin:
            tell_last_act(order, call, order_id)
        return order

    def _handed_down(self, call: Call, act: str, name: str, text: str, **arguments: object) -> bool:
        """Hand an act on a copy down to its owner; say whether it was a copy."""
        ledger, subject_id = Ledger(call.tx), read_uuid(name, text)
        below = ledger.below
        of_card = name == "card_id"
        home = below.home_of_card(subject_id) if of_card else below.home_of_order(subject_id)
        if not home:
            return False
        if of_card:
            self._read_card(text, call)
        else:
            self._read_order(text, call)
        usecases.direct(
            ledger, act, subject_id, caller_of(call), self._occasion(call), home=home, **arguments
        )
        kind = name.removesuffix("_id")
        call.audit(subject_type=kind, subject_id=subject_id, act=act, handed_to=home)
        return True


def written_card(call: Call, card: Card) -> pb.Card:
    """Write the card as it now stands in the transaction, titles and orders included."""
    call.audit(subject_type="card", subject_id=card.id, status=card.status)
    row = queries.find_card(call.tx, card.id)
    assert row is not None
    return tell_card(row, queries.orders_of_cards(call.tx, [card.id]).get(card.id, ()))


def written_order(call: Call, order: WorkOrder) -> pb.WorkOrder:
    call.audit(subject_type="work_order", subject_id=order.id, status=order.status)
    row = queries.find_order(call.tx, order.id)
    assert row is not None
    return tell_order(row, call.now)


def caller_of(call: Call) -> Caller:
    return Caller(call.principal, call.scope)


def scoped(row: Row, *, org: str) -> dict[str, Any]:
    return {
        "region_path": row.region_path,
        "level": row.level,
        "uscc": row.uscc,
        "agents": row.agents,
        "org": org,
        "project_id": text_of(row.project_id),
    }


def tell_last_act(shown: pb.Card | pb.WorkOrder, call: Call, subject_id: UUID) -> None:
    row = last_directive(call.tx, subject_id)
    if row is not None:
        envelope = row.envelope
        shown.directed.CopyFrom(
            pb.DirectedAct(
                act=envelope["data"].get("act", "dispatch_order"),
                outcome=row.outcome,
                note_zh=row.note_zh,
                note_en=row.note_en,
                given_at=to_timestamp(row.given_at),
            )
        )


def tell_card(row: Row, orders: Iterable[UUID]) -> pb.Card:
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
        project_id=text_of(row.project_id),
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
        steps=tell_steps(row.steps),
        origin=row.origin,
        cause=value_of(pb.Cause, row.cause),
        merged_into=text_of(row.merged_into),
        objection=row.objection and tell_objection(row.objection),
    )


def tell_objection(body: Mapping[str, Any]) -> pb.Objection:
    decided = body["decided_at"]
    return pb.Objection(
        status=value_of(pb.ObjectionStatus, body["status"]),
        reason=body["reason"],
        evidence=body["evidence"],
        at=to_timestamp(read_instant(body["at"])),
        by=body["by"],
        by_name=body["by_name"],
        decided_at=to_timestamp(read_instant(decided)) if decided else None,
        decided_by=body["decided_by"],
        decided_by_name=body["decided_by_name"],
        decision=body["decision"],
    )


def tell_order(row: Row, now: datetime) -> pb.WorkOrder:
    feedback = row.feedback
    return pb.WorkOrder(
        order_id=str(row.id),
        version=row.version,
        number=row.number,
        source=value_of(pb.OrderSource, row.source),
        colour=value_of(pb.Colour, row.colour),
        status=value_of(pb.OrderStatus, row.status),
        card_id=text_of(row.card_id),
        project_id=text_of(row.project_id),
        project_name=row.project_name,
        case_id=text_of(row.case_id),
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
        steps=tell_steps(row.steps),
        overdue=is_overdue(
            row.status,
            sign_by=row.sign_by,
            feedback_by=row.feedback_by,
            close_by=row.close_by,
            now=now,
        ),
        dispatched_by=row.dispatched_by,
        returned_to=row.returned_to,
        origin=row.origin,
        parts=[
            pb.OrderPart(**{**each, "at": to_timestamp(read_instant(each["at"]))})
            for each in row.parts
        ],
        urges=row.urges,
        supervised=row.supervised,
        cause=value_of(pb.Cause, row.cause),
        merged_into=text_of(row.merged_into),
        extension=row.extension and tell_extension(row.extension),
        helping=[
            pb.HelpingBody(
                org=each.org,
                org_name=each.org_name,
                kind=value_of(pb.HelperKind, each.kind),
                answered=each.answered,
            )
            for each in helping(row.co_orgs, (part["org"] for part in row.parts))
        ],
    )


def tell_extension(body: Mapping[str, Any]) -> pb.Extension:
    decided = body["decided_at"]
    return pb.Extension(
        status=value_of(pb.ExtensionStatus, body["status"]),
        working_days=body["working_days"],
        reason=body["reason"],
        at=to_timestamp(read_instant(body["at"])),
        by=body["by"],
        by_name=body["by_name"],
        decided_at=to_timestamp(read_instant(decided)) if decided else None,
        decided_by=body["decided_by"],
        decided_by_name=body["decided_by_name"],
        decision=body["decision"],
    )


def tell_steps(body: Sequence[dict[str, str]]) -> list[pb.Step]:
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


def token_of(rows: Sequence[Row], column: str) -> str:
    last = rows[-1]
    return token_after(instant(getattr(last, column)), str(last.id))


def moment_before(wanted: Page) -> tuple[datetime, UUID] | None:
    """Return after which instant and id a page begins, None for the first."""
    if wanted.after is None:
        return None
    try:
        return datetime.fromisoformat(str(wanted.after[0])), UUID(str(wanted.after[1]))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


def text_of(value: object) -> str:
    return str(value) if value else ""
