"""Orders have a cause, are merged, and get longer limits."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("work_orders", sa.Column("cause", sa.Text(), server_default="", nullable=False))
    op.add_column("work_orders", sa.Column("merged_into", sa.Uuid()))
    op.add_column("work_orders", sa.Column("extension", postgresql.JSONB(astext_type=sa.Text())))
    op.create_index(
        "ix_work_orders_counted",
        "work_orders",
        ["region_path", "lead_org", "handler"],
        postgresql_where=sa.text("status <> 'closed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_work_orders_counted", table_name="work_orders")
    for name in ("extension", "merged_into", "cause"):
        op.drop_column("work_orders", name)
