"""Who may apply for a project and act on its cases, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.case_record import Actor
from approval_tracking.domain.errors import MandateMissing, NotTheApplicant, ProjectOver
from approval_tracking.domain.themes import AGENT, COUNTER, ONLINE, Channel
from approval_tracking.store import CaseStore, Project
from approval_tracking.store.cases import Held
from chassis import regions
from chassis.calendar import local_day
from chassis.identity import Principal, Scope

_COMPANY, _WINDOW, _NAVIGATORS = ("E1", "E2"), "A1", ("B1", "B3")
_OVER = {"withdrawn": "调出", "archived": "办结归档"}


def actor(principal: Principal) -> Actor:
    return Actor(principal.account_id, principal.org)


def applying(principal: Principal, project: Project, channel: Channel = Channel()) -> Channel:  # noqa: B008
    """Admit who may apply for the project, and return the channel it comes by."""
    _scope(principal, project)
    at_window = check_applicant(
        principal,
        project_id=str(project.id),
        uscc=project.uscc,
        region_path=project.region_path,
        agents=project.agents,
    )
    if project.status in _OVER:
        raise ProjectOver(
            name=project.name,
            status=project.status,
            status_zh=_OVER[project.status],
            field="project_id",
        )
    if at_window:
        return channel.of(COUNTER)
    return channel.of(ONLINE if principal.has_role(*_COMPANY) else AGENT)


def hold(
    cases: CaseStore, case_id: UUID, expected_version: int, principal: Principal, now: datetime
) -> Held:
    """Return the case if it lies in the caller's scope; scope is looked at before the version."""
    held = cases.hold(case_id, today=local_day(now))
    case = held.case
    Scope.of(principal).check(
        region_path=case.region_path,
        level=case.level,
        uscc=case.uscc,
        agents=case.agents,
        org=case.org,
        project_id=str(case.project_id),
    )
    held.expect(expected_version)
    return held


def check_applicant(
    principal: Principal,
    *,
    project_id: str,
    uscc: str,
    region_path: str,
    agents: Sequence[str],
) -> bool:
    """Admit the company itself, its bound navigator, or the window; say whether it was the window."""
    mine = principal.projects is None or project_id in principal.projects
    if principal.has_role(*_COMPANY) and uscc and uscc in principal.companies and mine:
        return False
    if principal.has_role(_WINDOW) and regions.within(region_path, principal.region_path):
        return True
    if not principal.has_role(*_NAVIGATORS):
        raise NotTheApplicant
    if principal.account_id not in agents or not uscc:
        raise MandateMissing
    return False


def _scope(principal: Principal, project: Project) -> None:
    Scope.of(principal).check(
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        project_id=str(project.id),
    )
