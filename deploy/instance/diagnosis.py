"""What an engineer asks for first, in one .zip without a secret in it."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from instance import memory
from instance.backup import Servers
from instance.options import SERVICES
from instance.plan import Plan
from instance.state import State

_LINES = 300
# Logins in addresses and signed tokens, whoever made them.
_LOGIN = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
_HIDDEN = "‹secret›"

_DATABASE = {
    "migration": "select version_num from alembic_version",
    "size": "select pg_size_pretty(pg_database_size(current_database())) as size",
    "outbox": "select count(*), min(queued_at) as oldest from outbox",
    "audit": "select count(*) filter (where link is null) as unlinked, max(link) as last from audit",
    "uplink": "select count(*) as unsent from link_facts where not sent",
    "tables": "select relname, pg_size_pretty(pg_total_relation_size(relid)) as size, n_live_tup as rows,"
    " n_dead_tup as dead, last_autovacuum from pg_stat_user_tables"
    " order by pg_total_relation_size(relid) desc limit 12",
    "working": "select pid, application_name, state, wait_event_type, now() - xact_start as since,"
    " left(query, 200) as query from pg_stat_activity"
    " where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()",
}


def diagnose(plan: Plan, state: State | None, out: Path) -> Path:
    """Write the .zip and return it; what cannot be had is named in its place."""
    hide = _hiding(_secrets(plan))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, collect in _parts(plan, state):
            try:
                text = collect()
            except Exception as error:  # a part that fails is a finding, too
                text = f"{type(error).__name__}: {error}"
            file.writestr(name, hide(text))
    out.chmod(0o600)
    return out


def _parts(plan: Plan, state: State | None) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "about.json", lambda: _told(_about(plan))
    yield "processes.json", lambda: _told(_processes(state))
    yield "settings.json", lambda: _told({each: plan.settings(each) for each in SERVICES})
    servers = Servers(plan.admin_url, plan.amqp_admin_url)
    for each in SERVICES:
        url = servers.database(each)
        yield f"databases/{each}.json", lambda url=url: _told(_database(url))  # type: ignore[misc]
    yield "queues.json", lambda: _told(servers.queues())
    for path in sorted((plan.options.run / "log").glob("*.log")):
        yield f"log/{path.name}", lambda path=path: _last_lines(path)  # type: ignore[misc]
    for name, port in plan.options.ports.named().items():
        if name.endswith("metrics"):
            yield f"metrics/{name.replace(' ', '-')}.txt", lambda port=port: _scraped(port)  # type: ignore[misc]


def _about(plan: Plan) -> dict[str, Any]:
    options = plan.options
    folders = {"run": options.run, "data": options.data}
    if plan.archive:
        folders["backup"] = plan.archive.home
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tier": options.tier,
        "region": options.region,
        "parent": options.parent,
        "packed": options.packed,
        "movable_clock": options.movable_clock,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "free_gb": {name: shutil.disk_usage(path).free >> 30 for name, path in folders.items()},
        "backups": [vars(each) for each in plan.archive.bases()[-3:]] if plan.archive else [],
        "last_point": vars(plan.archive.points()[-1])
        if plan.archive and plan.archive.points()
        else None,
    }


def _processes(state: State | None) -> Any:
    if state is None or not state.is_running:
        return "nothing is running"
    rows, total = memory.table({name: seen.pid for name, seen in state.processes.items()})
    return {
        "ready": state.ready,
        "memory_mb": total >> 10,
        "processes": [
            {
                "name": name,
                "memory_mb": kilobytes >> 10,
                "ready": state.processes[name].ready,
                "restarted": state.processes[name].deaths,
            }
            for name, _, _, kilobytes in rows
        ],
    }


def _database(url: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with psycopg.connect(url, autocommit=True, connect_timeout=5, row_factory=dict_row) as reader:
        reader.execute("set statement_timeout = '5s'")
        for name, query in _DATABASE.items():
            try:
                found[name] = reader.execute(query).fetchall()
            except psycopg.Error as error:
                found[name] = str(error).strip()
    return found


def _scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode("utf-8", "replace"))


def _last_lines(path: Path) -> str:
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-_LINES:])


def _told(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False, indent=1, default=str)


def _secrets(plan: Plan) -> list[str]:
    """Return every secret of the instance by its value."""
    own = plan.secrets
    return [
        *(own.postgres, own.rabbit, own.redis),
        *own.key_secret.splitlines(),
        *own.seal_secret.splitlines(),
        *own.databases.values(),
        *(
            value
            for name, value in plan.options.passed_on.items()
            if name.endswith(("SECRET", "PASSWORD", "TOKEN"))
        ),
    ]


def _hiding(secrets: Iterable[str]) -> Callable[[str], str]:
    known = [each for each in secrets if each]

    def hide(text: str) -> str:
        for each in known:
            text = text.replace(each, _HIDDEN)
        return _TOKEN.sub(_HIDDEN, _LOGIN.sub(_HIDDEN, text))

    return hide
