"""Tables; load and save. `Registry` is everything that one transaction of this service sees."""

from __future__ import annotations

import sqlalchemy as sa

from chassis.inbox import Inbox
from project_registry.store.dynamics import ChangeStore
from project_registry.store.investments import InvestmentStore
from project_registry.store.lists import ListStore, StoredList
from project_registry.store.projects import ProjectStore
from project_registry.store.reference import ReferenceStore
from project_registry.store.tables import metadata

__all__ = [
    "ChangeStore",
    "InvestmentStore",
    "ListStore",
    "ProjectStore",
    "ReferenceStore",
    "Registry",
    "StoredList",
    "metadata",
]


class Registry:
    """Projects, lists and reference data in one transaction."""

    def __init__(self, tx: sa.Connection) -> None:
        self.projects = ProjectStore(tx)
        self.lists = ListStore(tx)
        self.changes = ChangeStore(tx)
        self.investments = InvestmentStore(tx)
        self.reference = ReferenceStore(tx)
        self.inbox = Inbox(tx)
