"""Every rpc of the descriptors, through the gateway: what is wrong is named, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from kaigong.access.v1 import access_pb2 as access

from chassis.identity import Principal
from edge.routes import Protos, Rpc, read
from support import asks
from support.accounts import Accounts, holder_of, stranger_to
from support.instance import Instance

PROTOS: Protos = read(Path(__file__).resolve().parents[2] / "build" / "kaigong.binpb")
ROUTED = PROTOS.routed
GUARDED = [rpc for rpc in ROUTED if not rpc.is_public]
GRANTED = [
    rpc for rpc in ROUTED if rpc.access.grants or rpc.access.audience == access.AUDIENCE_OPERATOR
]


def name(rpc: Rpc) -> str:
    return f"{rpc.cluster}.{rpc.name}"


def send(client: httpx.Client, ask: asks.Ask, token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if isinstance(ask.body, bytes):
        kind = {"content-type": "application/octet-stream"}
        return client.request(
            ask.method, ask.path, params=ask.query, content=ask.body, headers=headers | kind
        )
    return client.request(ask.method, ask.path, params=ask.query, json=ask.body, headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Return status, reason and fields of a refusal, which always has the one shape."""
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    body: dict[str, Any] = answer.json()
    first = body["details"][0]
    assert first["@type"].endswith("google.rpc.ErrorInfo"), body
    assert first["domain"] == "kaigong"
    locales = {detail["locale"] for detail in body["details"] if "locale" in detail}
    assert locales == {"zh-CN", "en"}, body
    fields = [
        violation["field"]
        for detail in body["details"]
        for violation in detail.get("field_violations", detail.get("fieldViolations", []))
    ]
    return answer.status_code, first["reason"], fields


@pytest.fixture(scope="module")
def client(instance: Instance) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=instance.base_url, timeout=30) as made:
        yield made


@pytest.fixture(scope="module")
def accounts(instance: Instance) -> Accounts:
    return Accounts(instance.base_url)


@pytest.fixture
def unchanged(instance: Instance) -> Iterator[None]:
    """Every command leaves an audit line and every change a fact: none may come of a refusal."""
    before = commands_so_far(instance)
    yield
    assert commands_so_far(instance) == before


def refusals_so_far(instance: Instance, service: str) -> int:
    with psycopg.connect(instance.database_urls()[service]) as connection:
        row = connection.execute("select count(*) from audit where detail ? 'refused'").fetchone()
    return int(row[0]) if row else 0


def commands_so_far(instance: Instance) -> dict[str, int]:
    counts = {}
    for service, url in instance.database_urls().items():
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "select count(*) from audit where not detail ? 'refused' and method not like '%%/Get%%'"
                " and method not like '%%/List%%' and method not like '%%/SignIn'"
            ).fetchone()
            assert row is not None
            counts[service] = int(row[0])
    return counts


@pytest.mark.parametrize("rpc", GUARDED, ids=name)
def test_without_a_token_nobody_gets_in(client: httpx.Client, rpc: Rpc) -> None:
    assert refusal(send(client, asks.valid(PROTOS, rpc)))[0] == 401


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("rpc", GRANTED, ids=name)
def test_a_role_without_the_right_is_refused_and_the_attempt_audited(
    instance: Instance, client: httpx.Client, accounts: Accounts, rpc: Rpc
) -> None:
    stranger: Principal | None = stranger_to(rpc)
    if stranger is None:
        pytest.fail(f"every role may call {name(rpc)}: then its audience is SELF")

    token = accounts.token(stranger.username)
    before = refusals_so_far(instance, rpc.cluster)

    answer = send(client, asks.valid(PROTOS, rpc), token)

    assert refusal(answer)[:2] == (403, "NOT_YOUR_ROLE")
    assert refusals_so_far(instance, rpc.cluster) == before + 1


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("rpc", ROUTED, ids=name)
def test_each_broken_field_is_named(client: httpx.Client, accounts: Accounts, rpc: Rpc) -> None:
    token = "" if rpc.is_public else accounts.token(holder_of(rpc).username)
    surprises = []
    for ask in asks.broken(PROTOS, rpc):
        answer = send(client, ask, token)
        status, reason, fields = refusal(answer)
        named = any(each == ask.field or each.startswith(f"{ask.field}[") for each in fields)
        if status != 400 or not named:
            surprises.append(f"{ask.field} {ask.wrong}: {status} {reason} {fields}")

    assert surprises == []


@pytest.mark.parametrize("rpc", [rpc for rpc in GUARDED if rpc.variables], ids=name)
def test_what_does_not_exist_is_a_refusal_and_never_a_failure_of_ours(
    client: httpx.Client, accounts: Accounts, rpc: Rpc
) -> None:
    answer = send(client, asks.valid(PROTOS, rpc), accounts.token(holder_of(rpc).username))

    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        refusal(answer)
    if rpc.http_method == "GET" and "_id}" in rpc.path:
        assert answer.status_code in {403, 404}, answer.text
