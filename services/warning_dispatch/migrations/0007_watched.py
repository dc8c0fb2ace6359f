"""What is watched beside cases and projects, visits, and with what open orders were reckoned."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "watched",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reckoned", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_watched")),
    )
    op.create_index(op.f("ix_watched_project_id"), "watched", ["project_id"])
    op.create_index(op.f("ix_watched_reckoned"), "watched", ["reckoned"])
    op.add_column(
        "project_logs", sa.Column("last_visited_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "work_orders", sa.Column("reckoned", sa.Text(), server_default="", nullable=False)
    )
    op.create_index(
        "ix_work_orders_open",
        "work_orders",
        ["reckoned"],
        postgresql_where=sa.text("status <> 'closed' and origin = ''"),
    )


def downgrade() -> None:
    op.drop_index("ix_work_orders_open", table_name="work_orders")
    op.drop_column("work_orders", "reckoned")
    op.drop_column("project_logs", "last_visited_at")
    op.drop_table("watched")
