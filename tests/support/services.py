"""One service's processes for a test: `python -m <service> api`, as in production."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from instance.ports import free_block
from instance.processes import Process, Supervisor
from support.servers import scratch, started

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Running:
    """A process under test: where it listens, what it has said, and the one who can stop it."""

    grpc: str
    metrics: str
    log: Path
    supervisor: Supervisor

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")


def environ(**settings: str) -> dict[str, str]:
    """Return this environment plus KAIGONG_<NAME> for every setting."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("KAIGONG_")}
    path = os.pathsep.join(
        str(ROOT / each) for each in ("services", "gateway", "build/gen", "tests")
    )
    return {
        **ours,
        "PYTHONPATH": path,
        **{f"KAIGONG_{name.upper()}": value for name, value in settings.items()},
    }


def run(service: str, *arguments: str, **settings: str) -> str:
    """Run one command of a service to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", service, *arguments],
        env=environ(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@contextlib.contextmanager
def running(service: str, kind: str, **settings: str) -> Iterator[Running]:
    """Run the api or the worker of a service on free ports until the block ends; SIGTERM ends it."""
    first = free_block(2)
    grpc, metrics = f"127.0.0.1:{first}", f"127.0.0.1:{first + 1}"
    with scratch() as home:
        log = home / f"{service}-{kind}.log"
        process = Process(
            name=f"{service}-{kind}",
            argv=(sys.executable, "-m", service, kind),
            environ=environ(grpc_listen=grpc, metrics_listen=metrics, **settings),
            log=log,
            ready=lambda: is_healthy(metrics),
        )
        with started(process) as supervisor:
            yield Running(grpc, metrics, log, supervisor)


def is_healthy(metrics: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{metrics}/healthz", timeout=2) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


def metric(listen: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's series with these labels, 0 when there is none."""
    with urllib.request.urlopen(f"http://{listen}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
