"""People and what they want to be told; one row for each thing that is told to one of them outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from warning_dispatch.domain.telling import Preferences
from warning_dispatch.store.tables import deliveries, notifications, people, preferences

_due = (
    sa.select(deliveries)
    .where(deliveries.c.status == "waiting", deliveries.c.next_at <= sa.bindparam("now"))
    .order_by(deliveries.c.next_at, deliveries.c.id)
    .limit(sa.bindparam("batch"))
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True)
class Waiting:
    """What is to be sent to one address: one delivery, or several in a digest."""

    ids: tuple[UUID, ...]
    channel: str
    address: str
    attempts: int
    notices: tuple[tuple[str, str], ...]


class DeliveryStore:
    """People, preferences and deliveries as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def keep_person(self, state: Mapping[str, Any]) -> None:
        """Keep an account unless ours is as new."""
        row = {
            "version": int(state["version"]),
            "username": state["username"],
            "name": state["name"],
            "roles": list(state["roles"]),
            "region_path": state["region_path"],
            "org": state["org"],
            "companies": list(state["companies"]),
            "active": bool(state["active"]),
        }
        made = insert(people).values(account=state["account_id"], **row)
        self._tx.execute(
            made.on_conflict_do_update(
                index_elements=[people.c.account],
                set_=row,
                where=made.excluded.version > people.c.version,
            )
        )

    def find_person(self, username: str) -> sa.Row[Any] | None:
        chosen = sa.select(people).where(people.c.username == username, people.c.active)
        return self._tx.execute(chosen).first()

    def username_of(self, account: str) -> str:
        chosen = sa.select(people.c.username).where(people.c.account == account)
        return self._tx.scalar(chosen) or ""

    def preferences_of(self, account: str) -> Preferences:
        row = self._tx.execute(
            sa.select(preferences).where(preferences.c.account == account)
        ).first()
        return read_preferences(row) if row else Preferences(account, {})

    def save_preferences(self, wanted: Preferences) -> None:
        row = {
            "addresses": dict(wanted.addresses),
            "from_colour": wanted.from_colour,
            "quiet_from": f"{wanted.quiet_from:%H:%M}",
            "quiet_to": f"{wanted.quiet_to:%H:%M}",
            "digest": wanted.digest,
            "deputy": wanted.deputy,
            "away_from": wanted.away_from,
            "away_to": wanted.away_to,
        }
        made = insert(preferences).values(account=wanted.account, **row)
        self._tx.execute(
            made.on_conflict_do_update(index_elements=[preferences.c.account], set_=row)
        )

    def wishes_of_audience(
        self, notice: sa.Row[Any], *, accounts: Sequence[str], orgs: Sequence[str]
    ) -> list[Preferences]:
        """Return the preferences of these accounts, bodies, and the company and roles it is for."""
        mine = [people.c.account == sa.func.any(sa.literal(accounts, _texts))]
        if orgs:
            mine.append(people.c.org == sa.func.any(sa.literal(orgs, _texts)))
        if notice.uscc:
            mine.append(sa.literal(notice.uscc) == sa.func.any(people.c.companies))
        if notice.roles:
            # Whoever looks after a territory is told of everything below it.
            here = sa.literal(notice.region_path)
            mine.append(
                sa.and_(
                    people.c.roles.op("&&")(sa.literal(notice.roles, _texts)),
                    sa.or_(
                        here == people.c.region_path,
                        here.like(people.c.region_path.concat("/%")),
                    ),
                    people.c.region_path != "",
                )
            )
        chosen = (
            sa.select(preferences)
            .join(people, people.c.account == preferences.c.account)
            .where(people.c.active, sa.or_(*mine))
        )
        return [read_preferences(row) for row in self._tx.execute(chosen)]

    def add_to_audience(self, notification_id: UUID, accounts: Iterable[str]) -> None:
        """Let those who stand in see the notification too."""
        self._tx.execute(
            notifications.update()
            .where(notifications.c.id == notification_id)
            .values(
                accounts=sa.func.array_cat(
                    notifications.c.accounts, sa.literal(list(accounts), _texts)
                )
            )
        )

    def queue(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Queue deliveries; one of a notification to an address exists once."""
        if rows:
            made = insert(deliveries).on_conflict_do_nothing()
            self._tx.execute(made, [dict(row) for row in rows])

    def claim_due(self, now: datetime, *, batch: int) -> list[Waiting]:
        """Lock what is to be sent now, with what a digest puts together in one piece."""
        rows = self._tx.execute(_due, {"now": now, "batch": batch}).all()
        if not rows:
            return []
        texts = {
            row.id: (row.title_zh, row.body_zh)
            for row in self._tx.execute(
                sa.select(
                    notifications.c.id, notifications.c.title_zh, notifications.c.body_zh
                ).where(notifications.c.id.in_({row.notification_id for row in rows}))
            )
        }
        grouped: dict[tuple[str, str, bool, int], list[Any]] = {}
        for row in rows:
            together = (row.channel, row.address, row.digest, row.attempts)
            key = together if row.digest else (row.channel, str(row.id), False, row.attempts)
            grouped.setdefault(key, []).append(row)
        return [
            Waiting(
                ids=tuple(each.id for each in group),
                channel=group[0].channel,
                address=group[0].address,
                attempts=group[0].attempts,
                notices=tuple(texts[each.notification_id] for each in group),
            )
            for group in grouped.values()
        ]

    def sent(self, ids: Sequence[UUID], *, at: datetime) -> None:
        self._mark(ids, status="sent", sent_at=at, attempts=deliveries.c.attempts + 1, error="")

    def failed(self, ids: Sequence[UUID], *, error: str, next_at: datetime | None) -> None:
        """Note a failure; without another time it is given up."""
        again: dict[str, Any] = {"next_at": next_at} if next_at else {"status": "given_up"}
        self._mark(ids, attempts=deliveries.c.attempts + 1, error=error[:500], **again)

    def _mark(self, ids: Sequence[UUID], **values: Any) -> None:
        self._tx.execute(deliveries.update().where(deliveries.c.id.in_(ids)).values(**values))


_texts = sa.ARRAY(sa.Text)


def read_preferences(row: sa.Row[Any]) -> Preferences:
    return Preferences(
        account=row.account,
        addresses=row.addresses,
        from_colour=row.from_colour,
        quiet_from=time.fromisoformat(row.quiet_from),
        quiet_to=time.fromisoformat(row.quiet_to),
        digest=row.digest,
        deputy=row.deputy,
        away_from=row.away_from,
        away_to=row.away_to,
    )
