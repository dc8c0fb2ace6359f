"""The tables in the code of every service are those that its migrations make."""

from __future__ import annotations

from importlib import import_module

import pytest

from chassis import migrate
from support.servers import Databases

SERVICES = (
    *("project_registry", "approval_tracking", "warning_dispatch", "proxy_log", "reporting"),
    "identity",
)


@pytest.mark.parametrize("service", SERVICES)
def test_the_last_migration_makes_the_tables_in_the_code(service: str, database: Databases) -> None:
    metadata = import_module(f"{service}.store").metadata

    migrate.check(service, database(service), metadata)
