"""Projects as the registry tells of them, what each needs and has, and its plans."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from approval_tracking.store.tables.base import metadata, text, texts

# --- projects, as the registry says they are ------------------------------------------------------

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    text("name"),
    text("region_path"),
    text("level"),
    text("uscc"),
    sa.Column("agents", texts, nullable=False),
    # state is the registry's ProjectState.
    sa.Column("state", JSONB, nullable=False),
    # progress numbers this service's own facts about the project.
    sa.Column("progress", sa.Integer, nullable=False, server_default="0"),
    sa.Column("catalogue", sa.Integer, nullable=False, server_default="0"),
    # plan_laid_on empty asks the worker to lay the plan anew.
    sa.Column("plan_laid_on", sa.Date),
    # origin is the instance below that owns the project; here is a copy then.
    sa.Column("origin", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "plan_laid_on"),
    sa.Index(None, "name"),
)

project_items = sa.Table(
    "project_items",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("applicable", sa.Boolean, nullable=False),
    # state is not_started, in_progress or done.
    text("state"),
    sa.Column("started_on", sa.Date),
    sa.Column("done_on", sa.Date),
    sa.Column("historical", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("case_id", sa.Uuid),
)

past_decisions = sa.Table(
    "past_decisions",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("accepted_on", sa.Date),
    sa.Column("decided_on", sa.Date, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Index(None, "item_code", "decided_on"),
)

# How long each decided case took, written when it is decided: a forecast reads nothing else.
durations = sa.Table(
    "durations",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    text("item_code"),
    text("org"),
    sa.Column("started_on", sa.Date, nullable=False),
    sa.Column("decided_on", sa.Date, nullable=False),
    sa.Index(None, "item_code", "decided_on"),
)

# baseline 0 is the draft, which is replaced, -1 what has been put up for signature; V1 and later
# stay as they were frozen.
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("baseline", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False),
    sa.Column("catalogue", sa.Integer, nullable=False),
    sa.Column("laid_on", sa.Date, nullable=False),
    text("reason"),
    # signatures are who agreed to it: party, org, account, name, at, note.
    sa.Column("signatures", JSONB, nullable=False, server_default="[]"),
)

# What a demonstration project has under way, until the project itself arrives.
demo_waiting = sa.Table(
    "demo_waiting",
    metadata,
    sa.Column("project_name", sa.Text, primary_key=True),
    sa.Column("content", JSONB, nullable=False),
)
