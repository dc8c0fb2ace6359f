"""Rules over a project's attributes: the part of the Common Expression Language a catalogue may use.

The library evaluates; this reads a rule as a tree, so that what is wrong with it can be named
before it is published, and so that an answer can say which attribute decided it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import cel

Value = bool | float | str
Attributes = Mapping[str, Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<mark>&&|\|\||==|!=|<=|>=|[<>!()\[\],]))"
)
_ORDER = ("<", "<=", ">", ">=")
_MOST_NESTED = 50


class RuleInvalid(ValueError):
    """A catalogue's rule is no expression over the project's attributes; the data is refused."""


@dataclass(frozen=True)
class Attribute:
    """One property of a project that rules ask for."""

    name: str
    kind: str
    default: bool | float | str
    label: str = ""
    label_en: str = ""
    values: tuple[str, ...] = ()
    # values_zh names each of the values.
    values_zh: tuple[str, ...] = ()

    def read(self, given: object) -> Value:
        """Return the value as rules compare it: every number is a double, as every literal is."""
        if self.kind == "bool":
            return given is True or given == "true"
        if self.kind == "number":
            if isinstance(given, bool) or not isinstance(given, int | float | str):
                return float(self.default)
            return float(given)
        return str(given)

    def says(self, value: Value) -> tuple[str, str]:
        """Return a value in Chinese and English."""
        if isinstance(value, bool):
            return ("是", "yes") if value else ("否", "no")
        if isinstance(value, float):
            return (f"{value:.15g}", f"{value:.15g}")
        if value in self.values and self.values_zh:
            return self.values_zh[self.values.index(value)], value.replace("_", " ")
        return value, value


# --- the tree -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fixed:
    """A rule that asks for nothing: it holds for all, or for none."""

    value: bool


@dataclass(frozen=True)
class Test:
    """One question to one attribute; `operator` is empty for a yes or no."""

    __test__ = False

    name: str
    operator: str = ""
    operand: Value | tuple[Value, ...] = True

    def holds(self, attributes: Attributes) -> bool:
        value: Any = attributes[self.name]
        operand: Any = self.operand
        match self.operator:
            case "" | "==":
                return bool(value == operand)
            case "!=":
                return bool(value != operand)
            case "in":
                return value in operand
            case "<":
                return bool(value < operand)
            case "<=":
                return bool(value <= operand)
            case ">":
                return bool(value > operand)
        return bool(value >= operand)


@dataclass(frozen=True)
class Not:
    part: Rule


@dataclass(frozen=True)
class Joined:
    """Parts of which all must hold, or any."""

    every: bool
    parts: tuple[Rule, ...]


Rule = Fixed | Test | Not | Joined


def names_in(rule: Rule) -> Iterator[str]:
    """Yield the attributes that the rule asks for."""
    match rule:
        case Test():
            yield rule.name
        case Not():
            yield from names_in(rule.part)
        case Joined():
            for part in rule.parts:
                yield from names_in(part)


def decide(rule: Rule, attributes: Attributes) -> tuple[bool, tuple[Test, ...]]:
    """Return whether the rule holds and the tests that make it so: with them alone it would stand."""
    match rule:
        case Fixed():
            return rule.value, ()
        case Test():
            return rule.holds(attributes), (rule,)
        case Not():
            held, causes = decide(rule.part, attributes)
            return not held, causes
    decided = [decide(part, attributes) for part in rule.parts]
    held = all(each for each, _ in decided) if rule.every else any(each for each, _ in decided)
    decisive = (cause for each, found in decided if each is held for cause in found)
    return held, tuple(dict.fromkeys(decisive))


# --- evaluation -----------------------------------------------------------------------------------


def holds(rule: str, attributes: Attributes) -> bool:
    return bool(_program(rule).execute(dict(attributes)))


@cache
def _program(rule: str) -> Any:
    return cel.compile(rule)


# --- reading --------------------------------------------------------------------------------------


def read_rule(text: str, attributes: Mapping[str, Attribute]) -> Rule:
    """Read a rule; raises RuleInvalid that names the place and what is wrong there."""
    return _Reader(text, attributes).rule()


@cache
def _tokens(text: str) -> tuple[tuple[str, str, int], ...]:
    found, place = [], 0
    stripped = text.rstrip()
    while place < len(stripped):
        match = _TOKEN.match(stripped, place)
        if match is None:
            start = place + len(stripped[place:]) - len(stripped[place:].lstrip())
            raise RuleInvalid(f"column {start + 1}: {stripped[start]!r} has no place in a rule")
        kind = match.lastgroup or ""
        found.append((kind, match[kind], match.start(kind) + 1))
        place = match.end()
    return (*found, ("end", "the end", len(stripped) + 1))


class _Reader:
    def __init__(self, text: str, attributes: Mapping[str, Attribute]) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0
        self._attributes = attributes

    def rule(self) -> Rule:
        read = self._any()
        if self._peek()[0] != "end":
            raise self._wrong("has no place here")
        return read

    def _any(self) -> Rule:
        parts = [self._all()]
        while self._take("||"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Joined(False, tuple(parts))

    def _all(self) -> Rule:
        parts = [self._one()]
        while self._take("&&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Joined(True, tuple(parts))

    def _one(self) -> Rule:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise self._wrong("is nested too deep")
        try:
            if self._take("!"):
                return Not(self._one())
            if self._take("("):
                read = self._any()
                self._expect(")")
                return read
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Rule:
        kind, text, _ = self._peek()
        if kind != "name" or text == "in":
            raise self._wrong("is no attribute")
        if text in ("true", "false"):
            self._next += 1
            return Fixed(text == "true")
        if text not in self._attributes:
            raise self._wrong("is no attribute of a project")
        self._next += 1
        attribute, operator = self._attributes[text], self._peek()[1]
        if self._peek()[0] == "mark" and operator in ("==", "!=", *_ORDER):
            if operator in _ORDER and attribute.kind != "number":
                raise self._wrong(f"compares numbers, {text} is none")
            self._next += 1
            return Test(text, operator, self._operand(attribute))
        if self._take("in"):
            return Test(text, "in", self._list(attribute))
        if attribute.kind != "bool":
            raise self._wrong(f"comes where {text} needs a comparison")
        return Test(text)

    def _list(self, attribute: Attribute) -> tuple[Value, ...]:
        self._expect("[")
        values = [self._operand(attribute)]
        while self._take(","):
            values.append(self._operand(attribute))
        self._expect("]")
        return tuple(values)

    def _operand(self, attribute: Attribute) -> Value:
        kind, text, _ = self._peek()
        value: Value
        if kind == "number" and attribute.kind == "number":
            if "." not in text:
                raise self._wrong("must be written as a double, as in 5.0")
            value = float(text)
        elif kind == "text" and attribute.kind == "enum":
            value = text[1:-1]
            if attribute.values and value not in attribute.values:
                raise self._wrong(f"is no value of {attribute.name}")
        elif text in ("true", "false") and attribute.kind == "bool":
            value = text == "true"
        else:
            raise self._wrong(f"is not of the type of {attribute.name}: {attribute.kind}")
        self._next += 1
        return value

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._next]

    def _take(self, mark: str) -> bool:
        kind, text, _ = self._peek()
        if text == mark and kind in ("mark", "name"):
            self._next += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._wrong(f"stands where {mark} is expected")

    def _wrong(self, why: str) -> RuleInvalid:
        _, text, column = self._peek()
        return RuleInvalid(f"column {column}: {text} {why}")


# --- words ----------------------------------------------------------------------------------------

_WORDS = {
    "<": ("低于", "below"),
    "<=": ("不超过", "at most"),
    ">": ("高于", "above"),
    ">=": ("不低于", "at least"),
}


def tell(test: Test, attribute: Attribute, attributes: Attributes) -> tuple[str, str]:
    """Say in Chinese and English what the project's value is and how it answers the test."""
    value_zh, value_en = attribute.says(attributes[test.name])
    zh = f"{attribute.label.split(':')[0]}: {value_zh}"
    en = f"{attribute.label_en or attribute.name}: {value_en}"
    if test.operator in _WORDS:
        held = test.holds(attributes)
        bound = attribute.says(test.operand)[0] if not isinstance(test.operand, tuple) else ""
        word_zh, word_en = _WORDS[test.operator]
        zh += f", {'' if held else '并非'}{word_zh} {bound}"
        en += f", {'' if held else 'not '}{word_en} {bound}"
    elif (test.operator and test.operator != "==") or not test.holds(attributes):
        wanted = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        said = [attribute.says(each) for each in wanted]
        inside = test.holds(attributes) is (test.operator != "!=")
        if test.operator and not isinstance(test.operand, bool):
            zh += f" ({'属于' if inside else '不属于'}: {'、'.join(each for each, _ in said)})"
            en += f" ({'one of' if inside else 'none of'}: {', '.join(each for _, each in said)})"
    return zh, en
