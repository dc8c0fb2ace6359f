"""The ladder by itself: where a matter belongs, what passes up and down, what a limit that passed does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis import regions
from chassis.calendar import local_day
from warning_dispatch.domain import (
    L1,
    L2,
    RED,
    SYSTEM,
    Bearer,
    Card,
    Escalation,
    EscalationTold,
    NoParentInstance,
    OrderDirected,
    RuleBook,
    WorkOrder,
    home_of,
    led_by,
    of_escalation,
)
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.dispatching import Wish, bearer_of_wish, issue_order
from warning_dispatch.usecases.occasion import Occasion, Yardstick, get_yardstick
from warning_dispatch.usecases.raising import catch_up, reckon, tell


@dataclass(frozen=True)
class Opening:
    """A matter as it is put on the ladder; it is about a card, an order, a case or a project."""

    card_id: UUID | None
    order_id: UUID | None
    case_id: UUID | None
    project_id: UUID | None
    subject: str
    problem: str
    # cause is its class, empty while nobody has said.
    cause: str = ""


def give_order(
    ledger: Ledger, order: OrderDirected, bearer: Bearer, occasion: Occasion, *, home: str
) -> None:
    """Issue an order here, or have the instance issue it where the project is at home."""
    if home and home != occasion.instance:
        occasion.links.give(
            ledger.tx, order, child=home, at=occasion.now, subject_id=order.order_id
        )
        return
    issue_directed(ledger, order, bearer, occasion)


def issue_directed(
    ledger: Ledger, order: OrderDirected, bearer: Bearer | None, occasion: Occasion
) -> WorkOrder | None:
    """Issue an order that came from above under its own id and number; there is one of it."""
    if ledger.orders.has(order.order_id):
        return None
    wish = Wish(
        card_id=UUID(order.card_id) if order.card_id else None,
        case_id=UUID(order.case_id) if order.case_id else None,
        project_id=UUID(order.project_id) if order.project_id else None,
        lead_org=order.lead_org,
        lead_org_name=order.lead_org_name,
        co_orgs=order.co_orgs,
        subject=order.subject,
        requirement=order.requirement,
        colour=order.colour,
        source=order.source,
        cause=order.cause,
    )
    found = bearer or bearer_of_wish(ledger, wish)
    led = led_by(found, order.lead_org, order.lead_org_name)
    by = Caller.actor_of(order.by, order.by_name)
    return issue_order(
        ledger, wish, led, by, occasion, order_id=order.order_id, number=order.number
    )


def open_for_order(
    ledger: Ledger, order: WorkOrder, occasion: Occasion, yardstick: Yardstick
) -> Escalation | None:
    """An order that nobody answered is put before the district (W-13: 升级一级)."""
    if ledger.escalations.open_for(order_id=order.id):
        return None
    wish = Opening(
        card_id=order.card_id,
        order_id=order.id,
        case_id=order.case_id,
        project_id=order.bearer.project_id,
        subject=order.subject,
        problem=f"工单 {order.number} 逾期未反馈: {order.requirement}",
    )
    return open_matter(ledger, occasion, None, order.bearer, order.case_id, wish, L2)


def step_up(ledger: Ledger, card: Card, occasion: Occasion, yardstick: Yardstick) -> None:
    """A rung's limit has passed (W-12 red): up to L2 it climbs, there an application is opened."""
    if (card.identity.rule, card.colour) != ("W-12", RED):
        return
    matter = ledger.escalations.find_many([card.identity.subject_id])[card.identity.subject_id]
    if matter.holder != occasion.instance or matter.status != "handling":
        return
    if matter.rung == L1:
        matter.raise_to_district(
            SYSTEM,
            note="逾期未办结, 自动上报市(区)",
            days=days_of(yardstick.book, L2),
            calendar=yardstick.calendar,
            at=occasion.now,
        )
    elif matter.rung == L2:
        matter.draft(
            SYSTEM,
            crosses=("level",),
            regions=(),
            bodies=(),
            problem=matter.problem,
            wanted="市(区)逾期未办结, 系统起草联动申请, 待分管领导签字",
            at=occasion.now,
        )
    else:
        return
    settle(ledger, matter, occasion, yardstick)


def follow_escalation(
    ledger: Ledger, state: Mapping[str, Any], occasion: Occasion
) -> Escalation | None:
    """Keep what another instance tells of a matter; it may be ours to deal with from now on."""
    matter = ledger.escalations.keep(state)
    if matter is None:
        return None
    if matter.holder == occasion.instance:
        _pass_down(ledger, matter, occasion)
        tell(ledger, [of_escalation(matter)], occasion)
    yardstick = get_yardstick(ledger, occasion.now)
    reckon(ledger, [Subject("escalation", matter.escalation_id)], occasion, yardstick)
    return matter


def follow_directed_order(ledger: Ledger, order_id: UUID, status: str, occasion: Occasion) -> None:
    """An order was closed: what it executed is executed, what was opened for it by itself is over."""
    if status == "closed":
        close_with(ledger, order_id, occasion, why="工单已办结")
    matter = ledger.escalations.instructed_by(order_id) if status == "closed" else None
    if matter is None or matter.holder != occasion.instance or matter.orders[-1] != str(order_id):
        return
    matter.executed(note="批示工单已复核办结", at=occasion.now)
    if matter.events:
        settle(ledger, matter, occasion, get_yardstick(ledger, occasion.now))


def close_with(ledger: Ledger, order_id: UUID, occasion: Occasion, *, why: str) -> None:
    """Close a matter that no one but the platform has moved: the order it came of is closed."""
    seen = ledger.escalations.opened_for(order_id, locked=False)
    if seen is None or seen.holder != occasion.instance:
        return
    # What fell due of it first: dues are locked before their matter, as the sweep does.
    subject = Subject("escalation", seen.escalation_id)
    catch_up(ledger, [subject], occasion, until=occasion.now)
    matter = ledger.escalations.opened_for(order_id)
    if matter is None or any(step.by for step in matter.steps):
        return
    matter.settled(note=why, at=occasion.now)
    settle(ledger, matter, occasion, get_yardstick(ledger, occasion.now))


def tell_again(ledger: Ledger, ids: Sequence[UUID], occasion: Occasion) -> None:
    """A child was set back to a backup: what we hold is told to it as it stands."""
    for matter in ledger.escalations.find_many(ids).values():
        if matter.holder == occasion.instance:
            _pass_down(ledger, matter, occasion)


def open_matter(
    ledger: Ledger,
    occasion: Occasion,
    caller: Caller | None,
    bearer: Bearer,
    case_id: UUID | None,
    wish: Opening,
    rung: str,
) -> Escalation:
    yardstick = get_yardstick(ledger, occasion.now)
    year = local_day(occasion.now).year
    (number,) = ledger.orders.take_numbers(1, region=occasion.instance, year=year, kind="LD")
    made = Escalation.open(
        occasion.new_id(),
        caller.actor if caller else SYSTEM,
        bearer,
        number=number,
        holder=occasion.instance,
        rung=rung,
        subject=wish.subject,
        problem=wish.problem,
        days=days_of(yardstick.book, rung),
        calendar=yardstick.calendar,
        at=occasion.now,
        case_id=str(case_id or ""),
        card_id=str(wish.card_id or ""),
        order_id=str(wish.order_id or ""),
        cause=wish.cause,
    )
    _place(made, occasion)
    ledger.escalations.add(made)
    tell(ledger, [of_escalation(made)], occasion)
    subject = Subject("escalation", made.escalation_id)
    reckon(ledger, [subject], occasion, yardstick)
    return made


def settle(
    ledger: Ledger, matter: Escalation, occasion: Occasion, yardstick: Yardstick
) -> Escalation:
    _place(matter, occasion)
    ledger.escalations.save(matter)
    _pass_down(ledger, matter, occasion)
    tell(ledger, [of_escalation(matter)], occasion)
    reckon(ledger, [Subject("escalation", matter.escalation_id)], occasion, yardstick)
    return matter


def _place(matter: Escalation, occasion: Occasion) -> None:
    """Give the matter to the instance whose people deal with its rung."""
    here = regions.path_of(occasion.instance)
    if regions.within(home_of(matter.rung, matter.region_path), here):
        if matter.route:
            # It came through a child: what belongs to that child's people goes back there.
            child = regions.path_of(matter.route[-1])
            if regions.within(home_of(matter.rung, matter.region_path), child):
                matter.hand_to(matter.route[-1], route=matter.route[:-1])
        return
    if not occasion.links.parent:
        raise NoParentInstance(rung=matter.rung)
    matter.hand_to(occasion.links.parent, route=(*matter.route, occasion.instance))


def _pass_down(ledger: Ledger, matter: Escalation, occasion: Occasion) -> None:
    """Tell the instances it came through, and the one it goes back to."""
    below = list(matter.route)
    if matter.holder != occasion.instance and matter.holder != occasion.links.parent:
        below.append(matter.holder)
    for instance in below:
        if instance != occasion.instance:
            occasion.links.give(
                ledger.tx,
                EscalationTold(matter.state()),
                child=instance,
                at=occasion.now,
                subject_id=matter.escalation_id,
            )


def days_of(book: RuleBook, rung: str) -> int:
    """Return a rung's limit in working days, as rule W-12 says today."""
    level = book.rules["W-12"].level(RED)
    assert level is not None
    return level.whole(f"{rung.lower()}_working_days")
