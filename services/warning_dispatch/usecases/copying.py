"""What others published comes in: keep the copy, and let the due moments follow it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from warning_dispatch.domain import INVESTMENT, PLAN, Project, follow_plan
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
    subjects = [
        Subject("project", project_id),
        Subject("log", project_id),
        *ledger.watched.of_project(project_id),
    ]
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


def follow_watched(
    ledger: Ledger,
    subject: Subject,
    told: Mapping[str, Any],
    occasion: Occasion,
    *,
    version: int,
    at: datetime,
) -> bool:
    """Keep a plan, theme, licence, rating or report as it was at `at`, unless a newer one came first."""
    known, state = ledger.watched.lock(subject)
    kept: Mapping[str, Any] | None = told if version > known else None
    if subject.type == PLAN:
        kept = follow_plan(state, told, at=at)
    if kept is None:
        return False
    occasion = occasion.not_before(at)
    yardstick = catch_up(ledger, [subject], occasion, until=at)
    reckoned = yardstick.reckoned if yardstick else ""
    ledger.watched.save(subject, kept, version=max(version, known), reckoned=reckoned)
    if yardstick:
        reckon(ledger, [subject], occasion, yardstick)
    return True


def version_of(kind: str, told: Mapping[str, Any]) -> int:
    """Return what puts the news of one subject in order; a report of a later month is newer."""
    version = int(told["version"])
    if kind == INVESTMENT:
        return (int(told["year"]) * 12 + int(told["month"])) * 1000 + min(version, 999)
    return version


def follow_log(
    ledger: Ledger,
    project_id: UUID,
    occasion: Occasion,
    *,
    filed_at: datetime,
    on_site: bool = False,
) -> None:
    """A log entry was filed: the silence ends, or had ended already when an older entry comes late."""
    subject, occasion = Subject("log", project_id), occasion.not_before(filed_at)
    known = ledger.copies.lock_project(project_id) > 0
    yardstick = catch_up(ledger, [subject], occasion, until=filed_at)
    ledger.copies.log_filed(project_id, filed_at, on_site=on_site)
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
    watched = ledger.watched.reckoned_otherwise(yardstick.reckoned, limit=batch)
    if watched:
        reckon(ledger, watched, occasion, yardstick)
        ledger.watched.mark_reckoned(watched, yardstick.reckoned)
        return len(watched)
    orders = ledger.orders.reckoned_otherwise(yardstick.reckoned, limit=batch)
    if orders:
        reckon(ledger, [Subject("work_order", each) for each in orders], occasion, yardstick)
        ledger.orders.mark_reckoned(orders, yardstick.reckoned)
    return len(orders)
