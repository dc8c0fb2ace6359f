"""Work orders as rows, and their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.bulk import insert_all
from chassis.errors import HeldElsewhere, Stale
from chassis.events import Envelope, instant, plain, read_instant
from chassis.outbox import Outbox
from warning_dispatch.domain import Bearer, Extension, Feedback, Part, WorkOrder, WorkOrderNotFound
from warning_dispatch.store.cards import bearer_of, steps_from_json, steps_to_json
from warning_dispatch.store.tables import order_numbers, work_orders

_by_id = (
    sa.select(work_orders).where(work_orders.c.id == sa.bindparam("order_id")).with_for_update()
)
_seen_by_ids = (
    sa.select(work_orders)
    .where(work_orders.c.id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .order_by(work_orders.c.id)
)
_by_ids = _seen_by_ids.with_for_update()
_under_way_for = (
    sa.select(work_orders)
    .where(
        work_orders.c.card_id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
        work_orders.c.status != "closed",
    )
    .order_by(work_orders.c.id)
    .with_for_update()
)
_add = insert_all(
    work_orders, *(column.name for column in work_orders.c if column.name != "origin")
)
_under_way = sa.select(work_orders.c.number).where(
    work_orders.c.card_id == sa.bindparam("card_id"), work_orders.c.status != "closed"
)
_first = insert(order_numbers).values(
    region=sa.bindparam("region"), year=sa.bindparam("year"), last=sa.bindparam("count")
)
_take_numbers = _first.on_conflict_do_update(
    index_elements=[order_numbers.c.region, order_numbers.c.year],
    set_={"last": order_numbers.c.last + _first.excluded.last},
).returning(order_numbers.c.last)


class OrderStore:
    """The work orders as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def get(self, order_id: UUID) -> WorkOrder:
        """Return the order, locked until the transaction ends."""
        row = self._tx.execute(_by_id, {"order_id": order_id}).one_or_none()
        if row is None:
            raise WorkOrderNotFound(order_id=order_id, field="order_id")
        if row.origin:
            raise HeldElsewhere(subject=row.number, origin=row.origin)
        return _order(row)

    def find_many(self, ids: Iterable[UUID], *, locked: bool = True) -> dict[UUID, WorkOrder]:
        chosen = _by_ids if locked else _seen_by_ids
        return {row.id: _order(row) for row in self._tx.execute(chosen, {"ids": list(ids)})}

    def find_under_way(self, card_ids: list[UUID]) -> list[WorkOrder]:
        """Return the orders that are open for these cards, locked."""
        if not card_ids:
            return []
        return [_order(row) for row in self._tx.execute(_under_way_for, {"ids": card_ids})]

    def has(self, order_id: UUID) -> bool:
        return bool(self._tx.scalar(sa.select(sa.exists().where(work_orders.c.id == order_id))))

    def cards_of_merged(self, order_id: UUID) -> list[UUID]:
        """Return the cards of the orders that were merged into this one, at whatever remove."""
        into = sa.select(work_orders.c.id, work_orders.c.card_id)
        found = into.where(work_orders.c.merged_into == order_id).cte("merged", recursive=True)
        found = found.union(into.where(work_orders.c.merged_into == found.c.id))
        return list(
            self._tx.scalars(sa.select(found.c.card_id).where(found.c.card_id.is_not(None)))
        )

    def find_number_under_way(self, card_id: UUID) -> str | None:
        return self._tx.scalar(_under_way, {"card_id": card_id})

    def reckoned_otherwise(self, reckoned: str, *, limit: int) -> list[UUID]:
        """Return open orders of ours whose due moments come from another calendar or other rules."""
        otherwise = sa.or_(work_orders.c.reckoned < reckoned, work_orders.c.reckoned > reckoned)
        chosen = (
            sa.select(work_orders.c.id)
            .where(work_orders.c.status != "closed", work_orders.c.origin == "", otherwise)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(self._tx.scalars(chosen))

    def mark_reckoned(self, ids: list[UUID], reckoned: str) -> None:
        mine = work_orders.c.id.in_(ids)
        self._tx.execute(work_orders.update().where(mine).values(reckoned=reckoned))

    def take_numbers(self, count: int, *, region: str, year: int, kind: str = "ZJDB") -> list[str]:
        """Return the next numbers of the year, without gaps; `kind` begins them.

        The counter's row stays locked until the transaction ends, so a number is used or, with
        the transaction, never given. Take numbers last: who waits here holds everything else.
        """
        counted = region if kind == "ZJDB" else f"{kind}-{region}"
        values = {"region": counted, "year": year, "count": count}
        last = self._tx.execute(_take_numbers, values).scalar_one()
        return [f"{kind}-{region}-{year}-{n:06d}" for n in range(last - count + 1, last + 1)]

    def add(self, *new: WorkOrder, reckoned: str) -> None:
        if new:
            rows = [{**_row(order), "reckoned": reckoned} for order in new]
            self._tx.execute(_add, {"rows": rows})
            self._publish(new)

    def save(self, *changed: WorkOrder) -> None:
        for order in changed:
            seen = order.version - len(order.events)
            mine = (work_orders.c.id == order.id) & (work_orders.c.version == seen)
            if self._tx.execute(work_orders.update().where(mine).values(_row(order))).rowcount != 1:
                raise Stale(subject=f"order {order.number}", version=order.version, expected=seen)
        self._publish(changed)

    def follow_project(self, project_id: UUID, bearer: Bearer) -> None:
        """Bring what an order copies of its project up to date, so that scope follows the project."""
        fresh = {
            "project_name": bearer.project_name,
            "region_path": bearer.region_path,
            "level": bearer.level,
            "agents": list(bearer.agents),
        }
        moved = sa.or_(
            *(work_orders.c[name].is_distinct_from(value) for name, value in fresh.items())
        )
        self._tx.execute(
            work_orders.update().where(work_orders.c.project_id == project_id, moved).values(fresh)
        )

    def _publish(self, changed: Sequence[WorkOrder]) -> None:
        envelopes = []
        for order in changed:
            envelopes += [
                Envelope.seal(
                    event,
                    aggregate_id=order.id,
                    version=event.order.version,
                    at=order.steps[-1].at,
                )
                for event in order.events
            ]
            order.events.clear()
        if envelopes:
            self._outbox.append(*envelopes)


def _row(order: WorkOrder) -> dict[str, Any]:
    bearer, feedback = order.bearer, order.feedback
    return {
        "id": order.id,
        "version": order.version,
        "number": order.number,
        "source": order.source,
        "colour": order.colour,
        "status": order.status,
        "card_id": order.card_id,
        "case_id": order.case_id,
        "project_id": bearer.project_id,
        "project_name": bearer.project_name,
        "item_code": bearer.item_code,
        "item_name": bearer.item_name,
        "subject": order.subject,
        "requirement": order.requirement,
        "lead_org": bearer.org,
        "lead_org_name": bearer.org_name,
        "co_orgs": list(order.co_orgs),
        "handler": order.handler,
        "region_path": bearer.region_path,
        "level": bearer.level,
        "uscc": bearer.uscc if bearer.duty_bearer == "enterprise" else "",
        "project_uscc": bearer.uscc,
        "agents": list(bearer.agents),
        "duty_bearer": bearer.duty_bearer,
        "dispatched_by": order.dispatched_by,
        "issued_at": order.issued_at,
        "sign_by": order.sign_by,
        "feedback_by": order.feedback_by,
        "close_by": order.close_by,
        "round": order.round,
        "round_began": order.round_began,
        "signed_at": order.signed_at,
        "answered_at": order.answered_at,
        "closed_at": order.closed_at,
        "reworks": order.reworks,
        "escalated": order.escalated,
        "returned_to": order.returned_to,
        "statement": order.statement,
        "feedback": None
        if feedback is None
        else {
            "cause": feedback.cause,
            "measures": feedback.measures,
            "completion_date": feedback.completion_date.isoformat(),
            "evidence": feedback.evidence,
            "signer_name": feedback.signer_name,
            "at": instant(feedback.at),
            "by": feedback.by,
        },
        "parts": plain(order.parts),
        "urges": order.urges,
        "supervised": order.supervised,
        "cause": order.cause,
        "merged_into": order.merged_into,
        "extension": plain(order.extension),
        "steps": steps_to_json(order.steps),
    }


def _order(row: sa.Row[Any]) -> WorkOrder:
    feedback = row.feedback
    return WorkOrder(
        id=row.id,
        number=row.number,
        source=row.source,
        colour=row.colour,
        card_id=row.card_id,
        case_id=row.case_id,
        bearer=bearer_of(row, org=row.lead_org, org_name=row.lead_org_name),
        subject=row.subject,
        requirement=row.requirement,
        co_orgs=tuple(row.co_orgs),
        dispatched_by=row.dispatched_by,
        issued_at=row.issued_at,
        sign_by=row.sign_by,
        feedback_by=row.feedback_by,
        close_by=row.close_by,
        round=row.round,
        round_began=row.round_began,
        status=row.status,
        handler=row.handler,
        signed_at=row.signed_at,
        answered_at=row.answered_at,
        closed_at=row.closed_at,
        reworks=row.reworks,
        escalated=row.escalated,
        returned_to=row.returned_to,
        statement=row.statement,
        feedback=feedback
        and Feedback(
            cause=feedback["cause"],
            measures=feedback["measures"],
            completion_date=date.fromisoformat(feedback["completion_date"]),
            evidence=feedback["evidence"],
            signer_name=feedback["signer_name"],
            at=read_instant(feedback["at"]),
            by=feedback["by"],
        ),
        parts=tuple(Part(**{**each, "at": read_instant(each["at"])}) for each in row.parts),
        urges=row.urges,
        supervised=row.supervised,
        cause=row.cause,
        merged_into=row.merged_into,
        extension=Extension.read(row.extension) if row.extension else None,
        steps=steps_from_json(row.steps),
        version=row.version,
    )
