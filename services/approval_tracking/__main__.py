"""The composition root: `python -m approval_tracking {migrate,load-data,load-demo,api,worker}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chassis.service import Environment, Service, main

if TYPE_CHECKING:
    import grpc
    import sqlalchemy as sa

    from chassis.seal import SealKey


def _metadata() -> sa.MetaData:
    from approval_tracking.store import metadata

    return metadata


def _servicers(env: Environment) -> list[Callable[[grpc.Server], None]]:
    from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc

    from approval_tracking.api import ApprovalTracking
    from chassis.objects import ObjectStore
    from chassis.seal import Seal

    servicer = ApprovalTracking(
        env.db,
        env.now,
        public_url=env.settings.public_url,
        objects=ObjectStore(env.settings.object_store),
        seal=Seal(env.settings.seal_secret),
    )
    return [lambda server: pb_grpc.add_ApprovalTrackingServiceServicer_to_server(servicer, server)]


def _worker() -> type:
    from approval_tracking.worker import Worker

    return Worker


def _seal_keys(tx: sa.Connection, make: Callable[[], SealKey]) -> list[SealKey]:
    from approval_tracking.store.materials import MaterialStore

    return MaterialStore(tx).seal_keys(make)


def _load_data(env: Environment, _: Sequence[str]) -> None:
    from approval_tracking.store import Reference
    from approval_tracking.store.services import ServiceStore
    from approval_tracking.usecases.data import load_data
    from approval_tracking.usecases.services import load_menu

    with env.db.begin() as tx:
        loaded = load_data(Reference(tx), now=env.now())
        if load_menu(ServiceStore(tx), now=env.now()):
            loaded.append("service menu")
    print(f"loaded: {', '.join(loaded) or 'nothing new'}")


def _load_demo(env: Environment, _: Sequence[str]) -> None:
    from approval_tracking.store import CaseStore, ProjectStore
    from approval_tracking.usecases.demo import load_demo

    with env.db.begin() as tx:
        played, waiting = load_demo(ProjectStore(tx), CaseStore(tx), now=env.now())
    print(f"demonstration: {played} projects played, {waiting} waiting for their project")


def _renew_seal(env: Environment, _: Sequence[str]) -> None:
    from approval_tracking.store.materials import MaterialStore
    from chassis.ids import new_id
    from chassis.seal import Seal

    made = Seal(env.settings.seal_secret).make(str(new_id()), env.now())
    with env.db.begin(quietly=True) as tx:
        MaterialStore(tx).renew_seal(made)


SERVICE = Service(
    name="approval_tracking",
    metadata=_metadata,
    servicers=_servicers,
    worker=_worker,
    seal_keys=_seal_keys,
    tasks={"load-data": _load_data, "load-demo": _load_demo, "renew-seal": _renew_seal},
)

if __name__ == "__main__":
    main(SERVICE)
