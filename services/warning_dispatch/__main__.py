"""The composition root: `python -m warning_dispatch {migrate,load-data,api,worker}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chassis.service import Environment, Service, main

if TYPE_CHECKING:
    import grpc
    import sqlalchemy as sa

    from chassis.seal import SealKey


def _metadata() -> sa.MetaData:
    from warning_dispatch.store import metadata

    return metadata


def _servicers(env: Environment) -> list[Callable[[grpc.Server], None]]:
    from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

    from chassis.links.ledger import Links
    from warning_dispatch.api import WarningDispatch
    from warning_dispatch.channels import Channels

    # An api hands matters and directives over; what goes up is for the worker to know.
    links = Links(
        service="warning_dispatch",
        instance=env.settings.instance,
        parent=env.settings.parent,
        goes_up=(),
    )
    channels = Channels.read(env.settings.channels).names
    servicer = WarningDispatch(
        env.db,
        env.now,
        links=links,
        witness=_witness(env),
        channels=channels,
        objects=env.audit_store,
    )
    return [lambda server: pb_grpc.add_WarningDispatchServiceServicer_to_server(servicer, server)]


def _worker() -> type:
    from warning_dispatch.worker import Worker

    return Worker


def _witness(env: Environment) -> Any:
    from chassis.ids import new_id
    from chassis.seal import Seal
    from warning_dispatch.usecases import Witness

    return Witness(env.settings.instance, Seal(env.settings.seal_secret), new_id)


def _injected(env: Environment) -> Mapping[str, Any]:
    return {
        "witness": _witness(env),
        "instance": env.settings.instance,
        "channels": env.settings.channels,
        "public_url": env.settings.public_url,
    }


def _load_data(env: Environment, _: Sequence[str]) -> None:
    from warning_dispatch.store import Ledger
    from warning_dispatch.usecases import load_rules

    with env.db.begin() as tx:
        load_rules(Ledger(tx))


def _seal_keys(tx: sa.Connection, make: Callable[[], SealKey]) -> list[SealKey]:
    from warning_dispatch.store import Ledger

    return Ledger(tx).heads.keys(make)


def _heads(env: Environment, _: Sequence[str]) -> None:
    """Print what was witnessed of our audit chains, and what we witnessed of others'."""
    import json

    from warning_dispatch.store import Ledger

    with env.db.begin(quietly=True) as tx:
        print(json.dumps(Ledger(tx).heads.listed(), ensure_ascii=False, indent=1))


def _renew_seal(env: Environment, _: Sequence[str]) -> None:
    from warning_dispatch.store import Ledger

    witness = _witness(env)
    with env.db.begin(quietly=True) as tx:
        Ledger(tx).heads.renew_seal(witness.seal.make(str(witness.new_id()), env.now()))


SERVICE = Service(
    name="warning_dispatch",
    metadata=_metadata,
    servicers=_servicers,
    worker=_worker,
    injected=_injected,
    seal_keys=_seal_keys,
    tasks={"load-data": _load_data, "heads": _heads, "renew-seal": _renew_seal},
)

if __name__ == "__main__":
    main(SERVICE)
