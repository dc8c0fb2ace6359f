"""Data that has versions: catalogues, calendars, promises, bodies and who decides."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from approval_tracking.store.tables.base import instant, metadata, text

# --- data that has versions: a new row only when the content differs, none is ever changed -------

catalogues = sa.Table(
    "catalogues",
    metadata,
    sa.Column("version", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("themes", JSONB, nullable=False),
    sa.Column("loaded_at", instant, nullable=False),
    # A version is in force from this day until one with a later day, or a higher number, is.
    sa.Column("effective_from", sa.Date, nullable=False, server_default="2000-01-01"),
)

catalogue_drafts = sa.Table(
    "catalogue_drafts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    text("state"),
    sa.Column("based_on", sa.Integer, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("themes", JSONB, nullable=False),
    text("note"),
    text("drafted_by"),
    sa.Column("drafted_at", instant, nullable=False),
    text("reviewed_by"),
    sa.Column("reviewed_at", instant),
    text("reason"),
    text("published_by"),
    sa.Column("published_at", instant),
    sa.Column("effective_from", sa.Date),
    sa.Column("published_as", sa.Integer, nullable=False),
)

calendars = sa.Table(
    "calendars",
    metadata,
    sa.Column("version", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    # published is the data of calendar_published.v1.
    sa.Column("published", JSONB, nullable=False),
    sa.Column("loaded_at", instant, nullable=False),
)

commitments = sa.Table(
    "commitments",
    metadata,
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    sa.Column("days", sa.Numeric(4, 1), nullable=False),
    text("unit"),
    text("set_by"),
    sa.Column("set_at", instant, nullable=False),
)

# A body is called and reached so from this day on.
bodies = sa.Table(
    "bodies",
    metadata,
    sa.Column("org", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    text("name"),
    text("window"),
    text("section"),
    text("head"),
    text("phone"),
    text("set_by"),
    sa.Column("set_at", instant, nullable=False),
)

# Where an item does not lie with its own department; an empty org gives it back.
deciders = sa.Table(
    "deciders",
    metadata,
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    text("org"),
    text("set_by"),
    sa.Column("set_at", instant, nullable=False),
)
