"""Backups of an instance: base backups, the log of changes since, and points to go back to.

A point is a place in PostgreSQL's log at which no fact was on its way between two services: what
one had told, all others had taken. All databases are in one cluster, so one place holds for all,
and a restore needs nothing of what the broker held. `python -m instance.backup` takes a point
each minute; the log is archived each minute, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import psycopg

from chassis.settings import current, surroundings
from instance.options import SERVICES, write_secret
from instance.said import Trouble
from instance.servers import without_password

_EVERY, _KEPT_DAYS = 60.0, 14
_CALM = 3.0
_STAMP = "%Y%m%dT%H%M%S.%f"
_SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Point:
    """A place to go back to, in a file of the log.

    `under_way` is how many messages did not come to rest in time.
    """

    name: str
    at: datetime
    file: str
    under_way: int = 0


@dataclass(frozen=True)
class Base:
    """A copy of the whole cluster, to which the log is added."""

    name: str
    at: datetime
    region: str
    megabytes: int
    seconds: float


@dataclass(frozen=True)
class Archive:
    """The folder that a backup is: on another disk, or another machine's."""

    home: Path

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def objects(self) -> Path:
        return self.home / "objects"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def broker(self) -> Path:
        return self.home / "broker.json"

    def base(self, name: str) -> Path:
        return self.home / "base" / name

    def prepare(self, user: str | None) -> None:
        """Make the folders; the server writes its log here under its own account."""
        for each in (self.log, self.objects, self.keys, self.home / "base"):
            each.mkdir(parents=True, exist_ok=True)
        self.keys.chmod(0o700)
        if user:
            shutil.chown(self.log, user=user)

    @property
    def archive_command(self) -> str:
        """The same file again is no failure: the server may have died before it knew."""
        kept = f"{self.log}/%f.gz"
        return (
            f'if test -f "{kept}"; then gzip -dc "{kept}" | cmp -s - "%p"; '
            f'else gzip -1 < "%p" > "{kept}.new" && sync "{kept}.new" && mv "{kept}.new" "{kept}"; fi'
        )

    @property
    def restore_command(self) -> str:
        return f'gzip -dc "{self.log}/%f.gz" > "%p"'

    def keep_keys(self, kept: Iterable[Path], at: datetime) -> None:
        """Keep the secrets as they are from a moment on: a restore to an older point needs older ones."""
        folder = self.keys / f"{at:{_STAMP}}"
        folder.mkdir(mode=0o700)
        for path in kept:
            if path.exists():
                shutil.copy2(path, folder / path.name)

    def keys_at(self, moment: datetime) -> Path:
        """Return the folder with the secrets of a moment, or the first one if it is older than all."""
        # 0.2.0 kept the last ones only, in the folder itself.
        plain = [self.keys] if (self.keys / "secrets.json").exists() else []
        made = self._keys()
        found = [*plain, *(each for each in made if each.name <= f"{moment:{_STAMP}}")]
        return found[-1] if found else made[0]

    def _keys(self) -> list[Path]:
        return sorted(each for each in self.keys.iterdir() if each.is_dir())

    def points(self) -> list[Point]:
        """Return the points in the order in which they were taken."""
        return [
            Point(**{**each, "at": datetime.fromisoformat(each["at"])})
            for each in _lines(self.home / "points.jsonl")
        ]

    def bases(self) -> list[Base]:
        found = [
            Base(**{**each, "at": datetime.fromisoformat(each["at"])})
            for each in _lines(self.home / "bases.jsonl")
        ]
        return [each for each in found if self.base(each.name).exists()]

    def add(self, made: Point | Base) -> None:
        name = "points" if isinstance(made, Point) else "bases"
        with (self.home / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({**asdict(made), "at": made.at.isoformat()}) + "\n")

    def to_go_back_to(self, until: datetime | None) -> tuple[Base, Point]:
        """Return the last point not after `until` at which nothing was under way, and its base."""
        bases = self.bases()
        for point in reversed(self.points()):
            if point.under_way or (until and point.at > until):
                continue
            if not (self.log / f"{point.file}.gz").exists():
                continue
            before = [base for base in bases if base.at <= point.at]
            if before:
                return before[-1], point
        raise Trouble(
            f"{self.home} 中没有{'该时刻之前的' if until else ''}可用备份",
            f"there is no backup in {self.home}{' before that moment' if until else ''}",
        )

    def forget_old(self, now: datetime) -> None:
        """Drop bases past their days, but never the last, and the log that no base needs."""
        bases = self.bases()
        kept = [base for base in bases if base.at > now - timedelta(days=_KEPT_DAYS)] or bases[-1:]
        for base in bases:
            if base not in kept:
                shutil.rmtree(self.base(base.name))
        before = [each for each in self._keys() if each.name <= f"{kept[0].at:{_STAMP}}"]
        for keys in before[:-1]:
            shutil.rmtree(keys)
        label = (self.base(kept[0].name) / "backup_label").read_text()
        first = label.split("file ", 1)[1].split(")", 1)[0]
        for file in self.log.glob("*.gz"):
            # Names of the log sort as its places do, after the number of the timeline.
            if len(file.stem) == len(first) and file.stem[8:] < first[8:]:
                file.unlink()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from (json.loads(line) for line in path.read_text("utf-8").splitlines())


@dataclass(frozen=True)
class Servers:
    """An instance's PostgreSQL as its administrator, and its broker's management interface."""

    postgres: str
    broker: str

    def database(self, service: str) -> str:
        return urlunsplit(urlsplit(self.postgres)._replace(path=f"/{service}"))

    def under_way(self) -> int:
        """Return how many messages any queue between our services holds, whoever has them."""
        return sum(
            int(each.get("messages", 0))
            for each in self.queues()
            # What waits for the parent is in the ledger, too; what is parked waits for a person,
            # and a federation's queue for a child that may be away for days.
            if each["name"] != "uplink"
            and not each["name"].endswith(".parked")
            and not each["name"].startswith("federation: ")
        )

    def queues(self) -> Any:
        """Return every queue of the instance with how many messages it has, whoever holds them."""
        return self._ask("queues/kaigong?disable_stats=true&enable_queue_totals=true")

    def definitions(self) -> Any:
        return self._ask("definitions")

    def _ask(self, path: str) -> Any:
        parts = urlsplit(self.broker)
        login = b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        request = urllib.request.Request(
            f"{parts.scheme}://{parts.hostname}:{parts.port}/api/{path}",
            headers={"authorization": f"Basic {login}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


def take_point(archive: Archive, servers: Servers, *, patience: float = _CALM) -> Point:
    """Hold back every service's outbox until all that was told is taken, and note the place."""
    with _told_nothing(servers):
        until = time.monotonic() + patience
        while (under_way := servers.under_way()) and time.monotonic() < until:
            time.sleep(0.02)
        at = datetime.now(UTC)
        name = f"kaigong-{at:%Y%m%dT%H%M%S.%f}"
        with psycopg.connect(servers.postgres, autocommit=True) as admin:
            # The place is the end of its record: the byte before is in the file that holds it.
            noted = "select pg_walfile_name(pg_create_restore_point(%s) - 1)"
            row = admin.execute(noted, [name]).fetchone()
    point = Point(name, at, str(row[0]) if row else "", under_way)
    archive.add(point)
    return point


@contextlib.contextmanager
def _told_nothing(servers: Servers) -> Iterator[None]:
    from chassis.db import OUTBOX_CHANNEL
    from chassis.outbox import RELAY_LOCK

    with contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(psycopg.connect(servers.database(each), autocommit=True))
            for each in SERVICES
        ]
        for each in held:
            each.execute("set lock_timeout = '20s'")
            each.execute("select pg_advisory_lock(%s)", [RELAY_LOCK])
        yield
        for each in held:
            each.execute("select pg_advisory_unlock_all()")
            each.execute(f"notify {OUTBOX_CHANNEL}")


def back_up(
    archive: Archive,
    servers: Servers,
    *,
    region: str,
    objects: Path,
    kept: Iterable[Path],
    program: Mapping[str, str],
) -> tuple[Base, Point]:
    """Copy the cluster, then what its rows point to, the keys and the broker's definitions.

    Objects are written before the rows that name them and are never changed, so a later copy has
    all that an earlier row needs.
    """
    began, name = time.monotonic(), f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    scratch = archive.base(f"{name}.new")
    address, login = without_password(servers.postgres)
    _run(
        *(program["pg_basebackup"], "--dbname", address, "--pgdata", str(scratch)),
        *("--wal-method=none", "--checkpoint=fast", "--label", name),
        **login,
    )
    _run(program["pg_verifybackup"], "--no-parse-wal", str(scratch))
    scratch.rename(archive.base(name))
    at = datetime.now(UTC)
    point = take_point(archive, servers, patience=30)
    if point.under_way:
        raise Trouble(
            f"消息在 30 秒内未处理完 ({point.under_way} 条), 请稍后再备份",
            f"{point.under_way} messages did not come to rest in 30 s: back up again later",
        )
    _copy_new(objects, archive.objects)
    archive.keep_keys(kept, at)
    write_secret(archive.broker, json.dumps(servers.definitions()))
    _wait_until_archived(servers)
    size = sum(each.stat().st_size for each in archive.base(name).rglob("*") if each.is_file())
    base = Base(name, at, region, size >> 20, round(time.monotonic() - began, 1))
    archive.add(base)
    archive.forget_old(at)
    return base, point


def _wait_until_archived(servers: Servers, *, patience: float = 60) -> None:
    with psycopg.connect(servers.postgres, autocommit=True) as admin:
        row = admin.execute("select pg_walfile_name(pg_switch_wal() - 1)").fetchone()
        wanted = str(row[0]) if row else ""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            done = admin.execute("select last_archived_wal from pg_stat_archiver").fetchone()
            if done and done[0] and str(done[0])[8:24] >= wanted[8:24]:
                return
            time.sleep(0.1)
    raise Trouble(
        f"日志 {wanted} 在 {patience:.0f} 秒内未归档, 请检查备份目录",
        f"the log {wanted} was not archived in {patience:.0f} s: look at the backup's folder",
    )


def restore(
    archive: Archive, *, data: Path, objects: Path, broker: Path, until: str, user: str | None
) -> Point:
    """Lay an empty instance's data out as they were at a point; the server does the rest as it starts."""
    moment = read_moment(until) if until else None
    base, point = archive.to_go_back_to(moment)
    cluster = data / "postgres" / "data"
    if cluster.exists():
        raise Trouble(
            f"{data} 中已有数据, 恢复只能在空目录进行",
            f"{data} holds data: a restore needs an empty place",
        )
    cluster.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(archive.base(base.name), cluster)
    settings = {
        "restore_command": archive.restore_command,
        "recovery_target_name": point.name,
        "recovery_target_action": "promote",
    }
    with (cluster / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    (cluster / "recovery.signal").touch()
    if user:
        for each in (cluster.parent, cluster, *cluster.rglob("*")):
            shutil.chown(each, user=user)
    cluster.chmod(0o700)
    for path in archive.keys_at(point.at).iterdir():
        if path.is_file():
            shutil.copy2(path, data / path.name)
    _copy_new(archive.objects, objects)
    broker.parent.mkdir(parents=True, exist_ok=True)
    definitions: Any = json.loads(archive.broker.read_text("utf-8"))
    for account in definitions["users"]:
        # The broker's definitions are those of the night: our own password may be a newer one.
        if account["name"] == "kaigong":
            del account["password_hash"], account["hashing_algorithm"]
            account["password"] = json.loads((data / "secrets.json").read_text())["rabbit"]
    write_secret(broker, json.dumps(definitions))
    return point


def read_moment(text: str) -> datetime:
    """Read a moment as people write it: without a zone it is in Shanghai, without seconds whole."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Trouble(
            f"UNTIL={text} 不是时刻, 例如 2026-11-27T10:15",
            f"UNTIL={text} is no moment such as 2026-11-27T10:15",
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=_SHANGHAI)
    # A minute means all of it.
    return moment + timedelta(seconds=59 if len(text) <= len("2026-11-27T10:15") else 0)


def _copy_new(source: Path, target: Path) -> None:
    for each in source.rglob("*"):
        there = target / each.relative_to(source)
        if each.is_dir():
            there.mkdir(parents=True, exist_ok=True)
        elif not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            scratch = there.with_name(f"{there.name}.new")
            shutil.copy2(each, scratch)
            scratch.rename(there)


def _run(*command: str, **environ: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if done.returncode:
        raise Trouble(
            f"{Path(command[0]).name} 失败:\n{done.stderr.strip()}",
            f"{Path(command[0]).name} failed, see the lines above",
        )


def main() -> None:
    """Take a point each minute, for as long as the instance runs."""
    told = surroundings()
    archive = Archive(Path(told["KAIGONG_BACKUP"]))
    while True:
        began = time.monotonic()
        names = ("KAIGONG_POSTGRES_URL", "KAIGONG_AMQP_ADMIN_URL")
        servers = Servers(*(current(told[name]) for name in names))
        try:
            point = take_point(archive, servers)
            if point.under_way:
                print(f"{point.name}: {point.under_way} messages under way", flush=True)
        except (psycopg.Error, OSError) as error:
            # A server that is away is back for the next point.
            print(f"no point: {error!r}", file=sys.stderr, flush=True)
        time.sleep(max(1.0, _EVERY - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
