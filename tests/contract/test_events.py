"""What we raise is what we promised: every fact is readable as its proto message, and nothing more."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any
from uuid import UUID

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor

from chassis.events import Envelope, Event
from instance.options import SERVICES

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
_PLAIN: dict[Any, Any] = {
    str: "a",
    int: 1,
    bool: True,
    float: 1.5,
    UUID: UUID(int=1),
    date: NOON.date(),
    datetime: NOON,
    Decimal: Decimal("1.50"),
    Any: "a",
}


def has_domain(service: str) -> bool:
    return bool(find_spec(service) and find_spec(f"{service}.domain"))


def facts() -> Iterator[tuple[str, type[Event]]]:
    """Every Event dataclass in the domain of a service."""
    for service in SERVICES:
        if not has_domain(service):
            continue
        domain = import_module(f"{service}.domain")
        names = [domain.__name__]
        for part in iter_modules(getattr(domain, "__path__", [])):
            names.append(f"{domain.__name__}.{part.name}")
        found: dict[type[Event], None] = {}
        for name in names:
            for kind in vars(import_module(name)).values():
                ours = isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
                if ours and kind.__module__.startswith(f"{service}."):
                    found[kind] = None
        yield from ((service, kind) for kind in found)
    for each in vars(import_module("chassis.links.events")).values():
        if isinstance(each, type) and issubclass(each, Event) and each is not Event:
            yield "links", each


FACTS = list(facts())
NAMES = [f"{service}.{kind.__name__}" for service, kind in FACTS]


def sample(kind: Any) -> Any:
    """Return a value of the type with nothing left empty."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return arguments[0]
    if origin in (typing.Union, types.UnionType):
        return sample(next(each for each in arguments if each is not type(None)))
    if origin is not None and issubclass(origin, dict | typing.Mapping):
        return {sample(arguments[0]): sample(arguments[1])}
    if origin is not None:
        return (
            origin([sample(arguments[0])])
            if origin in (list, set, frozenset)
            else (sample(arguments[0]),)
        )
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    assert dataclasses.is_dataclass(kind), f"no sample of {kind!r}"
    hints = typing.get_type_hints(kind)
    return kind(**{each.name: sample(hints[each.name]) for each in dataclasses.fields(kind)})  # type: ignore[operator]


def message(service: str, kind: type[Event]) -> Any:
    return getattr(import_module(f"kaigong.{service}.v1.events_pb2"), kind.__name__)


@pytest.mark.parametrize(("service", "kind"), FACTS, ids=NAMES)
def test_a_fact_is_readable_as_its_proto(service: str, kind: type[Event]) -> None:
    sealed = Envelope.seal(sample(kind), aggregate_id=UUID(int=1), version=1, at=NOON)
    promised = message(service, kind)()

    json_format.ParseDict(sealed.data, promised)

    assert missing(sealed.data, promised.DESCRIPTOR) == []


@pytest.mark.parametrize(("service", "kind"), FACTS, ids=NAMES)
def test_a_fact_survives_the_way_there_and_back(service: str, kind: type[Event]) -> None:
    sealed = Envelope.seal(sample(kind), aggregate_id=UUID(int=1), version=1, at=NOON)
    read = json_format.ParseDict(sealed.data, message(service, kind)())

    assert json_format.MessageToDict(read, preserving_proto_field_name=True) == sealed.data


@pytest.mark.parametrize("service", SERVICES)
def test_every_fact_that_the_protos_promise_is_published_by_a_domain(service: str) -> None:
    if not has_domain(service):
        pytest.skip("the service has no domain yet")
    file = import_module(f"kaigong.{service}.v1.events_pb2").DESCRIPTOR
    parts = {
        field.message_type.name
        for each in file.message_types_by_name.values()
        for field in each.fields
        if field.message_type is not None
    }
    promised = set(file.message_types_by_name) - parts

    assert promised <= {kind.__name__ for home, kind in FACTS if home == service}


def missing(data: dict[str, Any], descriptor: Descriptor, at: str = "") -> list[str]:
    """Return the promised fields that the data does not have, at any depth."""
    absent = [f"{at}{name}" for name in descriptor.fields_by_name if name not in data]
    for name, value in data.items():
        field = descriptor.fields_by_name[name]
        inner = field.message_type
        if inner is None or inner.GetOptions().map_entry:
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                absent += missing(each, inner, f"{at}{name}.")
    return absent
