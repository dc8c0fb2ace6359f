"""What a catalogue must be before it may be used: every fault is named at once, with its place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from approval_tracking.domain.rules import (
    Attribute,
    Joined,
    Rule,
    RuleInvalid,
    Test,
    Value,
    decide,
    holds,
    names_in,
    read_rule,
)

# 行政许可法 第四十五条.
ARTICLE_45 = ("听证", "招标", "拍卖", "检验", "检测", "检疫", "鉴定", "专家评审")
LIMIT_KINDS = ("maximum", "minimum", "committed_only", "none")
CLOCK_STARTS = ("acceptance", "receipt", "instant", "event")
DUTY_BEARERS = ("authority", "enterprise", "government", "intermediary", "utility")
ON_EXPIRY = ("deemed_accepted_from_receipt", "return_and_resubmit", "guide_only")
TIERS = ("省", "市", "县区")
UNITS = ("working", "calendar")
# How many combinations of values, of steps along prerequisites, and of cycles are looked at before
# the worst is taken to be possible.
_MOST_PROJECTS, _MOST_STEPS, _MOST_CYCLES = 4_000, 20_000, 50


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `path` names the place as in `items[S2-06].applicability.expr`."""

    path: str
    zh: str
    en: str


def check(content: Any, themes: Any) -> list[Fault]:
    """Return everything that forbids to use this catalogue; empty when it may be published."""
    faults = [*_shape("", content, _CONTENT), *_shape("themes", themes, [_THEME])]
    if faults:
        return faults
    attributes = {each["name"]: read_attribute(each) for each in content["project_attributes"]}
    faults += _attributes(content["project_attributes"], attributes)
    faults += _references(content, themes)
    rules, wrong = _rules(content, themes, attributes)
    faults += wrong
    faults += _limits(content)
    faults += _pauses(content)
    if not faults:
        faults += _cycles(content["items"], rules, attributes)
    return faults


def read_attribute(data: Mapping[str, Any]) -> Attribute:
    return Attribute(
        name=data["name"],
        kind=data["type"],
        default=data["default"],
        label=data.get("label", ""),
        label_en=data.get("label_en", ""),
        values=tuple(data.get("values", ())),
        values_zh=tuple(data.get("values_zh", ())),
    )


# --- shape ----------------------------------------------------------------------------------------


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
    "fees": _Optional([{"name": _TEXT, "basis": _TEXT}]),
    "sample_forms": _Optional([_TEXT]),
    "commitment_allowed": _BOOL,
    "result_document": (_TEXT, _NULL),
    "note": _Optional(_TEXT),
}
_CONTENT = {
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
_THEME = {
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


def _shape(path: str, value: Any, shape: Any) -> Iterator[Fault]:
    match shape:
        case dict():
            if not isinstance(value, dict):
                yield Fault(path, "应为一组字段", "must be a mapping")
                return
            for name, inner in shape.items():
                if name in value:
                    kept = inner.shape if isinstance(inner, _Optional) else inner
                    yield from _shape(f"{path}.{name}".lstrip("."), value[name], kept)
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
                yield from _shape(f"{path}[{entry_key(each, place)}]", each, shape[0])
        case tuple():
            if value is None and _NULL in shape:
                return
            yield from _shape(path, value, shape[0])
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


# --- what names what ------------------------------------------------------------------------------


def _attributes(
    data: Sequence[Mapping[str, Any]], attributes: Mapping[str, Attribute]
) -> Iterator[Fault]:
    for each in data:
        attribute, path = attributes[each["name"]], f"project_attributes[{each['name']}]"
        if not attribute.name.isidentifier() or attribute.name in ("in", "true", "false"):
            yield Fault(f"{path}.name", "不是合法的属性名", "is no name of an attribute")
        if attribute.kind == "enum" and not attribute.values:
            yield Fault(f"{path}.values", "枚举须列出取值", "an enumeration lists its values")
        fits = {
            "bool": isinstance(attribute.default, bool),
            "number": isinstance(attribute.default, int | float)
            and not isinstance(attribute.default, bool),
            "enum": attribute.default in attribute.values,
        }
        if not fits[attribute.kind]:
            yield Fault(
                f"{path}.default",
                f"默认值 {attribute.default} 不属于类型 {attribute.kind}",
                f"the default {attribute.default} is no {attribute.kind} of it",
            )
        if attribute.values_zh and len(attribute.values_zh) != len(attribute.values):
            yield Fault(f"{path}.values_zh", "与取值数目不同", "has not a name for each value")


def _references(content: Mapping[str, Any], themes: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    for kind, entries in (
        ("items", content["items"]),
        ("stages", content["stages"]),
        ("themes", themes),
    ):
        seen = set()
        for each in entries:
            if each["code"] in seen:
                yield Fault(f"{kind}[{each['code']}].code", "代码重复", "is there twice")
            seen.add(each["code"])
    codes = {each["code"] for each in content["items"]}
    stages = {each["code"] for each in content["stages"]}
    for item in content["items"]:
        path = f"items[{item['code']}]"
        if item["stage"] not in stages:
            yield _dangling(f"{path}.stage", item["stage"])
        if item["department"] not in content["departments"]:
            yield _dangling(f"{path}.department", item["department"])
        for before in item["prerequisites"]:
            if before not in codes:
                yield _dangling(f"{path}.prerequisites", before)
        if not item["level"]:
            yield Fault(f"{path}.level", "须有一级机关可以办理", "needs a tier that decides")
    for milestone in content["milestones"]:
        for code in milestone["gate_items"]:
            if code not in codes:
                yield _dangling(f"milestones[{milestone['code']}].gate_items", code)
    for theme in themes:
        for code in theme["items"]:
            if code not in codes:
                yield _dangling(f"themes[{theme['code']}].items", code)


def _dangling(path: str, name: str) -> Fault:
    return Fault(path, f"{name} 不存在", f"{name} does not exist")


# --- limits and pauses ----------------------------------------------------------------------------


def _limits(content: Mapping[str, Any]) -> Iterator[Fault]:
    for item in content["items"]:
        path = f"items[{item['code']}]"
        legal, promised = item["statutory_limit_days"], item["committed_limit_days"]
        for name, days in (("statutory", legal), ("committed", promised)):
            if days is not None and item[f"{name}_unit"] is None:
                yield Fault(f"{path}.{name}_unit", "时限须写明单位", "a limit names its unit")
            if days is not None and days != int(days) and days != 0.5:
                yield Fault(
                    f"{path}.{name}_limit_days",
                    "时限为整日或半日",
                    "a limit is whole days or half a day",
                )
        if item["limit_kind"] != "maximum":
            continue
        if legal is None:
            yield Fault(
                f"{path}.statutory_limit_days", "法定上限须有天数", "a legal maximum has its days"
            )
            continue
        bounds = [(legal, item["statutory_unit"])]
        bounds += [(each["days"], each["unit"]) for each in item.get("limit_variants", ())]
        for days, unit in bounds:
            if promised is not None and _calendar_days(
                promised, item["committed_unit"]
            ) > _calendar_days(days, unit):
                yield Fault(
                    f"{path}.committed_limit_days",
                    f"承诺 {promised} {item['committed_unit']} 长于法定 {days} {unit}",
                    f"promises {promised} {item['committed_unit']}, the law allows {days} {unit}",
                )


def _calendar_days(days: float, unit: str | None) -> int:
    """Compare units by ordinary weeks: five working days are seven calendar days."""
    exact = Decimal(str(days))
    return math.ceil(exact * 7 / 5) if unit == "working" else math.ceil(exact)


def _pauses(content: Mapping[str, Any]) -> Iterator[Fault]:
    for item in content["items"]:
        for each in item["special_procedures"]:
            stops = each["counts_toward_limit"] is False and "kind" not in each
            if stops and not each["article45"] and not each["special_basis"]:
                yield Fault(
                    f"items[{item['code']}].special_procedures[{each['name']}]",
                    "停表须有行政许可法第四十五条所列程序或专门规定",
                    "stops the clock without article 45 or a special basis",
                )


# --- rules ----------------------------------------------------------------------------------------


def _rules(
    content: Mapping[str, Any],
    themes: Sequence[Mapping[str, Any]],
    attributes: Mapping[str, Attribute],
) -> tuple[dict[str, Rule], list[Fault]]:
    rules: dict[str, Rule] = {}
    faults: list[Fault] = []

    def read(path: str, text: str, code: str = "") -> None:
        try:
            rule = read_rule(text, attributes)
        except RuleInvalid as error:
            faults.append(Fault(path, f"规则有误: {error}", f"the rule is wrong: {error}"))
            return
        faults.extend(_evaluate(path, text, rule, attributes))
        if code:
            rules[code] = rule

    for item in content["items"]:
        path = f"items[{item['code']}]"
        read(f"{path}.applicability.expr", item["applicability"]["expr"], item["code"])
        for place, each in enumerate(item.get("limit_variants", ())):
            read(f"{path}.limit_variants[{place}].expr", each["expr"])
    for theme in themes:
        if "applies_expr" in theme:
            read(f"themes[{theme['code']}].applies_expr", theme["applies_expr"])
    return rules, faults


def _evaluate(
    path: str, text: str, rule: Rule, attributes: Mapping[str, Attribute]
) -> Iterator[Fault]:
    """Run the rule over the attribute space: it must give yes or no, and yes for some project."""
    projects = projects_of([rule], attributes)
    ever = False
    for project in itertools.islice(projects, _MOST_PROJECTS):
        try:
            held = holds(text, project)
        except (ValueError, TypeError, RuntimeError) as error:
            yield Fault(path, f"规则无法求值: {error}", f"the rule cannot be evaluated: {error}")
            return
        if held != decide(rule, project)[0]:
            yield Fault(path, "规则的含义不明确", "the rule is read in two ways")
            return
        ever = ever or held
    if not ever and next(projects, None) is None:
        yield Fault(path, "没有项目符合此规则", "the rule holds for no project")


def projects_of(
    rules: Sequence[Rule], attributes: Mapping[str, Attribute]
) -> Iterator[dict[str, Value]]:
    """Yield every project that these rules can tell from another: all values, all sides of a bound."""
    names = sorted({name for rule in rules for name in names_in(rule)})
    bounds: dict[str, set[float]] = {name: set() for name in names}
    for rule in rules:
        for test in _tests(rule):
            if isinstance(test.operand, float):
                bounds[test.name].add(test.operand)
            elif isinstance(test.operand, tuple):
                bounds[test.name] |= {each for each in test.operand if isinstance(each, float)}
    choices: list[list[Value]] = []
    for name in names:
        attribute = attributes[name]
        if attribute.kind == "number":
            near = {value + step for value in bounds[name] for step in (-0.01, 0.0, 0.01)}
            choices.append(sorted(value for value in near if value >= 0) or [0.0])
        elif attribute.kind == "enum":
            choices.append(list(attribute.values))
        else:
            choices.append([False, True])
    for values in itertools.product(*choices):
        yield dict(zip(names, values, strict=True))


def _tests(rule: Rule) -> Iterator[Test]:
    match rule:
        case Test():
            yield rule
        case Joined():
            for part in rule.parts:
                yield from _tests(part)
        case _ if hasattr(rule, "part"):
            yield from _tests(rule.part)


# --- order ----------------------------------------------------------------------------------------


def _cycles(
    items: Sequence[Mapping[str, Any]],
    rules: Mapping[str, Rule],
    attributes: Mapping[str, Attribute],
) -> Iterator[Fault]:
    """Find prerequisites that wait for each other in a project that needs them all.

    A prerequisite that a project does not need is not waited for, so items that exclude each
    other may name each other.
    """
    after = {item["code"]: tuple(item["prerequisites"]) for item in items}
    for cycle in _simple_cycles(after):
        if not cycle or _can_meet([rules[code] for code in cycle], attributes):
            cycle = cycle or tuple(_on_loops(after))
            told = " → ".join((*cycle, cycle[0]))
            yield Fault(
                f"items[{cycle[0]}].prerequisites",
                f"前置事项互相等待: {told}",
                f"prerequisites wait for each other: {told}",
            )


def _can_meet(rules: Sequence[Rule], attributes: Mapping[str, Attribute]) -> bool:
    projects = projects_of(rules, attributes)
    for project in itertools.islice(projects, _MOST_PROJECTS):
        if all(decide(rule, project)[0] for rule in rules):
            return True
    return next(projects, None) is not None


def _simple_cycles(after: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Yield each simple cycle once, from its first item; an empty one when there is no end of them."""
    steps = found = 0
    order = {code: place for place, code in enumerate(after)}
    loops = _on_loops(after)
    for start in (code for code in after if code in loops):
        stack = [(start, iter(after[start]))]
        path = [start]
        while stack:
            steps += 1
            if steps > _MOST_STEPS or found > _MOST_CYCLES:
                yield ()
                return
            _, rest = stack[-1]
            step = next(
                (
                    code
                    for code in rest
                    if code in loops
                    and order[code] >= order[start]
                    and (code == start or code not in path)
                ),
                None,
            )
            if step is None:
                stack.pop()
                path.pop()
            elif step == start:
                found += 1
                yield tuple(path)
            else:
                path.append(step)
                stack.append((step, iter(after[step])))


def _on_loops(after: Mapping[str, Sequence[str]]) -> set[str]:
    """Return what is left after taking away, again and again, what waits for nothing left."""
    left = set(after)
    while True:
        free = {code for code in left if not any(before in left for before in after[code])}
        if not free:
            return left
        left -= free
