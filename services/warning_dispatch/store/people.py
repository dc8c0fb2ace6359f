"""Who is on record by name, who may sign for whom, and who is away, as rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.events import Envelope
from chassis.outbox import Outbox
from warning_dispatch.domain.people import CONTACTS, ROLES_OF, Authorisation, Place, Post
from warning_dispatch.store.tables import leaders, people, preferences, signing_authorisations

_ON_RECORD = (
    *("region", "region_path", "kind", "body", "account", "name", "duty", "phone"),
    *("registered_at", "registered_by", "registered_by_name"),
    *("ended_at", "ended_by", "ended_by_name"),
)
_DEPARTMENTAL = ("A2", "A3", "A4")
# Whoever was disabled, moved away or lost his role fills his place no more.
_can_act = sa.and_(
    people.c.active,
    people.c.region_path == leaders.c.region_path,
    sa.or_(
        *(
            sa.and_(
                leaders.c.kind == kind,
                people.c.roles.op("&&")(sa.literal(roles, sa.ARRAY(sa.Text))),
            )
            for kind, roles in ROLES_OF.items()
        )
    ),
)


class PeopleStore:
    """The register as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    # --- the register

    def lock(self, place: Place) -> None:
        """Let nobody else change what this place's register says until the transaction ends."""
        key = f"leaders {place.body or place.region}"
        self._tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(key))))

    def present(self, place: Place) -> list[Post]:
        chosen = sa.select(leaders).where(
            leaders.c.region == place.region,
            leaders.c.body == place.body,
            leaders.c.ended_at.is_(None),
        )
        return [_post(row) for row in self._tx.execute(chosen)]

    def get(self, post_id: UUID) -> Post | None:
        chosen = sa.select(leaders).where(leaders.c.id == post_id).with_for_update()
        row = self._tx.execute(chosen).one_or_none()
        return _post(row) if row else None

    def add(self, post: Post, *, at: datetime) -> None:
        self._tx.execute(leaders.insert(), {"id": post.post_id, **_row(post)})
        self._publish(post, at)

    def save(self, post: Post, *, at: datetime) -> None:
        self._tx.execute(leaders.update().where(leaders.c.id == post.post_id).values(_row(post)))
        self._publish(post, at)

    def listed(
        self,
        near: str,
        *,
        ended: bool,
        limit: int,
        before: tuple[datetime, UUID] | None,
        **equal: str,
    ) -> list[sa.Row[Any]]:
        """Return who is on record in a region, below it and above it, the newest first."""
        wanted = [leaders.c[name] == value for name, value in equal.items() if value]
        if not ended:
            wanted.append(leaders.c.ended_at.is_(None))
        if before:
            place = sa.tuple_(leaders.c.registered_at, leaders.c.id)
            wanted.append(place < sa.tuple_(*map(sa.literal, before)))
        parts = near.split("/")
        above = ["/".join(parts[: place + 1]) for place in range(len(parts))]
        mine = sa.or_(leaders.c.region_path.in_(above), leaders.c.region_path.like(f"{near}/%"))
        chosen = (
            sa.select(
                leaders, people.c.username, sa.func.coalesce(_can_act, False).label("can_act")
            )
            .select_from(leaders.outerjoin(people, people.c.account == leaders.c.account))
            .where(mine, *wanted)
            .order_by(leaders.c.registered_at.desc(), leaders.c.id.desc())
            .limit(limit)
        )
        return list(self._tx.execute(chosen))

    # --- what is vacant

    def bodies(self, top: str) -> list[str]:
        """Return the departments in a region that have people on the platform."""
        chosen = (
            sa.select(people.c.org)
            .where(
                people.c.active,
                people.c.org != "",
                people.c.roles.op("&&")(sa.literal(_DEPARTMENTAL, sa.ARRAY(sa.Text))),
                sa.or_(people.c.region_path == top, people.c.region_path.like(f"{top}/%")),
            )
            .distinct()
            .order_by(people.c.org)
        )
        return list(self._tx.scalars(chosen))

    def filled(self, top: str) -> set[tuple[str, str, str]]:
        """Return what somebody is on record for who can act."""
        chosen = (
            sa.select(leaders.c.kind, leaders.c.region, leaders.c.body)
            .join(people, people.c.account == leaders.c.account)
            .where(
                _can_act,
                leaders.c.ended_at.is_(None),
                sa.or_(leaders.c.region_path == top, leaders.c.region_path.like(f"{top}/%")),
            )
        )
        return {(row.kind, row.region, row.body) for row in self._tx.execute(chosen)}

    # --- who is there today

    def contacts_of(self, bodies: Collection[str]) -> dict[str, dict[str, str]]:
        """Return the contacts of each body, by kind."""
        chosen = (
            sa.select(leaders.c.body, leaders.c.kind, leaders.c.account)
            .join(people, people.c.account == leaders.c.account)
            .where(
                _can_act,
                leaders.c.body.in_(bodies),
                leaders.c.kind.in_(CONTACTS),
                leaders.c.ended_at.is_(None),
            )
        )
        found: dict[str, dict[str, str]] = {}
        for row in self._tx.execute(chosen):
            found.setdefault(row.body, {})[row.kind] = row.account
        return found

    def away(self, accounts: Collection[str], on: date) -> set[str]:
        chosen = sa.select(preferences.c.account).where(
            preferences.c.account.in_(accounts),
            preferences.c.away_from <= on,
            preferences.c.away_to >= on,
        )
        return set(self._tx.scalars(chosen))

    # --- who may sign for whom

    def authorise(self, made: Authorisation) -> None:
        values = {**vars(made), "id": made.authorisation_id}
        del values["authorisation_id"]
        self._tx.execute(signing_authorisations.insert(), values)

    def authorisation(self, authorisation_id: UUID) -> Authorisation | None:
        table = signing_authorisations
        chosen = sa.select(table).where(table.c.id == authorisation_id).with_for_update()
        row = self._tx.execute(chosen).one_or_none()
        return _authorisation(row) if row else None

    def withdraw(self, given: Authorisation, *, at: datetime) -> Authorisation:
        table = signing_authorisations
        mine = table.c.id == given.authorisation_id
        self._tx.execute(table.update().where(mine).values(withdrawn_at=at))
        return replace(given, withdrawn_at=at)

    def authorisations(self, region_path: str) -> list[Authorisation]:
        """Return what the leaders of a region and below it gave, the newest first."""
        table = signing_authorisations
        here = people.c.region_path
        chosen = (
            sa.select(table)
            .join(people, people.c.account == table.c.leader)
            .where(sa.or_(here == region_path, here.like(f"{region_path}/%")))
            .order_by(table.c.registered_at.desc(), table.c.id.desc())
            .limit(200)
        )
        return [_authorisation(row) for row in self._tx.execute(chosen)]

    def _publish(self, post: Post, at: datetime) -> None:
        self._outbox.append(
            *(
                Envelope.seal(event, aggregate_id=post.post_id, version=event.post.version, at=at)
                for event in post.events
            )
        )
        post.events.clear()


def _row(post: Post) -> dict[str, Any]:
    return {name: getattr(post, name) for name in _ON_RECORD}


def _post(row: sa.Row[Any]) -> Post:
    return Post(post_id=row.id, **{name: getattr(row, name) for name in _ON_RECORD})


def _authorisation(row: sa.Row[Any]) -> Authorisation:
    values = dict(row._mapping)
    return Authorisation(authorisation_id=values.pop("id"), **values)
