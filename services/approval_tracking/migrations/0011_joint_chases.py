"""when a body is reminded of the opinion it owes"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("joint_reviews", sa.Column("chase_on", sa.Date()))
    # The first sweep puts those right that owe nothing.
    op.execute(
        """
        update joint_reviews set chase_on = (
            select min((each->>'opinion_due')::date)
            from jsonb_array_elements(state->'invitations') as each
            where each->>'silence' = 'silence_is_chased'
        )
        where status in ('convened', 'met')
        """
    )
    op.create_index(
        "ix_joint_reviews_chase_on",
        "joint_reviews",
        ["chase_on"],
        postgresql_where=sa.text("chase_on is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_joint_reviews_chase_on", "joint_reviews")
    op.drop_column("joint_reviews", "chase_on")
