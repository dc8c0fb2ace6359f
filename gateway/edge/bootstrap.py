"""Envoy's bootstrap: listeners, filters, routes and clusters, derived from the protos and settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge import refusals, tls
from edge.envoy import (
    ACCOUNT,
    EXTENSIONS,
    Tree,
    http_filter,
    limit_by_account,
    limit_by_address,
)
from edge.envoy_routes import routes
from edge.routes import Protos
from edge.settings import Settings

# What only we may say about a request; a client's own word for it is dropped before anything else.
_STRIPPED_PREFIXES = (
    *("x-kaigong-", "x-forwarded-user", "x-auth-", "x-user-", "x-remote-", "x-envoy-"),
    "grpc-",
)
_STRIPPED = ("x-user", "x-account", "x-roles", "remote-user")
# HTTP allows more in a header's name than gRPC does, and gRPC reads `-bin` as base64.
_NOT_FOR_GRPC = r":?[a-z0-9_.-]*[^a-z0-9_.:-].*|.*-bin"
# No answer of ours is kept by whoever it passes, framed by another page, or taken for another type.
_SAID = {
    "cache-control": "no-store",
    "content-security-policy": "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_GRPC_ONLY = ("grpc-status", "grpc-message", "grpc-accept-encoding")


def bootstrap(protos: Protos, settings: Settings, *, descriptors: Path, pages: Path) -> Tree:
    """Return the whole configuration. `descriptors` and `pages` are read by Envoy at start."""
    services = sorted({rpc.cluster for rpc in protos.routed})
    if missing := [name for name in services if name not in settings.services]:
        raise SystemExit(f"no address for: {', '.join(missing)}")
    secure = pages if settings.tls else None
    listeners = [_public(protos, settings, descriptors, pages)]
    if settings.metrics:
        listeners.append(_metrics(settings, pages))
    return {
        "node": {"id": "gateway", "cluster": "kaigong"},
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
                *(_grpc_cluster(name, settings.services[name], secure) for name in services),
                _http_cluster("identity_keys", urlsplit(settings.jwks_url).netloc, secure),
                _http_cluster("push", settings.push, secure),
                *([_http_cluster("admin", settings.admin)] if settings.metrics else []),
            ],
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{EXTENSIONS}resource_monitors.downstream_connections.v3."
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
        "@type": f"{EXTENSIONS}filters.network.http_connection_manager.v3.HttpConnectionManager",
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
                "@type": f"{EXTENSIONS}request_id.uuid.v3.UuidRequestIdConfig",
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
            http_filter(
                "header_mutation",
                "header_mutation.v3.HeaderMutation",
                mutations={"response_mutations": _answered(settings)},
            ),
            http_filter("cors", "cors.v3.Cors"),
            http_filter(
                "lua",
                "lua.v3.Lua",
                default_source_code={"inline_string": refusals.lua()},
            ),
            *limit_by_address(settings),
            _jwt(settings),
            *limit_by_account(settings),
            # A body is taken whole or refused, whether or not its length was announced.
            http_filter("buffer", "buffer.v3.Buffer", max_request_bytes=settings.most_json_bytes),
            _transcoder(protos, settings, descriptors),
            http_filter("router", "router.v3.Router", suppress_envoy_headers=True),
        ],
        "route_config": routes(protos, settings, pages),
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
                ],
                **({"transport_socket": tls.public(pages)} if settings.certificate else {}),
            }
        ],
    }


def _answered(settings: Settings) -> list[Tree]:
    """What leaves every answer, and what every answer says unless it says so itself."""
    said = dict(_SAID)
    if settings.certificate:
        said["strict-transport-security"] = "max-age=31536000"
    return [
        *({"remove": name} for name in _GRPC_ONLY),
        *(
            {"append": {"header": {"key": k, "value": v}, "append_action": "ADD_IF_ABSENT"}}
            for k, v in said.items()
        ),
    ]


def _strip() -> Tree:
    matchers: list[Tree] = [
        *({"prefix": prefix} for prefix in _STRIPPED_PREFIXES),
        {"safe_regex": {"regex": _NOT_FOR_GRPC}},
    ]
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{EXTENSIONS}http.early_header_mutation.header_mutation.v3.HeaderMutation",
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
            "@type": f"{EXTENSIONS}access_loggers.stream.v3.StdoutAccessLog",
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

    return http_filter(
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
    return http_filter(
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


# --- Metrics and clusters -------------------------------------------------------------------


def _metrics(settings: Settings, pages: Path) -> Tree:
    """A listener that hands out Envoy's metrics and nothing else of its admin page."""
    manager = {
        "@type": f"{EXTENSIONS}filters.network.http_connection_manager.v3.HttpConnectionManager",
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
        "http_filters": [http_filter("router", "router.v3.Router")],
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
                ],
                **({"transport_socket": tls.inner(pages)} if settings.tls else {}),
            }
        ],
    }


def _grpc_cluster(name: str, address: str, secure: Path | None) -> Tree:
    return {
        **_cluster(name, address, secure, alpn="h2"),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{EXTENSIONS}upstreams.http.v3.HttpProtocolOptions",
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


def _http_cluster(name: str, address: str, secure: Path | None = None) -> Tree:
    return _cluster(name, address, secure, alpn="http/1.1")


def _cluster(name: str, address: str, secure: Path | None, *, alpn: str) -> Tree:
    """Return where a part is; with a folder of certificates in `secure`, it must show its own."""
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
        **({"transport_socket": tls.towards(secure, host, alpn=alpn)} if secure else {}),
    }


def _address(text: str) -> Tree:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}
