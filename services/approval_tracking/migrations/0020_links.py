"""Links to a parent and to children."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from chassis.shared_revisions import add_links, drop_links

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_links()
    for table in ("cases", "projects"):
        op.add_column(table, sa.Column("origin", sa.Text(), server_default="", nullable=False))
    op.drop_index("uq_cases_open", table_name="cases")
    op.create_index(
        "uq_cases_open",
        "cases",
        ["project_id", "item_code"],
        unique=True,
        postgresql_where=sa.text(
            "status in ('received', 'supplementing', 'in_review', 'suspended') and origin = ''"
        ),
    )


def downgrade() -> None:
    op.drop_index("uq_cases_open", table_name="cases")
    op.execute("delete from cases where origin <> ''")
    op.create_index(
        "uq_cases_open",
        "cases",
        ["project_id", "item_code"],
        unique=True,
        postgresql_where=sa.text(
            "status in ('received', 'supplementing', 'in_review', 'suspended')"
        ),
    )
    op.execute("delete from projects where origin <> ''")
    for table in ("projects", "cases"):
        op.drop_column(table, "origin")
    drop_links()
