"""The OpenAPI 3.1 document of all routes, derived from the descriptor set."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from kaigong.access.v1 import access_pb2 as access

from chassis.identity import matrix
from edge.refusals import REFUSALS
from edge.routes import Message, Protos, Rpc
from edge.rules import constraints
from edge.schemas import WELL_KNOWN, Field, Schemas, Tree

_ERRORS = {
    "400": "The request is wrong, or the present state does not allow it; see `details[0].reason`.",
    "401": "No token, or one that is not valid any more.",
    "403": "The caller's roles, region or body do not admit this.",
    "404": "There is no such thing, or no such route.",
    "409": "It exists already, or it changed since it was read.",
    "413": "The body is too large.",
    "415": "The body is not of the media type that this route takes.",
    "429": "Too many requests, or an account locked for a while; see `Retry-After`.",
    "500": "An error of ours.",
    "503": "A service is not available; try again later.",
    "504": "The deadline passed before the work was done.",
}


def document(protos: Protos) -> Tree:
    """Return the document. The same protos give the same document, byte for byte."""
    schemas = Schemas(protos)
    paths: dict[str, Tree] = {}
    for rpc in sorted(protos.routed, key=lambda each: (each.path, each.http_method)):
        paths.setdefault(rpc.path, {})[rpc.http_method.lower()] = _operation(protos, schemas, rpc)
    paths |= _own_paths()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "开工 Kaigong",
            "version": "v1",
            "description": files(__package__)
            .joinpath("openapi.md")
            .read_text("utf-8")
            .replace("<!-- refusals -->", _table_of_refusals()),
        },
        "servers": [{"url": "/"}],
        "tags": [
            *_tags(protos),
            {"name": "gateway", "description": "What the gateway itself answers."},
        ],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**schemas.made, **_error_schemas()}.items())),
            "responses": _error_responses(),
            "parameters": {
                "IdempotencyKey": {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "A name for this request, chosen by the caller: sent twice it "
                    "acts once and answers alike. Visible characters; an empty one is none.",
                    "schema": {"type": "string", "maxLength": 128},
                }
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "query_token": {"type": "apiKey", "in": "query", "name": "access_token"},
            },
        },
    }


# --- Operations -----------------------------------------------------------------------------


def _operation(protos: Protos, schemas: Schemas, rpc: Rpc) -> Tree:
    summary, _, rest = rpc.comment.partition("\n\n")
    operation: Tree = {
        "operationId": f"{rpc.cluster}_{rpc.name}",
        "tags": [rpc.cluster],
        "summary": summary,
        "description": rest,
        "parameters": [*_parameters(protos, schemas, rpc), *_headers(rpc)],
        "responses": _responses(protos, schemas, rpc),
        "security": [] if rpc.is_public else [{"bearer": []}],
        "x-kaigong-access": _access(rpc),
        "x-kaigong-rpc": rpc.grpc_path,
    }
    if body := _body(protos, schemas, rpc):
        operation["requestBody"] = body
    return {name: value for name, value in operation.items() if value or name == "security"}


def _parameters(protos: Protos, schemas: Schemas, rpc: Rpc) -> Iterable[Tree]:
    message = protos.messages[rpc.request]
    for name in rpc.variables:
        each = message.field(name)
        schema = schemas.of_field(message, each, incoming=True)
        # An empty value would be another path; a slash travels as %2F.
        if schema.get("type") == "string":
            schema = {"minLength": 1, **schema}
        yield _parameter("path", name, message, schema, required=True)
    if rpc.body == "*":
        return
    skipped = {*rpc.variables, rpc.body}
    for each in message.proto.field:
        if each.name not in skipped:
            yield from _query(schemas, message, each)


def _query(schemas: Schemas, message: Message, each: Field, prefix: str = "") -> Iterable[Tree]:
    nested = each.type == Field.TYPE_MESSAGE and each.type_name not in WELL_KNOWN
    if nested:
        inner = schemas.protos.messages[each.type_name]
        for one in inner.proto.field:
            yield from _query(schemas, inner, one, f"{prefix}{each.name}.")
        return
    schema = schemas.of_field(message, each, incoming=True)
    required = not prefix and constraints(each).required
    yield _parameter("query", prefix + each.name, message, schema, required=required)


def _parameter(where: str, name: str, message: Message, schema: Tree, *, required: bool) -> Tree:
    schema = dict(schema)
    description = schema.pop("description", message.field_comments.get(name.rpartition(".")[2], ""))
    parameter: Tree = {"name": name, "in": where, "required": required, "schema": schema}
    return {**parameter, "description": description} if description else parameter


def _headers(rpc: Rpc) -> list[Tree]:
    if rpc.is_command and not rpc.is_public:
        return [{"$ref": "#/components/parameters/IdempotencyKey"}]
    return []


def _body(protos: Protos, schemas: Schemas, rpc: Rpc) -> Tree:
    if not rpc.body:
        return {}
    message = protos.messages[rpc.request]
    if protos.uploads(rpc):
        comment = message.field_comments[rpc.body]
        content = {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in rpc.media_types
        }
        return {"required": True, "description": comment or "The file.", "content": content}
    if rpc.body == "*":
        schema = schemas.request(message, without=rpc.variables)
        required = bool(schema.get("required"))
        content = {"application/json": {"schema": schemas.keep(f"{message.name}", schema)}}
    else:
        required = True
        schema = schemas.of_field(message, message.field(rpc.body), incoming=True)
        content = {"application/json": {"schema": schema}}
    return {"required": required, "content": content}


def _responses(protos: Protos, schemas: Schemas, rpc: Rpc) -> Tree:
    if protos.downloads(rpc):
        # No schema: that is how 3.1 says "bytes", and who reads YAML reads a tree and no string.
        content: Tree = {kind: {} for kind in rpc.media_types}
        good: Tree = {
            "description": "The file.",
            "headers": {"content-disposition": {"schema": {"type": "string"}}},
            "content": content,
        }
    else:
        message = protos.messages[rpc.response]
        if rpc.response_body:
            schema = schemas.of_field(message, message.field(rpc.response_body), incoming=False)
        else:
            schema = schemas.ref(rpc.response, incoming=False)
        good = {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    codes = set(_ERRORS)
    if not rpc.body:
        codes -= {"413", "415"}
    return {
        "200": good,
        **{code: {"$ref": f"#/components/responses/{code}"} for code in sorted(codes)},
    }


def _access(rpc: Rpc) -> Tree:
    if rpc.access.audience:
        return {"audience": access.Audience.Name(rpc.access.audience).removeprefix("AUDIENCE_")}
    return {
        "grants": [
            {
                "function": access.Function.Name(grant.function).removeprefix("FUNCTION_"),
                "title": _title(grant.function),
                "right": access.Right.Name(grant.right).removeprefix("RIGHT_"),
                "roles": sorted(matrix().get((grant.function, grant.right), ())),
            }
            for grant in rpc.access.grants
        ]
    }


def _title(function: int) -> str:
    value = access.Function.DESCRIPTOR.values_by_number[function]
    return str(value.GetOptions().Extensions[access.title])


def _tags(protos: Protos) -> Iterable[Tree]:
    for service, comment in sorted(protos.service_comments.items()):
        if any(rpc.full_service == service for rpc in protos.routed):
            yield {"name": service.split(".")[1], "description": comment}


def _own_paths() -> dict[str, Tree]:
    return {
        "/events": {
            "get": {
                "operationId": "gateway_events",
                "tags": ["gateway"],
                "summary": "Live events as server-sent events; `Last-Event-ID` resumes where it broke off.",
                "description": "A browser's EventSource cannot set headers: here, and only here, the "
                "token may come as the query parameter `access_token`.",
                "parameters": [
                    {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}
                ],
                "security": [{"bearer": []}, {"query_token": []}],
                "responses": {
                    "200": {
                        "description": "A stream that ends when the reader goes.",
                        "content": {"text/event-stream": {"schema": {"type": "string"}}},
                    },
                    **{
                        code: {"$ref": f"#/components/responses/{code}"}
                        for code in ("400", "401", "429", "503")
                    },
                },
            }
        },
        "/healthz": {
            "get": {
                "operationId": "gateway_healthz",
                "tags": ["gateway"],
                "summary": "Says that the gateway answers; it says nothing of what stands behind.",
                "security": [],
                "responses": {
                    "200": {
                        "description": "It does.",
                        "content": {"text/plain": {"schema": {"const": "ok\n"}}},
                    },
                    "429": {"$ref": "#/components/responses/429"},
                },
            }
        },
    }


# --- Errors ---------------------------------------------------------------------------------


def _error_schemas() -> dict[str, Tree]:
    text = {"type": "string"}

    def detail(kind: str, required: list[str], properties: Tree) -> Tree:
        return {
            "type": "object",
            "required": ["@type", *required],
            "properties": {
                "@type": {"const": f"type.googleapis.com/google.rpc.{kind}"},
                **properties,
            },
        }

    violation = {
        "type": "object",
        "required": ["field", "description", "reason"],
        "properties": {
            "field": {**text, "description": "The field's path as the client wrote it."},
            "description": {**text, "description": "In Chinese and English, `zh | en`."},
            "reason": text,
        },
    }
    return {
        "Error": {
            "type": "object",
            "description": "Every error, whoever found it. Branch on `details[0].reason`, which is "
            "stable, never on the message.",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "integer", "description": "The gRPC code."},
                "message": {**text, "description": "In English, for a log."},
                "details": {
                    "type": "array",
                    "minItems": 3,
                    "prefixItems": [{"$ref": "#/components/schemas/ErrorInfo"}],
                    "items": {
                        "anyOf": [
                            {"$ref": "#/components/schemas/BadRequest"},
                            {"$ref": "#/components/schemas/LocalizedMessage"},
                        ]
                    },
                },
            },
        },
        "ErrorInfo": detail(
            "ErrorInfo",
            ["reason", "domain"],
            {
                "reason": {**text, "pattern": "^[A-Z][A-Z0-9_]*$"},
                "domain": {"const": "kaigong"},
                "metadata": {"type": "object", "additionalProperties": text},
            },
        ),
        "BadRequest": detail(
            "BadRequest",
            ["field_violations"],
            {"field_violations": {"type": "array", "items": violation}},
        ),
        "LocalizedMessage": detail(
            "LocalizedMessage",
            ["locale", "message"],
            {"locale": {"enum": ["zh-CN", "en"]}, "message": text},
        ),
    }


def _error_responses() -> dict[str, Tree]:
    schema = {"schema": {"$ref": "#/components/schemas/Error"}}
    return {
        code: {"description": description, "content": {"application/json": schema}}
        for code, description in _ERRORS.items()
    }


def _table_of_refusals() -> str:
    known = {(each.status, each.reason, each.en): None for each in REFUSALS}
    extra = {
        (400, "INVALID_JSON", "the body is not valid JSON"): None,
        (400, "UNKNOWN_PARAMETER", "there is no such query parameter; the field is named"): None,
        (
            400,
            "INVALID_VALUE",
            "a value has the wrong type or is not a known one; the field is named",
        ): None,
    }
    rows = sorted({(s, r): e for s, r, e in [*known, *extra]}.items())
    lines = [f"| {status} | `{reason}` | {en} |" for (status, reason), en in rows]
    return "\n".join(["| status | reason | |", "| --- | --- | --- |", *lines])
