"""The environment, read once into a frozen dataclass; one error names all that is missing."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SettingsError(SystemExit):
    """The environment lacks something; the text names every missing variable."""


class FromFile(str):
    """A setting as its file said it; `current` says what the file says now."""

    path: Path


def current(setting: str) -> str:
    """Return what a setting says now: secrets that stand in files are changed while we run.

    A file that is away, or empty because it is being written, changes nothing.
    """
    if not isinstance(setting, FromFile):
        return setting
    try:
        seen = setting.path.stat()
        return _said(setting.path, seen.st_mtime_ns, seen.st_size) or setting
    except OSError:
        return setting


@functools.lru_cache(maxsize=64)
def _said(path: Path, written: int, size: int) -> str:
    return path.read_text("utf-8").rstrip("\r\n")


def surroundings(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment with each KAIGONG_…_FILE replaced by what its file says.

    A secret then stands in no environment, command line or image: containers get it as a file.
    """
    env = dict(os.environ if environ is None else environ)
    for name in [each for each in env if each.startswith("KAIGONG_") and each.endswith("_FILE")]:
        path, plain = Path(env.pop(name)), name.removesuffix("_FILE")
        if env.get(plain):
            raise SettingsError(f"{plain} 与 {name} 只能设置一个 are both set: which one is meant?")
        try:
            said = FromFile(path.read_text("utf-8").rstrip("\r\n"))
        except OSError as error:
            raise SettingsError(f"{name}: 无法读取 cannot read {path}: {error.strerror}") from None
        said.path, env[plain] = path, said
    return env


@dataclass(frozen=True)
class Settings:
    """What one process needs to know of its surroundings. Variables carry the prefix KAIGONG_."""

    database_url: str
    amqp_url: str = ""
    redis_url: str = ""
    grpc_listen: str = ""
    http_listen: str = ""
    metrics_listen: str = ""
    jwks_url: str = ""
    object_store: str = ""
    # instance is the region code of this instance; facts carry it as their origin.
    instance: str = "321100"
    tier: str = "city"
    # parent is the region code of the instance above that this one is linked to, if any.
    parent: str = ""
    # uplink_bytes is how much may wait in the uplink's queue while the parent is away.
    uplink_bytes: int = 1 << 30
    movable_clock: bool = False
    # peers maps a service to its gRPC address, for api processes.
    peers: Mapping[str, str] = field(default_factory=dict)
    threads: int = 8
    # cpu pins the process to one core; -1 leaves it to the kernel.
    cpu: int = -1
    key_secret: str = ""
    seal_secret: str = ""
    log_level: str = "info"
    # keep_audit_days is for how long audit lines stay in the table; 0 is for ever.
    keep_audit_days: int = 0
    # public_url is where the gateway is reached from outside; links on paper begin with it.
    public_url: str = ""
    # channels is a file of the channels outside the platform (warning_dispatch).
    channels: str = ""

    @classmethod
    def read(cls, *needed: str, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of this process, or exit with one sentence that names all that is missing."""
        env = surroundings(environ)

        def get(name: str, default: str = "") -> str:
            return env.get(f"KAIGONG_{name.upper()}", default)

        missing = [f"KAIGONG_{name.upper()}" for name in needed if not get(name)]
        if missing:
            raise SettingsError(f"缺少环境变量 missing settings: {', '.join(missing)}")
        pairs = (pair.partition("=") for pair in get("peers").split(",") if pair)
        return cls(
            database_url=get("database_url"),
            amqp_url=get("amqp_url"),
            redis_url=get("redis_url"),
            grpc_listen=get("grpc_listen"),
            http_listen=get("http_listen"),
            metrics_listen=get("metrics_listen"),
            jwks_url=get("jwks_url"),
            object_store=get("object_store"),
            instance=get("instance", "321100"),
            tier=get("tier", "city"),
            parent=get("parent"),
            uplink_bytes=int(get("uplink_bytes", str(1 << 30))),
            movable_clock=get("movable_clock") in {"1", "true", "yes"},
            peers={name.strip(): address.strip() for name, _, address in pairs},
            threads=int(get("threads", "8")),
            cpu=int(get("cpu", "-1")),
            key_secret=get("key_secret"),
            seal_secret=get("seal_secret"),
            log_level=get("log_level", "info"),
            keep_audit_days=_kept_days(get("keep_audit_days", "0")),
            public_url=get("public_url").rstrip("/"),
            channels=get("channels"),
        )


# Six months, the longest there are: the Cybersecurity Law asks for logs of that long 留存不少于六个月
# (article 21 of 2017); here they stay where the auditor looks them up.
_SHORTEST_KEPT = 184


def _kept_days(told: str) -> int:
    days = int(told)
    if days and days < _SHORTEST_KEPT:
        raise SettingsError(
            f"KAIGONG_KEEP_AUDIT_DAYS={days}: 至少 {_SHORTEST_KEPT} 天(六个月), 0 为不归档"
            f" at least {_SHORTEST_KEPT} days (six months), or 0 to archive nothing"
        )
    return days
