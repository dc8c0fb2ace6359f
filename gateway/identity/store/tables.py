"""The tables of identity."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.db import new_metadata

metadata = new_metadata()


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("username", sa.Text, nullable=False, unique=True),
    _text("name"),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    _text("region"),
    _text("region_path"),
    _text("org"),
    sa.Column("active", sa.Boolean, nullable=False),
    _text("password_hash"),
    sa.Column("must_change_password", sa.Boolean, nullable=False),
    _text("oidc_issuer"),
    _text("oidc_subject"),
    # When the next mandate begins or ends by itself; the sweep tells it then.
    _moment("turns_at", nullable=True),
    _moment("created_at"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index(
        "uq_accounts_oidc",
        "oidc_issuer",
        "oidc_subject",
        unique=True,
        postgresql_where=sa.text("oidc_subject <> ''"),
    ),
    sa.Index("ix_accounts_turns_at", "turns_at", postgresql_where=sa.text("turns_at is not null")),
    sa.Index(
        "ix_accounts_region_path", "region_path", postgresql_ops={"region_path": "text_pattern_ops"}
    ),
)

companies = sa.Table(
    "companies",
    metadata,
    sa.Column("uscc", sa.Text, primary_key=True),
    _text("name"),
    _text("region"),
    _text("region_path"),
    _moment("bound_at"),
)

mandates = sa.Table(
    "mandates",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("uscc", sa.Text, sa.ForeignKey("companies.uscc"), nullable=False, index=True),
    _text("kind"),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date),
    sa.Column("projects", ARRAY(sa.Text)),
    _text("granted_by"),
    _moment("granted_at"),
    _moment("revoked_at", nullable=True),
    _text("revoke_reason"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False),
    _text("method"),
    _moment("created_at"),
    _moment("ended_at", nullable=True),
    _text("ended_why"),
    sa.Index("ix_sessions_open", "account_id", postgresql_where=sa.text("ended_at is null")),
    sa.Index("ix_sessions_created_at", "created_at"),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column(
        "session_id",
        sa.Uuid,
        sa.ForeignKey("sessions.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    _moment("expires_at"),
    _moment("used_at", nullable=True),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("username", sa.Text, primary_key=True),
    sa.Column("failures", ARRAY(sa.DateTime(timezone=True)), nullable=False),
    _moment("locked_until", nullable=True),
    sa.Column("forgettable_at", sa.DateTime(timezone=True), nullable=False, index=True),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("public", JSONB, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    _moment("created_at"),
    _moment("active_from"),
    _moment("published_until", nullable=True),
)

# The offset of the whole instance; each service keeps the state it was given in its clock_state.
domain_clock = sa.Table(
    "domain_clock",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("offset_seconds", sa.BigInteger, nullable=False),
    _moment("moved_at"),
    _text("moved_by"),
    sa.CheckConstraint("single", name="one_row"),
)
