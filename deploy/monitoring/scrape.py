"""`prometheus.yaml` of an instance on this machine: whom to ask, and which rules to hold against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from instance.options import SERVICES, Options
from monitoring.slo import HOME


def config(options: Options, *, rules: Path = HOME / "rules", seconds: int = 15) -> str:
    """Return the configuration; a process's place in it does not depend on whether it runs."""
    return yaml.safe_dump(
        {
            "global": {
                "scrape_interval": f"{seconds}s",
                "evaluation_interval": f"{seconds}s",
                # A number of all processes has lost where it is from: on its way out an alert
                # is told the instance again.
                "external_labels": {"tier": options.tier, "region": options.region},
            },
            "rule_files": [f"{rules}/*.yaml"],
            "alerting": {
                "alertmanagers": [
                    {"static_configs": [{"targets": [f"127.0.0.1:{options.ports.alertmanager}"]}]}
                ]
            },
            "scrape_configs": [
                {"job_name": "kaigong", "static_configs": _processes(options)},
                {
                    "job_name": "envoy",
                    "metrics_path": "/stats/prometheus",
                    "static_configs": [_target(options, "envoy", options.ports.envoy_admin)],
                },
            ],
        },
        sort_keys=False,
        allow_unicode=True,
    )


def _processes(options: Options) -> list[dict[str, Any]]:
    ports = options.ports
    made = [_target(options, "push", ports.push_metrics)]
    if options.packed:
        made.append(_target(options, "packed-api", ports.api_metrics("identity")))
        made.append(_target(options, "packed-worker", ports.worker_metrics("identity")))
        return made
    for each in SERVICES:
        made.append(_target(options, f"{each}-api", ports.api_metrics(each)))
        made.append(_target(options, f"{each}-worker", ports.worker_metrics(each)))
    return made


def _target(options: Options, process: str, port: int) -> dict[str, Any]:
    # Not the service: the process itself says which one a number is of, a packed one has them all.
    labels = {"process": process, "tier": options.tier, "region": options.region}
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}
