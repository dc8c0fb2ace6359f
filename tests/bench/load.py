"""Load from outside: wrk through the gateway, pgbench at the database, with the same concurrency."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import psycopg
from psycopg.adapt import PyFormat, Transformer

CONNECTIONS = 16
_SAID = """
done = function(summary, latency, requests)
  print(string.format('said {"requests": %d, "seconds": %f, "refused": %d, "p50": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


@dataclass(frozen=True)
class Load:
    """What a client saw: how many were answered in how many seconds, and how soon, in ms."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def wrk(base_url: str, script: str, home: Path, *, seconds: int) -> Load:
    """Run a Lua script of requests; one that is refused is a mistake of the benchmark."""
    file = home / "load.lua"
    file.write_text(script + _SAID, "utf-8")
    told = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(file), base_url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    said: dict[str, Any] = json.loads(told.partition("said ")[2])
    if refused := said.pop("refused"):
        raise SystemExit(f"{refused} of {said['requests']} requests were refused:\n{told}")
    return Load(**said)


# --- pgbench ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statements:
    """The statements of one call as they went to the database, to be run again by pgbench."""

    script: str
    values: Mapping[str, str]


class Recorder:
    """Hears what goes to the database while it is open; parameters as the driver gets them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self._patch = mock.patch.object(psycopg.Cursor, "execute", self._heard())

    def __enter__(self) -> Recorder:
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def _heard(self) -> Callable[..., Any]:
        execute = psycopg.Cursor.execute

        def heard(cursor: Any, statement: str, given: Any = None, **more: Any) -> Any:
            self.seen.append((statement, given or {}))
            return execute(cursor, statement, given, **more)

        return heard

    def statements(self, connection: psycopg.Connection, own: Mapping[Any, str]) -> Statements:
        """Return the script. What equals a key of `own` is replaced by its SQL: it is each run's own."""
        lines, values = [f"\\set turn :turn + {CONNECTIONS}", "begin;"], dict[str, str]()
        for statement, given in self.seen:
            made = statement
            for name, value in given.items():
                where = rf"%\({re.escape(name)}\)s"
                if str(value) in own:
                    put = own[str(value)]
                elif value is None:
                    put = "null"
                else:
                    variable = f"v{len(values)}"
                    values[variable] = _as_text(connection, value)
                    put = f":{variable}"
                made = re.sub(where, lambda _, put=put: put, made)  # type: ignore[misc]
            lines.append(" ".join(made.split()).replace("%%", "%") + ";")
        return Statements("\n".join([*lines, "commit;", ""]), values)


def _as_text(connection: psycopg.Connection, value: Any) -> str:
    dumper = Transformer(connection).get_dumper(value, PyFormat.TEXT)
    dumped = dumper.dump(value)
    return bytes(dumped or b"").decode("utf-8")


def pgbench(url: str, told: Statements, home: Path, *, first: int, seconds: int, path: str) -> Load:
    """Run the script with prepared statements, each client with turns of its own after `first`."""
    file = home / "statements.sql"
    # Every client begins at its own number and walks in steps as wide as there are clients.
    begin = "\\if :turn = 0\n\\set turn :first + :client_id\n\\endif\n"
    file.write_text(begin + told.script, "utf-8")
    place = urlsplit(url)
    said = subprocess.run(
        [
            _program(),
            *("-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(seconds)),
            *("-f", str(file), "-D", "turn=0", "-D", f"first={first}"),
            *(word for name, value in told.values.items() for word in ("-D", f"{name}={value}")),
            *("-h", str(place.hostname), "-p", str(place.port), "-U", str(place.username)),
            place.path.lstrip("/"),
        ],
        env={"PGPASSWORD": str(place.password), "PGOPTIONS": f"-c search_path={path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    done = re.search(r"actually processed: (\d+)", said.stdout)
    rate = re.search(r"tps = ([0-9.]+)", said.stdout)
    if said.returncode or not done or not rate or "ERROR" in said.stderr:
        raise SystemExit(f"pgbench failed:\n{said.stdout}\n{said.stderr[:2000]}")
    mean = re.search(r"latency average = ([0-9.]+)", said.stdout)
    count = int(done[1])
    return Load(count, count / float(rate[1]), float(mean[1]) if mean else 0.0, float("nan"))


def _program() -> str:
    if found := shutil.which("pgbench"):
        return found
    return str(sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))[-1])
