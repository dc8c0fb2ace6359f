"""What others were told of a theme, and of which something moved since."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "applications",
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.create_table(
        "application_news",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_application_news")),
    )
    op.execute(
        "insert into application_news (application_id)"
        " select id from applications where mode = 'theme'"
    )


def downgrade() -> None:
    op.drop_table("application_news")
    op.drop_column("applications", "told")
