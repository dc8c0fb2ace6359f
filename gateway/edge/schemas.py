"""The schemas of the OpenAPI document, from the messages of the protos and their rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2

from edge.routes import Message, Protos
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
WELL_KNOWN: dict[str, Tree] = {
    ".google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    ".google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$"},
    ".google.protobuf.Struct": {"type": "object"},
    ".google.protobuf.Value": {},
}
_ZEROS: dict[int, Any] = {Field.TYPE_STRING: "", Field.TYPE_INT32: 0, Field.TYPE_DOUBLE: 0}
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}


@dataclass
class Schemas:
    """Makes component schemas as they are asked for.

    What comes in and what goes out differ: what goes out prints every plain field and nothing
    else; what comes in may leave fields out, and is bound by the rules of buf.validate.
    """

    protos: Protos
    made: dict[str, Tree] = field(default_factory=dict)

    def ref(self, name: str, *, incoming: bool) -> Tree:
        if name in WELL_KNOWN:
            return dict(WELL_KNOWN[name])
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
