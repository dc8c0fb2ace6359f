"""What may be done with a paper of the material library, and by whom."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import PaperOf
from approval_tracking.domain.catalogue import Item
from approval_tracking.domain.documents import Issued
from approval_tracking.domain.events import LicenceChanged
from approval_tracking.domain.guidance import paper_key, paper_name
from approval_tracking.domain.intermediaries import refuse_naming
from approval_tracking.domain.material_errors import (
    AlreadySigned,
    LicenceNotWithdrawn,
    MaterialAlreadyThere,
    MaterialOfAnother,
    MaterialTooLarge,
    NotAMaterial,
    NotTheSignatory,
    NotYourMaterial,
)
from approval_tracking.domain.materials import (
    AGENT,
    COMPANY,
    IN_FORCE,
    LICENCE,
    MOST_BYTES,
    WINDOW,
    WITHDRAWN,
    Material,
    Signature,
    asked_of,
    best,
    lapses_unless_started,
    licence_ends,
    refuse_asking_again,
)
from approval_tracking.domain.media import DOCX, kind_of
from approval_tracking.store import CaseStore, Project, ProjectStore
from approval_tracking.store.materials import MaterialStore
from chassis.calendar import local_day
from chassis.errors import FieldInvalid
from chassis.identity import Principal

_COMPANY_ROLES, _WINDOW_ROLE, _SIGNATORY = ("E1", "E2"), "A1", "E1"
_RESULT_OF_DONE = "已办结事项 {code} 的结果"


@dataclass(frozen=True)
class Upload:
    """A file with what its sender says of it."""

    title: str
    file_name: str
    content: bytes
    company_wide: bool = False
    valid_until: date | None = None


@dataclass(frozen=True)
class Sealing:
    """What signs: it returns the key's id and the signature over a statement."""

    sign: Callable[[str], tuple[str, str]]


def add(
    materials: MaterialStore,
    project: Project,
    upload: Upload,
    *,
    material_id: UUID,
    principal: Principal,
    now: datetime,
) -> Material:
    """Put a paper in; the same title is a new version."""
    if len(upload.content) > MOST_BYTES:
        raise MaterialTooLarge(field="file")
    media_type = kind_of(upload.content)
    if not media_type:
        raise NotAMaterial(field="file")
    if upload.valid_until and upload.valid_until < local_day(now):
        raise FieldInvalid(field="valid_until", zh_why="有效期已过", en_why="the paper has expired")
    if upload.company_wide and not project.uscc:
        raise FieldInvalid(
            field="company_wide",
            zh_why="项目尚未关联企业",
            en_why="the project has no company yet",
        )
    material = Material(
        id=material_id,
        title=upload.title,
        source=_source(principal),
        uscc=project.uscc,
        project_id=project.id,
        company_wide=upload.company_wide,
        file_name=upload.file_name,
        media_type=media_type,
        size=len(upload.content),
        sha256=hashlib.sha256(upload.content).hexdigest(),
        valid_until=upload.valid_until,
        put_in_by=principal.account_id,
        put_in_at=now,
        object_key=f"materials/{material_id}",
    )
    last = materials.last(material)
    if last:
        if last.sha256 == material.sha256 and last.standing(local_day(now)) == IN_FORCE:
            raise MaterialAlreadyThere(title=last.title, version=last.version, field="file")
        material.version = last.version + 1
    materials.add(material)
    return material


def withdraw(
    materials: MaterialStore,
    material: Material,
    reason: str,
    *,
    principal: Principal,
    now: datetime,
) -> None:
    if material.source == LICENCE:
        raise LicenceNotWithdrawn(title=material.title, field="material_id")
    if material.source == COMPANY and not principal.has_role(*_COMPANY_ROLES):
        raise NotYourMaterial
    material.expect_in_force(local_day(now), field="material_id")
    material.state, material.ended_by, material.ended_why = WITHDRAWN, principal.account_id, reason
    materials.save(material)


def sign(
    materials: MaterialStore,
    material: Material,
    *,
    sealing: Sealing,
    principal: Principal,
    now: datetime,
) -> None:
    """Sign for the company, over the digest of the file."""
    if not principal.has_role(_SIGNATORY) or material.uscc not in principal.companies:
        raise NotTheSignatory
    material.expect_in_force(local_day(now), field="material_id")
    if any(each.signed_by == principal.account_id for each in material.signatures):
        raise AlreadySigned(
            title=material.title, signer=principal.name or principal.username, field="material_id"
        )
    _seal(material, principal.account_id, material.uscc, sealing, now)
    materials.save(material)


def issue_licence(
    materials: MaterialStore,
    case: Case,
    item: Item,
    decision: Issued,
    *,
    material_id: UUID,
    sealing: Sealing,
    by: str,
    now: datetime,
) -> Material:
    """Put what an approval yields into the library, sealed for the body 电子证照."""
    today, title = local_day(now), paper_name(item.result_document)
    licence = Material(
        id=material_id,
        title=title,
        source=LICENCE,
        uscc=case.uscc,
        project_id=case.project_id,
        company_wide=False,
        file_name=f"{title}-{decision.number}.docx",
        media_type=DOCX,
        size=len(decision.file),
        sha256=decision.digest,
        valid_until=licence_ends(item.result_document, today),
        put_in_by=by,
        put_in_at=now,
        number=decision.number,
        issuer=decision.org_name,
        case_id=case.id,
        document_id=decision.id,
    )
    last = materials.last(licence)
    licence.version = last.version + 1 if last else 1
    _seal(licence, by, case.org, sealing, now)
    replaced = materials.add(licence)
    materials.tell(*(_licence_fact(each, case) for each in (*replaced, licence)), at=now)
    return licence


def void_licences(
    materials: MaterialStore, case: Case, *, by: str, why: str, now: datetime
) -> None:
    """The approval fell, and its licences with it."""
    fell = materials.void_licences(case.id, by=by, why=why)
    materials.tell(*(_licence_fact(each, case) for each in fell), at=now)


def _licence_fact(licence: Material, case: Case) -> LicenceChanged:
    issued = local_day(licence.put_in_at)
    lapses = lapses_unless_started(licence.title, issued)
    return LicenceChanged(
        licence_id=licence.id,
        version=1 if licence.state == IN_FORCE else 2,
        case_id=licence.case_id or case.id,
        project_id=licence.project_id,
        project_name=case.project_name,
        item_code=case.item_code,
        name=licence.title,
        number=licence.number,
        valid_from=issued,
        valid_until=lapses or licence.valid_until,
        state=licence.state,
        org=case.org,
        org_name=case.org_name,
        region_path=case.region_path,
        level=case.level,
        uscc=case.uscc,
        agents=case.agents,
        until_start=lapses is not None,
    )


# --- what is on file for a case -----------------------------------------------------------------------


def use(
    materials: MaterialStore,
    project: Project,
    item: Item,
    given: Sequence[PaperOf],
    wanted: Sequence[UUID] = (),
    *,
    now: datetime,
) -> tuple[PaperOf, ...]:
    """Return an application's papers: what was handed in, what was named, and what is on file for the item."""
    today, papers = local_day(now), list(given)
    for place, material_id in enumerate(wanted):
        field = f"material_ids[{place}]"
        found = materials.find(material_id)
        if found is None or not _serves(found, project):
            raise MaterialOfAnother(material_id=material_id, field=field)
        found.expect_in_force(today, field=field)
        papers.append(_paper(found))
    named = {paper_key(each.title) for each in papers}
    asked = asked_of((*item.core_materials, *item.deferrable_materials))
    if set(asked) - named:
        on_file = best(materials.usable(project.id, project.uscc), today)
        papers += [_paper(on_file[key]) for key in asked if key in on_file and key not in named]
    return tuple(papers)


def refuse_known(
    cases: CaseStore,
    projects: ProjectStore,
    case: Case,
    entries: Sequence[str],
    *,
    field: str = "entries",
    now: datetime,
) -> None:
    """Refuse to ask for what is on file, what another item has yielded, or an agency by name."""
    refuse_naming(entries, cases.agencies.named_in(entries), field=field)
    today = local_day(now)
    on_file: dict[str, str] = {}
    catalogue = cases.reference.catalogue(case.catalogue)
    for code, held in projects.items(case.project_id).items():
        if held.state == "done" and code in catalogue.items and code != case.item_code:
            result = catalogue.items[code].result_document
            if result:
                on_file[paper_key(result)] = _RESULT_OF_DONE.format(code=code)
    for key, each in best(cases.materials.usable(case.project_id, case.uscc), today).items():
        on_file[key] = f"{each.title} 第 {each.version} 版 {each.id}"
    refuse_asking_again(entries, on_file, field=field)


def _serves(material: Material, project: Project) -> bool:
    if material.company_wide:
        return bool(project.uscc) and material.uscc == project.uscc
    return material.project_id == project.id


def _paper(material: Material) -> PaperOf:
    return PaperOf(
        material.title,
        material.sha256,
        material_id=str(material.id),
        version=material.version,
    )


def _seal(
    material: Material, signer: str, on_behalf_of: str, sealing: Sealing, now: datetime
) -> None:
    statement = material.statement(signer=signer, on_behalf_of=on_behalf_of, at=now)
    key_id, signature = sealing.sign(statement)
    made = Signature(statement, signer, on_behalf_of, now, key_id, signature)
    material.signatures = (*material.signatures, made)


def _source(principal: Principal) -> str:
    if principal.has_role(*_COMPANY_ROLES):
        return COMPANY
    return WINDOW if principal.has_role(_WINDOW_ROLE) else AGENT
