"""One JSON object per line on stderr, with the request id and the trace id."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from typing import Any

import structlog

from chassis.trace import current


def _trace(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    here = current()
    if here.request_id:
        event["request_id"] = here.request_id
    if here.trace_id:
        event["trace_id"] = here.trace_id
    return event


def configure(
    *,
    service: str,
    process: str,
    instance: str,
    tier: str,
    level: str = "info",
    services: Collection[str] = (),
) -> None:
    """Send our lines and those of libraries through one renderer.

    In a process of several `services` a line is of the one whose module wrote it.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    where = {"service": service, "process": process, "instance": instance, "tier": tier}

    def add_where(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        home = str(event.get("logger", "")).partition(".")[0]
        return {**event, **where, **({"service": home} if home in services else {})}

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                add_where,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in ("amqp", "kombu", "nameko", "httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get(name: str) -> Any:
    """Return a logger; keyword arguments of its calls become keys of the line."""
    return structlog.stdlib.get_logger(name)
