"""Drafts of the catalogue and the versions that were published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from approval_tracking.domain.catalogue_versions import Draft
from approval_tracking.domain.errors import CatalogueUnknown, DraftUnknown
from approval_tracking.store.reference import IN_FORCE, digest_of
from approval_tracking.store.tables import catalogue_drafts, catalogues
from chassis.errors import Stale


class CatalogueStore:
    """Drafts and versions as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def add(self, draft: Draft) -> None:
        self._tx.execute(catalogue_drafts.insert().values(**asdict(draft)))

    def get(self, draft_id: UUID, *, lock: bool = False) -> Draft:
        statement = sa.select(catalogue_drafts).where(catalogue_drafts.c.id == draft_id)
        row = self._tx.execute(statement.with_for_update() if lock else statement).one_or_none()
        if row is None:
            raise DraftUnknown(draft_id=draft_id)
        return Draft(**row._mapping)

    def save(self, draft: Draft, *, seen: int) -> None:
        draft.version = seen + 1
        values = asdict(draft)
        saved = self._tx.execute(
            catalogue_drafts.update()
            .where(catalogue_drafts.c.id == draft.id, catalogue_drafts.c.version == seen)
            .values({name: values[name] for name in values if name not in ("content", "themes")})
        )
        if saved.rowcount != 1:
            raise Stale(subject=draft.id, version=draft.version, expected=seen)

    def publish(self, draft: Draft, *, at: datetime) -> int:
        """Keep the draft as the next version; the same content may be in force again later."""
        version: int = self._tx.execute(
            catalogues.insert()
            .values(
                digest=digest_of([str(draft.id), draft.content, draft.themes]),
                content=draft.content,
                themes=draft.themes,
                loaded_at=at,
                effective_from=draft.effective_from,
            )
            .returning(catalogues.c.version)
        ).scalar_one()
        return version

    def drafts(self, *, size: int, after: tuple[datetime, UUID] | None) -> Sequence[Any]:
        """Return drafts without their content, the newest first."""
        table = catalogue_drafts.c
        told = [each for each in table if each.name not in ("content", "themes")]
        statement = sa.select(*told).order_by(table.drafted_at.desc(), table.id.desc()).limit(size)
        if after:
            statement = statement.where(
                sa.tuple_(table.drafted_at, table.id)
                < sa.tuple_(sa.literal(after[0]), sa.literal(after[1], sa.Uuid()))
            )
        return self._tx.execute(statement).all()

    def versions(self, *, size: int, before: int | None) -> Sequence[Any]:
        table = catalogues.c
        statement = sa.select(table.version, table.loaded_at, table.effective_from)
        if before is not None:
            statement = statement.where(table.version < before)
        return self._tx.execute(statement.order_by(table.version.desc()).limit(size)).all()

    def content(self, version: int) -> tuple[dict[str, Any], Any]:
        """Return a published version's content and themes as they were published."""
        row = self._tx.execute(
            sa.select(catalogues.c.content, catalogues.c.themes).where(
                catalogues.c.version == version
            )
        ).one_or_none()
        if row is None:
            raise CatalogueUnknown(version=version)
        return row.content, row.themes

    def in_force(self, day: date) -> int:
        """Return the version in force on a day; 0 when there is none."""
        return self._tx.scalar(IN_FORCE, {"day": day}) or 0
