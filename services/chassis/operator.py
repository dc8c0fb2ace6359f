"""The rpcs that every api process serves beside its own."""

from __future__ import annotations

import grpc
from kaigong.operator.v1 import operator_pb2 as pb
from kaigong.operator.v1 import operator_pb2_grpc as pb_grpc

from chassis.clock import Clock, MovableClock
from chassis.clock_state import set_clock
from chassis.db import Database
from chassis.errors import ClockNotMovable


class Operator(pb_grpc.OperatorServiceServicer):
    def __init__(self, db: Database, now: Clock) -> None:
        self.db, self.now = db, now

    def SetClock(
        self, request: pb.SetClockRequest, context: grpc.ServicerContext
    ) -> pb.SetClockResponse:
        if not isinstance(self.now, MovableClock):
            raise ClockNotMovable
        generation = set_clock(
            self.db, generation=request.generation, offset_seconds=request.offset_seconds
        )
        return pb.SetClockResponse(generation=generation)


def add_operator(server: grpc.Server, *, db: Database, now: Clock) -> None:
    pb_grpc.add_OperatorServiceServicer_to_server(Operator(db, now), server)
