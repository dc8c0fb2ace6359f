"""What a person may choose about an instance on this machine, and what is chosen for him."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from instance.said import Trouble

ROOT = Path(__file__).resolve().parents[2]
SERVICES = (
    "project_registry",
    "approval_tracking",
    "proxy_log",
    "warning_dispatch",
    "reporting",
    "identity",
)
_TIERS = {"city": "市", "district": "市(区)", "town": "镇(街道、园区)"}
_FIRST_PLACE, _PORTS_OF_A_PLACE = 10_000, 100
# Settings that we decide; every other KAIGONG_ variable of our environment is passed on.
_OURS = (
    *("POSTGRES_URL", "AMQP_URL", "AMQP_ADMIN_URL", "REDIS_URL", "RUN", "PORT_BASE"),
    *("EDGE_SETTINGS", "PARENT", "PARENT_URL", "BACKUP"),
    *("DATABASE_URL", "KEY_SECRET", "SEAL_SECRET"),
)


@dataclass(frozen=True)
class Ports:
    """Where everything listens: the gateway by its own port, the rest in sixty after `base`."""

    gateway: int = 8080
    base: int = 7100

    def grpc(self, service: str) -> int:
        return self.base + 1 + SERVICES.index(service)

    def api_metrics(self, service: str) -> int:
        return self.base + 11 + SERVICES.index(service)

    def worker_metrics(self, service: str) -> int:
        return self.base + 21 + SERVICES.index(service)

    @property
    def push(self) -> int:
        return self.base + 8

    @property
    def push_metrics(self) -> int:
        return self.base + 18

    @property
    def postgres(self) -> int:
        return self.base + 31

    @property
    def redis(self) -> int:
        return self.base + 32

    @property
    def envoy_admin(self) -> int:
        return self.base + 33

    @property
    def prometheus(self) -> int:
        """Where a Prometheus for this instance listens, if somebody starts one (`make monitoring`)."""
        return self.base + 34

    @property
    def alertmanager(self) -> int:
        """Where its Alertmanager listens, if somebody starts one."""
        return self.base + 35

    @property
    def rabbit(self) -> int:
        """The first of ten: the node, its distribution, its port mapper, its command's replies."""
        return self.base + 40

    def outside(self, number: int) -> int:
        """The ports where a demonstration's mail server (0), webhook (1) and a dead one (2) would be."""
        return self.base + 51 + number

    def named(self) -> dict[str, int]:
        """Return every port by who listens there."""
        return {
            "gateway": self.gateway,
            "envoy admin": self.envoy_admin,
            "push": self.push,
            "push metrics": self.push_metrics,
            **{f"{each} api": self.grpc(each) for each in SERVICES},
            **{f"{each} api metrics": self.api_metrics(each) for each in SERVICES},
            **{f"{each} worker metrics": self.worker_metrics(each) for each in SERVICES},
        }


@dataclass(frozen=True)
class Options:
    """One instance: where it lives, its ports, its tier, and the servers that exist already."""

    run: Path
    ports: Ports
    tier: str = "city"
    movable_clock: bool = True
    demo: bool = True
    postgres_url: str = ""
    amqp_url: str = ""
    redis_url: str = ""
    # A YAML file for the gateway's generator; without limits only a benchmark wants to be.
    edge_settings: str = ""
    limits: bool = True
    # parent_url is the link to the instance above, as `make child` there printed it.
    parent_url: str = ""
    amqp_admin_url: str = ""
    # packed runs all services in one api and one worker process.
    packed: bool = False
    # backup is the folder that the log and the backups go to, empty for none.
    backup: str = ""
    passed_on: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Options:
        tier = environ.get("TIER") or "city"
        if tier not in _TIERS:
            raise Trouble(
                f"TIER={tier} 无效, 可用: {', '.join(_TIERS)}",
                f"TIER={tier} is not one of {', '.join(_TIERS)}",
            )
        region = environ.get("REGION", "")
        place = _place(region, tier) if region else 0
        # An instance that names its region has a folder and ports of its own, beside others here.
        base = _FIRST_PLACE + _PORTS_OF_A_PLACE * place if region else 7100
        folder = f".run-{region}" if region else ".run"
        return cls(
            run=Path(environ.get("KAIGONG_RUN") or ROOT / folder).absolute(),
            ports=Ports(
                gateway=_port(environ, "PORT", base + 80 if region else 8080),
                base=_port(environ, "KAIGONG_PORT_BASE", base),
            ),
            tier=tier,
            parent_url=environ.get("PARENT", ""),
            amqp_admin_url=environ.get("KAIGONG_AMQP_ADMIN_URL", ""),
            packed=_yes(environ, "PACKED", "1" if tier == "town" else "0"),
            movable_clock=_yes(environ, "MOVABLE_CLOCK"),
            demo=_yes(environ, "DEMO"),
            postgres_url=environ.get("KAIGONG_POSTGRES_URL", ""),
            amqp_url=environ.get("KAIGONG_AMQP_URL", ""),
            redis_url=environ.get("KAIGONG_REDIS_URL", ""),
            edge_settings=environ.get("KAIGONG_EDGE_SETTINGS", ""),
            limits=_yes(environ, "RATE_LIMITS"),
            backup=environ.get("KAIGONG_BACKUP", ""),
            passed_on={
                **_tier_settings(tier),
                **({"KAIGONG_INSTANCE": region} if region else {}),
                **{
                    name: value
                    for name, value in environ.items()
                    if name.startswith("KAIGONG_") and name.removeprefix("KAIGONG_") not in _OURS
                },
            },
        )

    @property
    def data(self) -> Path:
        """Where the servers keep their data: under `run`, unless the account `postgres` cannot reach it."""
        if os.geteuid() != 0 or everybody_reaches(self.run.parent):
            return self.run
        told_apart = hashlib.sha256(str(self.run).encode()).hexdigest()[:12]
        return Path("/var/tmp") / f"kaigong-{told_apart}"

    @property
    def region(self) -> str:
        return self.passed_on["KAIGONG_INSTANCE"]

    def remembering(self) -> Options:
        """Keep the link to the parent with the data, and return the options with the one kept.

        PARENT=none takes it away.
        """
        kept = self.data / "parent"
        if self.parent_url == "none":
            kept.unlink(missing_ok=True)
            return replace(self, parent_url="")
        if self.parent_url:
            write_secret(kept, self.parent_url)
        elif kept.exists():
            return replace(self, parent_url=kept.read_text())
        return self

    @property
    def parent(self) -> str:
        """The region code of the instance above, empty without one."""
        query = parse_qs(urlsplit(self.parent_url).query)
        return query.get("parent", [""])[0]

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway}"


@dataclass(frozen=True)
class Secrets:
    """Passwords and the keys of keys, made once and kept with the data.

    While `make rotate` changes a key of keys it has two lines: the new one, and the old.
    """

    postgres: str
    rabbit: str
    redis: str
    key_secret: str
    seal_secret: str
    databases: Mapping[str, str]

    @classmethod
    def kept(cls, path: Path) -> Secrets:
        told = json.loads(path.read_text()) if path.exists() else {}
        made = {
            "postgres": secrets.token_hex(16),
            "rabbit": secrets.token_hex(16),
            "redis": secrets.token_hex(16),
            "key_secret": secrets.token_hex(32),
            "seal_secret": secrets.token_hex(32),
            "databases": {each: secrets.token_hex(16) for each in SERVICES},
        }
        if made.keys() - told.keys():
            # What an older release made stays; only what it did not know is new.
            cls(**{**made, **told}).write(path)
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        write_secret(path, json.dumps(asdict(self), indent=1))


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    scratch = path.with_name(f"{path.name}.new")
    scratch.touch(mode=0o600)
    scratch.write_text(content)
    scratch.replace(path)


def _tier_settings(tier: str) -> dict[str, str]:
    lines = (ROOT / "deploy" / "tiers" / f"{tier}.env").read_text("utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 1024 <= int(text) <= 65_000:
        raise Trouble(
            f"{name}={text} 不是可用端口(1024 至 65000)",
            f"{name}={text} is not a port from 1024 to 65000",
        )
    return int(text)


def _place(region: str, tier: str) -> int:
    """Return the number of a region in the tree, for its ports; refuse one of another tier."""
    rows = yaml.safe_load((ROOT / "services/chassis/data/regions.yaml").read_text("utf-8"))
    tiers = {row["code"]: row["tier"] for row in rows["regions"]}
    if tiers.get(region) != tier:
        raise Trouble(
            f"REGION={region} 不是{_TIERS[tier]}的区划代码",
            f"REGION={region} is not the code of a {tier}",
        )
    return list(tiers).index(region)


def _yes(environ: Mapping[str, str], name: str, default: str = "1") -> bool:
    return (environ.get(name) or default) in {"1", "true", "yes"}


def everybody_reaches(folder: Path) -> bool:
    return all(
        each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents) if each.exists()
    )
