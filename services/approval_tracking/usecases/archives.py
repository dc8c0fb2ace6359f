"""What the archive of a case holds: its record, its clock in words, its documents, its papers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.case import Case
from approval_tracking.domain.clock_words import explain
from approval_tracking.domain.documents import possible
from approval_tracking.domain.material_errors import CaseNotFinished
from approval_tracking.domain.materials import Material
from approval_tracking.domain.media import DOCX, JPEG, OFD, PDF, PNG, XLSX
from approval_tracking.store import CaseStore
from approval_tracking.store.documents import DocumentStore
from approval_tracking.usecases.admission import hold
from approval_tracking.usecases.documents import Press, case_document
from chassis.calendar import local_day
from chassis.events import instant, plain
from chassis.identity import Principal

_FINISHED = ("delivered", "refused", "withdrawn", "revoked")
_ENDINGS = {PDF: "pdf", OFD: "ofd", DOCX: "docx", XLSX: "xlsx", JPEG: "jpg", PNG: "png"}
_UNSAFE = re.compile(r"[^\w()（）〔〕.-]+")


def gather(
    cases: CaseStore,
    documents: DocumentStore,
    case_id: UUID,
    *,
    read: Callable[[Material], bytes],
    press: Press,
    principal: Principal,
    now: datetime,
) -> tuple[Case, dict[str, bytes], dict[str, object]]:
    """Return the case, the files of its archive by name, and what its manifest tells of it."""
    documents.lock(case_id)
    held = hold(cases, case_id, 0, principal, now)
    case = held.case
    if case.status not in _FINISHED:
        raise CaseNotFinished(case_id=case_id)
    lines = explain(case.happenings, case.rules, held.calendar, until=local_day(now))
    files = {
        "record.json": json.dumps(
            plain({"happenings": case.happenings, "papers": case.papers, "rules": case.rules}),
            ensure_ascii=False,
            indent=1,
        ).encode(),
        "clock.txt": "\n".join(f"{line.first} {line.zh}" for line in lines).encode(),
    }
    for each in possible(case.happenings):
        made = case_document(
            documents,
            cases,
            case_id,
            each.kind.code,
            each.happening.number,
            press=press,
            principal=principal,
            now=now,
        )
        files[f"documents/{_safe(f'{made.name}-{made.number}')}.docx"] = made.file
    signatures = []
    for paper in case.papers:
        found = cases.materials.find(UUID(paper.material_id)) if paper.material_id else None
        if found:
            ending = _ENDINGS.get(found.media_type, "bin")
            name = f"materials/{_safe(found.title)}-v{found.version}-{found.sha256[:8]}.{ending}"
            files[name] = read(found)
            signatures += [{"file": name, **plain(each)} for each in found.signatures]
    about = {
        "case_id": str(case.id),
        "version": case.version,
        "receipt_number": case.receipt_number,
        "item": f"{case.item_code} {case.item_name}",
        "project": case.project_name,
        "body": case.org_name,
        "status": case.status,
        "outcome": case.outcome,
        "made_at": instant(now),
        "made_by": principal.account_id,
        "signatures": signatures,
    }
    return case, files, about


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)
