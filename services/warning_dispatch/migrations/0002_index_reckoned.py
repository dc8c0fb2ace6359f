"""Find what was reckoned with another calendar without reading the whole table."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(op.f("ix_case_copies_reckoned"), "case_copies", ["reckoned"], unique=False)
    op.create_index(
        op.f("ix_project_copies_reckoned"), "project_copies", ["reckoned"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_project_copies_reckoned"), table_name="project_copies")
    op.drop_index(op.f("ix_case_copies_reckoned"), table_name="case_copies")
