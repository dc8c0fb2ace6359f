"""by when a body acts next, and the order of its work"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RUNNING = sa.text("status in ('received', 'supplementing', 'in_review', 'suspended', 'decided')")


def upgrade() -> None:
    op.add_column("cases", sa.Column("act_by", sa.Date()))
    op.execute(
        """
        update cases set act_by = case status
            when 'received' then (state->'clock'->>'notice_due')::date
            when 'in_review' then due_on
            when 'decided' then (state->'clock'->>'delivery_due')::date
        end
        where status in ('received', 'in_review', 'decided')
        """
    )
    op.create_index(
        "ix_cases_work",
        "cases",
        [
            sa.text("org"),
            sa.text("(not green)"),
            sa.text("(coalesce(act_by, 'infinity'::date))"),
            sa.text("id"),
        ],
        postgresql_where=_RUNNING,
    )
    op.create_index(
        "ix_cases_counts",
        "cases",
        ["region_path", "org", "item_code", "status", "act_by"],
        postgresql_where=_RUNNING,
    )
    op.create_index(
        "ix_cases_project_id_received_at_id", "cases", ["project_id", "received_at", "id"]
    )
    op.drop_index("ix_cases_region_path", "cases")


def downgrade() -> None:
    op.create_index("ix_cases_region_path", "cases", ["region_path"])
    op.drop_index("ix_cases_project_id_received_at_id", "cases")
    op.drop_index("ix_cases_counts", "cases")
    op.drop_index("ix_cases_work", "cases")
    op.drop_column("cases", "act_by")
