"""An rpc that does nothing: `python -m bench.empty 127.0.0.1:7999` answers GetCase with an empty case.

It is served as our services are (threads, core), without anything of ours around the method.
"""

from __future__ import annotations

import os
import sys
from concurrent import futures
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc


class Empty(pb_grpc.ApprovalTrackingServiceServicer):
    def GetCase(self, request: pb.GetCaseRequest, context: Any) -> pb.GetCaseResponse:
        return pb.GetCaseResponse()


def main() -> None:
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    server = grpc.server(futures.ThreadPoolExecutor(8))
    pb_grpc.add_ApprovalTrackingServiceServicer_to_server(Empty(), server)  # type: ignore[abstract]
    healthy = health.HealthServicer()
    healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    server.add_insecure_port(sys.argv[1])
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
