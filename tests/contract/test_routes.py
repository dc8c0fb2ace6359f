"""Every rpc says where it is reached and who may call it, once."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from kaigong.access.v1 import access_pb2 as access

from edge.bootstrap import bootstrap
from edge.routes import Rpc, by_shape, read
from edge.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PROTOS = read(ROOT / "build" / "kaigong.binpb")
NAMES = [rpc.grpc_path for rpc in PROTOS.rpcs]


@pytest.mark.parametrize("rpc", PROTOS.rpcs, ids=NAMES)
def test_an_rpc_has_a_route_or_is_for_peers(rpc: Rpc) -> None:
    assert bool(rpc.path) != rpc.is_peer


@pytest.mark.parametrize("rpc", PROTOS.rpcs, ids=NAMES)
def test_an_rpc_names_an_audience_or_cells_of_the_matrix_and_not_both(rpc: Rpc) -> None:
    assert rpc.has_access
    assert bool(rpc.access.audience) != bool(rpc.access.grants)
    assert all(grant.function and grant.right for grant in rpc.access.grants)


@pytest.mark.parametrize("rpc", PROTOS.rpcs, ids=NAMES)
def test_an_rpc_says_in_its_comment_what_it_does(rpc: Rpc) -> None:
    assert rpc.comment.startswith(f"{rpc.name} ")


@pytest.mark.parametrize("rpc", PROTOS.routed, ids=[rpc.grpc_path for rpc in PROTOS.routed])
def test_reads_are_get_without_a_body_and_commands_have_one(rpc: Rpc) -> None:
    assert rpc.http_method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    if rpc.http_method == "GET":
        assert rpc.body == ""
    elif rpc.http_method != "DELETE":
        assert rpc.body


def test_no_two_rpcs_share_a_route() -> None:
    counted = Counter((rpc.http_method, rpc.regex) for rpc in PROTOS.routed)

    assert [route for route, times in counted.items() if times > 1] == []


def test_every_route_of_the_protos_is_in_envoys_table_with_the_token_it_needs(
    tmp_path: Path,
) -> None:
    settings = Settings(services={rpc.cluster: "127.0.0.1:1" for rpc in PROTOS.routed})
    (tmp_path / "docs").mkdir()
    tree = bootstrap(PROTOS, settings, descriptors=tmp_path / "x.binpb", pages=tmp_path)
    manager = tree["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    routes = manager["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]

    def first_match(rpc: Rpc) -> dict[str, object]:
        path = re.sub(r"\{\w+\}", "x-1", rpc.path)
        for route in routes:
            match = route["match"]
            regex = match.get("safe_regex", {}).get("regex")
            methods = [
                header["string_match"].get("exact")
                for header in match.get("headers", [])
                if header["name"] == ":method"
            ]
            others = [header for header in match.get("headers", []) if header["name"] != ":method"]
            if regex and re.fullmatch(regex, path) and methods == [rpc.http_method] and not others:
                found: dict[str, object] = route
                return found
        raise AssertionError(f"no route for {rpc.http_method} {path}")

    for rpc in PROTOS.routed:
        rules = first_match(rpc)["typed_per_filter_config"]
        assert ("envoy.filters.http.jwt_authn" in rules) != rpc.is_public, rpc.path  # type: ignore[operator]
        assert any(route["match"].get("path") == rpc.grpc_path for route in routes)


def test_a_path_with_a_verb_is_tried_before_one_that_ends_in_a_variable() -> None:
    order = [rpc for _, members in by_shape(PROTOS.routed) for rpc in members]

    verbs = [i for i, rpc in enumerate(order) if rpc.has_verb]
    variables = [i for i, rpc in enumerate(order) if not rpc.has_verb and rpc.path.endswith("}")]
    assert len(order) == len(PROTOS.routed)
    assert max(verbs) < min(variables)


def test_the_functions_of_the_protos_are_the_rows_of_the_matrix_one_to_one() -> None:
    text = files("chassis").joinpath("data/roles.yaml").read_text("utf-8")
    rows = [row["function"] for row in yaml.load(text, Loader=yaml.CSafeLoader)["permissions"]]
    titles = [
        value.GetOptions().Extensions[access.title]
        for value in access.Function.DESCRIPTOR.values
        if value.number
    ]

    assert Counter(titles) == Counter(rows)
    assert len(set(rows)) == len(rows)
