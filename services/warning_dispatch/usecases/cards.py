"""What people do with cards. The responsible body knows of them; others take them off."""

from __future__ import annotations

from uuid import UUID

from chassis.errors import Stale
from warning_dispatch.domain import (
    Card,
    CityCentreOnly,
    DispatcherOnly,
    NotResponsible,
    OwnCard,
    of_card,
)
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.occasion import Occasion, find_yardstick
from warning_dispatch.usecases.raising import tell, withdraw_orders


def acknowledge_card(
    ledger: Ledger, card_id: UUID, caller: Caller, occasion: Occasion, *, expected_version: int
) -> Card:
    card = own_card(ledger, card_id, caller, expected_version)
    stands_in = card.bearer.duty_bearer != "authority" and caller.is_dispatcher
    if not (caller.is_responsible(card.bearer) or stands_in):
        raise NotResponsible(org=card.bearer.org)
    card.acknowledge(caller.actor, at=occasion.now)
    ledger.cards.save(card)
    return card


def waive_card(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    reason: str,
    expected_version: int,
) -> Card:
    card = own_card(ledger, card_id, caller, expected_version)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    card.waive(caller.actor, reason=reason, at=occasion.now)
    return finish(ledger, card, "card_waived", occasion)


def revoke_card(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    reason: str,
    expected_version: int,
) -> Card:
    card = own_card(ledger, card_id, caller, expected_version)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    card.revoke(caller.actor, reason=reason, at=occasion.now)
    return finish(ledger, card, "card_revoked", occasion)


def close_card(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    note: str,
    statement: str,
    expected_version: int,
) -> Card:
    card = own_card(ledger, card_id, caller, expected_version)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    if not (caller.approves_cards or caller.is_dispatcher):
        raise DispatcherOnly
    if not caller.may_close(card.bearer, card.colour):
        raise CityCentreOnly
    card.close(caller.actor, note=note, statement=statement, at=occasion.now)
    return finish(ledger, card, "card_closed", occasion)


def own_card(ledger: Ledger, card_id: UUID, caller: Caller, expected_version: int) -> Card:
    card = ledger.cards.get(card_id)
    caller.check_sees(card.bearer)
    if expected_version and expected_version != card.version:
        raise Stale(subject=f"card {card.id}", version=card.version, expected=expected_version)
    return card


def finish(ledger: Ledger, card: Card, kind: str, occasion: Occasion) -> Card:
    ledger.cards.save(card)
    yardstick = find_yardstick(ledger, occasion.now)
    rule = yardstick.book.rule(card.identity.rule, card.bearer) if yardstick else None
    tell(ledger, [of_card(card, rule, kind=kind)], occasion)
    withdraw_orders(ledger, [card], occasion, yardstick)
    return card
