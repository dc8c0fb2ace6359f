"""Cards are objected to by who answers for them, and sorted, merged or ignored by who dispatches."""

from __future__ import annotations

from uuid import UUID

from warning_dispatch.domain import (
    Card,
    CityCentreOnly,
    NotResponsible,
    OwnCard,
    limit_after,
    of_card,
)
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.cards import finish, own_card
from warning_dispatch.usecases.occasion import Occasion, find_yardstick, get_yardstick
from warning_dispatch.usecases.raising import tell


def object_to_card(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    reason: str,
    evidence: str,
    expected_version: int,
) -> Card:
    card = own_card(ledger, card_id, caller, expected_version)
    if not caller.is_responsible(card.bearer):
        raise NotResponsible(org=card.bearer.org)
    yardstick = get_yardstick(ledger, occasion.now)
    until = limit_after(yardstick.book.objection, card.opened_at, yardstick.calendar)
    card.object_to(caller.actor, reason=reason, evidence=evidence, until=until, at=occasion.now)
    return _told(ledger, card, "card_objected", occasion)


def decide_objection(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    decision: str,
    reason: str,
    expected_version: int,
) -> Card:
    """Turn an objection down, or uphold it: the card is then waived or revoked, as `decision` says."""
    card = own_card(ledger, card_id, caller, expected_version)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    if decision == "turn_down":
        card.turn_down(caller.actor, reason=reason, at=occasion.now)
        return _told(ledger, card, "card_objection_turned_down", occasion)
    card.uphold(caller.actor, waive=decision == "waive", reason=reason, at=occasion.now)
    return finish(ledger, card, f"card_{card.status}", occasion)


def sort_card(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    cause: str,
    note: str,
    expected_version: int,
) -> Card:
    card = own_card(ledger, card_id, caller, expected_version)
    card.sort(caller.actor, cause=cause, note=note, at=occasion.now)
    ledger.cards.save(card)
    return card


def ignore_card(
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
    card.ignore(caller.actor, reason=reason, at=occasion.now)
    return finish(ledger, card, "card_ignored", occasion)


def merge_card(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    into: UUID | str,
    note: str,
    expected_version: int,
) -> Card:
    """Deal with a duplicate where the other card is; a red one is merged by who may close it."""
    card = own_card(ledger, card_id, caller, expected_version)
    other = card if card_id == UUID(str(into)) else ledger.cards.get(UUID(str(into)))
    caller.check_sees(other.bearer)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    if not caller.may_close(card.bearer, card.colour):
        raise CityCentreOnly
    card.merge(caller.actor, into=other, note=note, at=occasion.now)
    ledger.cards.save(other)
    return finish(ledger, card, "card_merged", occasion)


def _told(ledger: Ledger, card: Card, kind: str, occasion: Occasion) -> Card:
    ledger.cards.save(card)
    yardstick = find_yardstick(ledger, occasion.now)
    rule = yardstick.book.rules.get(card.identity.rule) if yardstick else None
    tell(ledger, [of_card(card, rule, kind=kind)], occasion)
    return card
