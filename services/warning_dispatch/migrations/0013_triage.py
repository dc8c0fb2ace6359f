"""Cards are sorted by cause, ignored, merged and objected to."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BEFORE = (
    "status in ('open', 'acknowledged', 'rectifying', 'rectified', 'closed', 'waived', 'revoked')"
)
_NOW = (
    "status in ('open', 'acknowledged', 'rectifying', 'rectified', 'closed', 'waived', 'revoked',"
    " 'ignored', 'merged')"
)


def upgrade() -> None:
    op.add_column("cards", sa.Column("cause", sa.Text(), server_default="", nullable=False))
    op.add_column("cards", sa.Column("merged_into", sa.Uuid()))
    op.add_column("cards", sa.Column("objection", postgresql.JSONB(astext_type=sa.Text())))
    op.drop_constraint(op.f("ck_cards_status_known"), "cards", type_="check")
    op.create_check_constraint(op.f("ck_cards_status_known"), "cards", _NOW)
    op.create_index(
        "ix_cards_objected",
        "cards",
        ["due_moment", "id"],
        postgresql_where=sa.text("objection is not null"),
    )
    op.create_index(
        "ix_cards_unsorted",
        "cards",
        ["due_moment", "id"],
        postgresql_where=sa.text(
            "cause = '' and status in ('open', 'acknowledged', 'rectifying', 'rectified')"
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_cards_unsorted", table_name="cards")
    op.drop_index("ix_cards_objected", table_name="cards")
    op.drop_constraint(op.f("ck_cards_status_known"), "cards", type_="check")
    op.create_check_constraint(op.f("ck_cards_status_known"), "cards", _BEFORE)
    for name in ("objection", "merged_into", "cause"):
        op.drop_column("cards", name)
