"""What the instance answers is what its OpenAPI document says, whatever it is sent.

The fuzz of `make test` is short; `make test-long` goes further with the same checks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from kaigong.access.v1 import access_pb2 as access
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.transport.serialization import serialize_binary

from chassis.identity import matrix
from edge.openapi import document
from edge.routes import Rpc, read
from support.accounts import Accounts
from support.instance import Instance, running_instance

ROOT = Path(__file__).resolve().parents[2]
PROTOS = read(ROOT / "build" / "kaigong.binpb")
DOCUMENT = document(PROTOS)
# Proto JSON reads an enum's number as well as its name; the document tells of the names only.
ENUMS = {
    each.name
    for message in PROTOS.messages.values()
    for each in message.proto.field
    if each.type == each.TYPE_ENUM
}


def what_breaks_the_schema_is_refused(context: Any, answer: Any, case: Any) -> bool | None:
    """An unknown key of a body is no part of this: the gateway cannot see it (gateway/README.md).

    Nor is null, which in a body is as if left out, nor a query parameter without a name
    or a value, which does not get as far as that.
    """
    body = case.body if isinstance(case.body, dict) else {}
    values = [*(case.query or {}).items(), *_fields(body)]
    if _holds_null(body):
        return None
    by_number = (name in ENUMS and str(value).lstrip("-").isdecimal() for name, value in values)
    told = {each.name for each in case.operation.query}
    if any(name not in told for name in case.query or {}) or any(by_number):
        return None
    return negative_data_rejection(context, answer, case)


def _fields(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield every field of a body, however deep."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield name, value
            yield from _fields(value)
    elif isinstance(tree, list):
        for each in tree:
            yield from _fields(each)


def _holds_null(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(_holds_null(value) for value in tree.values())
    if isinstance(tree, list):
        return any(_holds_null(value) for value in tree)
    return tree is None


CHECKS = [
    what_breaks_the_schema_is_refused,
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# One of every role that has a demo account.
CALLERS = [
    *("d4.city", "d5.city", "d6.city", "k1.city", "b4.city", "s1.city", "s2.city", "s3.city"),
    *(
        "d1.danyang",
        "d2.danyang",
        "d3.danyang",
        "b3.danyang",
        "a1.danyang",
        "b1.danyang",
        "b2.danyang",
    ),
    *("a2.danyang.fagai", "a3.danyang.fagai", "a4.city.fagai", "e1.p01", "e2.p01"),
    *("x1.zhongjie", "x2.gongdian"),
]
RPCS = {f"{rpc.cluster}_{rpc.name}": rpc for rpc in PROTOS.routed}
# These end what the caller needs for the next call, or move everybody's clock by years.
ENDS_THE_SESSION = {"identity_SignOut": "e1.p10", "identity_ChangePassword": "e2.p10"}
MOVES_THE_CLOCK = {"identity_AdvanceClock"}
# A command on one of these could take away what the next caller needs.
TAKES_AWAY = {"account_id", "key_id", "mandate_id", "uscc"}
ENDLESS = {"gateway_events"}


@schemathesis.serializer("*/*", *{kind for rpc in PROTOS.routed for kind in rpc.media_types})
def as_it_is(_: Any, value: Any) -> bytes | None:
    return serialize_binary(value)


schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(operation_id=sorted(ENDLESS))
turn = itertools.count()


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Instance]:
    """An instance of this module's own: what is left of it nobody else should meet."""
    with running_instance(RATE_LIMITS="0") as running:
        yield running


@pytest.fixture(scope="module")
def accounts(fuzzed: Instance) -> Accounts:
    return Accounts(fuzzed.base_url)


@pytest.fixture(scope="module")
def known(fuzzed: Instance, accounts: Accounts) -> dict[str, list[str]]:
    """Ids of what is there, by name, as the lists tell them."""
    found: dict[str, set[str]] = {}
    with httpx.Client(base_url=fuzzed.base_url, timeout=30) as client:
        for rpc, caller in itertools.product(PROTOS.routed, CALLERS):
            if rpc.http_method == "GET" and not rpc.variables and not PROTOS.downloads(rpc):
                answer = client.get(rpc.path, headers=accounts.headers(caller))
                if answer.status_code == 200:
                    _gather(answer.json(), found)
    return {name: sorted(values) for name, values in found.items()}


def _gather(tree: Any, found: dict[str, set[str]]) -> None:
    if isinstance(tree, list):
        for each in tree:
            _gather(each, found)
    if isinstance(tree, dict):
        for name, value in tree.items():
            if isinstance(value, str) and value:
                found.setdefault(name, set()).add(value)
            _gather(value, found)


def test_the_document_that_is_served_is_the_one_of_the_protos(fuzzed: Instance) -> None:
    assert httpx.get(f"{fuzzed.base_url}/openapi.json").json() == DOCUMENT


def test_the_reference_page_loads_the_document(fuzzed: Instance) -> None:
    page = httpx.get(f"{fuzzed.base_url}/docs/").text
    start = httpx.get(f"{fuzzed.base_url}/docs/start.js").text
    bundle = httpx.get(f"{fuzzed.base_url}/docs/swagger-ui-bundle.js")

    assert "swagger-ui-bundle.js" in page
    assert '"/openapi.json"' in start
    assert bundle.headers["content-type"].startswith("text/javascript")
    assert len(bundle.content) > 1_000_000


def _admitted(rpc: Rpc | None) -> list[str]:
    if rpc is None or rpc.access.audience:
        is_operators = rpc is not None and rpc.access.audience == access.AUDIENCE_OPERATOR
        return ["s2.city"] if is_operators else []
    holders = {
        role for grant in rpc.access.grants for role in matrix()[(grant.function, grant.right)]
    }
    return [each for each in CALLERS if each.partition(".")[0].upper() in holders]


def _ask(case: Any, fuzzed: Instance, accounts: Accounts, known: dict[str, list[str]]) -> None:
    """Call as the next of the callers, half the time about something that exists."""
    told = case.operation.definition.raw
    if f"{told['tags'][0]}-api" not in fuzzed.names and told["tags"] != ["gateway"]:
        pytest.skip(f"{told['tags'][0]} is not part of this instance")
    operation, count = told["operationId"], next(turn)
    # Three times of four somebody who may.
    callers = (count % 4 and _admitted(RPCS.get(operation))) or CALLERS
    caller = ENDS_THE_SESSION.get(operation) or callers[count // 4 % len(callers)]
    if operation in MOVES_THE_CLOCK and caller == "s2.city":
        caller = "d4.city"
    if case.meta and case.meta.generation.mode is GenerationMode.POSITIVE and count % 2:
        spared = TAKES_AWAY if case.method != "GET" else set()
        for name in case.path_parameters.keys() & known.keys() - spared:
            case.path_parameters[name] = known[name][count // 2 % len(known[name])]
    case.call_and_validate(
        base_url=fuzzed.base_url, headers=accounts.headers(caller), checks=CHECKS, timeout=30
    )


QUIET = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@schema.parametrize()
@settings(QUIET, max_examples=25)
def test_every_operation_answers_as_documented(
    case: Any, fuzzed: Instance, accounts: Accounts, known: dict[str, list[str]]
) -> None:
    _ask(case, fuzzed, accounts, known)


@pytest.mark.long
@schema.parametrize()
@settings(QUIET, max_examples=100)
def test_every_operation_answers_as_documented_to_much_more(
    case: Any, fuzzed: Instance, accounts: Accounts, known: dict[str, list[str]]
) -> None:
    _ask(case, fuzzed, accounts, known)
