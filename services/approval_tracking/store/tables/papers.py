"""Documents, one-off notices, the material library, archives, and agencies."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from approval_tracking.store.tables.base import instant, metadata, text, texts

# --- documents ---------------------------------------------------------------------------------------

# The last number given per body, kind and year; the row is locked until the document is there.
document_numbers = sa.Table(
    "document_numbers",
    metadata,
    sa.Column("org", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("last", sa.Integer, nullable=False),
)

# A document is issued once and never changes; what it is worth follows from its case.
documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("code", sa.Text, nullable=False, unique=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    text("kind"),
    text("name"),
    # happening numbers what it tells of in the case's clock.
    sa.Column("happening", sa.Integer, nullable=False),
    text("org"),
    text("org_name"),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("serial", sa.Integer, nullable=False),
    text("number"),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("issued_at", instant, nullable=False),
    # content is what the file was made from; the file is kept, since a later release may lay it
    # out in another way.
    sa.Column("content", JSONB, nullable=False),
    text("digest"),
    sa.Column("file", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("case_id", "kind", "happening"),
    sa.UniqueConstraint("org", "kind", "year", "serial"),
)

# A one-off notice as it was given, with its receipt by the company and the link that shares it.
guide_notices = sa.Table(
    "guide_notices",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("given_at", instant, nullable=False),
    # content is what was told; state is who was told, who signed and until when it is shared.
    sa.Column("content", JSONB, nullable=False),
    sa.Column("state", JSONB, nullable=False),
    text("digest"),
    sa.Column("file", sa.LargeBinary, nullable=False),
    sa.Column("share_code", sa.Text, unique=True),
    sa.UniqueConstraint("project_id", "number"),
)

# --- material library --------------------------------------------------------------------------------

# One version of a paper; the bytes of a licence are those of its document.
materials = sa.Table(
    "materials",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    text("holder"),
    text("key"),
    text("title"),
    sa.Column("version", sa.Integer, nullable=False),
    text("source"),
    text("state"),
    text("uscc"),
    sa.Column("project_id", sa.Uuid, nullable=False),
    sa.Column("company_wide", sa.Boolean, nullable=False),
    text("file_name"),
    text("media_type"),
    sa.Column("size", sa.Integer, nullable=False),
    text("sha256"),
    text("object_key"),
    sa.Column("valid_until", sa.Date),
    text("put_in_by"),
    sa.Column("put_in_at", instant, nullable=False),
    text("number"),
    text("issuer"),
    sa.Column("case_id", sa.Uuid),
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("documents.id")),
    text("ended_by"),
    text("ended_why"),
    sa.Column("signatures", JSONB, nullable=False),
    sa.Index(
        "uq_materials_version",
        "holder",
        "key",
        sa.text("(source = 'licence')"),
        "version",
        unique=True,
    ),
    sa.Index("ix_materials_case_id", "case_id"),
)

seal_keys = sa.Table(
    "seal_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("public_key"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", instant, nullable=False),
)

# The archive of a finished case, one per state that it was in.
case_archives = sa.Table(
    "case_archives",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    text("digest"),
    text("object_key"),
    text("made_by"),
    sa.Column("made_at", instant, nullable=False),
)

# --- agencies ----------------------------------------------------------------------------------------

# removed_why is empty for those that are shown.
intermediaries = sa.Table(
    "intermediaries",
    metadata,
    sa.Column("uscc", sa.Text, primary_key=True),
    text("name"),
    sa.Column("services", texts, nullable=False),
    text("address"),
    text("phone"),
    text("set_by"),
    sa.Column("set_at", instant, nullable=False),
    text("removed_why"),
)
