"""Reads that change nothing: plain rows out, for the edge to encode."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, array

from approval_tracking.domain.document_errors import (
    DocumentUnknown,
    NoticeUnknown,
    SharedGuideUnknown,
)
from approval_tracking.domain.errors import CaseUnknown, ProjectUnknown
from approval_tracking.domain.joint_review_errors import JointReviewUnknown
from approval_tracking.domain.pre_review_errors import PreReviewUnknown
from approval_tracking.domain.work import DUE_SOON, IN_TIME, OVERDUE, WAITING, Group, Horizon
from approval_tracking.store.tables import (
    OPEN_CASE,
    RUNNING_CASE,
    WORK_ORDER,
    cases,
    commitments,
    documents,
    guide_notices,
    joint_reviews,
    pre_reviews,
    projects,
)
from chassis.errors import OutOfScope
from chassis.hot import HotStatement
from chassis.identity import Scope, scope_clause

# Built once: the shape never changes, so the database prepares it once for all callers.
_case = HotStatement(
    sa.select(
        cases.c.state,
        cases.c.record,
        cases.c.version,
        scope_clause(cases).label("in_scope"),
        sa.exists()
        .where(
            joint_reviews.c.case_ids.contains(array([cases.c.id])),
            joint_reviews.c.status == "concluded",
        )
        .label("reviewed"),
    ).where(cases.c.id == sa.bindparam("case_id", type_=sa.Uuid))
)
_project_scope = sa.select(scope_clause(projects).label("in_scope")).where(
    projects.c.id == sa.bindparam("project_id", type_=sa.Uuid)
)
_undecided_due = sa.and_(cases.c.due_on < sa.bindparam("due_before", type_=sa.Date), OPEN_CASE)
_cases_of_project = sa.select(cases.c.item_code, cases.c.state).where(
    cases.c.id == sa.func.any(sa.bindparam("case_ids", type_=sa.ARRAY(sa.Uuid)))
)


def find_case(connection: sa.Connection, case_id: UUID, scope: Scope) -> Any:
    """Return the state and the record of a case within the caller's scope."""
    row = _case.one_or_none(connection, {"case_id": case_id, **scope.bind()})
    if row is None:
        raise CaseUnknown(case_id=case_id)
    if not row.in_scope:
        raise OutOfScope
    return row


def check_project(connection: sa.Connection, project_id: UUID, scope: Scope) -> None:
    """Refuse a project that does not exist or lies outside the caller's scope."""
    row = connection.execute(
        _project_scope, {"project_id": project_id, **scope.bind()}
    ).one_or_none()
    if row is None:
        raise ProjectUnknown(project_id=project_id)
    if not row.in_scope:
        raise OutOfScope


def has_case_at(connection: sa.Connection, project_id: UUID, org: str) -> bool:
    """Say whether the body decides, or decided, anything for the project."""
    found = sa.select(sa.exists().where(cases.c.project_id == project_id, cases.c.org == org))
    return bool(connection.scalar(found))


def list_cases(
    connection: sa.Connection,
    scope: Scope,
    *,
    size: int,
    after: tuple[datetime, UUID] | None,
    project_id: UUID | None = None,
    org: str = "",
    status: str = "",
    item_code: str = "",
    due_before: date | None = None,
    channel: str = "",
    mode: str = "",
) -> Sequence[Any]:
    """Return up to `size` cases in scope, the newest first."""
    statement = sa.select(cases.c.id, cases.c.received_at, cases.c.state, cases.c.record)
    statement = statement.where(scope_clause(cases))
    values: dict[str, Any] = scope.bind()
    equal = {"project_id": project_id, "org": org, "status": status, "item_code": item_code}
    for name, wanted in equal.items():
        if wanted:
            statement = statement.where(cases.c[name] == wanted)
    if channel:
        statement = statement.where(cases.c.record["channel"].astext == channel)
    if mode:
        statement = statement.where(cases.c.state["mode"].astext == mode)
    if due_before:
        statement = statement.where(_undecided_due)
        values["due_before"] = due_before
    if after:
        statement = statement.where(
            sa.tuple_(cases.c.received_at, cases.c.id)
            < sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        )
    statement = statement.order_by(cases.c.received_at.desc(), cases.c.id.desc()).limit(size)
    return connection.execute(statement, values).all()


def states_of(connection: sa.Connection, case_ids: Sequence[UUID]) -> dict[str, Any]:
    """Return the state of each of these cases by its item."""
    rows = connection.execute(_cases_of_project, {"case_ids": list(case_ids)})
    return {row.item_code: row.state for row in rows}


def list_commitments(
    connection: sa.Connection, code: str, *, size: int, after: tuple[date, str] | None
) -> Sequence[Any]:
    """Return what the regions promise for an item, the newest first."""
    statement = sa.select(commitments).where(commitments.c.item_code == code)
    if after:
        statement = statement.where(
            sa.tuple_(commitments.c.effective_from, commitments.c.region)
            < sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        )
    order = (commitments.c.effective_from.desc(), commitments.c.region.desc())
    return connection.execute(statement.order_by(*order).limit(size)).all()


# --- joint reviews -----------------------------------------------------------------------------------

# Besides the territory, the bodies that were invited.
_review_in_scope = sa.or_(
    scope_clause(joint_reviews),
    sa.bindparam("scope_org", type_=sa.Text) == sa.func.any(joint_reviews.c.bodies),
)
_review = sa.select(joint_reviews, _review_in_scope.label("in_scope")).where(
    joint_reviews.c.id == sa.bindparam("review_id", type_=sa.Uuid)
)
_concluded_on = (
    sa.select(joint_reviews)
    .where(
        joint_reviews.c.case_ids.contains(sa.bindparam("case_ids", type_=ARRAY(sa.Uuid))),
        joint_reviews.c.status == "concluded",
    )
    .order_by(joint_reviews.c.convened_at, joint_reviews.c.id)
)


def find_review(connection: sa.Connection, review_id: UUID, scope: Scope) -> Any:
    """Return the row of a joint review within the caller's scope."""
    row = connection.execute(_review, {"review_id": review_id, **scope.bind()}).one_or_none()
    if row is None:
        raise JointReviewUnknown(review_id=review_id)
    if not row.in_scope:
        raise OutOfScope
    return row


def list_reviews(
    connection: sa.Connection,
    scope: Scope,
    *,
    size: int,
    after: tuple[datetime, UUID] | None,
    project_id: UUID | None = None,
) -> Sequence[Any]:
    """Return up to `size` joint reviews in scope, the newest first."""
    statement = sa.select(joint_reviews).where(_review_in_scope)
    if project_id:
        statement = statement.where(joint_reviews.c.project_id == project_id)
    if after:
        statement = statement.where(
            sa.tuple_(joint_reviews.c.convened_at, joint_reviews.c.id)
            < sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        )
    order = (joint_reviews.c.convened_at.desc(), joint_reviews.c.id.desc())
    return connection.execute(statement.order_by(*order).limit(size), scope.bind()).all()


def reviews_concluded_on(connection: sa.Connection, case_id: UUID) -> Sequence[Any]:
    """Return the joint reviews that concluded something on a case, the oldest first."""
    return connection.execute(_concluded_on, {"case_ids": [case_id]}).all()


# --- pre-reviews -------------------------------------------------------------------------------------

_pre_review = sa.select(pre_reviews, scope_clause(pre_reviews).label("in_scope")).where(
    pre_reviews.c.id == sa.bindparam("pre_review_id", type_=sa.Uuid)
)


def find_pre_review(connection: sa.Connection, pre_review_id: UUID, scope: Scope) -> Any:
    """Return the row of a pre-review within the caller's scope."""
    values = {"pre_review_id": pre_review_id, **scope.bind()}
    row = connection.execute(_pre_review, values).one_or_none()
    if row is None:
        raise PreReviewUnknown(pre_review_id=pre_review_id)
    if not row.in_scope:
        raise OutOfScope
    return row


def list_pre_reviews(
    connection: sa.Connection,
    scope: Scope,
    *,
    size: int,
    after: tuple[datetime, UUID] | None,
    project_id: UUID | None = None,
    org: str = "",
    status: str = "",
) -> Sequence[Any]:
    """Return up to `size` pre-reviews in scope, the newest first."""
    statement = sa.select(pre_reviews).where(scope_clause(pre_reviews))
    for name, wanted in {"project_id": project_id, "org": org, "status": status}.items():
        if wanted:
            statement = statement.where(pre_reviews.c[name] == wanted)
    if after:
        statement = statement.where(
            sa.tuple_(pre_reviews.c.asked_at, pre_reviews.c.id)
            < sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        )
    order = (pre_reviews.c.asked_at.desc(), pre_reviews.c.id.desc())
    return connection.execute(statement.order_by(*order).limit(size), scope.bind()).all()


# --- work ------------------------------------------------------------------------------------------------

# The same as Horizon.urgency says of one case.
_urgency = sa.case(
    (cases.c.act_by.is_(None), WAITING),
    (cases.c.act_by < sa.bindparam("today", type_=sa.Date), OVERDUE),
    (cases.c.act_by <= sa.bindparam("soon", type_=sa.Date), DUE_SOON),
    else_=IN_TIME,
)
_after_work = sa.text(
    "((not green), coalesce(act_by, 'infinity'::date), id)"
    " > (cast(:after_plain as boolean), cast(cast(:after_day as text) as date),"
    " cast(:after_id as uuid))"
)


def count_work(
    connection: sa.Connection,
    scope: Scope,
    horizon: Horizon,
    *,
    org: str = "",
    region_path: str = "",
) -> list[Group]:
    """Count the running cases in scope, of one body or of a region and all below it."""
    alike = (cases.c.item_code, cases.c.org, cases.c.status, _urgency.label("urgency"))
    statement = sa.select(*alike, sa.func.count().label("cases")).where(
        RUNNING_CASE, scope_clause(cases)
    )
    if org:
        statement = statement.where(cases.c.org == org)
    if region_path:
        statement = statement.where(_below(region_path))
    values = {**scope.bind(), "today": horizon.today, "soon": horizon.soon}
    return [
        Group(row.item_code, row.org, row.status, row.urgency, row.cases)
        for row in connection.execute(statement.group_by(*alike), values)
    ]


def list_work(
    connection: sa.Connection,
    scope: Scope,
    horizon: Horizon,
    *,
    org: str,
    size: int,
    after: tuple[bool, str, UUID] | None = None,
    status: str = "",
    item_code: str = "",
    region_path: str = "",
    urgency: str = "",
) -> Sequence[Any]:
    """Return up to `size` running cases of a body: green first, then by the day for its next act."""
    columns = (cases.c.id, cases.c.green, cases.c.act_by, cases.c.state, cases.c.record)
    statement = sa.select(*columns).where(RUNNING_CASE, cases.c.org == org, scope_clause(cases))
    values: dict[str, Any] = scope.bind()
    if status:
        statement = statement.where(cases.c.status == status)
    if item_code:
        statement = statement.where(cases.c.item_code == item_code)
    if region_path:
        statement = statement.where(_below(region_path))
    if urgency:
        statement = statement.where(_urgency == urgency)
        values |= {"today": horizon.today, "soon": horizon.soon}
    if after:
        statement = statement.where(_after_work)
        values |= {"after_plain": after[0], "after_day": after[1], "after_id": after[2]}
    return connection.execute(statement.order_by(*WORK_ORDER).limit(size), values).all()


def _below(region_path: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        cases.c.region_path == region_path,
        cases.c.region_path.startswith(f"{region_path}/", autoescape=True),
    )


# --- documents ---------------------------------------------------------------------------------------

_told_of_documents = (
    documents.c.code,
    documents.c.kind,
    documents.c.name,
    documents.c.happening,
    documents.c.org_name,
    documents.c.number,
    documents.c.issued_on,
    documents.c.digest,
)
_documents_of_case = (
    sa.select(*_told_of_documents)
    .where(documents.c.case_id == sa.bindparam("case_id", type_=sa.Uuid))
    .order_by(documents.c.happening, documents.c.issued_at)
)
_document_by_code = (
    sa.select(*_told_of_documents, documents.c.case_id, cases.c.state, cases.c.record)
    .join(cases, cases.c.id == documents.c.case_id)
    .where(documents.c.code == sa.bindparam("code", type_=sa.Text))
)
_number_of = sa.select(documents.c.number).where(
    documents.c.case_id == sa.bindparam("case_id", type_=sa.Uuid),
    documents.c.kind == sa.bindparam("kind", type_=sa.Text),
    documents.c.happening == sa.bindparam("happening", type_=sa.Integer),
)


def documents_of(connection: sa.Connection, case_id: UUID) -> Sequence[Any]:
    """Return what was issued for a case, without the files."""
    return connection.execute(_documents_of_case, {"case_id": case_id}).all()


def document_by_code(connection: sa.Connection, code: str) -> Any:
    """Return a document and its case, for anybody who holds its code."""
    row = connection.execute(_document_by_code, {"code": code}).one_or_none()
    if row is None:
        raise DocumentUnknown(code=code)
    return row


def number_of_document(connection: sa.Connection, case_id: UUID, kind: str, happening: int) -> str:
    """Return the number of a document, empty when it was not issued."""
    found = {"case_id": case_id, "kind": kind, "happening": happening}
    return connection.scalar(_number_of, found) or ""


# --- one-off notices -----------------------------------------------------------------------------------

_told_of_notices = tuple(each for each in guide_notices.c if each.name != "file")
# A notice is for those who may see its project as it is now.
_notice = (
    sa.select(
        guide_notices.c.number, guide_notices.c.file, scope_clause(projects).label("in_scope")
    )
    .join(projects, projects.c.id == guide_notices.c.project_id)
    .where(guide_notices.c.id == sa.bindparam("notice_id", type_=sa.Uuid))
)
_last_number = (
    sa.select(sa.func.max(guide_notices.c.number).label("last"))
    .where(guide_notices.c.project_id == sa.bindparam("project_id", type_=sa.Uuid))
    .scalar_subquery()
)


def find_notice(connection: sa.Connection, notice_id: UUID, scope: Scope) -> Any:
    """Return the number and the file of a one-off notice within the caller's scope."""
    row = connection.execute(_notice, {"notice_id": notice_id, **scope.bind()}).one_or_none()
    if row is None:
        raise NoticeUnknown(notice_id=notice_id)
    if not row.in_scope:
        raise OutOfScope
    return row


def list_notices(
    connection: sa.Connection, project_id: UUID, *, size: int, before: int | None
) -> Sequence[Any]:
    """Return up to `size` notices of a project, the newest first."""
    statement = sa.select(*_told_of_notices).where(guide_notices.c.project_id == project_id)
    if before is not None:
        statement = statement.where(guide_notices.c.number < before)
    return connection.execute(statement.order_by(guide_notices.c.number.desc()).limit(size)).all()


def shared_notice(connection: sa.Connection, code: str) -> tuple[Any, bool]:
    """Return the notice that a link leads to, and whether it is still the last of its project."""
    row = connection.execute(
        sa.select(*_told_of_notices).where(guide_notices.c.share_code == code)
    ).one_or_none()
    if row is None:
        raise SharedGuideUnknown(code=code)
    last = connection.scalar(sa.select(_last_number), {"project_id": row.project_id})
    return row, row.number == last
