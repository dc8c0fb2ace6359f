"""Audit lines that left the table for a file of the object store."""

from collections.abc import Sequence

from chassis.shared_revisions import add_audit_archives, drop_audit_archives

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_audit_archives()


def downgrade() -> None:
    drop_audit_archives()
