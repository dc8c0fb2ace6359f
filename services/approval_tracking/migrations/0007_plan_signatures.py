"""who agreed to a baseline"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("signatures", JSONB(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.execute("delete from plans where baseline < 0")
    op.drop_column("plans", "signatures")
