"""How orders are dispatched: by hand, from a meeting or a conversation, and who leads them (article 15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chassis.calendar import local_day
from warning_dispatch.domain import (
    YELLOW,
    Actor,
    Bearer,
    CardFinished,
    CaseNotFound,
    OrderBodyMissing,
    OrderSourceMissing,
    OrderSubjectMissing,
    OrderUnderWay,
    ProjectNotFound,
    RequirementMissing,
    WorkOrder,
    card_status_zh,
    is_above,
    led_by,
    led_from_above,
    of_order,
)
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.loading import order_template
from warning_dispatch.usecases.occasion import Occasion, get_yardstick
from warning_dispatch.usecases.raising import reckon, tell


@dataclass(frozen=True)
class Wish:
    """A work order as a dispatcher asks for it; what is empty follows from the card, case or project."""

    card_id: UUID | None
    case_id: UUID | None
    project_id: UUID | None
    lead_org: str
    lead_org_name: str
    co_orgs: tuple[str, ...]
    subject: str
    requirement: str
    colour: str
    source: str
    cause: str = ""
    template: str = ""


def dispatch_work_order(
    ledger: Ledger, wish: Wish, caller: Caller, occasion: Occasion
) -> WorkOrder:
    card = ledger.cards.get(wish.card_id) if wish.card_id else None
    bearer = card.bearer if card else bearer_of_wish(ledger, wish)
    caller.check_sees(bearer)
    wish = completed(wish, bearer)
    if card:
        if card.is_finished:
            raise CardFinished(
                card_id=card.id, status=card.status, status_zh=card_status_zh(card.status)
            )
        number = ledger.orders.find_number_under_way(card.id)
        if number:
            raise OrderUnderWay(card_id=card.id, number=number)
    elif not wish.source:
        raise OrderSourceMissing(field="source")
    wish = led_for(wish, bearer, caller)
    if wish.lead_org:
        bearer = led_by(bearer, wish.lead_org, wish.lead_org_name)
    if not bearer.org:
        raise OrderBodyMissing(field="lead_org")
    of_case = card.identity.subject_type == "case" if card else False
    issued = replace(
        wish,
        source=wish.source or "warning",
        colour=wish.colour or (card.colour if card else YELLOW),
        case_id=card.identity.subject_id if card and of_case else wish.case_id,
    )
    return issue_order(ledger, issued, bearer, caller.actor, occasion)


def completed(wish: Wish, bearer: Bearer) -> Wish:
    """Fill what the dispatcher left empty from the template that he chose."""
    if not wish.template:
        if not wish.requirement:
            raise RequirementMissing(field="requirement")
        return wish
    template = order_template(wish.template)
    helps = dict.fromkeys((*wish.co_orgs, *template.helpers_for(bearer)))
    return replace(
        wish,
        cause=wish.cause or template.cause,
        subject=wish.subject or template.subject_for(bearer),
        requirement=wish.requirement or template.requirement_for(bearer),
        co_orgs=tuple(helps),
    )


def led_for(wish: Wish, bearer: Bearer, caller: Caller) -> Wish:
    """Name who leads: the district's service department where the city dispatches (article 15)."""
    if not is_above(caller.principal.region_path, bearer):
        return wish
    org, co_orgs = led_from_above(
        bearer, org=wish.lead_org, source=wish.source, co_orgs=wish.co_orgs
    )
    return replace(wish, lead_org=org, co_orgs=tuple(each for each in co_orgs if each != org))


def order_joint_tasks(
    ledger: Ledger, concluded: Mapping[str, Any], occasion: Occasion
) -> list[WorkOrder]:
    """Issue an order for every task of a joint review 联审会办, to the body it was given to."""
    orders = []
    for conclusion in concluded["conclusions"]:
        for task in conclusion["tasks"]:
            wish = Wish(
                card_id=None,
                case_id=UUID(conclusion["case_id"]),
                project_id=UUID(concluded["project_id"]),
                lead_org=task["org"],
                lead_org_name=task["org_name"],
                co_orgs=(),
                subject=concluded["subject"],
                requirement=f"{task['text']} (会办结论, {task['due_on']} 前完成)",
                colour=YELLOW,
                source="meeting",
            )
            bearer = led_by(bearer_of_wish(ledger, wish), wish.lead_org, wish.lead_org_name)
            by = Actor(concluded["by"], concluded["by"])
            orders.append(issue_order(ledger, wish, bearer, by, occasion))
    return orders


def order_from_case(
    ledger: Ledger, wanted: Mapping[str, Any], occasion: Occasion
) -> WorkOrder | None:
    """Issue the order that came of the conversation on a case; one with its id is there once."""
    order_id = UUID(wanted["order_id"])
    if ledger.orders.has(order_id):
        return None
    wish = Wish(
        card_id=None,
        case_id=UUID(wanted["case_id"]),
        project_id=UUID(wanted["project_id"]),
        lead_org=wanted["lead_org"],
        lead_org_name=wanted["lead_org_name"],
        co_orgs=(),
        subject=wanted["subject"],
        requirement=wanted["requirement"],
        colour=YELLOW,
        source="demand",
    )
    bearer = led_by(bearer_of_wish(ledger, wish), wish.lead_org, wish.lead_org_name)
    by = Actor(wanted["by"], wanted["by_name"])
    return issue_order(ledger, wish, bearer, by, occasion, order_id=order_id)


def issue_order(
    ledger: Ledger,
    wish: Wish,
    bearer: Bearer,
    by: Actor,
    occasion: Occasion,
    *,
    order_id: UUID | None = None,
    number: str = "",
) -> WorkOrder:
    """Give the order its number and limits, keep it and tell of it."""
    yardstick = get_yardstick(ledger, occasion.now)
    if not number:
        year = local_day(occasion.now).year
        (number,) = ledger.orders.take_numbers(1, region=occasion.instance, year=year)
    order = WorkOrder.issue(
        order_id or occasion.new_id(),
        number=number,
        source=wish.source,
        colour=wish.colour,
        card_id=wish.card_id,
        case_id=wish.case_id,
        bearer=bearer,
        subject=wish.subject or bearer.item_name or bearer.project_name,
        requirement=wish.requirement,
        co_orgs=wish.co_orgs,
        cause=wish.cause,
        by=by,
        limits=yardstick.book.limits[wish.colour],
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    ledger.orders.add(order, reckoned=yardstick.reckoned)
    tell(ledger, [of_order(order, kind="order_issued")], occasion)
    reckon(ledger, [Subject("work_order", order.id)], occasion, yardstick)
    return order


def bearer_of_wish(ledger: Ledger, wish: Wish) -> Bearer:
    """Return who bears the case or project that an order without a card is about."""
    if wish.case_id:
        case = ledger.copies.cases([wish.case_id]).get(wish.case_id)
        if case is None:
            raise CaseNotFound(case_id=wish.case_id, field="case_id")
        return case.bearer
    if wish.project_id:
        project = ledger.copies.projects([wish.project_id]).get(wish.project_id)
        if project is None:
            raise ProjectNotFound(project_id=wish.project_id, field="project_id")
        return project.bearer
    raise OrderSubjectMissing(field="card_id")
