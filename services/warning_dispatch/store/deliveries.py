"""People and what they want to be told; one row for each thing that is told to one of them outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.bulk import rows_of
from warning_dispatch.domain.telling import Preferences
from warning_dispatch.store.tables import deliveries, notifications, people, preferences

_due = (
    sa.select(deliveries)
    .where(deliveries.c.status == "waiting", deliveries.c.next_at <= sa.bindparam("now"))
    .order_by(deliveries.c.next_at, deliveries.c.id)
    .limit(sa.bindparam("batch"))
    .with_for_update(skip_locked=True)
)

_audience = rows_of(notifications, "id", "accounts", "orgs", "uscc", "roles", "region_path").c
_wishes = (
    sa.select(_audience.id.label("notification_id"), preferences)
    .join(people, people.c.account == preferences.c.account)
    .where(
        people.c.active,
        sa.or_(
            people.c.account == sa.func.any(_audience.accounts),
            people.c.org == sa.func.any(_audience.orgs),
            sa.and_(_audience.uscc != "", _audience.uscc == sa.func.any(people.c.companies)),
            # Whoever looks after a territory is told of everything below it.
            sa.and_(
                people.c.roles.op("&&")(_audience.roles),
                people.c.region_path != "",
                sa.or_(
                    _audience.region_path == people.c.region_path,
                    _audience.region_path.like(people.c.region_path.concat("/%")),
                ),
            ),
        ),
    )
)
_more = rows_of(notifications, "id", "accounts").c
_add_to_audiences = (
    notifications.update()
    .where(notifications.c.id == _more.id)
    .values(accounts=sa.func.array_cat(notifications.c.accounts, _more.accounts))
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
        return self.wishes_of([account])[account]

    def wishes_of(self, accounts: Collection[str]) -> dict[str, Preferences]:
        """Return what each of these accounts wants, nothing for who never said."""
        found = {each: Preferences(each, {}) for each in accounts}
        if accounts:
            chosen = sa.select(preferences).where(preferences.c.account.in_(accounts))
            found |= {row.account: read_preferences(row) for row in self._tx.execute(chosen)}
        return found

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

    def wishes_of_audiences(
        self, audiences: Iterable[Mapping[str, Any]]
    ) -> dict[UUID, list[Preferences]]:
        """Return, by notification, the preferences of the accounts, bodies, company and roles it is for."""
        found: dict[UUID, list[Preferences]] = {}
        for row in self._tx.execute(_wishes, {"rows": list(audiences)}):
            found.setdefault(row.notification_id, []).append(read_preferences(row))
        return found

    def add_to_audiences(self, named: Mapping[UUID, Sequence[str]]) -> None:
        """Let those who stand in see the notifications too."""
        if named:
            rows = [{"id": each, "accounts": accounts} for each, accounts in named.items()]
            self._tx.execute(_add_to_audiences, {"rows": rows})

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
