"""Steps that the revisions of every service share. Each is frozen once a release has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def add_links() -> None:
    """Add the tables of links between instances."""
    op.create_table(
        "link_facts",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_link_facts")),
        sa.UniqueConstraint("event_id", name=op.f("uq_link_facts_event_id")),
    )
    op.create_index(
        "ix_link_facts_unsent", "link_facts", ["position"], postgresql_where=sa.text("not sent")
    )
    op.create_index(op.f("ix_link_facts_kind_day"), "link_facts", ["kind", "day"])
    op.create_index(op.f("ix_link_facts_aggregate_id"), "link_facts", ["aggregate_id"])
    op.create_table(
        "origin_facts",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_origin_facts")),
    )
    op.create_index(op.f("ix_origin_facts_via_kind_day"), "origin_facts", ["via", "kind", "day"])
    op.create_index(op.f("ix_origin_facts_aggregate_id"), "origin_facts", ["aggregate_id"])
    op.create_table(
        "link_children",
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("birth", sa.Text(), nullable=False),
        sa.Column("refused", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("first_heard", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_heard", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("instance", "service", name=op.f("pk_link_children")),
    )
    op.create_table(
        "directives",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("note_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("note_en", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_directives")),
        sa.UniqueConstraint("id", name=op.f("uq_directives_id")),
    )
    op.create_index(
        "ix_directives_unsent", "directives", ["position"], postgresql_where=sa.text("not sent")
    )
    op.create_index("ix_directives_subject_id", "directives", ["subject_id"])
    op.create_table(
        "link_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_link_state")),
    )


def drop_links() -> None:
    for table in ("link_state", "directives", "link_children", "origin_facts", "link_facts"):
        op.drop_table(table)


def add_audit_archives() -> None:
    """Add what is known of the audit lines that left the table for a file."""
    op.create_table(
        "audit_archives",
        sa.Column("first_link", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_link", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.LargeBinary(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("subjects", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("first_link", name=op.f("pk_audit_archives")),
    )
    op.create_index(
        "ix_audit_archives_subjects", "audit_archives", ["subjects"], postgresql_using="gin"
    )


def drop_audit_archives() -> None:
    op.drop_table("audit_archives")
