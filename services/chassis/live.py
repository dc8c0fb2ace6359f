"""Live events for browsers, through a Redis stream that gateway/push reads.

What travels here may be lost: the truth is a row. So a Redis that is away is logged, not raised.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import redis

from chassis import logs
from chassis.events import instant
from chassis.redis_login import log_in

STREAM = "kaigong:live"
_MOST = 10_000

log = logs.get(__name__)


@dataclass(frozen=True)
class Audience:
    """Who may see a live event: whoever matches any of the fields that are set.

    `roles` narrows `region_path` (callers whose region holds that path) to these roles.
    """

    account: str = ""
    org: str = ""
    uscc: str = ""
    region_path: str = ""
    level: str = ""
    roles: tuple[str, ...] = ()


class Live:
    """Adds live events after commit."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(
            **log_in(redis_url),
            socket_timeout=2,
            socket_connect_timeout=2,
            health_check_interval=30,
        )

    def publish(
        self,
        *,
        audience: Audience | Iterable[Audience],
        kind: str,
        data: dict[str, Any],
        at: datetime,
    ) -> None:
        each = [audience] if isinstance(audience, Audience) else list(audience)
        entry = {
            "audience": json.dumps([asdict(one) for one in each], ensure_ascii=False),
            "kind": kind,
            "data": json.dumps(data, ensure_ascii=False),
            "at": instant(at),
        }
        try:
            self._redis.xadd(STREAM, entry, maxlen=_MOST, approximate=True)  # type: ignore[arg-type]
        except redis.RedisError as error:
            log.warning("live event lost", kind=kind, error=str(error))
