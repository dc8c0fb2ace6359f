"""What the desks read: joint reviews that are convened, and indexes over what is live."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    texts = postgresql.ARRAY(sa.Text())
    op.create_table(
        "joint_meetings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("project_name", "region_path", "level", "subject", "place")
        ),
        sa.Column("agents", texts, nullable=False),
        sa.Column("orgs", texts, nullable=False),
        sa.Column("meets_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_meetings")),
    )
    op.create_index(
        "ix_joint_meetings_convened",
        "joint_meetings",
        ["meets_at"],
        postgresql_where=sa.text("status = 'convened'"),
    )
    op.create_index(
        "ix_cards_live",
        "cards",
        ["status", "due_moment"],
        postgresql_where=sa.text(
            "status not in ('closed', 'waived', 'revoked', 'ignored', 'merged')"
        ),
    )
    op.create_index(
        "ix_work_orders_closing",
        "work_orders",
        ["status", "close_by"],
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(op.f("ix_work_orders_answered_at"), "work_orders", ["answered_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_work_orders_answered_at"), "work_orders")
    op.drop_index("ix_work_orders_closing", "work_orders")
    op.drop_index("ix_cards_live", "cards")
    op.drop_table("joint_meetings")
