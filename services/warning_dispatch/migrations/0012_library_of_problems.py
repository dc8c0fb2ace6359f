"""The library of problems 问题库: a matter's class, who leads, its next measure, and its case."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("escalations", sa.Column("case_id", sa.Uuid(), nullable=True))
    for name in ("cause", "leads"):
        op.add_column("escalations", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("escalations", sa.Column("measure_due", sa.Date(), nullable=True))
    op.execute("update escalations set case_id = nullif(state->>'case_id', '')::uuid")
    op.create_index(op.f("ix_escalations_case_id"), "escalations", ["case_id"])
    op.create_index(op.f("ix_escalations_cause_opened_at"), "escalations", ["cause", "opened_at"])
    op.create_index(op.f("ix_escalations_leads_opened_at"), "escalations", ["leads", "opened_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_escalations_leads_opened_at"), "escalations")
    op.drop_index(op.f("ix_escalations_cause_opened_at"), "escalations")
    op.drop_index(op.f("ix_escalations_case_id"), "escalations")
    for name in ("measure_due", "leads", "cause", "case_id"):
        op.drop_column("escalations", name)
