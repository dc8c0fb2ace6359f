"""What all tables are made with."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.db import new_metadata

metadata = new_metadata()

instant = sa.DateTime(timezone=True)
texts = ARRAY(sa.Text)


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
