"""What was merged into an order is found from there."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_work_orders_merged",
        "work_orders",
        ["merged_into"],
        postgresql_where=sa.text("merged_into is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_work_orders_merged", table_name="work_orders")
