"""What reaches a service, and what comes back."""

from __future__ import annotations

import json
import re
import time

import httpx
import pytest

from support import eventually
from support.edge import Edge, Toy

ENVOYS_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def test_json_has_the_names_of_the_proto_and_every_plain_field(api: httpx.Client, toy: Toy) -> None:
    answer = api.get("/v1/toys/t%2F1", params={"colour": "COLOUR_RED", "tags": ["a", "b"]})

    assert answer.json()["toy"] == {
        "toy_id": "t/1",
        "colour": "COLOUR_RED",
        "turns": 0,
        "owners": [],
    }
    assert list(toy.seen[0][1].tags) == ["a", "b"]


def test_key_token_and_deadline_reach_the_service(edge: Edge, api: httpx.Client, toy: Toy) -> None:
    api.post("/v1/toys/t1:wind", json={"turns": 2}, headers={"Idempotency-Key": "key-1"})

    _, request, metadata = toy.seen[0]
    assert (request.toy_id, request.turns) == ("t1", 2)
    assert metadata["idempotency-key"] == "key-1"
    assert metadata["authorization"] == api.headers["authorization"]


def test_what_a_client_says_of_itself_does_not_reach_the_service(
    api: httpx.Client, toy: Toy
) -> None:
    forged = {
        "x-kaigong-account": "boss",
        "X-Kaigong-Roles": "D1",
        "x-forwarded-user": "boss",
        "x-user-id": "1",
        "x-auth-request-email": "a@b.c",
        "x-remote-user": "boss",
        "x-envoy-original-path": "/v1/other",
        "grpc-timeout": "999H",
    }

    api.get("/v1/toys/t1", headers=forged)

    metadata = toy.seen[0][2]
    assert metadata["x-kaigong-account"] == "account-1"
    assert metadata["x-envoy-original-path"] == "/v1/toys/t1"
    for name in ("x-kaigong-roles", "x-forwarded-user", "x-user-id", "x-remote-user"):
        assert name not in metadata


@pytest.mark.parametrize(
    "header",
    [
        ("|odd*name!", "x"),
        ("x-data-bin", "not base64!"),
        ("grpc-encoding", "gzip"),
        ("grpc-accept-encoding", "nonsense"),
        ("te", "gzip"),
        ("x_underscored", "x"),
        ("x-latin", b"\xe9\xff"),
        ("x-utf8", "红".encode()),
        ("x-empty", ""),
    ],
    ids=lambda header: header[0],
)
def test_no_header_of_a_client_breaks_the_call(
    api: httpx.Client, header: tuple[str, str | bytes]
) -> None:
    name, value = header

    assert api.get("/v1/toys/t1", headers=[(name.encode(), value)]).status_code == 200  # type: ignore[arg-type]


def test_one_id_and_one_trace_are_made_where_they_are_missing(api: httpx.Client, toy: Toy) -> None:
    answer = api.get("/v1/toys/t1")

    metadata = toy.seen[0][2]
    assert ENVOYS_ID.fullmatch(metadata["x-request-id"])
    assert answer.headers["x-request-id"] == metadata["x-request-id"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", metadata["traceparent"])


def test_a_callers_own_id_and_trace_are_kept_when_they_are_well_formed(
    api: httpx.Client, toy: Toy
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    api.get("/v1/toys/t1", headers={"x-request-id": "mine-1", "traceparent": trace})
    api.get("/v1/toys/t1", headers={"x-request-id": "a b\tc" + "d" * 99, "traceparent": "00-x"})

    kept, mended = (metadata for _, _, metadata in toy.seen)
    assert (kept["x-request-id"], kept["traceparent"]) == ("mine-1", trace)
    assert re.fullmatch(r"abcd{61}", mended["x-request-id"])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", mended["traceparent"])


def test_who_needs_no_token_needs_none(stranger: httpx.Client) -> None:
    answer = stranger.post("/v1/toys:greet", json={"name": "you"})

    assert answer.json() == {"greeting": "hello you"}


def test_a_public_route_does_not_look_at_an_old_token(stranger: httpx.Client) -> None:
    answer = stranger.post(
        "/v1/toys:greet", json={"name": "you"}, headers={"authorization": "Bearer old"}
    )

    assert answer.status_code == 200


def test_a_file_goes_up_with_its_type_and_its_fields(api: httpx.Client) -> None:
    answer = api.post(
        "/v1/toys/t1/pictures",
        params={"caption": "红 red"},
        content=b"\x00\xff picture",
        headers={"content-type": "image/png"},
    )

    assert answer.json() == {"bytes": 10, "media_type": "image/png", "caption": "红 red"}


def test_a_file_comes_down_as_it_is(api: httpx.Client) -> None:
    answer = api.get("/v1/toys/t1/pictures/latest")

    assert answer.content == b"\x89PNG picture"
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_browser_of_our_portal_may_call_and_read_and_no_other(stranger: httpx.Client) -> None:
    def asks(origin: str) -> httpx.Response:
        headers = {"origin": origin, "access-control-request-method": "POST"}
        return stranger.options("/v1/toys/t1:wind", headers=headers)

    ours, foreign = asks("https://portal.example"), asks("https://evil.example")

    assert ours.headers["access-control-allow-origin"] == "https://portal.example"
    assert "idempotency-key" in ours.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in foreign.headers
    refused = stranger.get("/v1/toys/t1", headers={"origin": "https://portal.example"})
    assert refused.headers["access-control-allow-origin"] == "https://portal.example"


def test_events_stream_as_they_happen_and_take_the_token_from_the_query(
    edge: Edge, stranger: httpx.Client
) -> None:
    began = time.monotonic()
    arrived = []
    params = {"access_token": edge.issuer.token()}
    with stranger.stream("GET", "/events", params=params, headers={"last-event-id": "7"}) as answer:
        for line in answer.iter_lines():
            if line.startswith("id:"):
                arrived.append(time.monotonic() - began)

    assert answer.headers["content-type"] == "text/event-stream"
    assert len(arrived) == 3
    assert arrived[0] < 0.25 < arrived[-1]
    assert edge.events[-1]["last-event-id"] == "7"
    assert stranger.get("/events").status_code == 401


def test_the_document_and_its_page_are_served(stranger: httpx.Client) -> None:
    document = stranger.get("/openapi.json").json()
    page = stranger.get("/docs", follow_redirects=True)

    assert "/v1/toys/{toy_id}" in document["paths"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "/openapi.json" in page.text or "swagger-ui-bundle.js" in page.text
    for name in re.findall(r'(?:src|href)="\./([^"]+)"', page.text):
        assert stranger.get(f"/docs/{name}").status_code == 200


def test_a_request_leaves_one_line_that_joins_http_and_grpc_and_shows_no_token(
    edge: Edge, stranger: httpx.Client, api: httpx.Client
) -> None:
    api.get("/v1/toys/t1?colour=COLOUR_RED", headers={"x-request-id": "line-1"})
    token = edge.issuer.token()
    stranger.get("/nothing", params={"access_token": token}, headers={"x-request-id": "line-2"})

    def lines() -> dict[str, dict[str, object]]:
        told = [json.loads(each) for each in edge.log.read_text().splitlines() if each[0] == "{"]
        found = {each["request_id"]: each for each in told}
        assert {"line-1", "line-2"} <= found.keys()
        return found

    seen = eventually(lines)["line-1"]
    assert (seen["method"], seen["path"]) == ("GET", "/v1/toys/t1")
    assert seen["rpc"] == "/kaigong.toy.v1.ToyService/GetToy"
    assert (seen["status"], seen["account"]) == (200, "account-1")
    assert re.fullmatch(r"[0-9a-f]{32}", str(seen["trace_id"]))
    assert token not in edge.log.read_text()


def test_metrics_are_not_on_the_public_port_but_on_their_own(edge: Edge) -> None:
    assert httpx.get(f"{edge.url}/metrics").status_code == 404
    assert "envoy_http_downstream_rq" in httpx.get(f"{edge.metrics}/metrics").text
    assert httpx.get(f"{edge.metrics}/healthz").status_code == 200
    assert httpx.get(f"{edge.metrics}/quitquitquit").status_code == 404
