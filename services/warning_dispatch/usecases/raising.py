"""Raise the cards that are due, keep the due moments true, and rectify what no longer holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from prometheus_client import Histogram

from chassis.calendar import local_day
from warning_dispatch.domain import (
    RED,
    STILL_WHILE_PAUSED,
    SYSTEM,
    TAKEN_OFF,
    WATCHED,
    Bearer,
    Card,
    Case,
    Duty,
    Escalation,
    Identity,
    Notice,
    Project,
    Rule,
    Theme,
    Watched,
    WorkOrder,
    body_name,
    duties_of_case,
    duties_of_escalation,
    duties_of_facts,
    duties_of_log,
    duties_of_order,
    duties_of_project,
    of_card,
    of_order,
    over_since,
)
from warning_dispatch.store import Due, Ledger, Subject
from warning_dispatch.usecases.occasion import Occasion, Yardstick, find_yardstick

# By the domain's clock: where that is moved, what fell due on the way counts as late as it was moved.
lateness = Histogram(
    "card_late_seconds",
    "From the moment at which a card was due to the sweep that dealt with it",
    buckets=(1, 5, 15, 60, 300, 900, 3600, 14400, 86400),
)

Facts = Case | Project | WorkOrder | Escalation | Watched


class Subjects:
    """The subjects of a batch, loaded together, with their duties derived once each.

    Orders and matters are locked unless they are only looked at.
    """

    def __init__(
        self,
        ledger: Ledger,
        subjects: Iterable[Subject],
        yardstick: Yardstick,
        *,
        instance: str,
        locked: bool = True,
    ) -> None:
        ids: dict[str, set[UUID]] = {}
        for subject in subjects:
            ids.setdefault(subject.type, set()).add(subject.id)
        self._yardstick = yardstick
        self._cases = ledger.copies.cases(ids.get("case", ()))
        self._projects = ledger.copies.projects(ids.get("project", set()) | ids.get("log", set()))
        self.orders: dict[UUID, WorkOrder] = (
            ledger.orders.find_many(ids["work_order"], locked=locked) if "work_order" in ids else {}
        )
        self._matters = (
            ledger.escalations.find_many(ids["escalation"], locked=locked)
            if "escalation" in ids
            else {}
        )
        self._watched = {
            kind: ledger.watched.find_many(kind, ids[kind]) for kind in WATCHED if kind in ids
        }
        self._instance = instance
        self._duties: dict[Subject, dict[tuple[str, str, str], Duty]] = {}

    def facts(self, subject: Subject) -> Facts | None:
        if subject.type == "escalation":
            return self._matters.get(subject.id)
        if subject.type == "case":
            return self._cases.get(subject.id)
        if subject.type == "work_order":
            return self.orders.get(subject.id)
        if subject.type in self._watched:
            return self._watched[subject.type].get(subject.id)
        return self._projects.get(subject.id)

    def bearer(self, subject: Subject) -> Bearer | None:
        found = self.facts(subject)
        return found.bearer if found else None

    def duties(self, subject: Subject) -> dict[tuple[str, str, str], Duty]:
        if subject not in self._duties:
            self._duties[subject] = {duty.key: duty for duty in self._derive(subject)}
        return self._duties[subject]

    def _derive(self, subject: Subject) -> list[Duty]:
        book, calendar = self._yardstick.book, self._yardstick.calendar
        facts = self.facts(subject)
        if isinstance(facts, Case):
            return duties_of_case(facts, book, calendar)
        if isinstance(facts, WorkOrder):
            return duties_of_order(facts, book, calendar)
        if isinstance(facts, Escalation):
            held = facts.holder == self._instance
            return duties_of_escalation(facts, book, calendar) if held else []
        if isinstance(facts, Project):
            derive = duties_of_log if subject.type == "log" else duties_of_project
            return derive(facts, book, calendar)
        return duties_of_facts(facts, book, calendar) if facts else []


def sweep(ledger: Ledger, occasion: Occasion, *, batch: int = 500) -> int:
    """Raise the earliest cards that are due, and return how many due moments were dealt with."""
    yardstick = find_yardstick(ledger, occasion.now)
    taken = ledger.dues.take(until=occasion.now, batch=batch) if yardstick else []
    if yardstick and taken:
        _raise(ledger, taken, occasion, yardstick)
    for due in taken:
        lateness.observe((occasion.now - due.due_moment).total_seconds())
    return len(taken)


def catch_up(
    ledger: Ledger, subjects: Sequence[Subject], occasion: Occasion, *, until: datetime
) -> Yardstick | None:
    """Raise what fell due of these subjects before something happens to them at `until`.

    A card that was due is raised although the sweep had not come by yet, so the outcome does
    not depend on how late a process was.
    """
    yardstick = find_yardstick(ledger, occasion.now)
    if yardstick:
        until = min(until, occasion.now)
        due_now = [due for due in ledger.dues.lock(subjects) if due.due_moment <= until]
        if due_now:
            ledger.dues.drop(*due_now)
            _raise(ledger, due_now, occasion, yardstick)
    return yardstick


def reckon(
    ledger: Ledger, subjects: Sequence[Subject], occasion: Occasion, yardstick: Yardstick
) -> None:
    """Derive the due moments of the subjects anew, and rectify their cards whose rule ceased to hold."""
    present = ledger.dues.lock(subjects)
    loaded = Subjects(ledger, subjects, yardstick, instance=occasion.instance)
    cards = ledger.cards.of_subjects(subjects)
    for card in cards.values():
        subject = _subject(card)
        _end(card, loaded.duties(subject), loaded.facts(subject), occasion.now)
    ended = [card for card in cards.values() if card.events]
    ledger.dues.replace(
        present,
        [
            Due(subject, *key, duty.due_moment)
            for subject in subjects
            for key, duty in loaded.duties(subject).items()
            if _is_to_raise(duty, cards.get(_identity(duty, subject)), occasion.now)
        ],
    )
    _save_ended(ledger, ended, occasion, yardstick)


def _raise(ledger: Ledger, taken: Sequence[Due], occasion: Occasion, yardstick: Yardstick) -> None:
    """Turn due moments that were taken out into cards, orders and notices, in their order."""
    now = occasion.now
    loaded = Subjects(
        ledger,
        (due.subject for due in taken),
        yardstick.only({due.rule for due in taken}),
        instance=occasion.instance,
    )
    present = ledger.cards.of_subjects({due.subject for due in taken})
    new: list[Card] = []
    reopened: list[Card] = []
    moved: list[Due] = []
    for due in taken:
        duty, bearer = loaded.duties(due.subject).get(due.key), loaded.bearer(due.subject)
        if duty is None or bearer is None:
            continue
        if duty.due_moment > now:
            moved.append(Due(due.subject, *due.key, duty.due_moment))
            continue
        card = present.get(_identity(duty, due.subject))
        if card is None:
            new.append(
                Card.issue(
                    occasion.new_id(),
                    duty,
                    subject_type=due.subject.type,
                    subject_id=due.subject.id,
                    bearer=_answering(bearer, duty),
                    at=now,
                )
            )
        elif duty.holds(now) and card.was_ended_by_rule:
            card.reopen(duty, at=now)
            reopened.append(card)
    ledger.dues.put(*moved)
    added = ledger.cards.add(new)
    ledger.cards.save(*reopened)
    _tell_of_cards(ledger, added, "card_issued", occasion, yardstick)
    _tell_of_cards(ledger, reopened, "card_reopened", occasion, yardstick)
    _escalate(ledger, added, loaded, occasion, yardstick)
    for card in added:
        subject = _subject(card)
        _end(card, loaded.duties(subject), loaded.facts(subject), now)
    _save_ended(ledger, [card for card in added if card.events], occasion, yardstick)
    dispatch_for(ledger, [card for card in added if card.is_live], occasion, yardstick)


def dispatch_for(
    ledger: Ledger, cards: Sequence[Card], occasion: Occasion, yardstick: Yardstick
) -> None:
    """Send a work order for each card whose rule says so, to the body that is responsible."""
    wanted = []
    for card in cards:
        rule = yardstick.book.rule(card.identity.rule, card.bearer)
        level = rule.level(card.colour) if rule else None
        if rule and level and level.dispatches and card.bearer.org:
            wanted.append((card, rule, level))
    if not wanted:
        return
    numbers = ledger.orders.take_numbers(
        len(wanted), region=occasion.instance, year=local_day(occasion.now).year
    )
    orders = [
        WorkOrder.issue(
            occasion.new_id(),
            number=number,
            source="warning",
            colour=card.colour,
            card_id=card.id,
            case_id=card.identity.subject_id if card.identity.subject_type == "case" else None,
            bearer=card.bearer,
            subject=_order_subject(card, rule),
            requirement=_requirement(card),
            limits=yardstick.book.limits_of(card.colour, level),
            calendar=yardstick.calendar,
            at=occasion.now,
        )
        for number, (card, rule, level) in zip(numbers, wanted, strict=True)
    ]
    ledger.orders.add(*orders, reckoned=yardstick.reckoned)
    tell(ledger, [of_order(order, kind="order_issued") for order in orders], occasion)
    watch_new(ledger, orders, yardstick)


def watch_new(ledger: Ledger, orders: Iterable[WorkOrder], yardstick: Yardstick) -> None:
    """Put the due moments of orders made in this transaction: nothing was due of them, no card lives."""
    ledger.dues.add(
        *(
            Due(Subject("work_order", order.id), *duty.key, duty.due_moment)
            for order in orders
            for duty in duties_of_order(order, yardstick.book, yardstick.calendar)
        )
    )


def tell(ledger: Ledger, notices: Sequence[Notice], occasion: Occasion) -> None:
    ledger.notices.add([(occasion.new_id(), notice) for notice in notices], at=occasion.now)


def withdraw_orders(
    ledger: Ledger, cards: Iterable[Card], occasion: Occasion, yardstick: Yardstick | None
) -> None:
    """Take back what was ordered for cards that were waived, revoked, ignored or merged.

    What the platform put on the ladder because nobody answered the order goes with it.
    """
    ids = [card.id for card in cards if card.status in TAKEN_OFF]
    orders = ledger.orders.find_under_way(ids)
    for order in orders:
        order.withdraw(why="牌已豁免、撤销、忽略或合并", at=occasion.now)
    notices = [of_order(order, kind="order_withdrawn") for order in orders]
    ledger.orders.save(*orders)
    tell(ledger, notices, occasion)
    if orders and yardstick:
        reckon(ledger, [Subject("work_order", each.id) for each in orders], occasion, yardstick)
    from warning_dispatch.usecases import ladder

    for order in orders:
        ladder.close_with(ledger, order.id, occasion, why="工单已撤回")


def _save_ended(
    ledger: Ledger, ended: Sequence[Card], occasion: Occasion, yardstick: Yardstick
) -> None:
    ledger.cards.save(*ended)
    for kind in ("rectified", "closed", "revoked"):
        mine = [card for card in ended if card.status == kind]
        _tell_of_cards(ledger, mine, f"card_{kind}", occasion, yardstick)
    withdraw_orders(ledger, ended, occasion, yardstick)


def _escalate(
    ledger: Ledger,
    added: Sequence[Card],
    loaded: Subjects,
    occasion: Occasion,
    yardstick: Yardstick,
) -> None:
    """A missed limit for feedback puts the order before the next higher level (W-13); a missed
    limit of a rung moves the matter on (W-12)."""
    escalated = []
    for card in added:
        order = loaded.orders.get(card.identity.subject_id)
        if card.identity.rule == "W-13" and card.colour == RED and order and not order.escalated:
            order.escalate(why="逾期未反馈", at=occasion.now)
            escalated.append(order)
    notices = [of_order(order, kind="order_escalated") for order in escalated]
    ledger.orders.save(*escalated)
    tell(ledger, notices, occasion)
    # They raise through us and we through them: the ladder is above.
    from warning_dispatch.usecases import ladder

    for order in escalated:
        ladder.open_for_order(ledger, order, occasion, yardstick)
    for card in added:
        ladder.step_up(ledger, card, occasion, yardstick)


def _tell_of_cards(
    ledger: Ledger,
    cards: Iterable[Card],
    kind: str,
    occasion: Occasion,
    yardstick: Yardstick,
) -> None:
    book = yardstick.book
    tell(
        ledger,
        [of_card(card, book.rule(card.identity.rule, card.bearer), kind=kind) for card in cards],
        occasion,
    )


_NEWS_CAME_LATE = "触发时点之前已办理、办结或停表, 消息迟到"


def _end(
    card: Card,
    duties: dict[tuple[str, str, str], Duty],
    facts: Facts | None,
    now: datetime,
) -> None:
    """Rectify a live card whose rule ceased to hold, and take back one whose rule never held.

    The latter happens when the news of what was done in time comes late, and the sweep was
    faster: nobody shall have a card for that.
    """
    if not card.is_live:
        return
    identity = card.identity
    duty = duties.get((identity.rule, identity.colour, identity.period))
    clock = identity.rule in STILL_WHILE_PAUSED
    if facts and not isinstance(facts, WorkOrder | Escalation) and (clock or duty is None):
        over = over_since(identity.rule, identity.period, facts)
        if over and card.due_moment >= over:
            card.revoke(SYSTEM, reason=_NEWS_CAME_LATE, at=now)
            return
    if clock and isinstance(facts, Case | Theme) and facts.stands_still:
        return
    if duty is None:
        card.rectify(at=now, why="条件不再成立")
    elif duty.due_moment > now and duty.rule_version == card.rule_version:
        # A clock that moved, that is; a rule that moved leaves the cards that it raised.
        if clock and isinstance(facts, Case) and facts.was_paused(card.due_moment):
            card.revoke(SYSTEM, reason=_NEWS_CAME_LATE, at=now)
        else:
            card.rectify(at=now, why=f"时限已变更, 下次触发 {local_day(duty.due_moment)}")
    elif duty.ends is not None and duty.ends <= now:
        card.rectify(at=now, why="事项已办理")


def _is_to_raise(duty: Duty, card: Card | None, now: datetime) -> bool:
    if card is None:
        return True
    over = duty.ends is not None and duty.ends <= now
    return card.was_ended_by_rule and not over


def _identity(duty: Duty, subject: Subject) -> Identity:
    return Identity(duty.rule, subject.type, subject.id, duty.colour, duty.period)


def _answering(bearer: Bearer, duty: Duty) -> Bearer:
    if duty.duty_bearer:
        bearer = replace(bearer, duty_bearer=duty.duty_bearer)
    if duty.org:
        bearer = replace(
            bearer, org=duty.org, org_name=body_name(duty.org), duty_bearer="authority"
        )
    if duty.item_code:
        bearer = replace(bearer, item_code=duty.item_code, item_name=duty.item_name)
    return bearer


def _subject(card: Card) -> Subject:
    return Subject(card.identity.subject_type, card.identity.subject_id)


def _order_subject(card: Card, rule: Rule) -> str:
    about = card.bearer.item_name or card.bearer.project_name
    return f"{rule.title_zh}: {about}"[:200]


def _requirement(card: Card) -> str:
    return f"{'; '.join(card.explanation_zh)}。请查明原因, 采取措施, 限时办结并反馈。"
