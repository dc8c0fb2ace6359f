"""How a document of a case is issued: once, by the first who asks, in the words of its case."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.case import Case
from approval_tracking.domain.document_texts import (
    Stamp,
    Subject,
    clock_at,
    compose,
)
from approval_tracking.domain.documents import (
    DECISION,
    DELIVERY,
    Content,
    Issued,
    Possible,
    numbered,
    pick,
)
from approval_tracking.domain.events import CaseDocumentIssued
from approval_tracking.store import CaseStore
from approval_tracking.store.cases import Held
from approval_tracking.store.documents import DocumentStore
from approval_tracking.usecases.admission import hold
from chassis.calendar import local_day
from chassis.identity import Principal


@dataclass(frozen=True)
class Press:
    """What issuing needs from outside: ids, codes that nobody guesses, where to check, the layout."""

    new_id: Callable[[], UUID]
    new_code: Callable[[], str]
    verify_url: Callable[[str], str]
    lay_out: Callable[[Content], bytes]


@dataclass(frozen=True)
class _Desk:
    """One case with what its documents are made with."""

    documents: DocumentStore
    cases: CaseStore
    held: Held
    press: Press
    now: datetime


def case_document(
    documents: DocumentStore,
    cases: CaseStore,
    case_id: UUID,
    kind: str,
    happening: int,
    *,
    press: Press,
    principal: Principal,
    now: datetime,
) -> Issued:
    """Return a document of the case; issue it when nobody has asked for it before."""
    if happening:
        # What was issued can be had for ever, also when its record no longer counts.
        hold(cases, case_id, 0, principal, now)
        already = documents.find(case_id, kind, happening)
        if already:
            return already
    # Locked before it is read: a correction that comes in between would be missed.
    documents.lock(case_id)
    held = hold(cases, case_id, 0, principal, now)
    found = pick(held.case.happenings, kind, happening, case_id=case_id)
    return _issued(found, _Desk(documents, cases, held, press, now))


def _issued(wanted: Possible, desk: _Desk) -> Issued:
    case, kind, happening = desk.held.case, wanted.kind, wanted.happening
    already = desk.documents.find(case.id, kind.code, happening.number)
    if already:
        return already
    today = local_day(desk.now)
    # A delivery names what it hands over, so that gets its number first.
    decision = replaces = None
    if kind.code == DELIVERY:
        over = pick(case.happenings, DECISION, 0, case_id=case.id)
        decision = _issued(over, desk)
    if happening.correction:
        replaces = desk.documents.find(case.id, kind.code, happening.correction.supersedes)
    code = desk.press.new_code()
    serial = desk.documents.next_serial(case.org, kind.code, today.year)
    org_name = desk.cases.reference.deciders(today).name(case.org)
    content = compose(
        kind,
        Subject(
            case=case,
            item=desk.cases.reference.catalogue(case.catalogue).item(case.item_code),
            happening=happening,
            clock=clock_at(case, happening, desk.held.calendar),
            org_name=org_name,
            applicant=_applicant(case, desk.documents),
            decision_number=f"{decision.name} {decision.number}" if decision else "",
            replaces=replaces.number if replaces else "",
        ),
        Stamp(
            number=numbered(case.org, kind, today.year, serial),
            issued_on=today,
            code=code,
            verify_url=desk.press.verify_url(code),
        ),
    )
    file = desk.press.lay_out(content)
    issued = Issued(
        id=desk.press.new_id(),
        code=code,
        case_id=case.id,
        project_id=case.project_id,
        kind=kind.code,
        name=content.title,
        happening=happening.number,
        org=case.org,
        org_name=org_name,
        number=content.number,
        issued_on=today,
        issued_at=desk.now,
        content=content,
        digest=hashlib.sha256(file).hexdigest(),
        file=file,
    )
    desk.documents.add(issued, serial=serial, about=_fact(issued, case))
    return issued


def _applicant(case: Case, documents: DocumentStore) -> str:
    name = documents.company_of(case.project_id)
    if not name:
        return f"统一社会信用代码 {case.uscc}" if case.uscc else f"{case.project_name} 建设单位"
    return f"{name} ({case.uscc})" if case.uscc else name


def _fact(issued: Issued, case: Case) -> CaseDocumentIssued:
    return CaseDocumentIssued(
        document_id=issued.id,
        case_id=case.id,
        project_id=case.project_id,
        kind=issued.kind,
        name=issued.name,
        number=issued.number,
        org=issued.org,
        org_name=issued.org_name,
        issued_on=issued.issued_on,
        digest=issued.digest,
        region_path=case.region_path,
        level=case.level,
        uscc=case.uscc,
        agents=case.agents,
    )
