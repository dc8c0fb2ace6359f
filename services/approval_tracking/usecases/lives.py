"""What may befall a case besides its straight way: more time, an end by the applicant, a correction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from approval_tracking.domain.case import Case
from approval_tracking.domain.corrections import Amendment
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases.admission import actor, check_applicant, hold
from approval_tracking.usecases.projects import follow_case
from chassis.identity import Principal


def ask_extension(
    cases: CaseStore,
    case_id: UUID,
    days: int,
    reason: str,
    *,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.ask_extension(
        days, reason, actor(principal), calendar=held.calendar, at=now, document=document
    )
    cases.save(held.case, held.calendar, at=now)
    return held.case


def decide_extension(
    cases: CaseStore,
    case_id: UUID,
    approved: bool,
    *,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.decide_extension(
        approved, actor(principal), calendar=held.calendar, at=now, document=document
    )
    cases.save(held.case, held.calendar, at=now)
    return held.case


def withdraw_case(
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
    """Let the applicant take it back; the item may then be applied for again."""
    held = hold(cases, case_id, expected_version, principal, now)
    case = held.case
    check_applicant(
        principal,
        project_id=str(case.project_id),
        uscc=case.uscc,
        region_path=case.region_path,
        agents=case.agents,
    )
    projects.lock(case.project_id)
    case.withdraw(reason, actor(principal), at=now, document=document)
    cases.save(case, held.calendar, at=now)
    follow_case(projects, cases.reference, case, now=now)
    return case


def mark_green(
    cases: CaseStore,
    case_id: UUID,
    green: bool,
    reason: str,
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.mark_green(green, reason, actor(principal), at=now)
    cases.save(held.case, held.calendar, at=now)
    return held.case


def correct_record(
    cases: CaseStore,
    case_id: UUID,
    number: int,
    change: Amendment,
    *,
    reason: str,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.correct(
        number,
        change,
        actor(principal),
        reason=reason,
        document=document,
        calendar=held.calendar,
        at=now,
    )
    cases.save(held.case, held.calendar, at=now)
    return held.case
