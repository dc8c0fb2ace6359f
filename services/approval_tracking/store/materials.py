"""The material library, and the keys of the seal, as one transaction sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from approval_tracking.domain.events import LicenceChanged
from approval_tracking.domain.material_errors import MaterialUnknown
from approval_tracking.domain.materials import (
    IN_FORCE,
    LICENCE,
    REPLACED,
    VOID,
    Material,
    Signature,
)
from approval_tracking.store.tables import case_archives, documents, materials, seal_keys
from chassis.events import Envelope, plain, read_instant
from chassis.outbox import Outbox
from chassis.seal import SealKey, renew

_KEYS_LOCK = 0x7365616C
_licence = materials.c.source == LICENCE
_for_project = sa.or_(
    materials.c.holder == sa.bindparam("of_project", type_=sa.Text),
    materials.c.holder == sa.bindparam("of_company", type_=sa.Text),
)
_in_force = sa.select(materials).where(_for_project, materials.c.state == IN_FORCE)


class MaterialStore:
    """The papers as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def get(
        self, material_id: UUID, *, project_id: UUID, uscc: str, lock: bool = False
    ) -> Material:
        """Return a paper that the project can use, whatever it is worth now."""
        wanted = sa.select(materials).where(materials.c.id == material_id, _for_project)
        row = self._tx.execute(
            wanted.with_for_update() if lock else wanted, _holders(project_id, uscc)
        ).one_or_none()
        if row is None:
            raise MaterialUnknown(material_id=material_id, field="material_id")
        return read_material(row)

    def find(self, material_id: UUID) -> Material | None:
        row = self._tx.execute(
            sa.select(materials).where(materials.c.id == material_id)
        ).one_or_none()
        return read_material(row) if row else None

    def usable(self, project_id: UUID, uscc: str) -> list[Material]:
        """Return what is in force for a project; what expired is among it."""
        return [
            read_material(row) for row in self._tx.execute(_in_force, _holders(project_id, uscc))
        ]

    def last(self, material: Material) -> Material | None:
        """Lock and return the last version of the same paper."""
        self._tx.execute(
            sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(sa.literal(material.holder))))
        )
        row = self._tx.execute(
            sa.select(materials)
            .where(
                materials.c.holder == material.holder,
                materials.c.key == material.key,
                _licence == (material.source == LICENCE),
            )
            .order_by(materials.c.version.desc())
            .limit(1)
        ).one_or_none()
        return read_material(row) if row else None

    def add(self, material: Material) -> list[Material]:
        """Add a version; the one before, which is returned, counts no more."""
        replaced = self._tx.execute(
            materials.update()
            .where(
                materials.c.holder == material.holder,
                materials.c.key == material.key,
                _licence == (material.source == LICENCE),
                materials.c.state == IN_FORCE,
            )
            .values(state=REPLACED)
            .returning(materials)
        ).all()
        told = {each.name: getattr(material, each.name) for each in fields(material)}
        told["signatures"] = plain(material.signatures)
        self._tx.execute(
            materials.insert().values(**told, key=material.key, holder=material.holder)
        )
        return [read_material(row) for row in replaced]

    def tell(self, *facts: LicenceChanged, at: datetime) -> None:
        """Tell others what became of licences."""
        if facts:
            self._outbox.append(
                *(
                    Envelope.seal(fact, aggregate_id=fact.licence_id, version=fact.version, at=at)
                    for fact in facts
                )
            )

    def save(self, material: Material) -> None:
        self._tx.execute(
            materials.update()
            .where(materials.c.id == material.id)
            .values(
                state=material.state,
                ended_by=material.ended_by,
                ended_why=material.ended_why,
                signatures=plain(material.signatures),
            )
        )

    def void_licences(self, case_id: UUID, *, by: str, why: str) -> list[Material]:
        fell = self._tx.execute(
            materials.update()
            .where(materials.c.case_id == case_id, _licence, materials.c.state == IN_FORCE)
            .values(state=VOID, ended_by=by, ended_why=why)
            .returning(materials)
        )
        return [read_material(row) for row in fell]

    def listed(
        self,
        project_id: UUID,
        uscc: str,
        *,
        size: int,
        title: str = "",
        history: bool = False,
        after: tuple[bool, str, UUID] | None = None,
    ) -> Sequence[Material]:
        """Return up to `size` papers, licences first, then by title and version."""
        wanted = sa.select(materials).where(_for_project)
        if title:
            wanted = wanted.where(materials.c.title.contains(title, autoescape=True))
        if not history:
            wanted = wanted.where(materials.c.state == IN_FORCE)
        order = (
            sa.not_(_licence),
            sa.func.concat(materials.c.key, ":", sa.func.lpad(_version, 6, "0")),
            materials.c.id,
        )
        if after:
            place = sa.tuple_(sa.literal(after[0]), sa.literal(after[1]), sa.literal(after[2]))
            wanted = wanted.where(sa.tuple_(*order) > place)
        rows = self._tx.execute(wanted.order_by(*order).limit(size), _holders(project_id, uscc))
        return [read_material(row) for row in rows]

    def file_of_document(self, document_id: UUID) -> bytes:
        return bytes(
            self._tx.execute(
                sa.select(documents.c.file).where(documents.c.id == document_id)
            ).scalar_one()
        )

    # --- the seal ---

    def seal_keys(self, make: Callable[[], SealKey]) -> list[SealKey]:
        """Return the keys, the oldest first; the first use makes the first."""
        keys = self.known_keys()
        if not keys:
            self._tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_KEYS_LOCK)))
            keys = self.known_keys()
        if not keys:
            made = make()
            self._tx.execute(
                seal_keys.insert().values(
                    id=made.id,
                    public_key=made.public_key,
                    sealed=made.sealed,
                    created_at=made.created_at,
                )
            )
            keys = [made]
        return keys

    def renew_seal(self, made: SealKey) -> None:
        renew(self._tx, seal_keys, made)

    def known_keys(self) -> list[SealKey]:
        rows = self._tx.execute(
            sa.select(seal_keys).order_by(seal_keys.c.created_at, seal_keys.c.id)
        )
        return [SealKey(row.id, row.public_key, bytes(row.sealed), row.created_at) for row in rows]

    # --- archives ---

    def archive(self, case_id: UUID, version: int) -> Any:
        """Return where the archive of this state lies, if it was made."""
        return self._tx.execute(
            sa.select(case_archives).where(
                case_archives.c.case_id == case_id, case_archives.c.version == version
            )
        ).one_or_none()

    def keep_archive(
        self, case_id: UUID, version: int, *, digest: str, object_key: str, by: str, now: datetime
    ) -> None:
        self._tx.execute(
            case_archives.insert().values(
                case_id=case_id,
                version=version,
                digest=digest,
                object_key=object_key,
                made_by=by,
                made_at=now,
            )
        )


_version = sa.cast(materials.c.version, sa.Text)


def place_of(material: Material) -> tuple[bool, str, UUID]:
    """Return where a paper stands in its list."""
    return material.source != LICENCE, f"{material.key}:{material.version:06d}", material.id


def _holders(project_id: UUID, uscc: str) -> dict[str, str]:
    # A project without a company shares nothing.
    return {
        "of_project": f"project:{project_id}",
        "of_company": f"company:{uscc}" if uscc else "",
    }


def read_material(row: Any) -> Material:
    """Return the paper that a row holds."""
    told = {
        each.name: getattr(row, each.name) for each in fields(Material) if each.name != "signatures"
    }
    return Material(
        **told,
        signatures=tuple(
            Signature(**{**each, "signed_at": read_instant(each["signed_at"])})
            for each in row.signatures
        ),
    )
