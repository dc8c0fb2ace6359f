"""`python -m packed {api,worker,archive}`: every service of a small instance in one process of each kind.

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
    # Old audit lines of each service, as `python -m <service> audit archive` moves them.
    "archive": ("database_url",),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m packed")
    parser.add_argument("command", choices=[*_NEEDED])
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
    if kind == "archive":
        from chassis import audit_command

        for service, settings in parts:
            env = chassis_service.environment(service, settings, kind="audit")
            audit_command.archive(service, env)
            env.db.close()
        return
    listen = Settings.read(
        "metrics_listen", "database_url", environ={"KAIGONG_DATABASE_URL": "-", **os.environ}
    ).metrics_listen
    if kind == "api":
        chassis_service.run_apis(parts, metrics_listen=listen)
    else:
        chassis_service.run_workers(parts, metrics_listen=listen, archive=("packed", "archive"))


if __name__ == "__main__":
    main()
