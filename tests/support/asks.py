"""Requests made from the descriptors: one that keeps every rule of a message, and ones that break each."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2

from edge.routes import HTTP_BODY, Protos, Rpc

_F = descriptor_pb2.FieldDescriptorProto
_UUID = "01a20b2f-cc01-7210-b763-f5e9670f1bbb"
_LONGEST = 30_000
# A value for each pattern of the protos that is not a day; a new pattern needs a line here.
_SAMPLES = (
    *("2026-11-24", "321171", "2026-11", "321171:发改", "S2-02", "X2026", "2026-11-24T00:00:00Z"),
    *("913211710000000199", "2603-321171-89-01-999001", "12.50", "a1.example", "T01", "W-01"),
    *("Aa#2026-xyz", "land_type=lease", "09:30", "ab" * 32, "ab" * 16),
)


@dataclass(frozen=True)
class Ask:
    """One HTTP request: where, with what query and what body."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | bytes | None
    # what is wrong with it, and the field that the answer must name; empty when nothing is.
    wrong: str = ""
    field: str = ""


def valid(protos: Protos, rpc: Rpc) -> Ask:
    """Return a request that keeps the rules of its fields; the things it names do not exist."""
    return _ask(protos, rpc, _message(protos, rpc.request))


def broken(protos: Protos, rpc: Rpc) -> Iterator[Ask]:
    """Yield requests that each break one rule of one field."""
    good = _message(protos, rpc.request)
    for field in protos.messages[rpc.request].proto.field:
        if field.type_name == HTTP_BODY:
            continue
        for wrong, value in _bad_values(protos, field):
            in_path = field.name in rpc.variables
            if in_path and (not isinstance(value, str) or value == ""):
                continue
            if in_path and len(value) > 200:
                value = value[:3000]
            if not _is_plain(value) and not rpc.body:
                continue
            yield _ask(protos, rpc, {**good, field.name: value}, wrong=wrong, field=field.name)


def _ask(
    protos: Protos, rpc: Rpc, message: dict[str, Any], *, wrong: str = "", field: str = ""
) -> Ask:
    path = rpc.path
    for name in rpc.variables:
        path = path.replace(f"{{{name}}}", quote(str(message.get(name, _UUID)), safe=""))
    rest = {name: value for name, value in message.items() if name not in rpc.variables}
    if protos.uploads(rpc):
        rest.pop(rpc.body, None)
        return Ask(rpc.http_method, path, _query(rest), b"not a file", wrong, field)
    if rpc.body == "*":
        return Ask(rpc.http_method, path, {}, rest, wrong, field)
    if rpc.body:
        inner = rest.pop(rpc.body, {})
        return Ask(rpc.http_method, path, _query(rest), inner, wrong, field)
    return Ask(rpc.http_method, path, _query(rest), None, wrong, field)


def _query(values: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _rules(field: descriptor_pb2.FieldDescriptorProto) -> Any:
    options: Any = field.options
    return options.Extensions[validate_pb2.field]


def _message(protos: Protos, name: str, depth: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {}
    chosen: set[int] = set()
    for field in protos.messages[name].proto.field:
        if field.type_name == HTTP_BODY:
            continue
        if field.HasField("oneof_index") and not field.proto3_optional:
            if field.oneof_index in chosen:
                continue
            chosen.add(field.oneof_index)
        elif field.proto3_optional and not _rules(field).required:
            continue
        value = _value(protos, field, depth)
        if value is not None:
            made[field.name] = value
    return made


def _value(protos: Protos, field: descriptor_pb2.FieldDescriptorProto, depth: int) -> Any:
    rules = _rules(field)
    if field.label == _F.LABEL_REPEATED:
        least = rules.repeated.min_items
        if not least or field.type_name.endswith("Entry"):
            return None
        if field.type == _F.TYPE_MESSAGE:
            return [_message(protos, field.type_name, depth + 1) for _ in range(least)]
        return [_one(protos, field, rules.repeated.items, depth) for _ in range(least)]
    return _one(protos, field, rules, depth)


def _one(protos: Protos, field: descriptor_pb2.FieldDescriptorProto, rules: Any, depth: int) -> Any:
    if field.type == _F.TYPE_STRING:
        return _text(rules)
    if field.type == _F.TYPE_ENUM:
        values = protos.enums[field.type_name].proto.value
        return values[1].name if rules.enum.not_in or rules.required else None
    if field.type == _F.TYPE_BOOL:
        return None
    if field.type == _F.TYPE_BYTES:
        return base64.b64encode(b"x" * max(1, rules.bytes.min_len)).decode()
    if field.type == _F.TYPE_MESSAGE:
        if field.type_name == ".google.protobuf.Timestamp":
            return "2026-11-24T00:00:00Z" if rules.required else None
        if depth > 2 or field.type_name not in protos.messages:
            return None
        return _message(protos, field.type_name, depth + 1) if rules.required else None
    least = max(rules.int32.gte, rules.int32.gt + 1 if rules.int32.HasField("gt") else 0)
    if field.type == _F.TYPE_DOUBLE:
        return rules.double.gte or None
    return least or None


def _text(rules: validate_pb2.FieldRules) -> str | None:
    text = rules.string
    if text.uuid:
        return None if rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE else _UUID
    if rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE:
        return None
    if getattr(text, "in"):
        return str(getattr(text, "in")[0])
    if text.pattern:
        for sample in ("", *_SAMPLES):
            if re.search(text.pattern, sample) and len(sample) >= text.min_len:
                return sample or None
        return None
    if text.email:
        return "a@example.com"
    least = text.len or text.min_len
    if least or rules.required:
        return "甲" * max(least, 1)
    return None


def _bad_values(
    protos: Protos, field: descriptor_pb2.FieldDescriptorProto
) -> Iterator[tuple[str, Any]]:
    rules = _rules(field)
    if field.label == _F.LABEL_REPEATED:
        if rules.repeated.min_items:
            yield "missing", []
        if rules.repeated.max_items and field.type == _F.TYPE_STRING:
            yield "too many", ["x"] * (rules.repeated.max_items + 1)
        return
    if field.type == _F.TYPE_STRING:
        text = rules.string
        ignored = rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
        if (text.min_len or text.len or text.uuid or rules.required) and not ignored:
            yield "missing", ""
        if text.uuid or text.pattern or text.len or text.email:
            yield "malformed", "\u2603?!"
        if text.max_len and text.max_len < _LONGEST:
            yield "too long", "x" * (text.max_len + 1)
    elif field.type == _F.TYPE_ENUM:
        yield "wrong enum", "NO_SUCH_VALUE"
    elif field.type in {_F.TYPE_INT32, _F.TYPE_INT64}:
        yield "not a number", "many"
        if rules.int32.HasField("lte"):
            yield "too large", rules.int32.lte + 1
        if rules.int32.HasField("gte") and rules.int32.gte >= 0:
            yield "too small", rules.int32.gte - 1
    elif field.type == _F.TYPE_BOOL:
        yield "not a boolean", "perhaps"
