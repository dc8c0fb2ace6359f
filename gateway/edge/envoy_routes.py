"""Which request goes where: one route per method of a path, and what is refused at the door."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge.envoy import HTTP, NOT_TRANSCODED, ORIGINAL_PATH, Tree, add_header, by_address
from edge.routes import Protos, Rpc, by_shape
from edge.settings import Settings

_EVENTS = "/events"
_FILE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
}


def routes(protos: Protos, settings: Settings, pages: Path) -> Tree:
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
        "response_headers_to_add": [add_header("x-content-type-options", "nosniff")],
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
            "headers": [{"name": ORIGINAL_PATH, "present_match": True}],
        },
        "route": route,
        "request_headers_to_add": [add_header("grpc-timeout", f"{seconds}S")],
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
        allowed = {"response_headers_to_add": [add_header("allow", ", ".join(methods))]}
        yield {"match": _match(members), **_refuse(405), **allowed}


def _match(rpcs: list[Rpc], method: str = "", *more: Tree) -> Tree:
    paths = sorted({rpc.regex for rpc in rpcs})
    headers = [{"name": ":method", "string_match": {"exact": method}}] if method else []
    return {"safe_regex": {"regex": "|".join(paths)}, "headers": [*headers, *more]}


def _goes_on(rpcs: list[Rpc], method: str, settings: Settings, *, most_bytes: int) -> Tree:
    rules: Tree = {}
    if most_bytes:
        rules["envoy.filters.http.buffer"] = {
            "@type": f"{HTTP}buffer.v3.BufferPerRoute",
            "buffer": {"max_request_bytes": most_bytes},
        }
    if rpcs[0].is_public:
        if settings.by_address_public.per_second:
            rules["envoy.filters.http.local_ratelimit"] = {
                "@type": f"{HTTP}local_ratelimit.v3.LocalRateLimit",
                **by_address("address_public", settings.by_address_public),
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
    return {"direct_response": {"status": status}, "typed_per_filter_config": NOT_TRANSCODED}


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
            **NOT_TRANSCODED,
            "envoy.filters.http.jwt_authn": _needs("signed_in_stream"),
        },
    }


def _needs(requirement: str) -> Tree:
    return {"@type": f"{HTTP}jwt_authn.v3.PerRouteConfig", "requirement_name": requirement}


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
        "typed_per_filter_config": NOT_TRANSCODED,
        "response_headers_to_add": [
            add_header("content-type", content_type),
            add_header("cache-control", "no-cache"),
        ],
    }


def _redirect(path: str, to: str) -> Tree:
    return {
        "match": {"path": path},
        "redirect": {"path_redirect": to, "response_code": "FOUND"},
        "typed_per_filter_config": NOT_TRANSCODED,
    }


def _cors(settings: Settings) -> Tree:
    return {
        "@type": f"{HTTP}cors.v3.CorsPolicy",
        "allow_origin_string_match": [
            {"safe_regex": {"regex": origin}} for origin in settings.cors_origins
        ],
        "allow_methods": "GET, POST, PUT, PATCH, DELETE",
        "allow_headers": "authorization, content-type, idempotency-key, x-request-id, "
        "traceparent, last-event-id",
        "expose_headers": "x-request-id, retry-after, content-disposition",
        "max_age": "600",
    }
