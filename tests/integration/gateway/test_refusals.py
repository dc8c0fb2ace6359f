"""Whoever refuses, Envoy or a service: one shape, a stable reason, the field where it is known."""

from __future__ import annotations

import time
from typing import Any

import grpc
import httpx
import pytest

from support.edge import Edge, Issuer, Toy, refusal

WIND = "/v1/toys/t1:wind"
JSON = {"content-type": "application/json"}


def told(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, reason and the field, after a look at the whole shape."""
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()
    info, *others = error["details"]
    assert info["@type"].endswith("google.rpc.ErrorInfo")
    assert info["domain"] == "kaigong"
    locales = [each["locale"] for each in others if each["@type"].endswith("LocalizedMessage")]
    assert locales == ["zh-CN", "en"]
    assert all(each["message"] for each in others if "locale" in each)
    fields = [each for each in others if each["@type"].endswith("BadRequest")]
    named = fields[0]["field_violations"][0]["field"] if fields else ""
    assert error["message"]
    assert error["code"] > 0
    return answer.status_code, info["reason"], named


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        ("{", "INVALID_JSON", ""),
        ('{"turns": 1} x', "INVALID_JSON", ""),
        ('{"other": {"owners": ["\xff"', "INVALID_JSON", ""),
        ("[]", "INVALID_VALUE", ""),
        ('"text"', "INVALID_VALUE", ""),
        ('{"colour": "BAD"}', "INVALID_VALUE", "colour"),
        ('{"turns": "x"}', "INVALID_VALUE", "turns"),
        ('{"turns": 1.5}', "INVALID_VALUE", "turns"),
        ('{"turns": 99999999999}', "INVALID_VALUE", "turns"),
        ('{"hard": "maybe"}', "INVALID_VALUE", "hard"),
        ('{"other": {"turns": "x"}}', "INVALID_VALUE", "other.turns"),
        ('{"other": 5}', "INVALID_VALUE", "other"),
        ('{"marks": ["x"]}', "INVALID_VALUE", "marks[0]"),
        ('{"at": "yesterday"}', "INVALID_VALUE", "at"),
        ('{"toy_id": "another"}', "INVALID_VALUE", "toy_id"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_by_field(
    api: httpx.Client, toy: Toy, body: str, reason: str, field: str
) -> None:
    answer = api.post(WIND, content=body.encode("latin1"), headers=JSON)

    assert told(answer) == (400, reason, field)
    assert toy.seen == []


@pytest.mark.parametrize(
    ("query", "reason", "field"),
    [
        ("nope=1", "UNKNOWN_PARAMETER", "nope"),
        ("colour=BAD", "INVALID_VALUE", "colour"),
        ("page_size=x", "INVALID_VALUE", "page_size"),
        ("page_size=99999999999", "INVALID_VALUE", "page_size"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_by_field(
    api: httpx.Client, toy: Toy, query: str, reason: str, field: str
) -> None:
    assert told(api.get(f"/v1/toys/t1?{query}")) == (400, reason, field)
    assert toy.seen == []


def test_a_misspelt_key_in_a_body_is_ignored(api: httpx.Client, toy: Toy) -> None:
    """The limit that gateway/README.md names."""
    assert api.post(WIND, json={"trns": 3}).status_code == 200
    assert toy.seen[0][1].turns == 0


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1/toys/a/b",
        "/nothing",
        "/kaigong.toy.v1.ToyService/GetToy",
        "/kaigong.toy.v1.ToyService/MoveToy",
        "/metrics",
    ],
)
def test_what_the_protos_do_not_route_is_not_there(api: httpx.Client, path: str) -> None:
    forged = {"x-envoy-original-path": "/v1/toys/t1"}

    assert told(api.get(path, headers=forged)) == (404, "ROUTE_NOT_FOUND", "")
    assert told(api.post(path, headers=forged)) == (404, "ROUTE_NOT_FOUND", "")


def test_a_grpc_client_from_outside_reaches_nothing(edge: Edge, toy: Toy) -> None:
    with grpc.insecure_channel(edge.url.removeprefix("http://")) as channel:
        call = channel.unary_unary("/kaigong.toy.v1.ToyService/MoveToy", None, None)
        with pytest.raises(grpc.RpcError):
            call(b"", timeout=3)

    assert toy.seen == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", WIND, "POST"),
        ("DELETE", "/v1/toys/t1", "GET"),
        ("POST", "/v1/toys/t1", "GET"),
        ("GET", "/v1/toys:greet", "POST"),
        ("PUT", "/v1/toys/t1/pictures", "POST"),
    ],
)
def test_a_wrong_method_is_told_which_would_do(
    stranger: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = stranger.request(method, path)

    assert told(answer) == (405, "METHOD_NOT_ALLOWED", "")
    assert answer.headers["allow"] == allowed


def test_a_head_is_refused_without_a_body(stranger: httpx.Client) -> None:
    assert stranger.head("/v1/toys/t1").status_code == 405
    assert stranger.get("/healthz").text == "ok\n"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_a_command_takes_json_and_nothing_else(api: httpx.Client, kind: str) -> None:
    answer = api.post(WIND, content="{}", headers={"content-type": kind})

    assert told(answer) == (415, "UNSUPPORTED_MEDIA_TYPE", "")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", None])
def test_json_may_say_its_charset_or_nothing(api: httpx.Client, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}

    assert api.post(WIND, content="{}", headers=headers).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused(api: httpx.Client, toy: Toy, announced: bool) -> None:
    body = b'{"toy_id": "' + b"x" * 20_000 + b'"}'

    answer = api.post(WIND, content=body if announced else iter([body]), headers=JSON)

    assert told(answer) == (413, "TOO_LARGE", "")
    assert toy.seen == []


def test_a_file_has_a_limit_of_its_own(api: httpx.Client, toy: Toy) -> None:
    url, headers = "/v1/toys/t1/pictures", {"content-type": "image/png"}

    assert api.post(url, content=b"x" * 1_500_000, headers=headers).json()["bytes"] == 1_500_000
    assert told(api.post(url, content=b"x" * 2_500_000, headers=headers))[1] == "TOO_LARGE"


def test_headers_that_are_too_large_are_refused(stranger: httpx.Client) -> None:
    answer = stranger.get("/v1/toys/t1", headers={"x-much": "y" * 70_000})

    assert told(answer) == (431, "HEADERS_TOO_LARGE", "")


def test_a_token_is_needed_and_must_be_ours_and_young(edge: Edge, stranger: httpx.Client) -> None:
    now, own = int(time.time()), edge.issuer

    def reason(**headers: str) -> str:
        status, reason, _ = told(stranger.get("/v1/toys/t1", headers=headers))
        assert status == 401
        return reason

    assert reason() == "TOKEN_MISSING"
    assert reason(authorization="Basic abc") == "TOKEN_MISSING"
    assert reason(authorization=f"Bearer {own.token(exp=now - 60)}") == "TOKEN_EXPIRED"
    assert reason(authorization="Bearer x.y.z") == "TOKEN_INVALID"
    assert reason(authorization=f"Bearer {own.token(iss='other')}") == "TOKEN_INVALID"
    assert reason(authorization=f"Bearer {own.token(aud='other')}") == "TOKEN_INVALID"
    assert reason(authorization=f"Bearer {Issuer().token()}") == "TOKEN_INVALID"


def test_the_query_carries_no_token_but_for_events(edge: Edge, stranger: httpx.Client) -> None:
    answer = stranger.get("/v1/toys/t1", params={"access_token": edge.issuer.token()})

    assert told(answer)[1] == "TOKEN_MISSING"


def test_a_services_refusal_keeps_its_details_in_order(api: httpx.Client, toy: Toy) -> None:
    toy.behave["GetToy"] = lambda _, context: refusal(context)

    answer = api.get("/v1/toys/t1")

    assert told(answer) == (400, "TOY_BROKEN", "toy_id")
    kinds = [each["@type"].rpartition(".")[2] for each in answer.json()["details"]]
    assert kinds == ["ErrorInfo", "BadRequest", "LocalizedMessage", "LocalizedMessage"]
    assert answer.json()["details"][0]["metadata"] == {"toy": "t1"}
    assert not [name for name in answer.headers if name.startswith("grpc-")]


def test_a_bug_in_a_service_is_an_internal_error_that_tells_nothing(
    api: httpx.Client, toy: Toy
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret")

    toy.behave["GetToy"] = broken
    answer = api.get("/v1/toys/t1")

    assert told(answer) == (500, "INTERNAL", "")
    assert "secret" not in answer.text


def test_a_read_is_tried_again_while_the_service_is_away_and_a_command_is_not(
    api: httpx.Client, toy: Toy
) -> None:
    for name in ("GetToy", "WindToy"):
        toy.behave[name] = lambda _, context: context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    assert told(api.get("/v1/toys/t1")) == (503, "SERVICE_UNAVAILABLE", "")
    assert len(toy.seen) == 3
    toy.seen.clear()
    assert told(api.post(WIND, json={})) == (503, "SERVICE_UNAVAILABLE", "")
    assert len(toy.seen) == 1


def test_a_service_that_takes_too_long_is_not_waited_for(api: httpx.Client, toy: Toy) -> None:
    toy.behave["GetToy"] = lambda *_: time.sleep(3.5)

    assert told(api.get("/v1/toys/t1")) == (504, "DEADLINE_EXCEEDED", "")
