"""Visits 推办: where somebody of the team went, and what came of it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    texts = postgresql.ARRAY(sa.Text())
    op.create_table(
        "pushes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Uuid(), nullable=True)
            for name in ("project_id", "case_id", "order_id", "escalation_id")
        ),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("project_name", "region_path", "level", "subject", "place", "people")
        ),
        sa.Column("agents", texts, nullable=False),
        sa.Column("bodies", texts, nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("went_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("agreed", sa.Text(), nullable=False),
        sa.Column("orders", texts, nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
        sa.UniqueConstraint("number", name=op.f("uq_pushes_number")),
    )
    op.create_index(op.f("ix_pushes_planned_at_id"), "pushes", ["planned_at", "id"])
    for name in ("project_id", "order_id", "escalation_id"):
        op.create_index(op.f(f"ix_pushes_{name}"), "pushes", [name])
    op.create_index(
        "ix_pushes_planned",
        "pushes",
        ["planned_at"],
        postgresql_where=sa.text("status = 'planned'"),
    )


def downgrade() -> None:
    op.drop_table("pushes")
