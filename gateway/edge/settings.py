"""Where the edge listens, what stands behind it, and how much it lets through."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Bucket:
    """Requests per second in the long run, and how many at once. 0 per second means no limit."""

    per_second: int
    burst: int


@dataclass(frozen=True)
class Settings:
    """One gateway. Addresses are `host:port`; a host may be a name."""

    listen: str = "127.0.0.1:8080"
    # admin is Envoy's own page: loopback only, since who reaches it may stop Envoy.
    admin: str = "127.0.0.1:9901"
    # metrics serves /metrics for a scraper on another machine; empty: scrape the admin page.
    metrics: str = ""
    # certificate and certificate_key are PEM files; moved in anew, they are taken up without a restart.
    certificate: str = ""
    certificate_key: str = ""
    # tls is a folder of tls.crt, tls.key and ca.crt: every part behind us shows a certificate, and sees ours.
    tls: str = ""
    # services maps a service's name to the address of its api process.
    services: dict[str, str] = field(default_factory=dict)
    jwks_url: str = "http://127.0.0.1:7116/.well-known/jwks.json"
    push: str = "127.0.0.1:7108"
    # keys_fresh_seconds is how long a withdrawn key may still be trusted.
    keys_fresh_seconds: int = 30
    # Browsers of these origins may call; each is a regular expression of the whole origin.
    cors_origins: list[str] = field(default_factory=list)
    # trusted_hops is how many proxies in front of us set X-Forwarded-For.
    trusted_hops: int = 0
    rpc_seconds: int = 15
    # file_seconds bounds uploads and downloads, operator_seconds what waits for all processes.
    file_seconds: int = 120
    operator_seconds: int = 60
    most_json_bytes: int = 1_048_576
    most_file_bytes: int = 15_728_640
    # Everybody behind one address: an office behind one router is one address.
    by_address: Bucket = Bucket(400, 800)
    # What needs no token (sign-in, refresh), by address; identity locks accounts besides.
    by_address_public: Bucket = Bucket(10, 120)
    by_account: Bucket = Bucket(100, 300)

    @classmethod
    def read(cls, *files: Path, **chosen: Any) -> Settings:
        """Return the defaults, overlaid by the files, overlaid by what was chosen. Unknown keys are refused."""
        given: dict[str, Any] = {}
        for path in files:
            given |= yaml.safe_load(path.read_text("utf-8")) or {}
        named = ", ".join(map(str, files))
        addresses = {**given.get("services", {}), **chosen.pop("services", {})}
        given |= {name: value for name, value in chosen.items() if value is not None}
        given["services"] = addresses
        known = {each.name for each in dataclasses.fields(cls)}
        if unknown := given.keys() - known:
            raise SystemExit(f"{named}: unknown settings: {', '.join(sorted(unknown))}")
        for name in ("by_address", "by_address_public", "by_account"):
            if isinstance(given.get(name), dict):
                given[name] = Bucket(**given[name])
        made = cls(**given)
        if bool(made.certificate) != bool(made.certificate_key):
            raise SystemExit(f"{named}: certificate and certificate_key belong together")
        return made

    def without_limits(self) -> Settings:
        free = Bucket(0, 0)
        return dataclasses.replace(self, by_address=free, by_address_public=free, by_account=free)
