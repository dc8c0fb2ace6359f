"""Envoy's bootstrap: listeners, filters, routes and clusters, derived from the protos and settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge import refusals
from edge.routes import Protos, Rpc, by_shape
from edge.settings import Bucket, Settings

Tree = dict[str, Any]

_EXTENSIONS = "type.googleapis.com/envoy.extensions."
_HTTP = f"{_EXTENSIONS}filters.http."
_ORIGINAL_PATH = "x-envoy-original-path"
ACCOUNT = "x-kaigong-account"
# What only we may say about a request; a client's own word for it is dropped before anything else.
_STRIPPED_PREFIXES = (
    *("x-kaigong-", "x-forwarded-user", "x-auth-", "x-user-", "x-remote-", "x-envoy-"),
    "grpc-",
)
_STRIPPED = ("x-user", "x-account", "x-roles", "remote-user")
# HTTP allows more in a header's name than gRPC does, and gRPC reads `-bin` as base64.
_NOT_FOR_GRPC = r":?[a-z0-9_.-]*[^a-z0-9_.:-].*|.*-bin"
_GRPC_ONLY = ("grpc-status", "grpc-message", "grpc-accept-encoding")
_EVENTS = "/events"
# A transcoder without services does nothing.
_NOT_TRANSCODED: Tree = {
    "envoy.filters.http.grpc_json_transcoder": {
        "@type": f"{_HTTP}grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "services": [],
        "proto_descriptor_bin": "",
    }
}
_FILE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
}


def bootstrap(protos: Protos, settings: Settings, *, descriptors: Path, pages: Path) -> Tree:
    """Return the whole configuration. `descriptors` and `pages` are read by Envoy at start."""
    services = sorted({rpc.cluster for rpc in protos.routed})
    if missing := [name for name in services if name not in settings.services]:
        raise SystemExit(f"no address for: {', '.join(missing)}")
    listeners = [_public(protos, settings, descriptors, pages)]
    if settings.metrics:
        listeners.append(_metrics(settings))
    return {
        "admin": {"address": _address(settings.admin)},
        # One expression lists every route; Envoy's own bound of 100 is for those of strangers.
        "layered_runtime": {
            "layers": [
                {"name": "ours", "static_layer": {"re2.max_program_size.error_level": 100_000}}
            ]
        },
        "static_resources": {
            "listeners": listeners,
            "clusters": [
                *(_grpc_cluster(name, settings.services[name]) for name in services),
                _http_cluster("identity_keys", urlsplit(settings.jwks_url).netloc),
                _http_cluster("push", settings.push),
                *([_http_cluster("admin", settings.admin)] if settings.metrics else []),
            ],
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{_EXTENSIONS}resource_monitors.downstream_connections.v3."
                        "DownstreamConnectionsConfig",
                        "max_active_downstream_connections": 20_000,
                    },
                }
            ]
        },
    }


# --- The listener ---------------------------------------------------------------------------


def _public(protos: Protos, settings: Settings, descriptors: Path, pages: Path) -> Tree:
    manager: Tree = {
        "@type": f"{_EXTENSIONS}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "use_remote_address": True,
        "xff_num_trusted_hops": settings.trusted_hops,
        "normalize_path": True,
        # A slash inside a value travels as %2F and must stay inside it.
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {
            "typed_config": {
                "@type": f"{_EXTENSIONS}request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
            }
        },
        "server_header_transformation": "PASS_THROUGH",
        "early_header_mutation_extensions": [_strip()],
        "common_http_protocol_options": {
            "idle_timeout": "300s",
            "headers_with_underscores_action": "DROP_HEADER",
        },
        "request_headers_timeout": "10s",
        "request_timeout": f"{settings.file_seconds}s",
        "stream_idle_timeout": "300s",
        "access_log": [_access_log()],
        "local_reply_config": refusals.local_reply_config(),
        "http_filters": [
            # The last to see an answer, as it is the first to see a request.
            _filter(
                "header_mutation",
                "header_mutation.v3.HeaderMutation",
                mutations={"response_mutations": [{"remove": name} for name in _GRPC_ONLY]},
            ),
            _filter("cors", "cors.v3.Cors"),
            _filter(
                "lua",
                "lua.v3.Lua",
                default_source_code={"inline_string": refusals.lua()},
            ),
            *_limit_by_address(settings),
            _jwt(settings),
            *_limit_by_account(settings),
            # A body is taken whole or refused, whether or not its length was announced.
            _filter("buffer", "buffer.v3.Buffer", max_request_bytes=settings.most_json_bytes),
            _transcoder(protos, settings, descriptors),
            _filter("router", "router.v3.Router", suppress_envoy_headers=True),
        ],
        "route_config": _routes(protos, settings, pages),
    }
    return {
        "name": "gateway",
        "address": _address(settings.listen),
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }


def _filter(name: str, kind: str, **settings: Any) -> Tree:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{_HTTP}{kind}", **settings},
    }


def _strip() -> Tree:
    matchers: list[Tree] = [
        *({"prefix": prefix} for prefix in _STRIPPED_PREFIXES),
        {"safe_regex": {"regex": _NOT_FOR_GRPC}},
    ]
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{_EXTENSIONS}http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [
                *({"remove_on_match": {"key_matcher": matcher}} for matcher in matchers),
                *({"remove": name} for name in _STRIPPED),
            ],
        },
    }


def _access_log() -> Tree:
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": f"{_EXTENSIONS}access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {
                "json_format": {
                    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
                    "service": "gateway",
                    "request_id": "%REQ(X-REQUEST-ID)%",
                    "trace_id": "%REQ(X-KAIGONG-TRACE-ID)%",
                    "method": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
                    # Without the query: an EventSource's token travels there.
                    "path": "%PATH(NQ:ORIG_OR_PATH)%",
                    "rpc": "%PATH(NQ:PATH)%",
                    "account": f"%REQ({ACCOUNT})%",
                    "status": "%RESPONSE_CODE%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    "flags": "%RESPONSE_FLAGS%",
                    "refusal": f"%RESP({refusals.MARK})%",
                    "milliseconds": "%DURATION%",
                    "bytes_in": "%BYTES_RECEIVED%",
                    "bytes_out": "%BYTES_SENT%",
                    "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
                    "upstream": "%UPSTREAM_HOST%",
                }
            },
        },
    }


# --- Limits ---------------------------------------------------------------------------------


def _limit_by_address(settings: Settings) -> list[Tree]:
    """Return the outer limit. Public routes have one of their own, see `_public_limit`."""
    if not settings.by_address.per_second:
        return []
    rules = _by_address("address", settings.by_address)
    return [_filter("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", **rules)]


def _by_address(name: str, bucket: Bucket) -> Tree:
    return _limit(name, bucket, "remote_address", {"remote_address": {}})


def _limit_by_account(settings: Settings) -> list[Tree]:
    if not settings.by_account.per_second:
        return []
    by_account = {"request_headers": {"header_name": ACCOUNT, "descriptor_key": "account"}}
    limit = _filter(
        "local_ratelimit",
        "local_ratelimit.v3.LocalRateLimit",
        **_limit("account", settings.by_account, "account", by_account),
    )
    return [{**limit, "name": "kaigong.limit_by_account"}]


def _limit(name: str, bucket: Bucket, key: str, action: Tree) -> Tree:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "stat_prefix": f"limit_by_{name}",
        # Nobody's own bucket: requests without the key are not limited here.
        "token_bucket": {
            "max_tokens": 1_000_000,
            "tokens_per_fill": 1_000_000,
            "fill_interval": "1s",
        },
        "always_consume_default_token_bucket": False,
        "filter_enabled": always,
        "filter_enforced": always,
        "response_headers_to_add": [
            {
                "header": {"key": "retry-after", "value": "1"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
        "rate_limits": [{"actions": [action]}],
        "descriptors": [
            {
                # An entry without a value gives every value a bucket of its own.
                "entries": [{"key": key}],
                "token_bucket": {
                    "max_tokens": bucket.burst,
                    "tokens_per_fill": bucket.per_second,
                    "fill_interval": "1s",
                },
            }
        ],
        "max_dynamic_descriptors": 20_000,
    }


# --- Tokens and transcoding -----------------------------------------------------------------


def _jwt(settings: Settings) -> Tree:
    header = {"name": "Authorization", "value_prefix": "Bearer "}

    def provider(**places: Any) -> Tree:
        return {
            "issuer": "kaigong",
            "audiences": ["kaigong"],
            "remote_jwks": {
                "http_uri": {"uri": settings.jwks_url, "cluster": "identity_keys", "timeout": "3s"},
                "cache_duration": f"{settings.keys_fresh_seconds}s",
                "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
            },
            "from_headers": [header],
            # The service verifies the token again.
            "forward": True,
            "clock_skew_seconds": 1,
            "claim_to_headers": [{"header_name": ACCOUNT, "claim_name": "sub"}],
            **places,
        }

    return _filter(
        "jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        providers={
            "header": provider(),
            # EventSource cannot set headers: there, and only there, the query may carry the token.
            "header_or_query": provider(from_params=["access_token"]),
        },
        requirement_map={
            "signed_in": {"provider_name": "header"},
            "signed_in_stream": {"provider_name": "header_or_query"},
        },
        bypass_cors_preflight=True,
    )


def _transcoder(protos: Protos, settings: Settings, descriptors: Path) -> Tree:
    return _filter(
        "grpc_json_transcoder",
        "grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=str(descriptors),
        services=sorted({rpc.full_service for rpc in protos.routed}),
        convert_grpc_status=True,
        print_options={"always_print_primitive_fields": True, "preserve_proto_field_names": True},
        url_unescape_spec="ALL_CHARACTERS_EXCEPT_SLASH",
        query_param_unescape_plus=True,
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        max_request_body_size=settings.most_file_bytes,
        max_response_body_size=64 * 1024 * 1024,
    )


# --- Routes ---------------------------------------------------------------------------------


def _routes(protos: Protos, settings: Settings, pages: Path) -> Tree:
    host: Tree = {
        "name": "all",
        "domains": ["*"],
        "routes": [
            # A transcoded request is routed a second time, by its gRPC path. Only the transcoder
            # sets the header, so nobody reaches a gRPC path from outside.
            *(_grpc_route(protos, rpc, settings) for rpc in protos.routed),
            _said("/healthz", {"inline_string": "ok\n"}, "text/plain"),
            *_pages(pages),
            _events_route(),
            _redirect("/", "/docs/"),
            _redirect("/docs", "/docs/"),
            _preflight(protos),
            *_known_paths(protos, settings),
            {"match": {"prefix": "/"}, **_refuse(404)},
        ],
        "response_headers_to_add": [_header("x-content-type-options", "nosniff")],
        "typed_per_filter_config": {"envoy.filters.http.cors": _cors(settings)},
    }
    return {
        "name": "gateway",
        "virtual_hosts": [host],
        "max_direct_response_body_size_bytes": 16 * 1024 * 1024,
    }


def _grpc_route(protos: Protos, rpc: Rpc, settings: Settings) -> Tree:
    seconds = _seconds(protos, rpc, settings)
    route: Tree = {
        "cluster": rpc.cluster,
        # The service hears the deadline first, so that its own answer arrives.
        "timeout": f"{seconds + 1}s",
        "idle_timeout": f"{seconds + 1}s",
    }
    if rpc.http_method == "GET":
        route["retry_policy"] = {
            "retry_on": "unavailable,connect-failure,refused-stream",
            "num_retries": 2,
            "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
        }
    return {
        "match": {
            "path": rpc.grpc_path,
            "headers": [{"name": _ORIGINAL_PATH, "present_match": True}],
        },
        "route": route,
        "request_headers_to_add": [_header("grpc-timeout", f"{seconds}S")],
    }


def _seconds(protos: Protos, rpc: Rpc, settings: Settings) -> int:
    if protos.uploads(rpc) or protos.downloads(rpc):
        return settings.file_seconds
    if rpc.is_command and not rpc.is_public and rpc.access.audience:
        return max(settings.rpc_seconds, settings.operator_seconds)
    return settings.rpc_seconds


def _known_paths(protos: Protos, settings: Settings) -> Iterable[Tree]:
    """Yield where a request goes before it is transcoded: on with its rules, or refused.

    The action of a route that goes on is never carried out: the transcoder routes again, or
    refuses what it does not know.
    """
    for methods, members in by_shape(protos.routed):
        for method in methods:
            mine = [rpc for rpc in members if rpc.http_method == method]
            files = [rpc for rpc in mine if protos.uploads(rpc)]
            plain = [rpc for rpc in mine if not protos.uploads(rpc)]
            if plain and method != "GET":
                yield _refused(plain, method, 415, _not_json())
            for public in (True, False):
                for chosen, bytes_ in ((plain, 0), (files, settings.most_file_bytes)):
                    if some := [rpc for rpc in chosen if rpc.is_public == public]:
                        yield _goes_on(some, method, settings, most_bytes=bytes_)
        allowed = {"response_headers_to_add": [_header("allow", ", ".join(methods))]}
        yield {"match": _match(members), **_refuse(405), **allowed}


def _match(rpcs: list[Rpc], method: str = "", *more: Tree) -> Tree:
    paths = sorted({rpc.regex for rpc in rpcs})
    headers = [{"name": ":method", "string_match": {"exact": method}}] if method else []
    return {"safe_regex": {"regex": "|".join(paths)}, "headers": [*headers, *more]}


def _goes_on(rpcs: list[Rpc], method: str, settings: Settings, *, most_bytes: int) -> Tree:
    rules: Tree = {}
    if most_bytes:
        rules["envoy.filters.http.buffer"] = {
            "@type": f"{_HTTP}buffer.v3.BufferPerRoute",
            "buffer": {"max_request_bytes": most_bytes},
        }
    if rpcs[0].is_public:
        if settings.by_address_public.per_second:
            rules["envoy.filters.http.local_ratelimit"] = {
                "@type": f"{_HTTP}local_ratelimit.v3.LocalRateLimit",
                **_by_address("address_public", settings.by_address_public),
            }
    else:
        rules["envoy.filters.http.jwt_authn"] = _needs("signed_in")
    return {
        "match": _match(rpcs, method),
        "route": {"cluster": rpcs[0].cluster},
        "typed_per_filter_config": rules,
    }


def _preflight(protos: Protos) -> Tree:
    """The CORS filter answers before the action; the transcoder refuses a foreign origin's."""
    asked = [
        {"name": name, "present_match": True}
        for name in ("origin", "access-control-request-method")
    ]
    return {
        "match": _match(protos.routed, "OPTIONS", *asked),
        "route": {"cluster": protos.routed[0].cluster},
    }


def _refused(rpcs: list[Rpc], method: str, status: int, header: Tree) -> Tree:
    return {"match": _match(rpcs, method, header), **_refuse(status)}


def _refuse(status: int) -> Tree:
    return {"direct_response": {"status": status}, "typed_per_filter_config": _NOT_TRANSCODED}


def _not_json() -> Tree:
    pattern = r"(?i)\s*application/json\s*(;.*)?"
    # A request without the header is taken for JSON; `invert_match` leaves a missing one alone.
    return {
        "name": "content-type",
        "string_match": {"safe_regex": {"regex": pattern}},
        "invert_match": True,
    }


def _events_route() -> Tree:
    return {
        "match": {
            "path": _EVENTS,
            "headers": [{"name": ":method", "string_match": {"exact": "GET"}}],
        },
        # A stream lives as long as its reader; push sends a line every few seconds.
        "route": {"cluster": "push", "timeout": "0s", "idle_timeout": "0s"},
        "typed_per_filter_config": {
            **_NOT_TRANSCODED,
            "envoy.filters.http.jwt_authn": _needs("signed_in_stream"),
        },
    }


def _needs(requirement: str) -> Tree:
    return {"@type": f"{_HTTP}jwt_authn.v3.PerRouteConfig", "requirement_name": requirement}


def _pages(pages: Path) -> Iterable[Tree]:
    """Yield a route per file; Envoy keeps them in memory (its file server is not finished yet)."""
    yield _said("/openapi.json", {"filename": str(pages / "openapi.json")}, "application/json")
    for file in sorted((pages / "docs").iterdir()):
        path = "/docs/" if file.name == "index.html" else f"/docs/{file.name}"
        yield _said(path, {"filename": str(file)}, _FILE_TYPES[file.suffix])


def _said(path: str, body: Tree, content_type: str) -> Tree:
    return {
        "match": {
            "path": path,
            "headers": [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}],
        },
        "direct_response": {"status": 200, "body": body},
        "typed_per_filter_config": _NOT_TRANSCODED,
        "response_headers_to_add": [
            _header("content-type", content_type),
            _header("cache-control", "no-cache"),
        ],
    }


def _redirect(path: str, to: str) -> Tree:
    return {
        "match": {"path": path},
        "redirect": {"path_redirect": to, "response_code": "FOUND"},
        "typed_per_filter_config": _NOT_TRANSCODED,
    }


def _cors(settings: Settings) -> Tree:
    return {
        "@type": f"{_HTTP}cors.v3.CorsPolicy",
        "allow_origin_string_match": [
            {"safe_regex": {"regex": origin}} for origin in settings.cors_origins
        ],
        "allow_methods": "GET, POST, PUT, PATCH, DELETE",
        "allow_headers": "authorization, content-type, idempotency-key, x-request-id, "
        "traceparent, last-event-id",
        "expose_headers": "x-request-id, retry-after, content-disposition",
        "max_age": "600",
    }


def _header(name: str, value: str) -> Tree:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


# --- Metrics and clusters -------------------------------------------------------------------


def _metrics(settings: Settings) -> Tree:
    """A listener that hands out Envoy's metrics and nothing else of its admin page."""
    manager = {
        "@type": f"{_EXTENSIONS}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "metrics",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "metrics",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"path": "/metrics"},
                            "route": {"cluster": "admin", "prefix_rewrite": "/stats/prometheus"},
                        },
                        {
                            "match": {"path": "/healthz"},
                            "route": {"cluster": "admin", "prefix_rewrite": "/ready"},
                        },
                    ],
                }
            ]
        },
        "http_filters": [_filter("router", "router.v3.Router")],
    }
    return {
        "name": "metrics",
        "address": _address(settings.metrics),
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }


def _grpc_cluster(name: str, address: str) -> Tree:
    return {
        **_cluster(name, address),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_EXTENSIONS}upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "connection_keepalive": {"interval": "30s", "timeout": "5s"}
                    }
                },
            }
        },
        "health_checks": [
            {
                "timeout": "2s",
                "interval": "2s",
                "no_traffic_interval": "2s",
                "unhealthy_interval": "0.5s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "grpc_health_check": {},
            }
        ],
        # With every replica unhealthy the answer is a quick 503, not a try at random.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 256,
                    "max_pending_requests": 1024,
                    "max_requests": 1024,
                    "max_retries": 32,
                }
            ]
        },
    }


def _http_cluster(name: str, address: str) -> Tree:
    return _cluster(name, address)


def _cluster(name: str, address: str) -> Tree:
    host = address.rpartition(":")[0]
    is_address = bool(re.fullmatch(r"[0-9.]+|\[.*\]", host))
    endpoint = {"endpoint": {"address": _address(address)}}
    return {
        "name": name,
        "type": "STATIC" if is_address else "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _address(text: str) -> Tree:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}
