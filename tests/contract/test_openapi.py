"""The OpenAPI document says what the protos say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis

from edge.openapi import document
from edge.routes import read

ROOT = Path(__file__).resolve().parents[2]
PROTOS = read(ROOT / "build" / "kaigong.binpb")
# What the gateway answers by itself.
OWN = {("GET", "/events"), ("GET", "/healthz")}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(PROTOS)


def test_it_is_valid_openapi(described: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(described).validate()


def test_the_same_protos_give_the_same_document(described: dict[str, Any]) -> None:
    assert json.dumps(document(PROTOS)) == json.dumps(described)


def test_its_operations_are_the_routes_and_no_others(described: dict[str, Any]) -> None:
    found = {(method.upper(), path) for path, item in described["paths"].items() for method in item}

    assert found == {(rpc.http_method, rpc.path) for rpc in PROTOS.routed} | OWN


def test_operation_ids_are_unique(described: dict[str, Any]) -> None:
    ids = [each["operationId"] for item in described["paths"].values() for each in item.values()]

    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in _references(described):
        place: Any = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place, reference


def test_security_and_key_follow_from_who_may_call(described: dict[str, Any]) -> None:
    for rpc in PROTOS.routed:
        operation = described["paths"][rpc.path][rpc.http_method.lower()]
        keyed = {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get(
            "parameters", []
        )
        assert operation["security"] == ([] if rpc.is_public else [{"bearer": []}])
        assert keyed == (rpc.is_command and not rpc.is_public)


def test_a_path_parameter_is_described_for_every_variable(described: dict[str, Any]) -> None:
    for rpc in PROTOS.routed:
        operation = described["paths"][rpc.path][rpc.http_method.lower()]
        told = [
            each["name"] for each in operation.get("parameters", []) if each.get("in") == "path"
        ]
        assert told == rpc.variables


def test_a_file_says_of_which_media_types_it_may_be() -> None:
    silent = [
        rpc.grpc_path
        for rpc in PROTOS.routed
        if (PROTOS.uploads(rpc) or PROTOS.downloads(rpc)) and rpc.media_types == ("*/*",)
    ]

    assert silent == []


def test_every_list_is_paged_and_bounded(described: dict[str, Any]) -> None:
    for rpc in PROTOS.routed:
        names = {each.name for each in PROTOS.messages[rpc.request].proto.field}
        if "page_size" not in names:
            continue
        operation = described["paths"][rpc.path][rpc.http_method.lower()]
        size = next(each for each in operation["parameters"] if each.get("name") == "page_size")
        assert size["schema"]["maximum"] <= 1000, rpc.path
        assert "page_token" in names, rpc.path
        answer = PROTOS.messages[rpc.response].proto.field
        assert "next_page_token" in {each.name for each in answer}, rpc.path


def test_every_string_of_a_request_is_bounded() -> None:
    from edge.rules import constraints

    unbounded = [
        f"{rpc.request}.{each.name}"
        for rpc in PROTOS.routed
        for each in PROTOS.messages[rpc.request].proto.field
        if each.type == each.TYPE_STRING and not _is_bounded(constraints(each))
    ]

    assert unbounded == []


def _is_bounded(rules: Any) -> bool:
    told = {**rules.own, **rules.items}
    return bool(told.keys() & {"maxLength", "pattern", "format", "enum", "const"})


def _references(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        own = [tree["$ref"]] if isinstance(tree.get("$ref"), str) else []
        return own + [each for value in tree.values() for each in _references(value)]
    if isinstance(tree, list):
        return [each for value in tree for each in _references(value)]
    return []
