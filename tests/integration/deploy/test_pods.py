"""Processes as the Helm chart describes their pods, on real servers: a kubelet of a few lines."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from instance.options import SERVICES
from instance.ports import free_block
from instance.processes import Process
from support import chart
from support.chart import Tree, kubelet_environ, values_of
from support.servers import Databases, scratch, started
from support.services import is_healthy

ROOT = Path(__file__).resolve().parents[3]
# No files of Secrets here: channels and a CA would be mounted.
BARE: Tree = {"channels": {"existingSecret": ""}, "stores": {"external": {"caSecret": ""}}}
Secret = Callable[[str, str], str]


@pytest.fixture
def secret(database: Databases, amqp_url: str, redis_url: str) -> Secret:
    """What is behind a reference: a database for a service, a word for a key."""
    told = {"amqp-url": amqp_url, "redis-url": redis_url}

    def look(_: str, key: str) -> str:
        if key.endswith("-database-url"):
            return database(key.removesuffix("-database-url").replace("-", "_"))
        return told.get(key, "a secret of this test")

    return look


def test_jobs_then_processes_start_with_nothing_but_what_they_are_told(secret: Secret) -> None:
    """warning_dispatch is told most: it seals, is loaded with data, and follows all others' facts."""
    containers = _containers(BARE)
    for name in ("warning-dispatch-migrate", "warning-dispatch-load-data"):
        done = subprocess.run(
            _argv(containers[name]),
            env=_image() | kubelet_environ(containers[name], secret),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, (name, done.stderr[-2000:])
    for name in ("warning-dispatch-api", "warning-dispatch-worker"):
        _becomes_ready(containers[name], kubelet_environ(containers[name], secret))


def test_all_services_start_in_one_pod(secret: Secret) -> None:
    container = _containers({**BARE, "packed": True})["packed-api"]

    _becomes_ready(container, kubelet_environ(container, secret))


def _becomes_ready(container: Tree, environ: Mapping[str, str]) -> None:
    """Start it and ask what its probes ask. A pod has all ports to itself; here they are free ones."""
    first = free_block(len(SERVICES) + 1)
    metrics = f"127.0.0.1:{first}"
    moved = {
        name: re.sub(
            r"0\.0\.0\.0:710(\d)", lambda port: f"127.0.0.1:{first + int(port.group(1))}", value
        )
        for name, value in environ.items()
    }
    with scratch() as home:
        process = Process(
            name=container["name"],
            argv=tuple(_argv(container)),
            environ=_image() | moved | {"KAIGONG_METRICS_LISTEN": metrics},
            log=home / "log",
            ready=functools.partial(is_healthy, metrics),
        )
        with started(process):
            assert is_healthy(metrics)


def _containers(change: Tree) -> Mapping[str, Tree]:
    release = chart.render(values_of("external", change))
    found = release.of_kind("Deployment", "Job")
    return {name: each["spec"]["template"]["spec"]["containers"][0] for name, each in found.items()}


def _argv(container: Tree) -> list[str]:
    return [sys.executable, *container["args"][1:]]


def _image() -> dict[str, str]:
    """Return what is the image's own affair."""
    folders = ("services", "gateway", "build/gen")
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in folders),
    }
