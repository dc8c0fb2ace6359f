"""The tables of cards, work orders and notices."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("link", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(
        "ix_audit_unlinked", "audit", ["id"], unique=False, postgresql_where=sa.text("link is null")
    )
    op.create_index("uq_audit_link", "audit", ["link"], unique=True)
    op.create_table(
        "calendar_copy",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_calendar_copy_one_row")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_calendar_copy")),
    )
    op.create_table(
        "cards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("item_name", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("org_name", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("project_uscc", sa.Text(), nullable=False),
        sa.Column("agents", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("duty_bearer", sa.Text(), nullable=False),
        sa.Column("due_moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("explanation_zh", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("explanation_en", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "colour in ('yellow', 'red', 'red_statutory')", name=op.f("ck_cards_colour_known")
        ),
        sa.CheckConstraint(
            "status in ('open', 'acknowledged', 'rectifying', 'rectified', 'closed', 'waived', 'revoked')",
            name=op.f("ck_cards_status_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint(
            "rule", "subject_type", "subject_id", "colour", "period", name="uq_cards_identity"
        ),
    )
    op.create_index(op.f("ix_cards_due_moment_id"), "cards", ["due_moment", "id"], unique=False)
    op.create_index(op.f("ix_cards_org_due_moment"), "cards", ["org", "due_moment"], unique=False)
    op.create_index(op.f("ix_cards_project_id"), "cards", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_cards_subject_type_subject_id"),
        "cards",
        ["subject_type", "subject_id"],
        unique=False,
    )
    op.create_table(
        "case_copies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reckoned", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_copies")),
    )
    op.create_table(
        "clock_followers",
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_clock_followers")),
    )
    op.create_table(
        "clock_state",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("offset_seconds", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_clock_state_one_row")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_clock_state")),
    )
    op.create_table(
        "dues",
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("due_moment", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "subject_type", "subject_id", "rule", "colour", "period", name=op.f("pk_dues")
        ),
    )
    op.create_index(op.f("ix_dues_due_moment"), "dues", ["due_moment"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column(
            "taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("caller", "method", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_taken_at"), "idempotency", ["taken_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("consumer", "event_id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_taken_at"), "inbox", ["taken_at"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("body_zh", sa.Text(), nullable=False),
        sa.Column("body_en", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("accounts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("orgs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index(op.f("ix_notifications_at_id"), "notifications", ["at", "id"], unique=False)
    op.create_index(
        "ix_notifications_unsent",
        "notifications",
        ["id"],
        unique=False,
        postgresql_where=sa.text("not sent"),
    )
    op.create_table(
        "order_numbers",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("region", "year", name=op.f("pk_order_numbers")),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox")),
    )
    op.create_table(
        "project_copies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reckoned", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_copies")),
    )
    op.create_table(
        "project_logs",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("last_filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_project_logs")),
    )
    op.create_table(
        "warning_rules",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_warning_rules")),
    )
    op.create_table(
        "notification_reads",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name=op.f("fk_notification_reads_notification_id"),
        ),
        sa.PrimaryKeyConstraint("notification_id", "account", name=op.f("pk_notification_reads")),
    )
    op.create_table(
        "work_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("item_name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("lead_org", sa.Text(), nullable=False),
        sa.Column("lead_org_name", sa.Text(), nullable=False),
        sa.Column("co_orgs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("project_uscc", sa.Text(), nullable=False),
        sa.Column("agents", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("duty_bearer", sa.Text(), nullable=False),
        sa.Column("dispatched_by", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sign_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feedback_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("close_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("round_began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reworks", sa.Integer(), nullable=False),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("returned_to", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column(
            "feedback", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "status in ('issued', 'signed', 'handling', 'feedback', 'checking', 'rework', 'closed', 'returned')",
            name=op.f("ck_work_orders_status_known"),
        ),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_work_orders_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_work_orders_number")),
    )
    op.create_index(op.f("ix_work_orders_card_id"), "work_orders", ["card_id"], unique=False)
    op.create_index(
        op.f("ix_work_orders_issued_at_id"), "work_orders", ["issued_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_work_orders_lead_org_issued_at"),
        "work_orders",
        ["lead_org", "issued_at"],
        unique=False,
    )
    op.create_index(op.f("ix_work_orders_project_id"), "work_orders", ["project_id"], unique=False)
    op.create_index(
        "uq_work_orders_card_under_way",
        "work_orders",
        ["card_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'closed' and card_id is not null"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_work_orders_card_under_way",
        table_name="work_orders",
        postgresql_where=sa.text("status <> 'closed' and card_id is not null"),
    )
    op.drop_index(op.f("ix_work_orders_project_id"), table_name="work_orders")
    op.drop_index(op.f("ix_work_orders_lead_org_issued_at"), table_name="work_orders")
    op.drop_index(op.f("ix_work_orders_issued_at_id"), table_name="work_orders")
    op.drop_index(op.f("ix_work_orders_card_id"), table_name="work_orders")
    op.drop_table("work_orders")
    op.drop_table("notification_reads")
    op.drop_table("warning_rules")
    op.drop_table("project_logs")
    op.drop_table("project_copies")
    op.drop_table("outbox")
    op.drop_table("order_numbers")
    op.drop_index(
        "ix_notifications_unsent", table_name="notifications", postgresql_where=sa.text("not sent")
    )
    op.drop_index(op.f("ix_notifications_at_id"), table_name="notifications")
    op.drop_table("notifications")
    op.drop_index(op.f("ix_inbox_taken_at"), table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_idempotency_taken_at"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index(op.f("ix_dues_due_moment"), table_name="dues")
    op.drop_table("dues")
    op.drop_table("clock_state")
    op.drop_table("clock_followers")
    op.drop_table("case_copies")
    op.drop_index(op.f("ix_cards_subject_type_subject_id"), table_name="cards")
    op.drop_index(op.f("ix_cards_project_id"), table_name="cards")
    op.drop_index(op.f("ix_cards_org_due_moment"), table_name="cards")
    op.drop_index(op.f("ix_cards_due_moment_id"), table_name="cards")
    op.drop_table("cards")
    op.drop_table("calendar_copy")
    op.drop_index("uq_audit_link", table_name="audit")
    op.drop_index("ix_audit_unlinked", table_name="audit", postgresql_where=sa.text("link is null"))
    op.drop_table("audit")
