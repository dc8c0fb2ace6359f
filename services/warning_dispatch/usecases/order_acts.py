"""What else becomes of an order: it is opened again, gets a longer limit, or is merged."""

from __future__ import annotations

from uuid import UUID

from warning_dispatch.domain import (
    TAKEN_OFF,
    CardFinished,
    OrderInstructed,
    OrderUnderWay,
    OwnOrder,
    WorkOrder,
    card_status_zh,
)
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.occasion import Occasion, get_yardstick
from warning_dispatch.usecases.orders import order_to_answer, own_order, settle_order


def reopen_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    reason: str,
    expected_version: int,
) -> WorkOrder:
    """Have a closed order answered again, by who may check it; a card has one order under way."""
    order, _ = own_order(ledger, order_id, caller, occasion, expected_version)
    if caller.is_responsible(order.bearer):
        raise OwnOrder
    yardstick = get_yardstick(ledger, occasion.now)
    order.reopen(
        caller.actor,
        reason=reason,
        limits=yardstick.book.limits[order.colour],
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    if order.card_id:
        card = ledger.cards.get(order.card_id)
        if card.status in TAKEN_OFF:
            raise CardFinished(
                card_id=card.id, status=card.status, status_zh=card_status_zh(card.status)
            )
        number = ledger.orders.find_number_under_way(order.card_id)
        if number:
            raise OrderUnderWay(card_id=order.card_id, number=number)
    return settle_order(ledger, order, "order_reopened", occasion, yardstick)


def ask_order_extension(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    working_days: int,
    reason: str,
    expected_version: int,
) -> WorkOrder:
    order, yardstick = order_to_answer(ledger, order_id, caller, occasion, expected_version)
    order.ask_extension(caller.actor, working_days=working_days, reason=reason, at=occasion.now)
    return settle_order(ledger, order, "order_extension_requested", occasion, yardstick)


def decide_order_extension(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    approved: bool,
    reason: str,
    expected_version: int,
) -> WorkOrder:
    order, _ = own_order(ledger, order_id, caller, occasion, expected_version)
    if caller.is_responsible(order.bearer):
        raise OwnOrder
    yardstick = get_yardstick(ledger, occasion.now)
    order.decide_extension(
        caller.actor,
        approved=approved,
        reason=reason,
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    assert order.extension
    kind = f"order_extension_{order.extension.status}"
    return settle_order(ledger, order, kind, occasion, yardstick)


def merge_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    into: UUID | str,
    note: str,
    expected_version: int,
) -> WorkOrder:
    """Close a duplicate with a pointer to the order that stays, where its bodies help."""
    order, yardstick = own_order(ledger, order_id, caller, occasion, expected_version)
    if caller.is_responsible(order.bearer):
        raise OwnOrder
    if order.source == "instruction":
        raise OrderInstructed(number=order.number)
    kept = order if order.id == UUID(str(into)) else ledger.orders.get(UUID(str(into)))
    caller.check_sees(kept.bearer)
    order.merge(caller.actor, into=kept, note=note, at=occasion.now)
    ledger.orders.save(kept)
    settle_order(ledger, order, "order_merged", occasion, yardstick)
    # The ladder is above orders: what was opened for this one by itself is over.
    from warning_dispatch.usecases import ladder

    ladder.follow_directed_order(ledger, order.id, order.status, occasion)
    return order
