"""One reader of the Redis stream, and everybody who listens to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio as redis
from prometheus_client import Counter, Gauge
from redis.exceptions import RedisError

from chassis import logs
from chassis.live import STREAM, Audience
from chassis.redis_login import log_in
from push.audience import Onlooker

log = logs.get(__name__)

clients = Gauge("push_clients_count", "Browsers that listen")
delivered = Counter("push_events_total", "Live events handed to a browser's buffer")
overrun = Counter("push_overrun_total", "Browsers let go because they did not keep up")
connected = Gauge("push_redis_connected", "Whether the stream can be read")

NOWHERE = "0-0"
BUFFER = 256
_BATCH = 500
_BLOCK_MS = 5000


@dataclass(frozen=True)
class LiveEvent:
    """An entry of the stream."""

    id: str
    audiences: tuple[Audience, ...]
    kind: str
    data: Mapping[str, Any]
    at: str

    def frame(self) -> bytes:
        """Return it as an SSE message; its id is where a client resumes."""
        body = {"kind": self.kind, "at": self.at, "data": self.data}
        return f"id: {self.id}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


@dataclass(eq=False)
class Listener:
    """One browser: its buffer, and where in the stream the buffer begins."""

    onlooker: Onlooker
    position: str
    buffer: asyncio.Queue[LiveEvent | None] = field(
        default_factory=lambda: asyncio.Queue(BUFFER + 1)
    )

    def offer(self, event: LiveEvent) -> bool:
        """Put the event in the buffer; a full buffer ends the stream, and the client resumes by id."""
        if self.buffer.qsize() >= BUFFER:
            return False
        self.buffer.put_nowait(event)
        return True

    def end(self) -> None:
        with suppress(asyncio.QueueFull):
            self.buffer.put_nowait(None)


class Hub:
    """Follows the stream while Redis is there, and goes on where it was when it comes back."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Any = redis.Redis.from_url(
            **log_in(redis_url),
            decode_responses=True,
            socket_connect_timeout=3,
            socket_timeout=_BLOCK_MS / 1000 + 5,
        )
        self._listeners: set[Listener] = set()
        self._position = ""

    async def run(self) -> None:
        while True:
            try:
                await self._find_position()
                connected.set(1)
                while True:
                    read = await self._redis.xread(
                        {STREAM: self._position}, count=_BATCH, block=_BLOCK_MS
                    )
                    for entry_id, fields in _entries(read):
                        self._position = entry_id
                        event = read_event(entry_id, fields)
                        if event is not None:
                            self._hand_out(event)
            except (RedisError, OSError) as error:
                connected.set(0)
                log.warning("stream not read", error=str(error))
                await asyncio.sleep(1)

    @property
    def knows_position(self) -> bool:
        """Whether the stream was read at least once."""
        return bool(self._position)

    def listen(self, onlooker: Onlooker) -> Listener:
        """Begin to buffer for a browser: all that comes after the listener's position."""
        listener = Listener(onlooker, self._position)
        self._listeners.add(listener)
        clients.set(len(self._listeners))
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        clients.set(len(self._listeners))

    def close(self) -> None:
        """End every stream; the clients come back to another process."""
        for listener in self._listeners:
            listener.end()

    async def between(self, after: str, until: str) -> AsyncIterator[LiveEvent]:
        """Yield what the stream still holds after one id through another."""
        while _order(after) < _order(until):
            entries = await self._redis.xrange(STREAM, f"({after}", until, count=_BATCH)
            for entry_id, fields in entries:
                after = entry_id
                event = read_event(entry_id, fields)
                if event is not None:
                    yield event
            if len(entries) < _BATCH:
                return

    async def misses(self, after: str) -> bool:
        """Say whether events after this id may be gone: trimmed, or lost with Redis."""
        if after == NOWHERE:
            return False
        return not await self._redis.xrevrange(STREAM, after, "-", count=1)

    async def _find_position(self) -> None:
        last = await self._redis.xrevrange(STREAM, count=1)
        top = last[0][0] if last else NOWHERE
        # The first time we begin at the end; a stream that has gone back was made anew.
        if not self._position or _order(top) < _order(self._position):
            self._position = top

    def _hand_out(self, event: LiveEvent) -> None:
        for listener in list(self._listeners):
            if not listener.onlooker.sees(event.audiences, event.data):
                continue
            if listener.offer(event):
                delivered.inc()
            else:
                overrun.inc()
                self.leave(listener)
                listener.end()


def is_position(text: str) -> bool:
    """Say whether a client's Last-Event-ID is one that the stream could have given."""
    parts = text.split("-")
    return len(parts) == 2 and all(
        part.isascii() and part.isdigit() and len(part) <= 20 for part in parts
    )


def _order(entry_id: str) -> tuple[int, int]:
    millis, _, count = entry_id.partition("-")
    return int(millis), int(count or 0)


def _entries(read: Any) -> list[tuple[str, dict[str, str]]]:
    """Return the entries of what XREAD answered, whichever protocol version it speaks."""
    if not read:
        return []
    found = read[STREAM] if isinstance(read, dict) else read[0][1]
    # RESP3 wraps the entries of a stream once more.
    return list(found[0]) if found and isinstance(found[0], list) else list(found)


def read_event(entry_id: str, fields: Mapping[str, str]) -> LiveEvent | None:
    """Return the entry as an event, or None for one that nobody can read."""
    try:
        audiences = tuple(
            Audience(**{**each, "roles": tuple(each.get("roles", ()))})
            for each in json.loads(fields["audience"])
        )
        return LiveEvent(
            id=entry_id,
            audiences=audiences,
            kind=fields["kind"],
            data=json.loads(fields["data"]),
            at=fields["at"],
        )
    except (KeyError, TypeError, ValueError) as error:
        log.warning("live event not read", entry=entry_id, error=repr(error))
        return None
