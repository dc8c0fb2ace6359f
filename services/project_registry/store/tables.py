"""The tables of project_registry."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.db import new_metadata

metadata = new_metadata()

_instant = sa.DateTime(timezone=True)
_texts = ARRAY(sa.Text)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


# stage, status, pool and region_path follow from the rest; they are kept for the lists' filters.
projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("name"),
    _text("code"),
    sa.Column("year", sa.Integer, nullable=False),
    _text("level"),
    _text("category"),
    _text("enterprise_name"),
    _text("uscc"),
    _text("admin_region"),
    _text("managing_region"),
    _text("region_path"),
    _text("industry"),
    _text("content"),
    sa.Column("total_investment_wan", sa.Numeric(16, 2), nullable=False),
    sa.Column("annual_plan_wan", sa.Numeric(16, 2)),
    sa.Column("sign_date", sa.Date),
    sa.Column("planned_start", sa.Date),
    sa.Column("planned_completion", sa.Date),
    sa.Column("actual_start", sa.Date),
    _text("note"),
    sa.Column("attributes", JSONB, nullable=False),
    sa.Column("agents", _texts, nullable=False),
    sa.Column("agent_names", _texts, nullable=False),
    sa.Column("assigned", sa.Integer, nullable=False),
    sa.Column("withdrawn_on", sa.Date),
    _text("withdrawn_reason"),
    sa.Column("archived_on", sa.Date),
    sa.Column("archived_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("predecessors", sa.ARRAY(sa.Uuid), nullable=False, server_default="{}"),
    sa.Column("successors", sa.ARRAY(sa.Uuid), nullable=False, server_default="{}"),
    sa.Column("progress", JSONB, nullable=False),
    sa.Column("progress_version", sa.Integer, nullable=False),
    sa.Column("past", JSONB, nullable=False),
    _text("scheme"),
    _text("stage"),
    _text("status"),
    _text("pool"),
    sa.Column("historical", sa.Boolean, nullable=False),
    sa.Column("registered_at", _instant, nullable=False),
    sa.Column("changed_at", _instant, nullable=False),
    # origin is the instance below that owns the project; here is a copy then, and its names
    # are its home's business.
    sa.Column("origin", sa.Text, nullable=False, server_default=""),
    sa.Index(
        "uq_projects_code",
        "code",
        unique=True,
        postgresql_where=sa.text("code <> '' and origin = ''"),
    ),
    sa.Index(
        "uq_projects_year_level_name",
        "year",
        "level",
        "name",
        unique=True,
        postgresql_where=sa.text("origin = ''"),
    ),
    sa.Index(
        "ix_projects_region_path", "region_path", postgresql_ops={"region_path": "text_pattern_ops"}
    ),
    sa.Index("ix_projects_listed", sa.text("year desc"), "name", "id"),
    sa.Index("ix_projects_uscc", "uscc", postgresql_where=sa.text("uscc <> ''")),
)

# Lines are only ever added: a trigger of the migration refuses everything else (A09.4).
project_history = sa.Table(
    "project_history",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("project_id", sa.Uuid, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", _instant, nullable=False),
    _text("by"),
    _text("by_name"),
    _text("source"),
    _text("field"),
    _text("old"),
    _text("new"),
    _text("reason"),
    sa.Index("ix_project_history_project_id_id", "project_id", "id"),
)

annual_lists = sa.Table(
    "annual_lists",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _text("file_name"),
    _text("status"),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("headings", JSONB, nullable=False),
    sa.Column("rows", JSONB, nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("mapping", JSONB, nullable=False),
    _text("token"),
    sa.Column("errors", sa.Integer, nullable=False),
    # The desk that imports: its rows are seen by the same rules as its projects.
    _text("region_path"),
    _text("level"),
    _text("uploaded_by"),
    _text("uploaded_by_name"),
    sa.Column("uploaded_at", _instant, nullable=False),
    sa.Column("committed_at", _instant),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("unchanged", sa.Integer, nullable=False),
    sa.Column("missing", sa.Integer, nullable=False),
    sa.Index("ix_annual_lists_uploaded_at_id", "uploaded_at", "id"),
    sa.CheckConstraint("status in ('uploaded', 'previewed', 'committed')", name="status_known"),
)

annual_list_projects = sa.Table(
    "annual_list_projects",
    metadata,
    sa.Column("list_id", sa.Uuid, sa.ForeignKey("annual_lists.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.Uuid, sa.ForeignKey("projects.id"), nullable=False),
    _text("level"),
    sa.Index(None, "project_id"),
)

organisations = sa.Table(
    "organisations",
    metadata,
    sa.Column("org", sa.Text, primary_key=True),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("valid_to", sa.Date),
    _text("name"),
    _text("region"),
    _text("region_path"),
    _text("department"),
    _text("kind"),
)

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("name"),
    _text("username"),
    _text("region"),
    _text("region_path"),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Index(None, "region_path", "name"),
)

choices = sa.Table(
    "choices",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _text("value"),
)

# What was asked for stands as it was asked; one change of a project waits at a time.
project_changes = sa.Table(
    "project_changes",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("kind"),
    _text("status"),
    sa.Column("project_id", sa.Uuid),
    _text("project_name"),
    sa.Column("asked", JSONB, nullable=False),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    _text("reason"),
    _text("asked_by"),
    _text("asked_by_name"),
    sa.Column("asked_at", _instant, nullable=False),
    _text("decided_by"),
    _text("decided_by_name"),
    sa.Column("decided_at", _instant),
    _text("note"),
    sa.Column("made", sa.ARRAY(sa.Uuid), nullable=False),
    sa.Index(
        "uq_project_changes_waiting",
        "project_id",
        unique=True,
        postgresql_where=sa.text("status = 'asked' and project_id is not null"),
    ),
    sa.Index("ix_project_changes_asked_at", "asked_at", "id"),
    sa.Index("ix_project_changes_project_id", "project_id", "asked_at"),
)


# What was reported of a month; told has every version of it, the newest last.
investment_reports = sa.Table(
    "investment_reports",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("month", sa.Integer, primary_key=True),
    sa.Column("planned_wan", sa.Numeric(16, 2), nullable=False),
    sa.Column("told", JSONB, nullable=False),
)
