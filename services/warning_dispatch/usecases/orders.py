"""What people do with work orders. Who answers is the body it went to; who checks is somebody else."""

from __future__ import annotations

from uuid import UUID

from chassis.errors import Stale
from warning_dispatch.domain import (
    RED,
    Card,
    Feedback,
    NotHelping,
    NotResponsible,
    OwnOrder,
    WorkOrder,
    body_name,
    of_order,
)
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.cards import finish
from warning_dispatch.usecases.occasion import Occasion, Yardstick, get_yardstick
from warning_dispatch.usecases.raising import catch_up, reckon, tell

# Cards that record what happened once: no clock says that they are mended, a check does.
_ONCE = frozenset({("W-03", RED)})


def sign_work_order(
    ledger: Ledger, order_id: UUID, caller: Caller, occasion: Occasion, *, expected_version: int
) -> WorkOrder:
    order, _ = order_to_answer(ledger, order_id, caller, occasion, expected_version)
    order.sign(caller.actor, at=occasion.now)
    ledger.orders.save(order)
    return order


def handle_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    handler: str,
    note: str,
    expected_version: int,
) -> WorkOrder:
    order, _ = order_to_answer(ledger, order_id, caller, occasion, expected_version)
    order.handle(caller.actor, handler=handler, note=note, at=occasion.now)
    ledger.orders.save(order)
    return order


def answer_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    feedback: Feedback,
    expected_version: int,
) -> WorkOrder:
    order, yardstick = order_to_answer(ledger, order_id, caller, occasion, expected_version)
    order.answer(caller.actor, feedback, at=occasion.now)
    notice = of_order(order, kind="order_answered")
    ledger.orders.save(order)
    if order.card_id:
        card = ledger.cards.get(order.card_id)
        card.answered(caller.actor, at=occasion.now)
        if card.events:
            ledger.cards.save(card)
    tell(ledger, [notice], occasion)
    _reckon(ledger, order, occasion, yardstick)
    return order


def contribute_to_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    text: str,
    evidence: str,
    expected_version: int,
) -> WorkOrder:
    """A department, carrier, company, utility or agency that helps answers for its own part."""
    order = ledger.orders.get(order_id)
    org = caller.helps_as(order.co_orgs)
    if not org:
        raise NotHelping(number=order.number)
    if expected_version and expected_version != order.version:
        raise Stale(
            subject=f"order {order.number}", version=order.version, expected=expected_version
        )
    order.contribute(
        caller.actor,
        org=org,
        org_name=body_name(org),
        text=text,
        evidence=evidence,
        at=occasion.now,
    )
    notice = of_order(order, kind="order_contributed")
    ledger.orders.save(order)
    tell(ledger, [notice], occasion)
    return order


def urge_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    note: str,
    expected_version: int,
) -> WorkOrder:
    order, yardstick = own_order(ledger, order_id, caller, occasion, expected_version)
    order.urge(caller.actor, note=note, at=occasion.now)
    return settle_order(ledger, order, "order_urged", occasion, yardstick)


def supervise_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    note: str,
    expected_version: int,
) -> WorkOrder:
    order, yardstick = own_order(ledger, order_id, caller, occasion, expected_version)
    if caller.is_responsible(order.bearer):
        raise OwnOrder
    order.supervise(caller.actor, note=note, at=occasion.now)
    return settle_order(ledger, order, "order_supervised", occasion, yardstick)


def return_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    reason: str,
    should_go_to: str,
    expected_version: int,
) -> WorkOrder:
    order, yardstick = order_to_answer(ledger, order_id, caller, occasion, expected_version)
    order.send_back(caller.actor, reason=reason, should_go_to=should_go_to, at=occasion.now)
    return settle_order(ledger, order, "order_returned", occasion, yardstick)


def reassign_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    org: str,
    org_name: str,
    note: str,
    expected_version: int,
) -> WorkOrder:
    order, _ = own_order(ledger, order_id, caller, occasion, expected_version)
    yardstick = get_yardstick(ledger, occasion.now)
    order.reassign(
        caller.actor,
        org=org,
        org_name=org_name or body_name(org),
        note=note,
        limits=yardstick.book.limits[order.colour],
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    return settle_order(ledger, order, "order_issued", occasion, yardstick)


def check_work_order(
    ledger: Ledger,
    order_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    passed: bool,
    note: str,
    statement: str,
    expected_version: int,
) -> tuple[WorkOrder, Card | None]:
    """Pass or refuse an answer; a passed one closes its card where the rules allow."""
    order, _ = own_order(ledger, order_id, caller, occasion, expected_version)
    if caller.is_responsible(order.bearer):
        raise OwnOrder
    yardstick = get_yardstick(ledger, occasion.now)
    if not passed:
        order.refuse(
            caller.actor,
            note=note,
            limits=yardstick.book.limits[order.colour],
            calendar=yardstick.calendar,
            at=occasion.now,
        )
        settle_order(ledger, order, "order_rework", occasion, yardstick)
        return order, ledger.cards.get(order.card_id) if order.card_id else None
    order.pass_check(caller.actor, note=note, statement=statement, at=occasion.now)
    settle_order(ledger, order, "order_closed", occasion, yardstick)
    # The ladder is above orders: what it instructed is executed now.
    from warning_dispatch.usecases import ladder

    ladder.follow_directed_order(ledger, order.id, order.status, occasion)
    # The answer holds for what was ordered of the duplicates, too.
    ids = {*filter(None, [order.card_id]), *ledger.orders.cards_of_merged(order.id)}
    cards = {each: ledger.cards.get(each) for each in sorted(ids)}
    for card in cards.values():
        if not card.is_finished:
            _close_answered(ledger, card, caller, occasion, note=note, statement=statement)
    return order, cards.get(order.card_id) if order.card_id else None


def _close_answered(
    ledger: Ledger, card: Card, caller: Caller, occasion: Occasion, *, note: str, statement: str
) -> None:
    if (card.identity.rule, card.colour) in _ONCE:
        card.rectify(at=occasion.now, why=note, by=caller.actor)
    may_close = caller.may_close(card.bearer, card.colour) and not caller.is_responsible(
        card.bearer
    )
    if card.status == "rectified" and may_close:
        card.close(caller.actor, note=note, statement=statement, at=occasion.now)
        finish(ledger, card, "card_closed", occasion)
    elif card.events:
        ledger.cards.save(card)


def own_order(
    ledger: Ledger, order_id: UUID, caller: Caller, occasion: Occasion, expected_version: int
) -> tuple[WorkOrder, Yardstick | None]:
    """Return the order, after raising what fell due of it: a late answer does not outrun its card."""
    subject = Subject("work_order", order_id)
    yardstick = catch_up(ledger, [subject], occasion, until=occasion.now)
    order = ledger.orders.get(order_id)
    caller.check_sees(order.bearer)
    if expected_version and expected_version != order.version:
        raise Stale(
            subject=f"order {order.number}", version=order.version, expected=expected_version
        )
    return order, yardstick


def order_to_answer(
    ledger: Ledger, order_id: UUID, caller: Caller, occasion: Occasion, expected_version: int
) -> tuple[WorkOrder, Yardstick | None]:
    order, yardstick = own_order(ledger, order_id, caller, occasion, expected_version)
    if not caller.is_responsible(order.bearer):
        raise NotResponsible(org=order.lead_org)
    return order, yardstick


def settle_order(
    ledger: Ledger,
    order: WorkOrder,
    kind: str,
    occasion: Occasion,
    yardstick: Yardstick | None,
) -> WorkOrder:
    notice = of_order(order, kind=kind)
    ledger.orders.save(order)
    tell(ledger, [notice], occasion)
    _reckon(ledger, order, occasion, yardstick)
    return order


def _reckon(
    ledger: Ledger, order: WorkOrder, occasion: Occasion, yardstick: Yardstick | None
) -> None:
    if yardstick:
        reckon(ledger, [Subject("work_order", order.id)], occasion, yardstick)
