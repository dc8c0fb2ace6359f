"""`python -m packed {api,worker}`: every service of a small instance in one process of each kind.

Each keeps its own database, its own port and its own name in metrics and logs. KAIGONG_PACKED is
a JSON object: the settings of each service by its name. The one place where services meet, so
the rule that they are strangers does not hold here.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from importlib import import_module

from chassis import logs
from chassis import service as chassis_service
from chassis.service import Service
from chassis.settings import Settings

# Each as a process of its own would ask for it.
_NEEDED = {
    "api": ("database_url", "grpc_listen", "jwks_url"),
    "worker": ("database_url", "amqp_url", "redis_url"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m packed")
    parser.add_argument("command", choices=["api", "worker"])
    kind = parser.parse_args().command
    if kind == "worker":
        chassis_service.patch()
    told: Mapping[str, Mapping[str, str]] = json.loads(os.environ["KAIGONG_PACKED"])
    parts: list[tuple[Service, Settings]] = [
        (
            import_module(f"{name}.__main__").SERVICE,
            Settings.read(*_NEEDED[kind], environ={**os.environ, **each}),
        )
        for name, each in told.items()
    ]
    first = parts[0][1]
    logs.configure(
        service="packed",
        process=kind,
        instance=first.instance,
        tier=first.tier,
        level=first.log_level,
        services=tuple(told),
    )
    listen = Settings.read(
        "metrics_listen", "database_url", environ={"KAIGONG_DATABASE_URL": "-", **os.environ}
    )
    run = chassis_service.run_apis if kind == "api" else chassis_service.run_workers
    run(parts, metrics_listen=listen.metrics_listen)


if __name__ == "__main__":
    main()
