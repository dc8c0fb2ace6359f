"""`GET /events` as a browser sees it, on a real Redis."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chassis import metrics
from chassis.live import STREAM, Audience, Live
from chassis.tokens import REVOKED_STREAM
from instance.ports import free_block
from instance.processes import Process
from instance.servers import Redis
from support.servers import scratch, started
from support.services import environ, is_healthy

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def token(account: str, *, lives: float = 300, **claims: Any) -> str:
    now = time.time()
    said = {
        "iss": "kaigong",
        "aud": "kaigong",
        "sub": account,
        "iat": now,
        "exp": int(now + lives),
        "roles": [],
        **claims,
    }
    return jwt.encode(said, KEY, algorithm="RS256", headers={"kid": "k1"})


@contextmanager
def running_push(redis_url: str) -> Iterator[str]:
    """Run push, and beside it whoever publishes the keys; yield its address."""
    jwk = {**RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "k1", "alg": "RS256"}
    first = free_block(3)
    page = ("application/json", json.dumps({"keys": [jwk]}).encode())
    stop = metrics.serve(f"127.0.0.1:{first}", pages={"/jwks": lambda: page})
    listen, pages = f"127.0.0.1:{first + 1}", f"127.0.0.1:{first + 2}"
    with scratch() as home:
        process = Process(
            name="push",
            argv=(sys.executable, "-m", "push"),
            environ=environ(
                redis_url=redis_url,
                jwks_url=f"http://127.0.0.1:{first}/jwks",
                http_listen=listen,
                metrics_listen=pages,
            ),
            log=home / "push.log",
            ready=lambda: is_healthy(pages),
        )
        with started(process):
            yield f"http://{listen}"
    stop()


@pytest.fixture(scope="module")
def push(redis_url: str) -> Iterator[str]:
    with running_push(redis_url) as address:
        yield address


@pytest.fixture
def live(redis_url: str) -> Live:
    return Live(redis_url)


@dataclass
class Message:
    event: str = "message"
    id: str = ""
    data: str = ""

    @property
    def said(self) -> Any:
        return json.loads(self.data)["data"]["n"]


class Stream:
    """What a browser's EventSource reads."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()

    def next(self) -> Message:
        message, seen = Message(), False
        for line in self._lines:
            if not line:
                if seen:
                    return message
                continue
            name, _, value = line.partition(":")
            if name in {"event", "id", "data"}:
                setattr(message, name, value.strip())
                seen = True
        raise EOFError

    def ready(self) -> Message:
        message = self.next()
        assert message.event == "ready"
        return message


@contextmanager
def listening(push: str, bearer: str, last: str = "", **query: str) -> Iterator[Stream]:
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    if last:
        headers["last-event-id"] = last
    with httpx.stream("GET", f"{push}/events", headers=headers, params=query, timeout=20) as answer:
        assert answer.status_code == 200, answer.read()
        yield Stream(answer)


def say(live: Live, n: int, account: str) -> None:
    live.publish(audience=Audience(account=account), kind="card_issued", data={"n": n}, at=NOON)


def test_a_caller_gets_his_own_events_and_nobody_elses(push: str, live: Live) -> None:
    with listening(push, token("mine")) as stream:
        stream.ready()
        say(live, 1, "another")
        say(live, 2, "mine")
        message = stream.next()

    assert json.loads(message.data) == {
        "kind": "card_issued",
        "at": "2026-11-24T04:00:00.000000Z",
        "data": {"n": 2},
    }


@pytest.mark.parametrize("how", ["header", "query"])
def test_after_a_break_the_stream_goes_on_behind_the_last_event_id(
    push: str, live: Live, how: str
) -> None:
    with listening(push, token("back")) as stream:
        stream.ready()
        say(live, 1, "back")
        last = stream.next()
    for n in (2, 3):
        say(live, n, "back")
        say(live, 99, "another")

    header, query = (last.id, {}) if how == "header" else ("", {"last_event_id": last.id})
    with listening(push, token("back"), header, **query) as stream:
        assert [stream.next().said, stream.next().said] == [2, 3]
        stream.ready()
        say(live, 4, "back")
        assert stream.next().said == 4


def test_who_saw_nothing_yet_resumes_from_where_he_was_ready(push: str, live: Live) -> None:
    with listening(push, token("quiet")) as stream:
        ready = stream.ready()
    say(live, 1, "quiet")

    with listening(push, token("quiet"), ready.id) as stream:
        assert stream.next().said == 1


def test_a_gap_is_told_when_the_stream_no_longer_reaches_back(
    push: str, live: Live, redis_url: str
) -> None:
    with listening(push, token("late")) as stream:
        stream.ready()
        say(live, 1, "late")
        last = stream.next()
    say(live, 2, "late")
    with redis.Redis.from_url(redis_url) as client:
        client.xtrim(STREAM, maxlen=1, approximate=False)

    with listening(push, token("late"), last.id) as stream:
        assert stream.next().event == "gap"
        assert stream.next().said == 2


def test_the_stream_ends_when_the_token_does(push: str) -> None:
    with listening(push, token("short", lives=2)) as stream:
        stream.ready()
        with pytest.raises(EOFError):
            stream.next()


def test_the_stream_ends_when_the_token_is_revoked(push: str, live: Live, redis_url: str) -> None:
    with listening(push, token("banned")) as stream, redis.Redis.from_url(redis_url) as client:
        stream.ready()
        client.xadd(REVOKED_STREAM, {"account_id": "banned", "not_before": repr(time.time())})
        with pytest.raises(EOFError):
            talk_on(live, stream)


def talk_on(live: Live, stream: Stream) -> None:
    """Say something until the stream ends: a revocation shows at the next event, or the next beat."""
    while True:
        say(live, 1, "banned")
        stream.next()


def test_an_event_source_may_put_its_token_into_the_query(push: str) -> None:
    with listening(push, "", access_token=token("browser")) as stream:
        stream.ready()


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        pytest.param({}, 401, "TOKEN_MISSING", id="no token"),
        pytest.param({"authorization": "Bearer x.y.z"}, 401, "TOKEN_INVALID", id="a forged one"),
        pytest.param(
            {"authorization": f"Bearer {token('a', lives=-1)}"}, 401, "TOKEN_INVALID", id="too old"
        ),
        pytest.param(
            {"authorization": f"Bearer {token('a')}", "last-event-id": "yesterday"},
            400,
            "LAST_EVENT_ID_INVALID",
            id="an id that is none",
        ),
    ],
)
def test_a_bad_request_is_refused_in_the_common_shape(
    push: str, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = httpx.get(f"{push}/events", headers=headers)

    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (status, reason)


def test_a_redis_that_dies_and_comes_back_empty_costs_no_listener_his_stream() -> None:
    with scratch() as home, ExitStack() as lasting:
        server = Redis(home / "redis", free_block(1), "kaigong")
        server.prepare()
        live = Live(server.url)
        with started(server.process(home / "redis.log")):
            push = lasting.enter_context(running_push(server.url))
            stream = lasting.enter_context(listening(push, token("patient")))
            stream.ready()
            say(live, 1, "patient")
            last = stream.next()

        with started(server.process(home / "redis.log")):
            say(live, 2, "patient")
            assert stream.next().said == 2
            with listening(push, token("patient"), last.id) as resumed:
                assert resumed.next().event == "gap"
