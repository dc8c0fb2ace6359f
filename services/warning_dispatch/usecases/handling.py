"""What people do with cards and orders. Who answers is the body it went to; who checks is somebody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from chassis.calendar import local_day
from chassis.errors import Stale
from chassis.identity import Function, Principal, Right, Scope
from warning_dispatch.domain import (
    RED,
    YELLOW,
    Actor,
    Bearer,
    Card,
    CardFinished,
    CaseNotFound,
    CityCentreOnly,
    DispatcherOnly,
    Feedback,
    NotResponsible,
    OrderBodyMissing,
    OrderSourceMissing,
    OrderSubjectMissing,
    OrderUnderWay,
    OwnCard,
    OwnOrder,
    ProjectNotFound,
    WorkOrder,
    body_name,
    card_status_zh,
    district_of,
    of_card,
    of_order,
    service_centre,
)
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases.occasion import Occasion, Yardstick, find_yardstick, get_yardstick
from warning_dispatch.usecases.raising import catch_up, reckon, tell, withdraw_orders

_COMPANY = ("E1", "E2")
# Province's and city's projects; a district manages its own (article 10).
_CITY_LEVELS = ("省级", "市级")
# Cards that record what happened once: no clock says that they are mended, a check does.
_ONCE = frozenset({("W-03", RED)})


@dataclass(frozen=True)
class Caller:
    """Who acts, with what he may see."""

    principal: Principal
    scope: Scope

    @property
    def actor(self) -> Actor:
        return Actor(self.principal.account_id, self.principal.name or self.principal.username)

    def check_sees(self, bearer: Bearer) -> None:
        self.scope.check(
            region_path=bearer.region_path,
            level=bearer.level,
            uscc=bearer.uscc if bearer.duty_bearer == "enterprise" else "",
            agents=bearer.agents,
            org=bearer.org,
            project_id=str(bearer.project_id or ""),
        )

    def is_responsible(self, bearer: Bearer) -> bool:
        """Say whether the caller belongs to the body (or is the company) that has to answer.

        What the district's service department leads is answered by its navigators' head, and by
        its dispatcher where the city is above; of a district's own project he is the one who checks.
        """
        if bearer.org and self.principal.org == bearer.org:
            return True
        if bearer.org == service_centre(bearer.region_path)[0] and bearer.org:
            answers = ("B3", "D1") if self._city_is_above(bearer) else ("B3",)
            here = self.principal.region_path == district_of(bearer.region_path)
            return here and self.principal.has_role(*answers)
        return (
            bearer.duty_bearer == "enterprise"
            and self.principal.has_role(*_COMPANY)
            and bearer.uscc in self.principal.companies
        )

    def may_close(self, bearer: Bearer, colour: str) -> bool:
        """Red is closed by the next higher level: the city's centre, or the district for its own projects."""
        if self.approves_cards:
            return True
        return self.is_dispatcher and (colour == YELLOW or not self._city_is_above(bearer))

    @staticmethod
    def _city_is_above(bearer: Bearer) -> bool:
        return bearer.level in _CITY_LEVELS

    @property
    def is_dispatcher(self) -> bool:
        return self.principal.holds(Function.FUNCTION_ORDER_DISPATCH, Right.RIGHT_CREATE)

    @property
    def approves_cards(self) -> bool:
        return self.principal.holds(Function.FUNCTION_CARDS, Right.RIGHT_APPROVE)


# --- cards ----------------------------------------------------------------------------------


def acknowledge_card(
    ledger: Ledger, card_id: UUID, caller: Caller, occasion: Occasion, *, expected_version: int
) -> Card:
    card = _card(ledger, card_id, caller, expected_version)
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
    card = _card(ledger, card_id, caller, expected_version)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    card.waive(caller.actor, reason=reason, at=occasion.now)
    return _finished(ledger, card, "card_waived", occasion)


def revoke_card(
    ledger: Ledger,
    card_id: UUID,
    caller: Caller,
    occasion: Occasion,
    *,
    reason: str,
    expected_version: int,
) -> Card:
    card = _card(ledger, card_id, caller, expected_version)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    card.revoke(caller.actor, reason=reason, at=occasion.now)
    return _finished(ledger, card, "card_revoked", occasion)


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
    card = _card(ledger, card_id, caller, expected_version)
    if caller.is_responsible(card.bearer):
        raise OwnCard
    if not (caller.approves_cards or caller.is_dispatcher):
        raise DispatcherOnly
    if not caller.may_close(card.bearer, card.colour):
        raise CityCentreOnly
    card.close(caller.actor, note=note, statement=statement, at=occasion.now)
    return _finished(ledger, card, "card_closed", occasion)


# --- work orders ----------------------------------------------------------------------------


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


def dispatch_work_order(
    ledger: Ledger, wish: Wish, caller: Caller, occasion: Occasion
) -> WorkOrder:
    card = ledger.cards.get(wish.card_id) if wish.card_id else None
    bearer = card.bearer if card else _subject_of(ledger, wish)
    caller.check_sees(bearer)
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
    if wish.lead_org:
        bearer = replace(
            bearer, org=wish.lead_org, org_name=wish.lead_org_name or body_name(wish.lead_org)
        )
    if not bearer.org:
        raise OrderBodyMissing(field="lead_org")
    yardstick = get_yardstick(ledger, occasion.now)
    colour = wish.colour or (card.colour if card else YELLOW)
    year = local_day(occasion.now).year
    (number,) = ledger.orders.take_numbers(1, region=occasion.instance, year=year)
    of_case = card.identity.subject_type == "case" if card else False
    order = WorkOrder.issue(
        occasion.new_id(),
        number=number,
        source=wish.source or "warning",
        colour=colour,
        card_id=card.id if card else None,
        case_id=card.identity.subject_id if card and of_case else wish.case_id,
        bearer=bearer,
        subject=wish.subject or bearer.item_name or bearer.project_name,
        requirement=wish.requirement,
        co_orgs=wish.co_orgs,
        by=caller.actor,
        limits=yardstick.book.limits[colour],
        calendar=yardstick.calendar,
        at=occasion.now,
    )
    ledger.orders.add(order)
    tell(ledger, [of_order(order, kind="order_issued")], occasion)
    reckon(ledger, [Subject("work_order", order.id)], occasion, yardstick)
    return order


def sign_work_order(
    ledger: Ledger, order_id: UUID, caller: Caller, occasion: Occasion, *, expected_version: int
) -> WorkOrder:
    order, _ = _order_to_answer(ledger, order_id, caller, occasion, expected_version)
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
    order, _ = _order_to_answer(ledger, order_id, caller, occasion, expected_version)
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
    order, yardstick = _order_to_answer(ledger, order_id, caller, occasion, expected_version)
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
    order, yardstick = _order_to_answer(ledger, order_id, caller, occasion, expected_version)
    order.send_back(caller.actor, reason=reason, should_go_to=should_go_to, at=occasion.now)
    return _settle(ledger, order, "order_returned", occasion, yardstick)


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
    order, _ = _order(ledger, order_id, caller, occasion, expected_version)
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
    return _settle(ledger, order, "order_issued", occasion, yardstick)


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
    order, _ = _order(ledger, order_id, caller, occasion, expected_version)
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
        _settle(ledger, order, "order_rework", occasion, yardstick)
        return order, ledger.cards.get(order.card_id) if order.card_id else None
    order.pass_check(caller.actor, note=note, statement=statement, at=occasion.now)
    _settle(ledger, order, "order_closed", occasion, yardstick)
    card = ledger.cards.get(order.card_id) if order.card_id else None
    if card is None or card.is_finished:
        return order, card
    if (card.identity.rule, card.colour) in _ONCE:
        card.rectify(at=occasion.now, why=note, by=caller.actor)
    may_close = caller.may_close(card.bearer, card.colour) and not caller.is_responsible(
        card.bearer
    )
    if card.status == "rectified" and may_close:
        card.close(caller.actor, note=note, statement=statement, at=occasion.now)
        return order, _finished(ledger, card, "card_closed", occasion)
    if card.events:
        ledger.cards.save(card)
    return order, card


# --- what they share ------------------------------------------------------------------------


def _card(ledger: Ledger, card_id: UUID, caller: Caller, expected_version: int) -> Card:
    card = ledger.cards.get(card_id)
    caller.check_sees(card.bearer)
    if expected_version and expected_version != card.version:
        raise Stale(subject=f"card {card.id}", version=card.version, expected=expected_version)
    return card


def _finished(ledger: Ledger, card: Card, kind: str, occasion: Occasion) -> Card:
    ledger.cards.save(card)
    yardstick = find_yardstick(ledger, occasion.now)
    rule = yardstick.book.rules.get(card.identity.rule) if yardstick else None
    tell(ledger, [of_card(card, rule, kind=kind)], occasion)
    withdraw_orders(ledger, [card], occasion, yardstick)
    return card


def _order(
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


def _order_to_answer(
    ledger: Ledger, order_id: UUID, caller: Caller, occasion: Occasion, expected_version: int
) -> tuple[WorkOrder, Yardstick | None]:
    order, yardstick = _order(ledger, order_id, caller, occasion, expected_version)
    if not caller.is_responsible(order.bearer):
        raise NotResponsible(org=order.lead_org)
    return order, yardstick


def _settle(
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


def _subject_of(ledger: Ledger, wish: Wish) -> Bearer:
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
