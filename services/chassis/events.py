"""Facts, and the envelope in which they travel."""

from __future__ import annotations

import builtins
import dataclasses
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from chassis.ids import new_id
from chassis.trace import current


class Event:
    """Marks a frozen dataclass as a fact. Its fields are those of the proto message of the same name."""


def event_type(kind: type[Event], version: int = 1) -> str:
    """Return the type on the wire: `CaseAccepted` travels as `case_accepted.v1`."""
    return f"{_snake(kind.__name__)}.v{version}"


@functools.cache
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def plain(value: Any) -> Any:
    """Return `value` as the JSON of its proto: days and decimals as text, instants in UTC."""
    return orjson.loads(orjson.dumps(value, _plain, _PLAIN))


_PLAIN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, frozenset | set):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in a fact")


@functools.cache
def _fields(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass's fields, none for any other type."""
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


@functools.lru_cache(maxsize=1024)
def instant(at: datetime) -> str:
    """Return RFC 3339 in UTC, to the microsecond. What happens in one transaction is said many times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass(frozen=True)
class Envelope:
    """One fact with its identity, origin and order. `source` is stamped by the relay."""

    id: UUID
    type: str
    source: str
    aggregate_id: UUID
    version: int
    time: datetime
    data: dict[str, Any]
    traceparent: str = ""
    request_id: str = ""

    @classmethod
    def seal(
        cls,
        event: Event,
        *,
        aggregate_id: UUID,
        version: int,
        at: datetime,
        known: Mapping[str, Any] | None = None,
    ) -> Envelope:
        """Wrap the fact; `known` is the JSON of fields that the caller has made already."""
        trace = current()
        ready = known or {}
        kind: Any = type(event)
        rest = {n: getattr(event, n) for n in _fields(kind) if n not in ready}
        return cls(
            id=new_id(),
            type=event_type(kind),
            source="",
            aggregate_id=aggregate_id,
            version=version,
            time=at,
            data={**plain(rest), **ready},
            traceparent=trace.traceparent,
            request_id=trace.request_id,
        )

    @classmethod
    def blank(cls, fact: builtins.type[Event], *, aggregate_id: UUID, at: datetime) -> Envelope:
        """Wrap a fact whose version and data the database itself will fill in."""
        trace = current()
        return cls(
            id=new_id(),
            type=event_type(fact),
            source="",
            aggregate_id=aggregate_id,
            version=0,
            time=at,
            data={},
            traceparent=trace.traceparent,
            request_id=trace.request_id,
        )

    @classmethod
    def open(cls, body: dict[str, Any]) -> Envelope:
        """Read an envelope from its JSON; raises ValueError when it is not one."""
        try:
            return cls(
                id=UUID(body["id"]),
                type=str(body["type"]),
                source=str(body.get("source", "")),
                aggregate_id=UUID(body["aggregate_id"]),
                version=int(body["version"]),
                time=read_instant(body["time"]),
                data=dict(body["data"]),
                traceparent=str(body.get("traceparent", "")),
                request_id=str(body.get("request_id", "")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an envelope: {error!r}") from error

    def body(self) -> dict[str, Any]:
        """Return the JSON that travels."""
        return {
            "id": str(self.id),
            "type": self.type,
            "source": self.source,
            "aggregate_id": str(self.aggregate_id),
            "version": self.version,
            "time": instant(self.time),
            "traceparent": self.traceparent,
            "request_id": self.request_id,
            "data": self.data,
        }
