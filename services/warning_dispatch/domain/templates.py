"""Templates of orders for usual causes: words with places for the project, the item and the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warning_dispatch.domain.facts import Bearer, district_of


@dataclass(frozen=True)
class OrderTemplate:
    code: str
    cause: str
    title: str
    requirement: str
    # helpers are departments of the district, or `company` for the project's own.
    helpers: tuple[str, ...]

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> OrderTemplate:
        return cls(
            code=body["code"],
            cause=body["cause"],
            title=body["title"],
            requirement=body["requirement"],
            helpers=tuple(body.get("helpers") or ()),
        )

    def subject_for(self, bearer: Bearer) -> str:
        return self.title.format(**_places(bearer))[:200]

    def requirement_for(self, bearer: Bearer) -> str:
        return self.requirement.format(**_places(bearer))

    def helpers_for(self, bearer: Bearer) -> tuple[str, ...]:
        region = district_of(bearer.region_path).rpartition("/")[2]
        named = (bearer.uscc if each == "company" else f"{region}:{each}" for each in self.helpers)
        return tuple(org for org in named if org)


def _places(bearer: Bearer) -> dict[str, str]:
    return {
        "project": bearer.project_name,
        "item": bearer.item_name or "有关事项",
        "org": bearer.org_name or "责任单位",
    }
