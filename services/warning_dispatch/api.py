"""The gRPC edge: read the request, run one use case, write the answer; by subject in `edge/`."""

from __future__ import annotations

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.clock import Clock
from chassis.db import Database
from chassis.links.ledger import Links
from warning_dispatch.edge.cards import Cards
from warning_dispatch.edge.escalations import Escalations
from warning_dispatch.edge.notices import NoticesAndRules
from warning_dispatch.edge.order_acts import OrderActs
from warning_dispatch.edge.orders import Orders
from warning_dispatch.edge.telling import Telling
from warning_dispatch.edge.triage import Triage


class WarningDispatch(
    Cards,
    Triage,
    Orders,
    OrderActs,
    Escalations,
    NoticesAndRules,
    Telling,
    pb_grpc.WarningDispatchServiceServicer,
):
    def __init__(
        self,
        db: Database,
        now: Clock,
        *,
        links: Links,
        channels: frozenset[str] = frozenset(),
    ) -> None:
        self.db = db
        self.now = now
        self._links, self._instance = links, links.instance
        self._channels = channels
