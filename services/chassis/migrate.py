"""Bring a service's database and its part of the broker to this version."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from chassis.db import driver_url


def config(service: str, url: str, metadata: sa.MetaData) -> Config:
    """Return the one Alembic environment, pointed at a service's own revisions."""
    made = Config()
    made.set_main_option("script_location", str(files("chassis").joinpath("alembic")))
    made.set_main_option("version_locations", str(revisions(service)))
    made.set_main_option("path_separator", "os")
    made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    made.attributes["url"] = driver_url(url)
    made.attributes["metadata"] = metadata
    return made


def revisions(service: str) -> Path:
    return Path(str(files(service).joinpath("migrations")))


def upgrade(service: str, url: str, metadata: sa.MetaData) -> None:
    command.upgrade(config(service, url, metadata), "head")


def check(service: str, url: str, metadata: sa.MetaData) -> None:
    """Raise when the tables in the code are not those of the last revision."""
    command.check(config(service, url, metadata))


def revision(service: str, url: str, metadata: sa.MetaData, what: str) -> None:
    """Write the next numbered revision from the difference between code and database."""
    number = len(list(revisions(service).glob("[0-9]*_*.py"))) + 1
    command.revision(
        config(service, url, metadata),
        message=what,
        rev_id=f"{number:04d}",
        autogenerate=True,
    )
