"""问题库: dispatch records with the order that follows, classes, measures, and striking off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from chassis.calendar import local_day
from warning_dispatch.domain import YELLOW, Escalation, OrderDirected, body_name
from warning_dispatch.domain import library as domain
from warning_dispatch.domain.events import DispatchRecord
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.escalations import check_rung, held
from warning_dispatch.usecases.ladder import give_order, settle
from warning_dispatch.usecases.occasion import Occasion


@dataclass(frozen=True)
class Classing:
    """A class and the body that leads; what is empty stays as it was."""

    cause: str
    lead_org: str


def record_tried(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    text: str,
    details: DispatchRecord | None = None,
) -> Escalation:
    """Record what was tried; whoever is responsible until a day gets a work order for it."""
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    matter.check_recordable()
    if details:
        domain.check_record(details, occasion.now)
        if details.responsible and details.due_on:
            order = _order_of(ledger, matter, details, text, caller, occasion)
            details = replace(details, order=order)
    matter.record(caller.actor, text=text, details=details, at=occasion.now)
    return settle(ledger, matter, occasion, yardstick)


def classify_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    classing: Classing,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    domain.classify(
        matter,
        caller.actor,
        cause=classing.cause,
        lead_org=classing.lead_org,
        lead_org_name=body_name(classing.lead_org),
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def plan_measure(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    text: str,
    org: str,
    due_on: date,
) -> Escalation:
    """Plan a measure; without a body of its own it is the one that leads who does it."""
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    does_it = org or matter.lead_org or matter.bearer.org
    domain.plan_measure(
        matter,
        caller.actor,
        text=text,
        org=does_it,
        org_name=body_name(does_it),
        due_on=due_on,
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def finish_measure(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    place: int,
    result: str,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    domain.finish_measure(matter, caller.actor, place, result=result, at=occasion.now)
    return settle(ledger, matter, occasion, yardstick)


def close_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    conclusion: str,
    cause: str = "",
) -> Escalation:
    """Strike it off; a class that nobody gave is the cause by which its order was answered."""
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    domain.strike_off(
        matter,
        caller.actor,
        conclusion=conclusion,
        cause=cause or matter.cause or _answered_cause(ledger, matter),
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def _answered_cause(ledger: Ledger, matter: Escalation) -> str:
    """Return the cause that the latest answer to one of its orders names, if there is one."""
    records = [each.details.order for each in matter.tried if each.details]
    orders = [UUID(each) for each in (matter.order_id, *matter.orders, *records) if each]
    answers = [each.feedback for each in ledger.orders.find_many(orders).values() if each.feedback]
    return max(answers, key=lambda each: each.at).cause if answers else ""


def _order_of(
    ledger: Ledger,
    matter: Escalation,
    details: DispatchRecord,
    text: str,
    caller: Caller,
    occasion: Occasion,
) -> str:
    order_id = occasion.new_id()
    year = local_day(occasion.now).year
    (number,) = ledger.orders.take_numbers(1, region=occasion.instance, year=year)
    in_charge = f", 责任人 {details.in_charge}" if details.in_charge else ""
    held_as = domain.RECORDS_ZH[details.kind]
    order = OrderDirected(
        order_id=order_id,
        number=number,
        source="meeting",
        colour=YELLOW,
        card_id="",
        case_id=matter.case_id,
        project_id=matter.project_id,
        lead_org=details.responsible,
        lead_org_name=details.responsible_name,
        co_orgs=tuple(each for each in details.participants if each != details.responsible),
        subject=matter.subject,
        requirement=f"{details.conclusion or text} ({held_as}议定, {details.due_on} 前完成{in_charge})",
        by=caller.actor.account,
        by_name=caller.actor.name,
    )
    home = (matter.route or ("",))[0]
    give_order(ledger, order, matter.bearer_at_home, occasion, home=home)
    return str(order_id)
