"""The gRPC edge: read the request, run one use case, write the answer; by subject in `edge/`."""

from __future__ import annotations

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.clock import Clock
from chassis.db import Database
from chassis.links.ledger import Links
from chassis.objects import ObjectStore
from warning_dispatch.edge.cards import Cards
from warning_dispatch.edge.desks import Desks
from warning_dispatch.edge.evidence import Evidence
from warning_dispatch.edge.library import Library
from warning_dispatch.edge.notices import Notices
from warning_dispatch.edge.order_acts import OrderActs
from warning_dispatch.edge.orders import Orders
from warning_dispatch.edge.people import People
from warning_dispatch.edge.pushes import Pushes
from warning_dispatch.edge.rules import Rules
from warning_dispatch.edge.telling import Telling
from warning_dispatch.edge.triage import Triage
from warning_dispatch.usecases import Witness


class WarningDispatch(
    Cards,
    Triage,
    Orders,
    OrderActs,
    Evidence,
    Library,
    Notices,
    Rules,
    Telling,
    People,
    Pushes,
    Desks,
    pb_grpc.WarningDispatchServiceServicer,
):
    def __init__(
        self,
        db: Database,
        now: Clock,
        *,
        links: Links,
        witness: Witness,
        channels: frozenset[str] = frozenset(),
        objects: ObjectStore | None = None,
    ) -> None:
        self.db = db
        self.now = now
        self._links, self._instance = links, links.instance
        self._channels, self.witness, self.objects = channels, witness, objects
