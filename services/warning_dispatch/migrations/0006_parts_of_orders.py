"""What bodies that help answer, and who was urged or is supervised."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "work_orders",
        sa.Column(
            "parts", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
    )
    op.add_column(
        "work_orders", sa.Column("urges", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "work_orders",
        sa.Column("supervised", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    for name in ("supervised", "urges", "parts"):
        op.drop_column("work_orders", name)
