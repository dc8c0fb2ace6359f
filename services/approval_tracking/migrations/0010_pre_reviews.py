"""pre-reviews, companies whose approval was revoked, and cases that go first"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "pre_reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("agents", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pre_reviews")),
    )
    op.create_index(
        "uq_pre_reviews_asked",
        "pre_reviews",
        ["project_id", "item_code"],
        unique=True,
        postgresql_where=sa.text("status = 'asked'"),
    )
    op.create_index("ix_pre_reviews_project_id", "pre_reviews", ["project_id", "asked_at"])
    op.create_index("ix_pre_reviews_org", "pre_reviews", ["org", "asked_at"])
    op.create_index("ix_pre_reviews_asked_at", "pre_reviews", ["asked_at", "id"])
    op.add_column(
        "cases", sa.Column("green", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index(
        "ix_cases_revoked", "cases", ["uscc"], postgresql_where=sa.text("status = 'revoked'")
    )


def downgrade() -> None:
    op.drop_index("ix_cases_revoked", "cases")
    op.drop_column("cases", "green")
    op.drop_table("pre_reviews")
