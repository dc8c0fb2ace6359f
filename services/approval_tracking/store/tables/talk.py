"""Conversations on cases, and the issues that came of them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from approval_tracking.store.tables.base import instant, metadata, text, texts

# --- conversations -----------------------------------------------------------------------------------

# A message of a case; `mentions` are user names and sides.
case_messages = sa.Table(
    "case_messages",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    text("side"),
    text("author"),
    text("username"),
    text("author_name"),
    text("org"),
    text("text"),
    sa.Column("at", instant, nullable=False),
    sa.Column("internal", sa.Boolean, nullable=False),
    sa.Column("mentions", texts, nullable=False),
    sa.Column("files", JSONB, nullable=False),
    sa.Column("earlier", texts, nullable=False),
    sa.Column("edited_at", instant),
    sa.Column("withdrawn_at", instant),
    text("withdrawn_why"),
    sa.Column("issue_id", sa.Uuid),
    sa.UniqueConstraint("case_id", "number"),
    sa.Index("ix_case_messages_mentions", "mentions", postgresql_using="gin"),
)

# How far each account has read.
case_reads = sa.Table(
    "case_reads",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)

case_issues = sa.Table(
    "case_issues",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    text("number"),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    text("project_name"),
    text("item_name"),
    text("stage"),
    sa.Column("message_id", sa.Uuid),
    sa.Column("as_order", sa.Boolean, nullable=False),
    text("lead_org"),
    text("lead_org_name"),
    text("text"),
    text("raised_by"),
    sa.Column("raised_at", instant, nullable=False),
    text("region_path"),
    text("level"),
    text("uscc"),
    sa.Column("agents", texts, nullable=False),
    text("org"),
    text("status"),
    text("measures"),
    text("note"),
    text("answered_by"),
    sa.Column("answered_at", instant),
    text("closed_by"),
    sa.Column("closed_at", instant),
    sa.Index("ix_case_issues_case_id", "case_id"),
    sa.Index("ix_case_issues_project_id", "project_id", "raised_at"),
    sa.Index("ix_case_issues_lead_org", "lead_org", "raised_at"),
    sa.Index("ix_case_issues_raised_at", "raised_at", "id"),
)
