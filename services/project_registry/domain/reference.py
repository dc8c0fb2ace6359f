"""What the catalogue lends to the registry: attributes, items, stage schemes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

Value = bool | int | float | str

_TRUE = frozenset({"是", "有", "true", "1", "√", "y", "yes"})
_FALSE = frozenset({"否", "无", "false", "0", "×", "n", "no"})
_MOST = Decimal("1e12")


@dataclass(frozen=True)
class Fault:
    """Why a value cannot stand, with a stable reason."""

    field: str
    reason: str
    zh: str
    en: str


@dataclass(frozen=True)
class Attribute:
    """Something a catalogue's rule may ask about a project."""

    name: str
    kind: str
    label: str
    default: Value
    # choices are the values of an enum, each with the word people use.
    choices: Mapping[str, str]

    def read(self, text: str) -> Value | Fault:
        """Read what a person or a program wrote; a value or its word, in either language."""
        word = text.strip()
        if self.kind == "bool":
            lower = word.lower()
            if lower in _TRUE | _FALSE:
                return lower in _TRUE
            return self._fault("NOT_A_BOOL", "应填 是 或 否", "must be 是 (yes) or 否 (no)")
        if self.kind == "number":
            number = read_number(word)
            if number is None:
                return self._fault(
                    "NOT_A_NUMBER", "应为不小于 0 的数", "must be a number of at least 0"
                )
            return int(number) if number == number.to_integral_value() else float(number)
        if word in self.choices:
            return word
        for value, label in self.choices.items():
            if word == label:
                return value
        words = " / ".join(self.choices.values())
        return self._fault("NOT_A_CHOICE", f"应为 {words} 之一", f"must be one of {words}")

    def read_json(self, text: str) -> Value | Fault:
        """Read JSON text as the API takes it: `true`, `8.2`, `"transfer"`."""
        try:
            value = json.loads(text)
        except ValueError:
            return self.read(text)
        if isinstance(value, bool | int | float | str):
            return self.read(json.dumps(value) if not isinstance(value, str) else value)
        return self._fault("NOT_A_VALUE", "不是单个取值", "is not a single value")

    def show(self, value: Value) -> str:
        """Return the value as people write it."""
        if isinstance(value, bool):
            return "是" if value else "否"
        return self.choices.get(str(value), str(value))

    def _fault(self, reason: str, zh: str, en: str) -> Fault:
        return Fault(f"attributes.{self.name}", reason, zh, en)


def read_number(text: str) -> Decimal | None:
    """Return a number of at least 0 and below 10^12, or None; thousands may be set off by commas."""
    try:
        number = Decimal(text.replace(",", "").replace("，", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number < _MOST else None


@dataclass(frozen=True)
class Items:
    """The catalogue's items, as far as stages, pools and past decisions need them."""

    names: Mapping[str, str]
    # stage_of is by scheme, then by item.
    stage_of: Mapping[str, Mapping[str, str]]
    # schemes are by name, each with its stages in order.
    schemes: Mapping[str, Mapping[str, str]]
    default_scheme: str
    filing: frozenset[str]
    production_gates: frozenset[str]


def _data(name: str) -> Any:
    text = files("project_registry").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)


@cache
def attributes() -> Mapping[str, Attribute]:
    return {
        row["name"]: Attribute(
            name=row["name"],
            kind=row["type"],
            label=row["label"],
            default=row["default"],
            choices=row.get("choices", {}),
        )
        for row in _data("project_attributes.yaml")["attributes"]
    }


@cache
def items() -> Items:
    data = _data("items.yaml")
    return Items(
        names={row["code"]: row["name"] for row in data["items"]},
        stage_of={
            scheme: {row["code"]: row[scheme] for row in data["items"]}
            for scheme in data["schemes"]
        },
        schemes=data["schemes"],
        default_scheme=data["default_scheme"],
        filing=frozenset(data["filing_items"]),
        production_gates=frozenset(data["production_gates"]),
    )


def complete(given: Mapping[str, Value]) -> dict[str, Value]:
    """Return every attribute, with its default where none is given."""
    return {name: given.get(name, each.default) for name, each in attributes().items()}
