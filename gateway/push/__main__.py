"""The process of push: `python -m push`."""

from __future__ import annotations

import asyncio
from types import FrameType

import uvicorn

from chassis import logs, metrics, tls
from chassis.settings import Settings
from chassis.tokens import Keys, Revocations, Tokens
from push.app import Push
from push.hub import Hub


class _Server(uvicorn.Server):
    """Ends the streams when asked to stop; uvicorn alone would wait for them for ever."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._loop = asyncio.get_running_loop()
        await super().serve()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hub.close)
        super().handle_exit(sig, frame)


def main() -> None:
    settings = Settings.read("redis_url", "jwks_url", "http_listen", "metrics_listen")
    logs.configure(
        service="push",
        process="push",
        instance=settings.instance,
        tier=settings.tier,
        level=settings.log_level,
    )
    hub = Hub(settings.redis_url)
    revocations = Revocations(settings.redis_url)
    push = Push(hub, Tokens(Keys(settings.jwks_url), revocations), revocations)
    own = tls.own()
    host, _, port = settings.http_listen.rpartition(":")
    config = uvicorn.Config(
        push.application(),
        host=host,
        port=int(port),
        # A token may stand in the query, and does not belong in a log.
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=5,
        limit_concurrency=5000,
        ssl_context_factory=(lambda *_: own.for_server()) if own else None,
    )
    server = _Server(config, hub)
    stop_pages = metrics.serve(settings.metrics_listen, healthy=lambda: server.started)
    server.run()
    stop_pages()


if __name__ == "__main__":
    main()
