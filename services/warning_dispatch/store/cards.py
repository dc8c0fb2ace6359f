"""Cards as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.bulk import insert_all
from chassis.errors import HeldElsewhere, Stale
from chassis.events import Envelope, instant, plain, read_instant
from chassis.outbox import Outbox
from warning_dispatch.domain import Bearer, Card, CardNotFound, Identity, Objection, Step
from warning_dispatch.store.dues import Subject
from warning_dispatch.store.tables import cards

_by_id = sa.select(cards).where(cards.c.id == sa.bindparam("card_id")).with_for_update()
_of_subjects = (
    sa.select(cards)
    .where(
        cards.c.subject_type == sa.func.any(sa.bindparam("types", type_=sa.ARRAY(sa.Text))),
        cards.c.subject_id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
    )
    .order_by(cards.c.id)
    .with_for_update()
)
_add = (
    insert_all(cards, *(column.name for column in cards.c if column.name != "origin"))
    .on_conflict_do_nothing(constraint="uq_cards_identity")
    .returning(cards.c.id)
)


class CardStore:
    """The cards as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def get(self, card_id: UUID) -> Card:
        """Return the card, locked until the transaction ends."""
        row = self._tx.execute(_by_id, {"card_id": card_id}).one_or_none()
        if row is None:
            raise CardNotFound(card_id=card_id, field="card_id")
        if row.origin:
            raise HeldElsewhere(subject=row.id, origin=row.origin)
        return _card(row)

    def of_subjects(self, subjects: Iterable[Subject]) -> dict[Identity, Card]:
        """Return every card of these subjects, locked."""
        wanted = set(subjects)
        types = list({subject.type for subject in wanted})
        ids = [subject.id for subject in wanted]
        rows = self._tx.execute(_of_subjects, {"types": types, "ids": ids})
        found = [_card(row) for row in rows if Subject(row.subject_type, row.subject_id) in wanted]
        return {card.identity: card for card in found}

    def add(self, new: Sequence[Card]) -> list[Card]:
        """Insert the cards and return those that are new: an identity exists once, whoever comes second."""
        if not new:
            return []
        made = set(self._tx.scalars(_add, {"rows": [_row(card) for card in new]}))
        added = [card for card in new if card.id in made]
        self._publish(added)
        return added

    def save(self, *changed: Card) -> None:
        for card in changed:
            seen = card.version - len(card.events)
            mine = (cards.c.id == card.id) & (cards.c.version == seen)
            if self._tx.execute(cards.update().where(mine).values(_row(card))).rowcount != 1:
                raise Stale(subject=f"card {card.id}", version=card.version, expected=seen)
        self._publish(changed)

    def follow_project(self, project_id: UUID, bearer: Bearer) -> None:
        """Bring what a card copies of its project up to date, so that scope follows the project."""
        fresh = {
            "project_name": bearer.project_name,
            "region_path": bearer.region_path,
            "level": bearer.level,
            "agents": list(bearer.agents),
        }
        moved = sa.or_(*(cards.c[name].is_distinct_from(value) for name, value in fresh.items()))
        self._tx.execute(
            cards.update().where(cards.c.project_id == project_id, moved).values(fresh)
        )

    def _publish(self, changed: Iterable[Card]) -> None:
        envelopes = []
        for card in changed:
            envelopes += [
                Envelope.seal(
                    event,
                    aggregate_id=card.id,
                    version=event.card.version,
                    at=card.steps[-1].at,
                )
                for event in card.events
            ]
            card.events.clear()
        if envelopes:
            self._outbox.append(*envelopes)


def _row(card: Card) -> dict[str, Any]:
    bearer, identity = card.bearer, card.identity
    return {
        "id": card.id,
        "version": card.version,
        "rule": identity.rule,
        "rule_version": card.rule_version,
        "colour": identity.colour,
        "subject_type": identity.subject_type,
        "subject_id": identity.subject_id,
        "period": identity.period,
        "status": card.status,
        "project_id": bearer.project_id,
        "project_name": bearer.project_name,
        "item_code": bearer.item_code,
        "item_name": bearer.item_name,
        "org": bearer.org,
        "org_name": bearer.org_name,
        "region_path": bearer.region_path,
        "level": bearer.level,
        "uscc": bearer.uscc if bearer.duty_bearer == "enterprise" else "",
        "project_uscc": bearer.uscc,
        "agents": list(bearer.agents),
        "duty_bearer": bearer.duty_bearer,
        "due_moment": card.due_moment,
        "issued_at": card.issued_at,
        "closed_at": card.closed_at,
        "explanation_zh": list(card.explanation_zh),
        "explanation_en": list(card.explanation_en),
        "statement": card.statement,
        "cause": card.cause,
        "merged_into": card.merged_into,
        "objection": plain(card.objection),
        "steps": steps_to_json(card.steps),
    }


def _card(row: sa.Row[Any]) -> Card:
    return Card(
        id=row.id,
        identity=Identity(row.rule, row.subject_type, row.subject_id, row.colour, row.period),
        rule_version=row.rule_version,
        bearer=bearer_of(row, org=row.org, org_name=row.org_name),
        due_moment=row.due_moment,
        issued_at=row.issued_at,
        explanation_zh=tuple(row.explanation_zh),
        explanation_en=tuple(row.explanation_en),
        status=row.status,
        closed_at=row.closed_at,
        statement=row.statement,
        cause=row.cause,
        merged_into=row.merged_into,
        objection=Objection.read(row.objection) if row.objection else None,
        steps=steps_from_json(row.steps),
        version=row.version,
    )


def bearer_of(row: sa.Row[Any], *, org: str, org_name: str) -> Bearer:
    return Bearer(
        project_id=row.project_id,
        project_name=row.project_name,
        region_path=row.region_path,
        level=row.level,
        uscc=row.project_uscc,
        agents=tuple(row.agents),
        org=org,
        org_name=org_name,
        duty_bearer=row.duty_bearer,
        item_code=row.item_code,
        item_name=row.item_name,
    )


def steps_to_json(steps: Iterable[Step]) -> list[dict[str, str]]:
    return [
        {
            "step": step.step,
            "at": instant(step.at),
            "by": step.by,
            "by_name": step.by_name,
            "note": step.note,
        }
        for step in steps
    ]


def steps_from_json(body: Iterable[dict[str, str]]) -> list[Step]:
    return [
        Step(each["step"], read_instant(each["at"]), each["by"], each["by_name"], each["note"])
        for each in body
    ]
