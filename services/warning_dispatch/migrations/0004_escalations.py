"""The ladder of linkage, who is in charge, and who may sign for whom."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OPEN = sa.text("status not in ('closed', 'merged')")


def upgrade() -> None:
    op.create_table(
        "escalations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("rung", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("agents", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalations")),
        sa.UniqueConstraint("number", name=op.f("uq_escalations_number")),
    )
    op.create_index(op.f("ix_escalations_opened_at_id"), "escalations", ["opened_at", "id"])
    op.create_index(op.f("ix_escalations_project_id"), "escalations", ["project_id"])
    op.create_index("ix_escalations_open", "escalations", ["due_at"], postgresql_where=_OPEN)
    op.create_index(
        "ix_escalations_order",
        "escalations",
        [sa.text("(state->>'order_id')")],
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_escalations_orders",
        "escalations",
        [sa.text("(state->'orders')")],
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'instructed'"),
    )
    op.create_table(
        "leaders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leaders")),
    )
    op.create_index(
        op.f("ix_leaders_region_kind"),
        "leaders",
        ["region", "kind"],
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "signing_authorisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("leader", sa.Text(), nullable=False),
        sa.Column("leader_name", sa.Text(), nullable=False),
        sa.Column("deputy", sa.Text(), nullable=False),
        sa.Column("deputy_name", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_authorisations")),
    )
    op.create_index(
        op.f("ix_signing_authorisations_leader_deputy"),
        "signing_authorisations",
        ["leader", "deputy"],
    )


def downgrade() -> None:
    for table in ("signing_authorisations", "leaders", "escalations"):
        op.drop_table(table)
