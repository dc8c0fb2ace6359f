"""What others published comes in: keep the copy, and let the due moments follow it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from warning_dispatch.domain import Project
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases.occasion import Occasion, find_yardstick
from warning_dispatch.usecases.raising import catch_up, reckon


def follow_case(
    ledger: Ledger, state: Mapping[str, Any], occasion: Occasion, *, at: datetime
) -> bool:
    """Keep the case as it was at `at`, unless a newer one came first; return whether it was kept."""
    case_id, version = UUID(state["case_id"]), int(state["version"])
    if ledger.copies.lock_case(case_id) >= version:
        return False
    subject, occasion = Subject("case", case_id), occasion.not_before(at)
    yardstick = catch_up(ledger, [subject], occasion, until=at)
    reckoned = yardstick.reckoned if yardstick else ""
    ledger.copies.save_case(state, version=version, reckoned=reckoned)
    if yardstick:
        reckon(ledger, [subject], occasion, yardstick)
    return True


def follow_project(
    ledger: Ledger, state: Mapping[str, Any], occasion: Occasion, *, at: datetime
) -> bool:
    """Keep the project as it was at `at`, unless a newer one came first."""
    project_id, version = UUID(state["project_id"]), int(state["version"])
    if ledger.copies.lock_project(project_id) >= version:
        return False
    subjects = [Subject("project", project_id), Subject("log", project_id)]
    occasion = occasion.not_before(at)
    yardstick = catch_up(ledger, subjects, occasion, until=at)
    project = Project.read(state)
    ledger.copies.save_project(
        state,
        version=version,
        active_since=at if project.is_active else None,
        reckoned=yardstick.reckoned if yardstick else "",
    )
    ledger.orders.follow_project(project_id, project.bearer)
    ledger.cards.follow_project(project_id, project.bearer)
    if yardstick:
        reckon(ledger, subjects, occasion, yardstick)
    return True


def follow_log(ledger: Ledger, project_id: UUID, occasion: Occasion, *, filed_at: datetime) -> None:
    """A log entry was filed: the silence ends, or had ended already when an older entry comes late."""
    subject, occasion = Subject("log", project_id), occasion.not_before(filed_at)
    known = ledger.copies.lock_project(project_id) > 0
    yardstick = catch_up(ledger, [subject], occasion, until=filed_at)
    ledger.copies.log_filed(project_id, filed_at)
    if yardstick and known:
        reckon(ledger, [subject], occasion, yardstick)


def follow_calendar(ledger: Ledger, body: Mapping[str, Any], *, version: int) -> bool:
    """Keep the calendar; the sweep then reckons anew whatever was reckoned with the old one."""
    return ledger.copies.save_calendar(body, version=version)


def reckon_anew(ledger: Ledger, occasion: Occasion, *, batch: int = 200) -> int:
    """Reckon a batch of subjects whose calendar or rules are not those of today; return how many."""
    yardstick = find_yardstick(ledger, occasion.now)
    if yardstick is None:
        return 0
    cases = ledger.copies.cases_reckoned_otherwise(yardstick.reckoned, limit=batch)
    if cases:
        reckon(ledger, [Subject("case", each) for each in cases], occasion, yardstick)
        ledger.copies.mark_cases_reckoned(cases, yardstick.reckoned)
        return len(cases)
    projects = ledger.copies.projects_reckoned_otherwise(yardstick.reckoned, limit=batch)
    if projects:
        subjects = [Subject(kind, each) for each in projects for kind in ("project", "log")]
        reckon(ledger, subjects, occasion, yardstick)
        ledger.copies.mark_projects_reckoned(projects, yardstick.reckoned)
    return len(projects)
