"""The composition root: `python -m reporting {migrate,api,worker,budget}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chassis.service import Environment, Service, main

if TYPE_CHECKING:
    import grpc
    import sqlalchemy as sa


def _metadata() -> sa.MetaData:
    from reporting.store import metadata

    return metadata


def _servicers(env: Environment) -> list[Callable[[grpc.Server], None]]:
    from kaigong.reporting.v1 import reporting_pb2_grpc as pb_grpc

    from reporting.api import Reporting

    servicer = Reporting(env.db, env.now)
    return [lambda server: pb_grpc.add_ReportingServiceServicer_to_server(servicer, server)]


def _worker() -> type:
    from reporting.worker import Worker

    return Worker


def _budget(env: Environment, rest: Sequence[str]) -> None:
    from reporting import budget

    budget.main(env.db, env.now, rest)


SERVICE = Service(
    name="reporting",
    metadata=_metadata,
    servicers=_servicers,
    worker=_worker,
    tasks={"budget": _budget},
)

if __name__ == "__main__":
    main(SERVICE)
