"""What follows an approval on trust: papers handed in later, the check of a pledge, its consequence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.case import Case
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases.admission import actor, check_applicant, hold
from approval_tracking.usecases.materials import void_licences
from approval_tracking.usecases.projects import follow_case
from chassis.identity import Principal


def supply_deferred(
    cases: CaseStore,
    case_id: UUID,
    papers: Sequence[str],
    *,
    on: date | None,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    case = held.case
    check_applicant(
        principal,
        project_id=str(case.project_id),
        uscc=case.uscc,
        region_path=case.region_path,
        agents=case.agents,
    )
    case.supply(papers, actor(principal), at=now, on=on, document=document)
    cases.save(case, held.calendar, at=now)
    return case


def check_pledge(
    cases: CaseStore,
    case_id: UUID,
    found_true: bool,
    text: str,
    *,
    put_right_by: date | None,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.check_pledge(
        found_true, text, actor(principal), put_right_by=put_right_by, document=document, at=now
    )
    cases.save(held.case, held.calendar, at=now)
    return held.case


def revoke_decision(
    cases: CaseStore,
    projects: ProjectStore,
    case_id: UUID,
    reason: str,
    *,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    """Revoke: the licence ends, and the item is open again and may be applied for anew."""
    held = hold(cases, case_id, expected_version, principal, now)
    projects.lock(held.case.project_id)
    held.case.revoke(reason, actor(principal), document=document, at=now)
    cases.save(held.case, held.calendar, at=now)
    void_licences(cases.materials, held.case, by=principal.account_id, why=reason, now=now)
    follow_case(projects, cases.reference, held.case, now=now)
    return held.case
