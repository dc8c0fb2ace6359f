"""`python -m toy {migrate,api,worker}`."""

import sqlalchemy as sa

from chassis.service import Service, main


def _metadata() -> sa.MetaData:
    from toy.store import metadata

    return metadata


def _worker() -> type:
    from toy.worker import Worker

    return Worker


SERVICE = Service(name="toy", metadata=_metadata, servicers=lambda env: [], worker=_worker)

if __name__ == "__main__":
    main(SERVICE)
