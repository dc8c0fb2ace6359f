"""The tree of regions: reference data that all services share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from chassis.errors import FieldInvalid


@dataclass(frozen=True)
class Region:
    """One node: the city, a district 市(区), or a town 镇, 街道, 园区."""

    code: str
    name: str
    # parent is empty for the city.
    parent: str
    tier: str
    kind: str


@cache
def all_regions() -> Mapping[str, Region]:
    """Return every region by its code, parents before children."""
    text = files("chassis").joinpath("data/regions.yaml").read_text(encoding="utf-8")
    rows = yaml.load(text, Loader=yaml.CSafeLoader)["regions"]
    return {
        row["code"]: Region(
            code=row["code"],
            name=row["name"],
            parent=row["parent"] or "",
            tier=row["tier"],
            kind=row["type"],
        )
        for row in rows
    }


def find(code: str) -> Region | None:
    return all_regions().get(code)


def get(code: str, *, field: str = "region") -> Region:
    """Return the region, or refuse the field that named it."""
    region = find(code)
    if region is None:
        raise FieldInvalid(
            field=field, zh_why=f"没有代码为 {code} 的区划", en_why=f"there is no region {code}"
        )
    return region


def path_of(code: str, *, field: str = "region") -> str:
    """Return the codes from the city down to the region, `321100/321181/321181113`."""
    region = get(code, field=field)
    return f"{path_of(region.parent)}/{code}" if region.parent else code


def parent(code: str) -> str:
    """Return the code of the region above, empty for the city."""
    return get(code).parent


def name(code: str) -> str:
    return get(code).name


def within(path: str, top: str) -> bool:
    """Say whether `path` is `top` or lies below it. Nothing lies below an empty path."""
    return bool(top) and (path == top or path.startswith(f"{top}/"))
