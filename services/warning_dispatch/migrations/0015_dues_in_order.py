"""What is due is read in the order in which it is taken."""

from collections.abc import Sequence

from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_IN_ORDER = ["due_moment", "subject_type", "subject_id", "rule", "colour"]


def upgrade() -> None:
    op.create_index("ix_dues_in_order", "dues", _IN_ORDER)
    op.drop_index("ix_dues_due_moment", table_name="dues")


def downgrade() -> None:
    op.create_index("ix_dues_due_moment", "dues", ["due_moment"])
    op.drop_index("ix_dues_in_order", table_name="dues")
