"""推办: plan a visit, put on record what came of it, send out what is to follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chassis.calendar import local_day
from chassis.errors import Stale
from warning_dispatch.domain import YELLOW, Bearer, OrderSubjectMissing, led_by
from warning_dispatch.domain.pushes import Push, of_push
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.dispatching import Wish, bearer_of_wish, issue_order
from warning_dispatch.usecases.ladder import settle
from warning_dispatch.usecases.occasion import Occasion, get_yardstick
from warning_dispatch.usecases.raising import tell


@dataclass(frozen=True)
class Visit:
    """A visit as somebody plans it; one of the first four is what it is about."""

    project_id: UUID | None
    case_id: UUID | None
    order_id: UUID | None
    escalation_id: UUID | None
    subject: str
    place: str
    bodies: tuple[str, ...]
    people: str
    planned_at: datetime


@dataclass(frozen=True)
class Task:
    """What a body is to do after a visit or a meeting, until when."""

    org: str
    requirement: str
    due_on: date | None


def plan_push(ledger: Ledger, visit: Visit, caller: Caller, occasion: Occasion) -> Push:
    bearer, level, case_id = _about(ledger, visit)
    caller.scope.check(
        region_path=bearer.region_path,
        level=level,
        agents=bearer.agents,
        project_id=str(bearer.project_id or ""),
    )
    (number,) = ledger.orders.take_numbers(
        1, region=occasion.instance, year=local_day(occasion.now).year, kind="TB"
    )
    made = Push.plan(
        occasion.new_id(),
        caller.actor,
        bearer,
        number=number,
        level=level,
        case_id=case_id,
        order_id=visit.order_id,
        escalation_id=visit.escalation_id,
        subject=visit.subject,
        place=visit.place,
        bodies=visit.bodies,
        people=visit.people,
        planned_at=visit.planned_at,
        at=occasion.now,
    )
    ledger.pushes.add(made)
    tell(ledger, [of_push(made)], occasion)
    return made


def finish_push(
    ledger: Ledger,
    push_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    went_on: date | None,
    outcome: str,
    agreed: str,
    tasks: Sequence[Task],
    expected_version: int,
) -> Push:
    """Record the result; each task goes out as a work order, and what was visited says so."""
    push = _planned(ledger, push_id, caller, expected_version)
    push.check_planned()
    orders = [issue_task(ledger, task, push, caller, occasion) for task in tasks]
    push.finish(
        caller.actor,
        went_on=went_on or local_day(occasion.now),
        outcome=outcome,
        agreed=agreed,
        orders=tuple(orders),
        at=occasion.now,
    )
    ledger.pushes.save(push)
    if push.order_id:
        order = ledger.orders.get(push.order_id)
        order.visited(caller.actor, note=f"{push.number}: {agreed or outcome}", at=occasion.now)
        if order.events:
            ledger.orders.save(order)
    if push.escalation_id:
        _note_on_matter(ledger, push, push.escalation_id, caller, occasion)
    tell(ledger, [of_push(push)], occasion)
    return push


def _note_on_matter(
    ledger: Ledger, push: Push, escalation_id: UUID, caller: Caller, occasion: Occasion
) -> None:
    """Let the matter that was visited say so, unless it is over or another instance's."""
    matter = ledger.escalations.find_many([escalation_id])[escalation_id]
    if matter.is_open and matter.holder == occasion.instance:
        said = f"{push.number}: {push.agreed or push.outcome}"
        matter.note("visited", caller.actor, occasion.now, said)
        settle(ledger, matter, occasion, get_yardstick(ledger, occasion.now))


def cancel_push(
    ledger: Ledger,
    push_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    reason: str,
    expected_version: int,
) -> Push:
    push = _planned(ledger, push_id, caller, expected_version)
    push.cancel(caller.actor, reason=reason, at=occasion.now)
    ledger.pushes.save(push)
    tell(ledger, [of_push(push)], occasion)
    return push


def issue_task(ledger: Ledger, task: Task, push: Push, caller: Caller, occasion: Occasion) -> str:
    until = f" ({task.due_on} 前完成)" if task.due_on else ""
    wish = Wish(
        card_id=None,
        case_id=push.case_id,
        project_id=push.project_id,
        lead_org=task.org,
        lead_org_name="",
        co_orgs=(),
        subject=push.subject,
        requirement=f"{task.requirement}{until}",
        colour=YELLOW,
        source="meeting",
    )
    bearer = led_by(bearer_of_wish(ledger, wish), task.org, "")
    return str(issue_order(ledger, wish, bearer, caller.actor, occasion).id)


def _about(ledger: Ledger, visit: Visit) -> tuple[Bearer, str, UUID | None]:
    """Return who bears what a visit is about, at which level it is seen, and the case if any."""
    if visit.escalation_id:
        matter = ledger.escalations.look(visit.escalation_id)
        case_id = UUID(matter.case_id) if matter.case_id else None
        return matter.bearer_at_home, matter.seen_at_level, case_id
    if visit.order_id:
        order = ledger.orders.get(visit.order_id)
        return order.bearer, order.bearer.level, order.case_id
    if not (visit.case_id or visit.project_id):
        raise OrderSubjectMissing(field="project_id")
    asked = Wish(None, visit.case_id, visit.project_id, "", "", (), "", "", "", "")
    bearer = bearer_of_wish(ledger, asked)
    return bearer, bearer.level, visit.case_id


def _planned(ledger: Ledger, push_id: UUID, caller: Caller, expected_version: int) -> Push:
    push = ledger.pushes.get(push_id)
    caller.scope.check(
        region_path=push.region_path,
        level=push.level,
        agents=push.agents,
        project_id=str(push.project_id or ""),
    )
    if expected_version and expected_version != push.version:
        raise Stale(subject=f"visit {push.number}", version=push.version, expected=expected_version)
    return push
