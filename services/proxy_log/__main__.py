"""The composition root: `python -m proxy_log {migrate,api,worker}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chassis.service import Environment, Service, main

if TYPE_CHECKING:
    import grpc
    import sqlalchemy as sa


def _metadata() -> sa.MetaData:
    from proxy_log.store import metadata

    return metadata


def _servicers(env: Environment) -> list[Callable[[grpc.Server], None]]:
    from kaigong.proxy_log.v1 import proxy_log_pb2_grpc as pb_grpc

    from chassis.objects import ObjectStore
    from proxy_log.api import ProxyLog

    servicer = ProxyLog(env.db, env.now, ObjectStore(env.settings.object_store))
    return [lambda server: pb_grpc.add_ProxyLogServiceServicer_to_server(servicer, server)]


def _worker() -> type:
    from proxy_log.worker import Worker

    return Worker


SERVICE = Service(name="proxy_log", metadata=_metadata, servicers=_servicers, worker=_worker)

if __name__ == "__main__":
    main(SERVICE)
