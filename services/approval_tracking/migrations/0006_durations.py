"""how long each decided case took"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "durations",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_durations")),
    )
    op.create_index(
        op.f("ix_durations_item_code_decided_on"), "durations", ["item_code", "decided_on"]
    )
    op.create_index(
        op.f("ix_past_decisions_item_code_decided_on"),
        "past_decisions",
        ["item_code", "decided_on"],
    )
    op.execute(
        """
        insert into durations (case_id, item_code, org, started_on, decided_on)
        select id, item_code, org,
               cast(timezone('Asia/Shanghai', received_at) as date), cast(told ->> 'on' as date)
        from cases, jsonb_array_elements(state -> 'clock' -> 'happenings') as told
        where told ->> 'kind' = 'decided' and status in ('decided', 'delivered')
        on conflict do nothing
        """
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_past_decisions_item_code_decided_on"), "past_decisions")
    op.drop_table("durations")
