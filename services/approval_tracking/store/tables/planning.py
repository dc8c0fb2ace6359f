"""Plans of one's own, their reminders, and services with their agreements."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from approval_tracking.store.tables.base import instant, metadata, text

# --- plans of one's own -----------------------------------------------------------------------------

# Every edit of a project's plan, in order; together they are its shape.
plan_edits = sa.Table(
    "plan_edits",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("edit", JSONB, nullable=False),
    text("reason"),
    text("made_by"),
    sa.Column("made_at", instant, nullable=False),
)

plan_templates = sa.Table(
    "plan_templates",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    text("region"),
    text("name"),
    sa.Column("nodes", JSONB, nullable=False),
    text("made_by"),
    sa.Column("made_at", instant, nullable=False),
    sa.UniqueConstraint("region", "name"),
)

# What was last told of a plan's nodes; `day` is the day it was told for.
plan_reminders = sa.Table(
    "plan_reminders",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, nullable=False),
)

# --- services ----------------------------------------------------------------------------------------

# What a region offers from a day on; `off` takes it off the menu.
service_offers = sa.Table(
    "service_offers",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    text("name"),
    text("name_en"),
    text("content"),
    sa.Column("promised_days", sa.Integer, nullable=False),
    sa.Column("off", sa.Boolean, nullable=False),
    text("set_by"),
    sa.Column("set_at", instant, nullable=False),
)

IN_FORCE_AGREEMENT = sa.text("status = 'in_force'")

service_agreements = sa.Table(
    "service_agreements",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    text("status"),
    text("number"),
    sa.Column("proposed_at", instant, nullable=False),
    sa.Column("state", JSONB, nullable=False),
    sa.Column("file", sa.LargeBinary),
    sa.Index("ix_service_agreements_project_id", "project_id", "proposed_at"),
    sa.Index(
        "uq_service_agreements_in_force",
        "project_id",
        unique=True,
        postgresql_where=IN_FORCE_AGREEMENT,
    ),
)
