"""Links to a parent and to children."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from chassis.shared_revisions import add_links, drop_links

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_links()
    # A child's project is a copy: its names are its home's business.
    op.add_column("projects", sa.Column("origin", sa.Text(), server_default="", nullable=False))
    op.drop_index("uq_projects_code", table_name="projects")
    op.drop_index("uq_projects_year_level_name", table_name="projects")
    op.create_index(
        "uq_projects_code",
        "projects",
        ["code"],
        unique=True,
        postgresql_where=sa.text("code <> '' and origin = ''"),
    )
    op.create_index(
        "uq_projects_year_level_name",
        "projects",
        ["year", "level", "name"],
        unique=True,
        postgresql_where=sa.text("origin = ''"),
    )


def downgrade() -> None:
    op.drop_index("uq_projects_year_level_name", table_name="projects")
    op.drop_index("uq_projects_code", table_name="projects")
    op.execute("delete from projects where origin <> ''")
    op.create_index(
        "uq_projects_year_level_name", "projects", ["year", "level", "name"], unique=True
    )
    op.create_index(
        "uq_projects_code",
        "projects",
        ["code"],
        unique=True,
        postgresql_where=sa.text("code <> ''"),
    )
    op.drop_column("projects", "origin")
    drop_links()
