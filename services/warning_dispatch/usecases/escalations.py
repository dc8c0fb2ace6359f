"""三级联动: who moves a matter on the ladder, and to which instance it then belongs.

A matter is with one instance at a time. Going up it is handed to the parent with the fact that
says so; coming down a directive hands it back. Everybody it came through keeps a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis import regions
from chassis.calendar import local_day
from chassis.errors import Stale
from warning_dispatch.domain import (
    L1,
    L2,
    L3,
    L4,
    L5,
    RED,
    Bearer,
    Escalation,
    EscalationExists,
    NotTheLeader,
    NotYourRung,
    OrderDirected,
    OrderSubjectMissing,
    body_name,
    district_of,
    home_of,
    instruction_of,
)
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.dispatching import Wish, bearer_of_wish
from warning_dispatch.usecases.ladder import Opening, days_of, give_order, open_matter, settle
from warning_dispatch.usecases.occasion import Occasion, Yardstick, get_yardstick
from warning_dispatch.usecases.raising import catch_up

# Who deals with each rung (warnings.md section 4), and what they are called.
_ROLES = {
    L1: (("B1", "B2"), "板块负责人", "the head of the territory"),
    L2: (("B3", "D1"), "市(区)政务服务部门", "the district's service department"),
    L3: (("D4", "D5"), "市专班", "the city's team"),
    L4: (("D6",), "市政府分管领导", "the vice mayor"),
    L5: (("D5", "D6"), "督办调度会召集人", "who convenes the dispatch meeting"),
}


@dataclass(frozen=True)
class Application:
    """A 联动申请: what the matter crosses, whom it concerns and what is asked for."""

    crosses: tuple[str, ...]
    regions: tuple[str, ...]
    bodies: tuple[str, ...]
    problem: str
    wanted: str


def open_escalation(
    ledger: Ledger, wish: Opening, caller: Caller, occasion: Occasion
) -> Escalation:
    """Open a matter 协调推进申请: at L1 by the territory's people, at L2 by the district's."""
    bearer, found = _about(ledger, wish)
    caller.check_sees(bearer)
    rung = L2 if caller.principal.has_role("B3", "B4", "D1", "D4") else L1
    number = ledger.escalations.open_for(order_id=wish.order_id, card_id=wish.card_id)
    if number and (wish.order_id or wish.card_id):
        raise EscalationExists(number=number)
    made = open_matter(ledger, occasion, caller, bearer, found, wish, rung)
    return made


def raise_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    note: str,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    if not caller.principal.has_role("B2"):
        raise NotYourRung(rung=L1, who_zh="板块负责人", who="the head of the territory")
    matter.raise_to_district(
        caller.actor,
        note=note,
        days=days_of(yardstick.book, L2),
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def draft_application(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    application: Application,
) -> Escalation:
    for place, code in enumerate(application.regions):
        regions.get(code, field=f"regions[{place}]")
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    matter.draft(caller.actor, **vars(application), at=occasion.now)
    return settle(ledger, matter, occasion, yardstick)


def write_report(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    title: str,
    text: str,
) -> Escalation:
    """Draft the 专报: the local government's own, not its service department's (article 16)."""
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    matter.write_report(caller.actor, title=title, text=text, at=occasion.now)
    return settle(ledger, matter, occasion, yardstick)


def sign_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    method: str,
    document: str,
    sha256: str,
    note: str,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    matter.sign(
        caller.actor,
        on_behalf_of=_on_behalf_of(ledger, matter, caller, local_day(occasion.now)),
        method=method,
        document=document,
        sha256=sha256,
        note=note,
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def submit_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    matter.submit(
        caller.actor,
        days=days_of(yardstick.book, L4 if matter.report else L3),
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def accept_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    note: str,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    matter.accept(
        caller.actor,
        note=note,
        days=days_of(yardstick.book, L3),
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def return_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    reason: str,
    for_report: bool,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    matter.send_back(
        caller.actor,
        reason=reason,
        for_report=for_report,
        days=days_of(yardstick.book, L2),
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def refer_to_meeting(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    note: str,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    matter.refer(
        caller.actor,
        note=note,
        days=days_of(yardstick.book, L5),
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    return settle(ledger, matter, occasion, yardstick)


def merge_escalation(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    into: UUID,
) -> Escalation:
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    other = ledger.escalations.get(into, instance=occasion.instance)
    matter.merge_into(other, caller.actor, at=occasion.now)
    settle(ledger, other, occasion, yardstick)
    return settle(ledger, matter, occasion, yardstick)


def instruct(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
    *,
    text: str,
    lead_org: str,
    due_on: date | None,
) -> Escalation:
    """Give the leader's instruction 批示; it goes down as an order that binds whom it names."""
    matter, yardstick = held(ledger, escalation_id, caller, occasion, expected_version)
    check_rung(matter, caller)
    lead = lead_org or matter.bearer_at_home.org
    order_id = occasion.new_id()
    matter.instruct(
        caller.actor,
        instruction_of(
            caller.actor,
            text=text,
            lead_org=lead,
            lead_org_name=body_name(lead),
            due_on=due_on,
            at=occasion.now,
        ),
        order=str(order_id),
        at=occasion.now,
    )
    number = ledger.orders.take_numbers(
        1, region=occasion.instance, year=local_day(occasion.now).year
    )[0]
    order = OrderDirected(
        order_id=order_id,
        number=number,
        source="instruction" if matter.rung == L4 else "meeting",
        colour=RED,
        card_id="",
        case_id=matter.case_id,
        project_id=matter.project_id,
        lead_org=lead,
        lead_org_name=body_name(lead),
        co_orgs=matter.bodies,
        subject=matter.subject,
        requirement=text,
        by=caller.actor.account,
        by_name=caller.actor.name,
    )
    give_order(ledger, order, matter.bearer_at_home, occasion, home=(matter.route or ("",))[0])
    return settle(ledger, matter, occasion, yardstick)


# --- what they share


def _about(ledger: Ledger, wish: Opening) -> tuple[Bearer, UUID | None]:
    """Return who bears what a matter is about, and the case if there is one."""
    if wish.order_id:
        order = ledger.orders.get(wish.order_id)
        return order.bearer, order.case_id
    if wish.card_id:
        card = ledger.cards.get(wish.card_id)
        of_case = card.identity.subject_type == "case"
        return card.bearer, card.identity.subject_id if of_case else None
    if not (wish.case_id or wish.project_id):
        raise OrderSubjectMissing(field="project_id")
    asked = Wish(None, wish.case_id, wish.project_id, "", "", (), "", "", "", "")
    return bearer_of_wish(ledger, asked), wish.case_id


def held(
    ledger: Ledger,
    escalation_id: UUID,
    caller: Caller,
    occasion: Occasion,
    expected_version: int,
) -> tuple[Escalation, Yardstick]:
    subject = Subject("escalation", escalation_id)
    catch_up(ledger, [subject], occasion, until=occasion.now)
    matter = ledger.escalations.get(escalation_id, instance=occasion.instance)
    caller.scope.check(
        region_path=matter.region_path,
        level=matter.seen_at_level,
        uscc=matter.uscc,
        agents=matter.agents,
        project_id=matter.project_id,
    )
    if expected_version and expected_version != matter.version:
        raise Stale(
            subject=f"escalation {matter.number}",
            version=matter.version,
            expected=expected_version,
        )
    return matter, get_yardstick(ledger, occasion.now)


def check_rung(matter: Escalation, caller: Caller) -> None:
    roles, who_zh, who = _ROLES[matter.rung]
    here = home_of(matter.rung, matter.region_path)
    mine = caller.principal.region_path
    # A navigator may belong to the town or to a part of it; a dispatcher to exactly the region.
    if not (caller.principal.has_role(*roles) and mine and regions.within(mine, here)):
        raise NotYourRung(rung=matter.rung, who_zh=who_zh, who=who)


def _on_behalf_of(ledger: Ledger, matter: Escalation, caller: Caller, today: date) -> str:
    """Return whom the caller signs for, empty for himself; refuse who may not sign here."""
    district = district_of(matter.region_path)
    if caller.principal.region_path != district:
        raise NotYourRung(rung=L2, who_zh="属地分管领导", who="the local leader")
    leader = ledger.escalations.leader_of(district.rpartition("/")[2])
    if leader is None or leader.account == caller.principal.account_id:
        return ""
    account = caller.principal.account_id
    if not ledger.escalations.may_sign_for(leader=leader.account, account=account, on=today):
        raise NotTheLeader(leader=leader.name)
    return str(leader.name)
