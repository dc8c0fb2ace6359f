"""Tables; load and save. `Ledger` is everything that one transaction of this service sees."""

from __future__ import annotations

import sqlalchemy as sa

from chassis.inbox import Inbox
from warning_dispatch.store.below import BelowStore
from warning_dispatch.store.cards import CardStore
from warning_dispatch.store.copies import CopyStore
from warning_dispatch.store.deliveries import DeliveryStore
from warning_dispatch.store.desks import DeskStore
from warning_dispatch.store.dues import Due, DueTable, Subject
from warning_dispatch.store.escalations import EscalationStore
from warning_dispatch.store.heads import HeadStore
from warning_dispatch.store.notices import NoticeStore
from warning_dispatch.store.orders import OrderStore
from warning_dispatch.store.people import PeopleStore
from warning_dispatch.store.pushes import PushStore
from warning_dispatch.store.tables import metadata
from warning_dispatch.store.watched import WatchedStore

__all__ = [
    "CardStore",
    "CopyStore",
    "DeskStore",
    "Due",
    "DueTable",
    "EscalationStore",
    "Ledger",
    "NoticeStore",
    "OrderStore",
    "PeopleStore",
    "PushStore",
    "Subject",
    "metadata",
]


class Ledger:
    """Copies, due moments, cards, orders and notices in one transaction."""

    def __init__(self, tx: sa.Connection) -> None:
        self.tx = tx
        self.copies = CopyStore(tx)
        self.watched = WatchedStore(tx, self.copies)
        self.dues = DueTable(tx)
        self.cards = CardStore(tx)
        self.orders = OrderStore(tx)
        self.escalations = EscalationStore(tx)
        self.deliveries = DeliveryStore(tx)
        self.notices = NoticeStore(tx)
        self.below = BelowStore(tx)
        self.heads = HeadStore(tx)
        self.people = PeopleStore(tx)
        self.pushes = PushStore(tx)
        self.desks = DeskStore(tx)
        self.inbox = Inbox(tx)
