"""Catalogues as files: what is read names the line of each fault, what is written can be read again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from approval_tracking.domain.catalogue_shape import Fault, entry_key
from approval_tracking.domain.errors import CatalogueUnreadable

YAML_TYPE = "application/yaml"
_MOST_DEPTH, _MOST_NODES = 12, 200_000


@dataclass(frozen=True)
class Place:
    """A place in a file, in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True)
class CatalogueFile:
    """A catalogue as it was read, with where each of its parts stands."""

    content: Mapping[str, Any]
    themes: Any
    places: Mapping[str, Place]

    def placed(self, fault: Fault) -> Fault:
        """Return the fault with its line, or that of the nearest part around it."""
        path = fault.path
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        place = self.places.get(path)
        if place is None:
            return fault
        return Fault(fault.path, f"{place.zh}: {fault.zh}", f"{place.en}: {fault.en}")


def write_yaml(content: Mapping[str, Any], themes: Any) -> bytes:
    return yaml.dump(
        {**content, "themes": themes},
        Dumper=yaml.CSafeDumper,
        allow_unicode=True,
        sort_keys=False,
        width=120,
    ).encode()


def read_yaml(data: bytes) -> CatalogueFile:
    """Read a file as `write_yaml` writes it."""
    places: dict[str, Place] = {}
    try:
        text = data.decode("utf-8-sig")
        _refuse_tricks(text)
        root: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
        content = _build(root, "", places) if root else None
    except UnicodeDecodeError as error:
        raise unreadable("文件不是 UTF-8 文本", "the file is no UTF-8 text") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        why = getattr(error, "problem", None) or "not YAML"
        raise unreadable(
            f"第 {line} 行: 不是有效的 YAML: {why}", f"line {line}: no valid YAML: {why}"
        ) from error
    if not isinstance(content, dict):
        raise unreadable("文件应为一组字段", "the file must be a mapping")
    themes = content.pop("themes", None)
    return CatalogueFile(content, themes, places)


def _refuse_tricks(text: str) -> None:
    """Refuse what no catalogue needs and what would cost too much to read."""
    depth = 0
    for nodes, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise unreadable("不支持引用 (&, *)", "aliases (&, *) are not read")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH or nodes > _MOST_NODES:
            raise unreadable("文件过大或嵌套过深", "the file is too large or nested too deep")


def unreadable(zh: str, en: str) -> CatalogueUnreadable:
    return CatalogueUnreadable(why_zh=zh, why_en=en, field="file")


def _build(node: yaml.Node, path: str, places: dict[str, Place]) -> Any:
    places.setdefault(path, _line(node.start_mark.line + 1))
    if isinstance(node, yaml.MappingNode):
        built = {}
        for key, value in node.value:
            name = str(key.value)
            if name in built or "\0" in name:
                line = key.start_mark.line + 1
                raise unreadable(f"第 {line} 行: {name} 重复", f"line {line}: {name} is twice")
            inner = f"{path}.{name}".lstrip(".")
            places[inner] = _line(key.start_mark.line + 1)
            built[name] = _build(value, inner, places)
        return built
    if isinstance(node, yaml.SequenceNode):
        return [
            _build(each, f"{path}[{_place(each, place)}]", places)
            for place, each in enumerate(node.value)
        ]
    value = _SCALARS.construct_object(node, deep=True)
    fits = value is None or isinstance(value, str | int | float)
    if not fits or value != value or value in (math.inf, -math.inf) or "\0" in str(value):
        line = node.start_mark.line + 1
        raise unreadable(
            f"第 {line} 行: {node.value} 既非文字也非数字, 文字请加引号",
            f"line {line}: {node.value} is neither a text nor a number; quote what is a text",
        )
    return value


def _line(line: int) -> Place:
    return Place(f"第 {line} 行", f"line {line}")


def _place(node: yaml.Node, place: int) -> str:
    told = {}
    if isinstance(node, yaml.MappingNode):
        told = {str(key.value): value.value for key, value in node.value}
    return entry_key(told, place)


_SCALARS: Any = yaml.SafeLoader("")
