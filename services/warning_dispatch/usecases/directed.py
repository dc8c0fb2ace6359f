"""Acts on what an instance below owns: handed down as directives, done there under the same rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from chassis.calendar import local_day
from chassis.errors import FieldInvalid
from chassis.identity import Principal, Scope
from warning_dispatch.domain import (
    YELLOW,
    ActDirected,
    Card,
    OrderDirected,
    OrderSourceMissing,
    WorkOrder,
    led_by,
)
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.cards import close_card, revoke_card, waive_card
from warning_dispatch.usecases.dispatching import Wish, completed, led_for
from warning_dispatch.usecases.occasion import Occasion
from warning_dispatch.usecases.order_acts import (
    decide_order_extension,
    merge_work_order,
    reopen_work_order,
)
from warning_dispatch.usecases.orders import (
    check_work_order,
    reassign_work_order,
    supervise_work_order,
    urge_work_order,
)
from warning_dispatch.usecases.triage import decide_objection, ignore_card, merge_card, sort_card

Act = Callable[..., Card | WorkOrder | tuple[WorkOrder, Card | None]]

_ACTS: Mapping[str, Act] = {
    "close_card": close_card,
    "waive_card": waive_card,
    "revoke_card": revoke_card,
    "decide_objection": decide_objection,
    "sort_card": sort_card,
    "ignore_card": ignore_card,
    "merge_card": merge_card,
    "check_order": check_work_order,
    "reassign_order": reassign_work_order,
    "urge_order": urge_work_order,
    "supervise_order": supervise_work_order,
    "reopen_order": reopen_work_order,
    "decide_extension": decide_order_extension,
    "merge_order": merge_work_order,
}


def direct(
    ledger: Ledger,
    act: str,
    subject_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    home: str,
    **arguments: object,
) -> None:
    """Hand an act down to the instance that owns its subject; its outcome comes back up."""
    who = caller.principal
    event = ActDirected(
        act=act,
        subject_id=subject_id,
        arguments={name: str(value) for name, value in arguments.items()},
        by=who.account_id,
        username=who.username,
        by_name=caller.actor.name,
        roles=tuple(sorted(who.roles)),
        region_path=who.region_path,
    )
    occasion.links.give(ledger.tx, event, child=home, at=occasion.now, subject_id=subject_id)


def obey(ledger: Ledger, data: Mapping[str, Any], occasion: Occasion) -> None:
    """Do what an official above did to our card or order, as himself and within his rights."""
    act = _ACTS.get(data["act"])
    if act is None:
        raise FieldInvalid(
            field="act",
            zh_why=f"本版本不认识 {data['act']}",
            en_why=f"this release does not know {data['act']}",
        )
    who = Principal(
        account_id=data["by"],
        username=data["username"],
        name=data["by_name"],
        roles=frozenset(data["roles"]),
        region=data["region_path"].rpartition("/")[2],
        region_path=data["region_path"],
    )
    arguments: dict[str, Any] = dict(data["arguments"])
    for name in {"passed", "approved"} & arguments.keys():
        arguments[name] = arguments[name] == "True"
    caller = Caller(who, Scope.of(who))
    act(ledger, UUID(data["subject_id"]), caller, occasion, **arguments, expected_version=0)


def home_of_wish(ledger: Ledger, wish: Wish) -> str:
    """Return the instance below where the card, or the case's or project's order, is at home."""
    if wish.card_id:
        return ledger.below.home_of_card(wish.card_id)
    return ledger.below.home_of_project(wish.project_id) if wish.project_id else ""


def direct_order(
    ledger: Ledger, wish: Wish, caller: Caller, occasion: Occasion, *, home: str
) -> OrderDirected:
    """Have an order issued where its card or project is at home, under a number of ours."""
    card_id, project_id = wish.card_id, wish.project_id
    if card_id:
        bearer = ledger.below.bearer_of_card(card_id)
        colour = ledger.below.colour_of_card(card_id)
    else:
        assert project_id
        bearer, colour = ledger.below.bearer_of_project(project_id), YELLOW
    caller.check_sees(bearer)
    source = wish.source or ("warning" if card_id else "")
    if not source:
        raise OrderSourceMissing(field="source")
    wish = led_for(completed(replace(wish, source=source), bearer), bearer, caller)
    leads = led_by(bearer, wish.lead_org, wish.lead_org_name) if wish.lead_org else bearer
    (number,) = ledger.orders.take_numbers(
        1, region=occasion.instance, year=local_day(occasion.now).year
    )
    order = OrderDirected(
        order_id=occasion.new_id(),
        number=number,
        source=source,
        colour=wish.colour or colour,
        card_id=str(card_id or ""),
        case_id=str(wish.case_id or ""),
        project_id=str(bearer.project_id or ""),
        lead_org=leads.org,
        lead_org_name=leads.org_name,
        co_orgs=wish.co_orgs,
        subject=wish.subject or bearer.item_name or bearer.project_name,
        requirement=wish.requirement,
        cause=wish.cause,
        by=caller.actor.account,
        by_name=caller.actor.name,
    )
    occasion.links.give(
        ledger.tx, order, child=home, at=occasion.now, subject_id=card_id or order.order_id
    )
    return order
