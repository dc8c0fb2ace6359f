"""An instance in containers for tests, and the means to hurt one of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from images.engine import Engine
from instance.ports import free_block
from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_TLS = "compose.tls.yaml"


@dataclass(frozen=True)
class Containers:
    """A running compose project: where its gateway is and every container by its service's name."""

    engine: Engine
    files: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)

    @property
    def base_url(self) -> str:
        scheme = "https" if _TLS in self.files else "http"
        return f"{scheme}://127.0.0.1:{self.environ['PORT']}"

    @property
    def certificates(self) -> Path:
        """Where each part's certificate is, and its authority's."""
        return Path(self.environ["KAIGONG_SECRETS"]) / "tls"

    def compose(self, *arguments: str, check: bool = True) -> str:
        chosen = [word for each in self.files for word in ("-f", str(DEPLOY / each))]
        engine = Engine({**self.engine.environ, **self.environ})
        return engine.compose("--progress", "quiet", *chosen, *arguments, check=check)

    def seen(self, service: str) -> dict[str, Any]:
        """What the engine knows of a service's container."""
        name = self.compose("ps", "--all", "--quiet", service).strip()
        told: list[dict[str, Any]] = json.loads(self.engine.docker("inspect", name))
        return told[0]

    def is_well(self, service: str) -> bool:
        state = self.seen(service)["State"]
        return bool(state["Running"] and state.get("Health", {}).get("Status") == "healthy")

    def kill(self, service: str) -> None:
        """kill -9 its first process from outside: `docker kill` would count as asked for by a person."""
        os.kill(int(self.seen(service)["State"]["Pid"]), signal.SIGKILL)

    def kill_and_heal(self, service: str, *, timeout: float = 120) -> None:
        before = self.seen(service)
        self.kill(service)
        eventually(
            lambda: (
                self.seen(service)["RestartCount"] > before["RestartCount"]
                and self.is_well(service)
            ),
            timeout=timeout,
            every=0.5,
        )

    def run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside a service's container, without judging how it ends."""
        name = self.compose("ps", "--quiet", service).strip()
        return subprocess.run(
            ["docker", "exec", name, *command],
            env=dict(self.engine.environ),
            capture_output=True,
            text=True,
            check=False,
        )


def certify(secrets: Path) -> None:
    """Make the certificates of an instance, or renew those of its parts."""
    script = str(DEPLOY / "compose" / "certificates.sh")
    environ = {**os.environ, "KAIGONG_SECRETS": str(secrets)}
    subprocess.run(["sh", script], env=environ, check=True)


@contextlib.contextmanager
def running_containers(
    engine: Engine, home: Path, *files: str, **settings: str
) -> Iterator[Containers]:
    """Bring an instance with demo data and a movable clock up, and take all of it away at the end."""
    secrets = home / "secrets"
    environ = {
        "KAIGONG_PROJECT": f"kaigong-test-{os.getpid()}",
        "KAIGONG_SECRETS": str(secrets),
        "PORT": str(free_block(1)),
        "DEMO": "1",
        "MOVABLE_CLOCK": "1",
        **settings,
    }
    subprocess.run(
        ["sh", str(DEPLOY / "compose" / "secrets.sh")], env={**os.environ, **environ}, check=True
    )
    if _TLS in files:
        certify(secrets)
    containers = Containers(engine, ("compose.yaml", *files), environ)
    try:
        containers.compose("up", "--wait", "--wait-timeout", "420", "--quiet-pull")
        yield containers
    finally:
        kept = ROOT / "build" / "tests" / "containers.log"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(containers.compose("logs", "--no-color", check=False))
        gone = ("down", "--volumes", "--remove-orphans", "--timeout", "20")
        containers.compose("--profile", "*", *gone, check=False)
