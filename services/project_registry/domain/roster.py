"""Bodies by name and day, from the departments of the catalogue and the tree of regions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis import regions

_SINCE = date(2000, 1, 1)


@dataclass(frozen=True)
class Organisation:
    """A body under one name; `org` is `<region>:<department>` and outlives the name."""

    org: str
    name: str
    region: str
    region_path: str
    department: str
    kind: str
    valid_from: date
    valid_to: date | None = None


def organisations(data: Mapping[str, Any]) -> Iterator[Organisation]:
    """Yield every body that data/organisations.yaml describes, once for each of its names."""
    province = data["province"]
    renamed = {(row["region"], row["department"]): row["names"] for row in data["renamed"]}
    for row in data["bodies"]:
        places = [
            (region.code, region.name, regions.path_of(region.code), region.kind)
            for region in regions.all_regions().values()
            if region.tier in row["tiers"]
        ]
        if "province" in row["tiers"]:
            places.append((province["code"], province["name"], province["code"], "province"))
        for code, place, path, kind in places:
            names = renamed.get((code, row["department"])) or [
                {"name": place + _suffix(row, kind), "from": _SINCE, "to": None}
            ]
            for each in names:
                yield Organisation(
                    org=f"{code}:{row['department']}",
                    name=each["name"],
                    region=code,
                    region_path=path,
                    department=row["department"],
                    kind=row["kind"],
                    valid_from=each["from"],
                    valid_to=each["to"],
                )


def _suffix(row: Mapping[str, Any], kind: str) -> str:
    """A zone has an administrative committee where a district has a government."""
    return str(row.get("suffixes", {}).get(kind, row["suffix"]))
