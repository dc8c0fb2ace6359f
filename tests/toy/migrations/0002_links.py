"""Links to a parent and to children."""

from collections.abc import Sequence

from chassis.shared_revisions import add_links, drop_links

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_links()


def downgrade() -> None:
    drop_links()
