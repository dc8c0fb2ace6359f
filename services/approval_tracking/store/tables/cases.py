"""Cases, joint reviews, applications for several items, and pre-reviews."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from approval_tracking.store.tables.base import instant, metadata, text, texts

# --- cases -------------------------------------------------------------------------------------------

receipts = sa.Sequence("receipt_numbers", metadata=metadata)

OPEN_CASE = sa.text("status in ('received', 'supplementing', 'in_review', 'suspended')")

# A clock still runs for these, if only the one for handing over.
RUNNING_CASE = sa.text(
    "status in ('received', 'supplementing', 'in_review', 'suspended', 'decided')"
)

# A body's work: what goes first, then by the day, then what waits for somebody else.
WORK_ORDER = (
    sa.text("org"),
    sa.text("(not green)"),
    sa.text("(coalesce(act_by, 'infinity'::date))"),
    sa.text("id"),
)

# A wide row: one read answers for a case, one write changes it.
cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    text("item_code"),
    text("status"),
    text("org"),
    text("region_path"),
    text("level"),
    text("uscc"),
    sa.Column("agents", texts, nullable=False),
    sa.Column("received_at", instant, nullable=False),
    # due_on is the tighter due date while the case is undecided.
    sa.Column("due_on", sa.Date),
    # deemed_at is when silence becomes acceptance.
    sa.Column("deemed_at", instant),
    # calendar_version is the calendar by which its clock was last reckoned.
    sa.Column("calendar_version", sa.Text, nullable=False, server_default=""),
    # green puts it first in every queue.
    sa.Column("green", sa.Boolean, nullable=False, server_default=sa.false()),
    # act_by is the last day for what its body does next; none while it is not its turn.
    sa.Column("act_by", sa.Date),
    # state is the public CaseState; record is what only this service needs to know.
    sa.Column("state", JSONB, nullable=False),
    sa.Column("record", JSONB, nullable=False),
    # origin is the instance below that owns the case; here is a copy then.
    sa.Column("origin", sa.Text, nullable=False, server_default=""),
    sa.Index(
        "uq_cases_open",
        "project_id",
        "item_code",
        unique=True,
        postgresql_where=sa.text(f"{OPEN_CASE.text} and origin = ''"),
    ),
    sa.Index("ix_cases_deemed_at", "deemed_at", postgresql_where=sa.text("deemed_at is not null")),
    sa.Index("ix_cases_revoked", "uscc", postgresql_where=sa.text("status = 'revoked'")),
    sa.Index("ix_cases_calendar_version", "calendar_version", postgresql_where=RUNNING_CASE),
    sa.Index(None, "received_at", "id"),
    sa.Index(None, "org", "received_at"),
    sa.Index(None, "due_on"),
    sa.Index(None, "project_id", "received_at", "id"),
    sa.Index("ix_cases_work", *WORK_ORDER, postgresql_where=RUNNING_CASE),
    sa.Index(
        "ix_cases_counts",
        *("region_path", "org", "item_code", "status", "act_by"),
        postgresql_where=RUNNING_CASE,
    ),
)

# --- joint reviews -----------------------------------------------------------------------------------

joint_reviews = sa.Table(
    "joint_reviews",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    text("region_path"),
    text("level"),
    text("uscc"),
    sa.Column("agents", texts, nullable=False),
    # bodies are those invited: their people see it wherever they are.
    sa.Column("bodies", texts, nullable=False),
    sa.Column("case_ids", ARRAY(sa.Uuid), nullable=False),
    text("status"),
    sa.Column("convened_at", instant, nullable=False),
    # chase_on is the earliest last day of a body that is to be reminded when it passes.
    sa.Column("chase_on", sa.Date),
    sa.Column("state", JSONB, nullable=False),
    sa.Index(
        "ix_joint_reviews_chase_on", "chase_on", postgresql_where=sa.text("chase_on is not null")
    ),
    sa.Index(None, "project_id", "convened_at"),
    sa.Index(None, "convened_at", "id"),
    sa.Index(None, "case_ids", postgresql_using="gin"),
)

# --- applications ------------------------------------------------------------------------------------

# A theme or the whole process, applied for at once; record is all but what is looked for.
applications = sa.Table(
    "applications",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    text("mode"),
    text("theme"),
    text("region_path"),
    text("level"),
    text("uscc"),
    sa.Column("agents", texts, nullable=False),
    sa.Column("applied_at", instant, nullable=False),
    sa.Column("record", JSONB, nullable=False),
    # told is what others were last told of a theme.
    sa.Column("told", JSONB),
    sa.Index("ix_applications_project_id", "project_id", "mode", "theme"),
    sa.Index("ix_applications_applied_at", "applied_at", "id"),
)

# Applications of which something moved. Rows are only added and taken away: whoever moves a case
# waits for nobody who moves another one of the same application.
application_news = sa.Table(
    "application_news",
    metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("application_id", sa.Uuid, nullable=False),
)

# --- pre-reviews -------------------------------------------------------------------------------------

ASKED_PRE_REVIEW = sa.text("status = 'asked'")

pre_reviews = sa.Table(
    "pre_reviews",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    text("item_code"),
    text("status"),
    text("org"),
    text("region_path"),
    text("level"),
    text("uscc"),
    sa.Column("agents", texts, nullable=False),
    sa.Column("asked_at", instant, nullable=False),
    # state is what is told of it; its other columns are what it is looked for by.
    sa.Column("state", JSONB, nullable=False),
    sa.Index(
        "uq_pre_reviews_asked",
        "project_id",
        "item_code",
        unique=True,
        postgresql_where=ASKED_PRE_REVIEW,
    ),
    sa.Index("ix_pre_reviews_project_id", "project_id", "asked_at"),
    sa.Index("ix_pre_reviews_org", "org", "asked_at"),
    sa.Index("ix_pre_reviews_asked_at", "asked_at", "id"),
)
