"""The composition root: `python -m project_registry {migrate,load-data,load-demo,api,worker}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chassis.service import Environment, Service, main

if TYPE_CHECKING:
    import grpc
    import sqlalchemy as sa


def _metadata() -> sa.MetaData:
    from project_registry.store import metadata

    return metadata


def _servicers(env: Environment) -> list[Callable[[grpc.Server], None]]:
    from kaigong.project_registry.v1 import project_registry_pb2_grpc as pb_grpc

    from project_registry.api import ProjectRegistry

    servicer = ProjectRegistry(env.db, env.now)
    return [lambda server: pb_grpc.add_ProjectRegistryServiceServicer_to_server(servicer, server)]


def _worker() -> type:
    from project_registry.worker import Worker

    return Worker


def _load_data(env: Environment, _: Sequence[str]) -> None:
    from project_registry.store import Registry
    from project_registry.usecases import loading

    with env.db.begin() as tx:
        loading.load_data(Registry(tx))


def _load_demo(env: Environment, _: Sequence[str]) -> None:
    from project_registry.store import Registry
    from project_registry.usecases import loading

    with env.db.begin() as tx:
        loading.load_navigators(Registry(tx))
    for said in loading.demo_projects():
        with env.db.begin() as tx:
            loading.load_demo_project(Registry(tx), said, now=env.now())


SERVICE = Service(
    name="project_registry",
    metadata=_metadata,
    servicers=_servicers,
    worker=_worker,
    tasks={"load-data": _load_data, "load-demo": _load_demo},
)

if __name__ == "__main__":
    main(SERVICE)
