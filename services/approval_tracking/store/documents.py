"""Documents of cases: numbered without a gap, written once, read for ever."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.domain.documents import Content, Issued
from approval_tracking.domain.errors import CaseUnknown
from approval_tracking.domain.events import CaseDocumentIssued
from approval_tracking.store.tables import cases, document_numbers, documents, projects
from chassis.events import Envelope, plain
from chassis.outbox import Outbox

_locked = (
    sa.select(cases.c.id)
    .where(cases.c.id == sa.bindparam("case_id", type_=sa.Uuid))
    .with_for_update()
)
_next = (
    insert(document_numbers)
    .values({name: sa.bindparam(name) for name in ("org", "kind", "year")} | {"last": 1})
    .on_conflict_do_update(
        index_elements=["org", "kind", "year"], set_={"last": document_numbers.c.last + 1}
    )
    .returning(document_numbers.c.last)
)
_of_case = sa.select(documents).where(documents.c.case_id == sa.bindparam("case_id", type_=sa.Uuid))
_company = sa.select(projects.c.state["enterprise_name"].astext).where(
    projects.c.id == sa.bindparam("project_id", type_=sa.Uuid)
)


class DocumentStore:
    """The documents as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.outbox = Outbox(tx)

    def lock(self, case_id: UUID) -> None:
        """Lock the case, so that each of its documents is issued once."""
        if self._tx.execute(_locked, {"case_id": case_id}).one_or_none() is None:
            raise CaseUnknown(case_id=case_id)

    def find(self, case_id: UUID, kind: str, happening: int) -> Issued | None:
        row = self._tx.execute(
            _of_case.where(documents.c.kind == kind, documents.c.happening == happening),
            {"case_id": case_id},
        ).one_or_none()
        return read_document(row) if row else None

    def company_of(self, project_id: UUID) -> str:
        return company_of(self._tx, project_id)

    def next_serial(self, org: str, kind: str, year: int) -> int:
        """Count on. The row stays locked until the transaction ends, so a refusal leaves no gap."""
        return int(self._tx.execute(_next, {"org": org, "kind": kind, "year": year}).scalar_one())

    def add(self, document: Issued, *, serial: int, about: CaseDocumentIssued) -> None:
        told = {each.name: getattr(document, each.name) for each in fields(document)}
        self._tx.execute(
            documents.insert().values(
                **{**told, "content": plain(document.content)},
                year=document.issued_on.year,
                serial=serial,
            )
        )
        self.outbox.append(
            Envelope.seal(about, aggregate_id=document.id, version=1, at=document.issued_at)
        )


def company_of(tx: sa.Connection, project_id: UUID) -> str:
    """Return the name of the project's company, empty as long as nobody told it."""
    return tx.scalar(_company, {"project_id": project_id}) or ""


def read_document(row: Any) -> Issued:
    """Return the document that a row holds."""
    content = row.content
    return Issued(
        **{
            each.name: getattr(row, each.name)
            for each in fields(Issued)
            if each.name not in ("content", "file")
        },
        file=bytes(row.file),
        content=Content(
            **{
                **content,
                "issued_on": date.fromisoformat(content["issued_on"]),
                "facts": tuple((label, text) for label, text in content["facts"]),
                "paragraphs": tuple(content["paragraphs"]),
                "entries": tuple(content["entries"]),
                "basis": tuple(content["basis"]),
            }
        ),
    )
