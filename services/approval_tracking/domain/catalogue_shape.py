"""The shape that a catalogue must have before anything in it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# 行政许可法 第四十五条.
ARTICLE_45 = ("听证", "招标", "拍卖", "检验", "检测", "检疫", "鉴定", "专家评审")
LIMIT_KINDS = ("maximum", "minimum", "committed_only", "none")
CLOCK_STARTS = ("acceptance", "receipt", "instant", "event")
DUTY_BEARERS = ("authority", "enterprise", "government", "intermediary", "utility")
ON_EXPIRY = ("deemed_accepted_from_receipt", "return_and_resubmit", "guide_only")
TIERS = ("省", "市", "县区")
UNITS = ("working", "calendar")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `path` names the place as in `items[S2-06].applicability.expr`."""

    path: str
    zh: str
    en: str


@dataclass(frozen=True)
class _Optional:
    """A field that may be missing; `null` too where it says so."""

    shape: Any


@dataclass(frozen=True)
class _OneOf:
    values: tuple[str, ...]


_TEXT, _NUMBER, _BOOL, _ANY = "text", "number", "bool", "any"
_NULL = "null"
_LIMIT_UNIT = (_OneOf(UNITS), _NULL)
_PROCEDURE = {
    "name": _TEXT,
    "max_days": (_NUMBER, _NULL),
    "unit": _LIMIT_UNIT,
    "counts_toward_limit": (_BOOL, _NULL),
    "basis": (_TEXT, _NULL),
    "article45": (_OneOf(ARTICLE_45), _NULL),
    "special_basis": (_TEXT, _NULL),
    "kind": _Optional(_OneOf(("minimum_period",))),
}
_ITEM = {
    "code": _TEXT,
    "name": _TEXT,
    "name_en": _TEXT,
    "stage": _TEXT,
    "stage_gg": _Optional(_TEXT),
    "department": _TEXT,
    "level": [_OneOf(TIERS)],
    "kind": _TEXT,
    "duty_bearer": _OneOf(DUTY_BEARERS),
    "clock_start": _OneOf(CLOCK_STARTS),
    "limit_kind": _OneOf(LIMIT_KINDS),
    "statutory_limit_days": (_NUMBER, _NULL),
    "statutory_unit": _LIMIT_UNIT,
    "committed_limit_days": (_NUMBER, _NULL),
    "committed_unit": _LIMIT_UNIT,
    "extension_days": (_NUMBER, _NULL),
    "legal_basis": _TEXT,
    "notice_rule": (
        {
            "days": _NUMBER,
            "unit": _OneOf(UNITS),
            "on_expiry": _OneOf(ON_EXPIRY),
            "basis": _Optional(_TEXT),
            "supplement_effect": _Optional(_TEXT),
        },
        _NULL,
    ),
    "prerequisites": [_TEXT],
    "parallel_group": (_TEXT, _NULL),
    "applicability": {"rule": _TEXT, "expr": _TEXT},
    "special_procedures": [_PROCEDURE],
    "limit_variants": _Optional(
        [{"expr": _TEXT, "days": _NUMBER, "unit": _OneOf(UNITS), "note": _Optional(_TEXT)}]
    ),
    "core_materials": [_TEXT],
    "deferrable_materials": [_TEXT],
    "sample_forms": _Optional([_TEXT]),
    "fees": _Optional([{"name": _TEXT, "basis": _TEXT}]),
    "commitment_allowed": _BOOL,
    "result_document": (_TEXT, _NULL),
    "note": _Optional(_TEXT),
}
CONTENT = {
    "stages": [{"code": _TEXT, "name": _TEXT}],
    "departments": [_TEXT],
    "project_attributes": [
        {
            "name": _TEXT,
            "type": _OneOf(("bool", "number", "enum")),
            "default": _ANY,
            "label": _TEXT,
            "label_en": _Optional(_TEXT),
            "values": _Optional([_TEXT]),
            "values_zh": _Optional([_TEXT]),
        }
    ],
    "milestones": [{"code": _TEXT, "gate_items": [_TEXT]}],
    "items": [_ITEM],
}
THEME = {
    "code": _TEXT,
    "name": _TEXT,
    "items": [_TEXT],
    "target_working_days": _NUMBER,
    "applies_expr": _Optional(_TEXT),
}
_KINDS: dict[str, tuple[str, str, Callable[[Any], bool]]] = {
    _TEXT: ("文字", "a text", lambda value: isinstance(value, str)),
    _NUMBER: (
        "不小于 0 的数",
        "a number of at least 0",
        lambda value: (
            isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10_000
        ),
    ),
    _BOOL: ("true 或 false", "true or false", lambda value: isinstance(value, bool)),
    _ANY: ("值", "a value", lambda value: value is not None),
    _NULL: ("空", "empty", lambda value: value is None),
}


def check_shape(path: str, value: Any, shape: Any) -> Iterator[Fault]:
    match shape:
        case dict():
            if not isinstance(value, dict):
                yield Fault(path, "应为一组字段", "must be a mapping")
                return
            for name, inner in shape.items():
                if name in value:
                    kept = inner.shape if isinstance(inner, _Optional) else inner
                    yield from check_shape(f"{path}.{name}".lstrip("."), value[name], kept)
                elif not isinstance(inner, _Optional):
                    yield Fault(f"{path}.{name}".lstrip("."), "缺少此字段", "is missing")
            if path.startswith("items["):
                for name in value.keys() - shape.keys():
                    yield Fault(f"{path}.{name}", "没有这个字段", "is no field of an item")
        case list():
            if not isinstance(value, list):
                yield Fault(path, "应为列表", "must be a list")
                return
            for place, each in enumerate(value):
                yield from check_shape(f"{path}[{entry_key(each, place)}]", each, shape[0])
        case tuple():
            if value is None and _NULL in shape:
                return
            yield from check_shape(path, value, shape[0])
        case _OneOf():
            if value not in shape.values:
                told = ", ".join(shape.values)
                yield Fault(path, f"应为: {told}", f"must be one of: {told}")
        case _:
            zh, en, fits = _KINDS[shape]
            if not fits(value):
                yield Fault(path, f"应为{zh}", f"must be {en}")


def entry_key(each: Any, place: int) -> str:
    """Name an entry by its code, so that a fault is found again after rows have moved."""
    if isinstance(each, dict):
        for name in ("code", "name"):
            if isinstance(each.get(name), str):
                return str(each[name])
    return str(place)
