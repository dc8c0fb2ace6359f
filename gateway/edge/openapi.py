"""The OpenAPI 3.1 document of all routes, derived from the descriptor set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2
from kaigong.access.v1 import access_pb2 as access

from chassis.identity import matrix
from edge.refusals import REFUSALS
from edge.routes import Message, Protos, Rpc
from edge.rules import Constraints, constraints

Tree = dict[str, Any]
Field = descriptor_pb2.FieldDescriptorProto

_SCALARS: dict[int, Tree] = {
    Field.TYPE_STRING: {"type": "string"},
    Field.TYPE_BOOL: {"type": "boolean"},
    Field.TYPE_INT32: {"type": "integer", "format": "int32"},
    Field.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    # 64 bits do not fit into JavaScript's number, so JSON carries them as a string.
    Field.TYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"},
    Field.TYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"},
    Field.TYPE_DOUBLE: {"type": "number", "format": "double"},
    Field.TYPE_FLOAT: {"type": "number", "format": "float"},
    Field.TYPE_BYTES: {"type": "string", "format": "byte", "contentEncoding": "base64"},
}
_WELL_KNOWN: dict[str, Tree] = {
    ".google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    ".google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$"},
    ".google.protobuf.Struct": {"type": "object"},
    ".google.protobuf.Value": {},
}
_ZEROS: dict[int, Any] = {Field.TYPE_STRING: "", Field.TYPE_INT32: 0, Field.TYPE_DOUBLE: 0}
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
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
    schemas = _Schemas(protos)
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


def _operation(protos: Protos, schemas: _Schemas, rpc: Rpc) -> Tree:
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


def _parameters(protos: Protos, schemas: _Schemas, rpc: Rpc) -> Iterable[Tree]:
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


def _query(schemas: _Schemas, message: Message, each: Field, prefix: str = "") -> Iterable[Tree]:
    nested = each.type == Field.TYPE_MESSAGE and each.type_name not in _WELL_KNOWN
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


def _body(protos: Protos, schemas: _Schemas, rpc: Rpc) -> Tree:
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


def _responses(protos: Protos, schemas: _Schemas, rpc: Rpc) -> Tree:
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


# --- Schemas --------------------------------------------------------------------------------


@dataclass
class _Schemas:
    """Makes component schemas as they are asked for.

    What comes in and what goes out differ: what goes out prints every plain field and nothing
    else; what comes in may leave fields out, and is bound by the rules of buf.validate.
    """

    protos: Protos
    made: dict[str, Tree] = field(default_factory=dict)

    def ref(self, name: str, *, incoming: bool) -> Tree:
        if name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[name])
        if name in self.protos.enums:
            return self._enum_ref(name)
        key = f"{_short(name)}Input" if incoming else _short(name)
        if key not in self.made:
            self.made[key] = {}  # a message may contain itself
            message = self.protos.messages[name]
            self.made[key] = self.request(message) if incoming else self._answer(message)
        return {"$ref": f"#/components/schemas/{key}"}

    def keep(self, name: str, schema: Tree) -> Tree:
        self.made[_short(name)] = schema
        return {"$ref": f"#/components/schemas/{_short(name)}"}

    def request(self, message: Message, *, without: Iterable[str] = ()) -> Tree:
        skipped = set(without)
        fields = [each for each in message.proto.field if each.name not in skipped]
        schema: Tree = {
            "type": "object",
            "properties": {
                each.name: self.of_field(message, each, incoming=True) for each in fields
            },
        }
        if message.comment:
            schema["description"] = message.comment
        if required := [each.name for each in fields if constraints(each).required]:
            schema["required"] = required
        if choices := self._choices(message):
            schema["allOf"] = choices
        return schema

    def _answer(self, message: Message) -> Tree:
        fields = list(message.proto.field)
        printed = [each.name for each in fields if self._is_always_printed(each)]
        schema: Tree = {
            "type": "object",
            "properties": {
                each.name: self.of_field(message, each, incoming=False) for each in fields
            },
            "additionalProperties": False,
        }
        if message.comment:
            schema["description"] = message.comment
        if printed:
            schema["required"] = printed
        return schema

    def _is_always_printed(self, each: Field) -> bool:
        if each.HasField("oneof_index"):
            return False
        return each.label == Field.LABEL_REPEATED or each.type != Field.TYPE_MESSAGE

    def _choices(self, message: Message) -> list[Tree]:
        """Return `exactly one of` for every oneof that is required."""
        choices = []
        for index, choice in enumerate(message.proto.oneof_decl):
            options: Any = choice.options
            if options.Extensions[validate_pb2.oneof].required:
                names = [
                    each.name
                    for each in message.proto.field
                    if each.HasField("oneof_index") and each.oneof_index == index
                ]
                choices.append({"oneOf": [{"required": [name]} for name in names]})
        return choices

    def of_field(self, message: Message, each: Field, *, incoming: bool) -> Tree:
        rules = constraints(each) if incoming else Constraints()
        if self._is_map(each):
            value = self.protos.messages[each.type_name].field("value")
            inner = self._single(value, incoming=incoming)
            schema: Tree = {
                "type": "object",
                "additionalProperties": {**inner, **rules.values} if "$ref" not in inner else inner,
                **rules.own,
            }
            if rules.keys:
                schema["propertyNames"] = rules.keys
        elif each.label == Field.LABEL_REPEATED:
            items = self._constrained(each, self._single(each, incoming=incoming), rules.items)
            schema = {"type": "array", "items": items, **rules.own}
        else:
            schema = self._constrained(each, self._single(each, incoming=incoming), rules.own)
        if rules.or_zero and each.type in _ZEROS and each.label != Field.LABEL_REPEATED:
            schema = {"anyOf": [schema, {"const": _ZEROS[each.type]}]}
        comment = message.field_comments.get(each.name, "")
        description = "\n\n".join(part for part in (comment, *rules.sentences) if part)
        return {**schema, "description": description} if description else schema

    def _constrained(self, each: Field, schema: Tree, more: Tree) -> Tree:
        if each.type == Field.TYPE_ENUM and more:
            names = [v for v in self.protos.enums[each.type_name].proto.value]
            allowed = [v.name for v in names if v.number not in more.get("not_in", ())]
            if "in" in more:
                allowed = [v.name for v in names if v.number in more["in"]]
            return {"type": "string", "enum": allowed} if len(allowed) < len(names) else schema
        return {**schema, **more}

    def _single(self, each: Field, *, incoming: bool) -> Tree:
        if each.type in {Field.TYPE_MESSAGE, Field.TYPE_ENUM}:
            return self.ref(each.type_name, incoming=incoming)
        schema = dict(_SCALARS[each.type])
        if each.type == Field.TYPE_INT32:
            schema |= _INT32
        return schema

    def _is_map(self, each: Field) -> bool:
        if each.type != Field.TYPE_MESSAGE or each.label != Field.LABEL_REPEATED:
            return False
        kind = self.protos.messages.get(each.type_name)
        return kind is not None and kind.proto.options.map_entry

    def _enum_ref(self, name: str) -> Tree:
        enum = self.protos.enums[name]
        key = _short(name)
        if key not in self.made:
            told = [
                f"- `{value.name}`: {comment}"
                for value in enum.proto.value
                if (comment := enum.value_comments[value.name])
            ]
            schema: Tree = {"type": "string", "enum": [value.name for value in enum.proto.value]}
            if description := "\n\n".join(
                [part for part in (enum.comment, "\n".join(told)) if part]
            ):
                schema["description"] = description
            self.made[key] = schema
        return {"$ref": f"#/components/schemas/{key}"}


def _short(name: str) -> str:
    """Return `warning_dispatch.Card` for `.kaigong.warning_dispatch.v1.Card`."""
    matched = re.fullmatch(r"\.kaigong\.(\w+)\.v(\d+)\.(.+)", name)
    if matched is None:
        return name.lstrip(".")
    service, version, rest = matched.groups()
    return f"{service}.{rest}" if version == "1" else f"{service}.v{version}.{rest}"


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
