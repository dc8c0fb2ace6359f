"""The register of leaders, teams and contacts names who wrote it, and has one leader of a place."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for name in ("registered_by_name", "ended_by_name"):
        op.add_column("leaders", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_index(
        "uq_leaders_one",
        "leaders",
        ["region", "kind", "body"],
        unique=True,
        postgresql_where=sa.text("ended_at is null and kind <> 'team'"),
    )
    op.create_index(
        "ix_leaders_body", "leaders", ["body"], postgresql_where=sa.text("ended_at is null")
    )


def downgrade() -> None:
    op.drop_index("ix_leaders_body", "leaders")
    op.drop_index("uq_leaders_one", "leaders")
    for name in ("ended_by_name", "registered_by_name"):
        op.drop_column("leaders", name)
