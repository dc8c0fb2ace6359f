"""Instances linked to each other, over lines that a test can cut."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from instance.ports import free_block
from support.instance import ROOT, Instance, wait_until_ready
from support.servers import scratch


class Line:
    """A line between two brokers: everything through it passes here, and can be cut."""

    def __init__(self, to: int) -> None:
        self._to, self.up = to, True
        self._ends: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break what is connected, and refuse whoever tries again."""
        self.up = False
        for end in list(self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.up = True

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            if not self.up:
                near.close()
                far.close()
                continue
            self._ends |= {near, far}
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        # Each pump closes what it read from; the other one ends by the shutdown.
        source.close()
        self._ends.discard(source)


@dataclass
class Child:
    """A linked instance of a test, with the line to its parent."""

    instance: Instance
    environ: Mapping[str, str]
    line: Line
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self, *, timeout: float = 240) -> None:
        said = self.instance.run.parent / "said.log"
        with said.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "deploy" / "local.py"), "run"],
                env=dict(self.environ),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until_ready(self._process, self.instance.run, said, timeout)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(90)
            self._process = None


def command(
    instance: Instance, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of deploy/local.py on an instance, such as `child 321181`."""
    return subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "local.py"), *arguments],
        env={**_clean(), **ports_of(instance), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def ports_of(instance: Instance) -> dict[str, str]:
    gateway = urlsplit(instance.base_url).port
    assert gateway
    return {
        "KAIGONG_RUN": str(instance.run),
        "PORT": str(gateway),
        "KAIGONG_PORT_BASE": str(gateway - 60),
    }


@contextlib.contextmanager
def linked(
    parent: Instance, region: str, *, parent_tier: Mapping[str, str] | None = None, **settings: str
) -> Iterator[Child]:
    """Start an instance of a region below, linked to `parent` over a line; stop it at the end."""
    made = command(parent, "child", region, **(parent_tier or {}))
    assert made.returncode == 0, made.stderr
    address = urlsplit(made.stdout.strip())
    assert address.port
    line = Line(address.port)
    through = address._replace(netloc=address.netloc.replace(f":{address.port}", f":{line.port}"))
    with scratch() as home:
        first = free_block(61)
        child = Child(
            Instance(home / "run"),
            {
                **_clean(),
                "KAIGONG_RUN": str(home / "run"),
                "KAIGONG_PORT_BASE": str(first),
                "PORT": str(first + 60),
                "REGION": region,
                "PARENT": urlunsplit(through),
                "RATE_LIMITS": "0",
                **settings,
            },
            line,
        )
        try:
            child.start()
            yield child
        finally:
            child.stop()
            line.close()


def _clean() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KAIGONG") and name not in ("PORT", "TIER", "REGION", "PARENT")
    }


def reconciled(parent: Instance, *arguments: str, **environ: str) -> str:
    """Compare with the children until both ends are equal; return what the command said."""
    done = command(parent, "reconcile", *arguments, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def equal(parent: Instance, region: str, **environ: str) -> bool:
    """Say whether a comparison finds no difference; nothing is repaired. For `eventually`."""
    done = command(parent, "reconcile", "--no-repair", "--child", region, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.count("一致") >= 4
