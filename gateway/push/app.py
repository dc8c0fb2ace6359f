"""`GET /events`: subscribe, filter by Principal, stream.

A live event is an unnamed SSE message whose data is {"kind", "at", "data"}. `event: ready`
says that the stream is live from its id on; `event: gap` that events may be missing since
the client's Last-Event-ID, so that it reads its lists again. The stream ends with the token:
the client comes back with a fresh one and its last id.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import jwt
from google.protobuf import json_format
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from chassis import logs
from chassis.errors import DomainError, InvalidArgument, TokenMissing, Unavailable
from chassis.rpc import to_status
from chassis.tokens import Revocations, Tokens
from push.audience import Onlooker
from push.hub import Hub, Listener, is_position

log = logs.get(__name__)

HEARTBEAT_SECONDS = 15.0
_RETRY = b"retry: 2000\n\n"
_HTTP = {3: 400, 14: 503, 16: 401}


class LastEventIdInvalid(InvalidArgument):
    zh = "Last-Event-ID 无效"
    en = "the Last-Event-ID is not one of ours"


class StreamUnavailable(Unavailable):
    zh = "实时消息暂不可用, 请稍后重试"
    en = "live events are not available, try again later"


class Push:
    """The application: one hub, many streams."""

    def __init__(
        self,
        hub: Hub,
        tokens: Tokens,
        revocations: Revocations,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._hub, self._tokens, self._revocations = hub, tokens, revocations
        self._heartbeat = heartbeat_seconds

    def application(self) -> Starlette:
        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            reader = asyncio.create_task(self._hub.run())
            yield
            reader.cancel()

        return Starlette(
            routes=[Route("/events", self.events), Route("/healthz", self.healthz)],
            exception_handlers={DomainError: _refuse},
            lifespan=lifespan,
        )

    async def healthz(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def events(self, request: Request) -> Response:
        token = _token(request)
        principal = await run_in_threadpool(self._tokens.principal, token)
        last = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
        if last and not is_position(last):
            raise LastEventIdInvalid(field="last_event_id")
        if not self._hub.knows_position:
            raise StreamUnavailable
        claims = jwt.decode(token, options={"verify_signature": False})
        watch = _Watch(
            self._revocations,
            account_id=principal.account_id,
            issued_at=float(claims["iat"]),
            ends_at=float(claims["exp"]),
        )
        listener = self._hub.listen(Onlooker.of(principal))
        try:
            gap = bool(last) and await self._hub.misses(last)
        except (RedisError, OSError) as error:
            self._hub.leave(listener)
            raise StreamUnavailable from error
        return StreamingResponse(
            self._stream(listener, watch, last, gap=gap),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _stream(
        self, listener: Listener, watch: _Watch, last: str, *, gap: bool
    ) -> AsyncIterator[bytes]:
        try:
            yield _RETRY
            if gap:
                yield b"event: gap\ndata: {}\n\n"
            if last:
                async for event in self._hub.between(last, listener.position):
                    if listener.onlooker.sees(event.audiences, event.data):
                        yield event.frame()
            yield f"event: ready\nid: {listener.position}\ndata: {{}}\n\n".encode()
            while (left := watch.seconds_left()) > 0:
                try:
                    next_event = await asyncio.wait_for(
                        listener.buffer.get(), min(left, self._heartbeat)
                    )
                except TimeoutError:
                    yield b": beat\n\n"
                    continue
                if next_event is None or watch.seconds_left() <= 0:
                    return
                yield next_event.frame()
        except (RedisError, OSError) as error:
            log.warning("stream broken off", error=str(error))
        finally:
            self._hub.leave(listener)


class _Watch:
    """How long a token still holds: until it expires or is revoked."""

    def __init__(
        self, revocations: Revocations, *, account_id: str, issued_at: float, ends_at: float
    ) -> None:
        self._revocations = revocations
        self._account_id, self._issued_at, self._ends_at = account_id, issued_at, ends_at

    def seconds_left(self) -> float:
        if self._revocations.voids(self._account_id, self._issued_at):
            return 0
        return self._ends_at - time.time()


def _token(request: Request) -> str:
    """Return the bearer token; a browser's EventSource can send it only in the query."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    token = request.query_params.get("access_token", "")
    if not token:
        raise TokenMissing
    return token


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer in the one shape in which every error leaves."""
    assert isinstance(error, DomainError)
    body = json_format.MessageToDict(to_status(error), preserving_proto_field_name=True)
    return JSONResponse(body, status_code=_HTTP.get(error.status.value, 500))
