"""A Docker engine: the one that runs, or one of our own that ends with us."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# Outside the tree: an engine's folder is tens of gigabytes after a while, and its bases are worth keeping.
_HOME = Path(os.environ.get("KAIGONG_DOCKER_HOME", "/var/tmp/kaigong-docker"))


@dataclass(frozen=True)
class Engine:
    """Runs `docker` and `docker-compose` against one engine."""

    environ: Mapping[str, str]

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run a docker command and return what it prints; its errors go to our own."""
        return self._run(["docker", *arguments], check=check)

    def compose(self, *arguments: str, check: bool = True) -> str:
        command = Path(sys.executable).parent / "docker-compose"
        return self._run([str(command), *arguments], check=check)

    def answers(self) -> bool:
        asked = ["docker", "version", "--format", "{{.Server.Version}}"]
        done = subprocess.run(asked, env=dict(self.environ), capture_output=True, check=False)
        return done.returncode == 0

    def _run(self, command: list[str], *, check: bool) -> str:
        done = subprocess.run(
            command, env=dict(self.environ), stdout=subprocess.PIPE, text=True, check=False
        )
        if check and done.returncode:
            raise SystemExit(
                f"{' '.join(command[:6])} … failed with {done.returncode}\n{done.stdout}"
            )
        return done.stdout


@contextlib.contextmanager
def engine(environ: Mapping[str, str] = os.environ) -> Iterator[Engine]:
    """Yield the engine that DOCKER_HOST or the usual socket names; where none answers, start one."""
    given = Engine({**environ, "DOCKER_BUILDKIT": "0"})
    if shutil.which("docker") and given.answers():
        yield given
        return
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        raise SystemExit(
            "没有可用的 Docker · no Docker engine answers, and we cannot start one "
            "(that needs root and the packages of deploy/images/packages.txt)"
        )
    _HOME.mkdir(parents=True, exist_ok=True)
    host = f"unix://{_HOME}/docker.sock"
    with (_HOME / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                *("dockerd", "--host", host, "--data-root", str(_HOME / "data")),
                *("--exec-root", str(_HOME / "exec"), "--pidfile", str(_HOME / "pid")),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        own = Engine({**given.environ, "DOCKER_HOST": host})
        until = time.monotonic() + 60
        while not own.answers():
            if daemon.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"dockerd did not start, see {_HOME}/dockerd.log")
            time.sleep(0.3)
        yield own
    finally:
        daemon.terminate()
        daemon.wait(60)
