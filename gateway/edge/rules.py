"""The rules of buf.validate as JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2

Tree = dict[str, Any]
Field = descriptor_pb2.FieldDescriptorProto

_LENGTHS = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "const": "const"}
_FORMATS = {"uuid": "uuid", "email": "email", "uri": "uri"}
_BOUNDS = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


@dataclass(frozen=True)
class Constraints:
    """What binds one field: `own` its value, `items` of a list, `keys` and `values` of a map."""

    own: Tree = field(default_factory=dict)
    items: Tree = field(default_factory=dict)
    keys: Tree = field(default_factory=dict)
    values: Tree = field(default_factory=dict)
    required: bool = False
    # or_zero says that the zero value is as good as none, though the rules would refuse it.
    or_zero: bool = False
    sentences: tuple[str, ...] = ()


def constraints(each: Field) -> Constraints:
    """Return what the field's rules say. A field is required when leaving it out breaks a rule."""
    options: Any = each.options
    if not options.HasExtension(validate_pb2.field):
        return Constraints()
    rules = options.Extensions[validate_pb2.field]
    if rules.ignore == validate_pb2.IGNORE_ALWAYS:
        return Constraints()
    tolerant = each.proto3_optional or rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
    nested = rules.WhichOneof("type")
    return Constraints(
        own=_single(rules),
        items=_single(rules.repeated.items) if nested == "repeated" else {},
        keys=_single(rules.map.keys) if nested == "map" else {},
        values=_single(rules.map.values) if nested == "map" else {},
        required=rules.required or (not tolerant and _zero_breaks(rules)),
        or_zero=rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE and _zero_breaks(rules),
        sentences=tuple(rule.message for rule in rules.cel if rule.message),
    )


def _single(rules: Any) -> Tree:
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    given = getattr(rules, kind)
    said = {descriptor.name: value for descriptor, value in given.ListFields()}
    if kind == "string":
        return _string(said)
    if kind in {"int32", "double"}:
        bounds = {_BOUNDS[name]: value for name, value in said.items() if name in _BOUNDS}
        return {**bounds, **({"enum": list(said["in"])} if said.get("in") else {})}
    if kind == "enum":
        # Only `schemas.Schemas` knows the names of the numbers.
        return {name: tuple(said[name]) for name in ("in", "not_in") if said.get(name)}
    if kind == "repeated":
        names = {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}
        return {names[name]: value for name, value in said.items() if name in names}
    if kind == "map":
        names = {"min_pairs": "minProperties", "max_pairs": "maxProperties"}
        return {names[name]: value for name, value in said.items() if name in names}
    return {}


def _string(said: Tree) -> Tree:
    schema: Tree = {_LENGTHS[name]: value for name, value in said.items() if name in _LENGTHS}
    for name, kind in _FORMATS.items():
        if said.get(name):
            schema["format"] = kind
    if "len" in said:
        schema |= {"minLength": said["len"], "maxLength": said["len"]}
    if said.get("in"):
        schema["enum"] = list(said["in"])
    if "prefix" in said:
        schema["pattern"] = "^" + re.escape(said["prefix"])
    return schema


def _zero_breaks(rules: Any) -> bool:
    """Say whether the value that an absent field has is against the rules."""
    schema = _single(rules)
    kind = rules.WhichOneof("type")
    if kind == "string":
        return (
            schema.get("minLength", 0) > 0
            or "format" in schema
            or ("enum" in schema and "" not in schema["enum"])
            or ("const" in schema and schema["const"] != "")
            or ("pattern" in schema and not re.search(schema["pattern"], ""))
        )
    if kind == "enum":
        return 0 in schema.get("not_in", ()) or ("in" in schema and 0 not in schema["in"])
    if kind in {"int32", "double"}:
        return (
            schema.get("minimum", 0) > 0
            or schema.get("exclusiveMinimum", -1) >= 0
            or schema.get("maximum", 0) < 0
            or ("enum" in schema and 0 not in schema["enum"])
        )
    if kind == "repeated":
        return bool(schema.get("minItems", 0) > 0)
    if kind == "map":
        return bool(schema.get("minProperties", 0) > 0)
    if kind == "bytes":
        return bool(rules.bytes.min_len > 0)
    return False
