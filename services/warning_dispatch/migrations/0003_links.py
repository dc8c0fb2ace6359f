"""Links to a parent and to children."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from chassis.shared_revisions import add_links, drop_links

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_links()
    # A copy of an order may come before that of its card.
    op.drop_constraint("fk_work_orders_card_id", "work_orders", type_="foreignkey")
    for table in ("cards", "work_orders"):
        op.add_column(table, sa.Column("origin", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    for table in ("work_orders", "cards"):
        op.execute(f"delete from {table} where origin <> ''")
        op.drop_column(table, "origin")
    op.create_foreign_key("fk_work_orders_card_id", "work_orders", "cards", ["card_id"], ["id"])
    drop_links()
