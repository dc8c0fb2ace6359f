"""the calendar by which a case's clock was last reckoned"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RUNNING = "status in ('received', 'supplementing', 'in_review', 'suspended', 'decided')"


def upgrade() -> None:
    op.add_column(
        "cases", sa.Column("calendar_version", sa.Text(), server_default="", nullable=False)
    )
    op.create_index(
        "ix_cases_calendar_version",
        "cases",
        ["calendar_version"],
        postgresql_where=sa.text(_RUNNING),
    )


def downgrade() -> None:
    op.drop_index("ix_cases_calendar_version", table_name="cases")
    op.drop_column("cases", "calendar_version")
