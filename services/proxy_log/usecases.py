"""What the service does: one function each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.errors import Stale
from chassis.identity import Scope
from proxy_log.domain import AGENT, Assignment, Log, NotServed, NotYourService, Rating, Served
from proxy_log.store import Diary


def assign_agents(
    diary: Diary,
    project_id: UUID,
    main: str,
    backups: Sequence[str],
    *,
    scope: Scope,
    by: str,
    expected_version: int,
    now: datetime,
) -> Assignment:
    project = diary.project(project_id, lock=True)
    scope.check(**project.row_in_scope())
    assignment = Assignment(project_id, project.agents, project.assignment_version)
    assignment.assign(
        main,
        backups,
        region_path=project.region_path,
        navigators=diary.navigators((main, *backups)),
        by=by,
        expected_version=expected_version,
    )
    diary.save_assignment(assignment, at=now)
    return assignment


def file_log(diary: Diary, log: Log, *, scope: Scope, now: datetime) -> Log:
    project = diary.project(log.project_id)
    scope.check(**project.row_in_scope())
    log.file(region_path=project.region_path, agents=project.agents)
    diary.add_log(log, at=now)
    return log


def change_log(
    diary: Diary,
    log_id: UUID,
    new: Mapping[str, str],
    *,
    scope: Scope,
    by: str,
    expected_version: int,
    now: datetime,
) -> Log:
    log = _log_in_scope(diary, log_id, scope)
    log.check_version(expected_version)
    log.change(new, by=by, at=now)
    diary.save_log(log, at=now)
    return log


def approve_log(
    diary: Diary, log_id: UUID, *, scope: Scope, by: str, expected_version: int, now: datetime
) -> Log:
    log = _log_in_scope(diary, log_id, scope)
    log.check_version(expected_version)
    log.approve(by=by, at=now)
    diary.save_log(log, at=now)
    return log


def add_photo(
    diary: Diary,
    log_id: UUID,
    photo: Mapping[str, Any],
    *,
    scope: Scope,
    by: str,
    now: datetime,
) -> Log:
    log = _log_in_scope(diary, log_id, scope)
    log.add_photo(by=by, at=now)
    diary.save_log(log, at=now)
    diary.add_photo({**photo, "log_id": log_id, "added_at": now})
    return log


def rate_service(
    diary: Diary,
    rating_id: UUID,
    asked: Served,
    score: int,
    comment: str,
    *,
    companies: frozenset[str],
    scope: Scope,
    by: str,
    now: datetime,
) -> Rating:
    """Say how one was served, or say it again."""
    project = diary.project(asked.project_id, lock=True)
    scope.check(**project.row_in_scope())
    if project.uscc not in companies:
        raise NotYourService
    if asked.subject_type == AGENT:
        subject = asked if asked.subject_id in project.agents else None
    else:
        subject = diary.find_served(asked.subject_type, asked.subject_id)
    if subject is None or subject.project_id != project.id:
        raise NotServed(field="subject_id")
    rating = diary.rating_of(subject)
    if rating is None:
        rating = Rating(
            rating_id,
            subject.subject_type,
            subject.subject_id,
            project.id,
            subject.org,
            score,
            comment,
            rated_by=by,
            rated_at=now,
            first_rated_at=now,
        )
    else:
        rating.change(score, comment, by=by, at=now)
    diary.put_rating(rating, project, at=now)
    return rating


def contact_rater(
    diary: Diary,
    rating_id: UUID,
    finding: str,
    *,
    scope: Scope,
    by: str,
    by_name: str,
    expected_version: int,
    now: datetime,
) -> Rating:
    rating = diary.rating(rating_id)
    project = diary.project(rating.project_id)
    scope.check(**project.row_in_scope())
    if expected_version and expected_version != rating.version:
        raise Stale(
            subject=f"rating {rating_id}", version=rating.version, expected=expected_version
        )
    rating.contact(finding, by=by, by_name=by_name, at=now)
    diary.put_rating(rating, project, at=now)
    return rating


def _log_in_scope(diary: Diary, log_id: UUID, scope: Scope) -> Log:
    log = diary.log(log_id)
    scope.check(**diary.project(log.project_id).row_in_scope())
    return log
