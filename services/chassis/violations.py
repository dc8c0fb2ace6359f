"""What protovalidate found, said in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from chassis.errors import FieldViolation

_ZH = {
    "required": "必填",
    "string.min_len": "不能为空或过短",
    "string.max_len": "过长",
    "string.len": "长度不对",
    "string.pattern": "格式不对",
    "string.uuid": "应为 UUID",
    "string.uuid_empty": "必填, 应为 UUID",
    "string.email": "应为电子邮件地址",
    "string.uri": "应为网址",
    "string.in": "不在允许的取值之内",
    "enum.defined_only": "不是已定义的取值",
    "enum.not_in": "必须选择一个取值",
    "repeated.min_items": "项数不足",
    "repeated.max_items": "项数过多",
    "repeated.unique": "有重复项",
    "map.max_pairs": "项数过多",
    "bytes.min_len": "内容为空或过短",
    "bytes.max_len": "内容过大",
}


def describe(violation: Any) -> FieldViolation:
    """Return the violation with its field path (`items[2].name`) and a stable reason."""
    proto = violation.proto
    rule = str(proto.rule_id)
    return FieldViolation(
        field=_path(proto.field),
        zh=_ZH.get(rule, "超出允许的范围" if ".l" in rule or ".g" in rule else "不符合要求"),
        en=str(proto.message),
        reason=rule.upper().replace(".", "_") or "FIELD_INVALID",
    )


def _path(path: Any) -> str:
    """Return the path as a client writes it."""
    steps = []
    for element in path.elements if path else ():
        step = element.field_name
        subscript = element.subscript
        if subscript is not None:
            step += f"[{subscript.value}]"
        steps.append(step)
    return ".".join(steps)


def unstorable(request: Message) -> list[FieldViolation]:
    """Name the strings that hold a NUL, for which PostgreSQL has no place."""
    # Most requests hold no zero byte at all, and looking costs a microsecond.
    if b"\0" not in request.SerializePartialToString():
        return []
    return [
        FieldViolation(path, "含有空字符 (NUL)", "must not hold a NUL character", "STRING_NUL")
        for path, text in _strings(request, "")
        if "\0" in text
    ]


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every string below `value` with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Message):
        for field, inner in value.ListFields():
            yield from _strings(inner, f"{path}.{field.name}" if path else field.name)
    elif hasattr(value, "items"):
        for key, inner in value.items():
            yield from _strings(key, f"{path}[{key!r}]")
            yield from _strings(inner, f"{path}[{key!r}]")
    elif not isinstance(value, bytes) and hasattr(value, "__len__"):
        for place, inner in enumerate(value):
            yield from _strings(inner, f"{path}[{place}]")
