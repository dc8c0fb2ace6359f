"""How a project's guide is told to its company, once and for good, signed for and shared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.document_errors import NotTheRecipient
from approval_tracking.domain.document_texts import period
from approval_tracking.domain.guide_notices import (
    GuideNotice,
    NoticeContent,
    NoticeItem,
    NoticePaper,
    SetAside,
    Whose,
    check_new,
    differences,
)
from approval_tracking.store import Project, ProjectStore, Reference
from approval_tracking.store.guide_notices import GuideNoticeStore
from approval_tracking.usecases.guides import ProjectGuide, guide_project
from chassis.calendar import local_day
from chassis.errors import Stale
from chassis.identity import Principal, Scope

_COMPANY, _WINDOW = ("E1", "E2"), "A1"

LayOut = Callable[[GuideNotice], bytes]


def give_notice(
    notices: GuideNoticeStore,
    projects: ProjectStore,
    reference: Reference,
    project_id: UUID,
    told_to: str,
    *,
    notice_id: UUID,
    lay_out: LayOut,
    principal: Principal,
    now: datetime,
) -> GuideNotice:
    """Keep today's guide as the next notice, with what changed since the one last signed for."""
    project = projects.get(project_id)
    _scope(principal, project)
    projects.lock(project_id)
    found = guide_project(projects, reference, project_id, today=local_day(now))
    content, last = content_of(found), notices.last(project_id)
    check_new(content, last)
    signed = notices.last_signed(project_id)
    notice = GuideNotice(
        id=notice_id,
        project_id=project_id,
        number=last.number + 1 if last else 1,
        company=notices.company_of(project_id) or project.uscc,
        told_to=told_to,
        given_by=principal.account_id,
        given_at=now,
        content=content,
        digest="",
        changed_since=signed.number if signed else 0,
        changes=tuple(differences(signed.content, content)) if signed else (),
    )
    file = lay_out(notice)
    notice.digest = hashlib.sha256(file).hexdigest()
    notice.give(_whose(project))
    notices.add(notice, file)
    return notice


def sign_notice(
    notices: GuideNoticeStore,
    projects: ProjectStore,
    notice_id: UUID,
    name: str,
    *,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> GuideNotice:
    """Sign for a notice as its company, or record at the window the paper that it signed."""
    notice, project = _hold(notices, projects, notice_id, expected_version, principal)
    company = principal.has_role(*_COMPANY) and project.uscc in principal.companies
    if not (company or (principal.has_role(_WINDOW) and document)):
        raise NotTheRecipient
    projects.lock(notice.project_id)
    last = notices.last(notice.project_id)
    notice.sign(
        name,
        by=principal.account_id,
        at=now,
        document=document,
        last=last.number if last else notice.number,
        whose=_whose(project),
    )
    notices.save(notice)
    return notice


def share_notice(
    notices: GuideNoticeStore,
    projects: ProjectStore,
    notice_id: UUID,
    days: int,
    *,
    code: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> GuideNotice:
    notice, _ = _hold(notices, projects, notice_id, expected_version, principal)
    notice.share(code, days, by=principal.account_id, today=local_day(now))
    notices.save(notice)
    return notice


def content_of(found: ProjectGuide) -> NoticeContent:
    """Return the guide in the words in which a company is told of it."""
    guidance = found.guidance
    needed = {item.code for item in guidance.applicable}
    items = []
    for verdict in guidance.verdicts:
        if not verdict.applies:
            continue
        item, desk = verdict.item, found.desks[verdict.item.code]
        items.append(
            NoticeItem(
                code=item.code,
                name=item.name,
                reason=verdict.zh.removeprefix("须办理: "),
                applies_when=item.applies_when,
                prerequisites=tuple(code for code in item.prerequisites if code in needed),
                org_name=desk.org_name,
                window=desk.window,
                statutory=period(desk.statutory),
                committed=period(desk.committed),
                fees=tuple(fee.name for fee in item.fees),
                basis=item.cited_basis,
                papers=item.core_materials,
                may_follow=item.deferrable_materials,
                by_commitment=item.commitment_allowed,
                sample_forms=item.sample_forms,
                result=item.result_document,
            )
        )
    return NoticeContent(
        project_name=found.project.name,
        catalogue=guidance.catalogue.version,
        items=tuple(items),
        papers=tuple(
            NoticePaper(
                paper.name,
                paper.needed_for,
                paper.may_follow_for,
                paper.by_commitment_for,
                paper.issued_by,
            )
            for paper in guidance.papers
        ),
        set_aside=tuple(
            SetAside(verdict.item.code, verdict.item.name, verdict.zh.removeprefix("无须办理: "))
            for verdict in guidance.verdicts
            if not verdict.applies
        ),
    )


def _hold(
    notices: GuideNoticeStore,
    projects: ProjectStore,
    notice_id: UUID,
    expected_version: int,
    principal: Principal,
) -> tuple[GuideNotice, Project]:
    """Return the notice with its project, which says whom it concerns now."""
    notice = notices.hold(notice_id)
    project = projects.get(notice.project_id)
    _scope(principal, project)
    if expected_version and notice.version != expected_version:
        raise Stale(subject=notice.id, version=notice.version, expected=expected_version)
    return notice, project


def _scope(principal: Principal, project: Project) -> None:
    Scope.of(principal).check(
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        project_id=str(project.id),
    )


def _whose(project: Project) -> Whose:
    return Whose(project.region_path, project.level, project.uscc, project.agents)
