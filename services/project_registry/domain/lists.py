"""The year's list of major projects: what committing it would do."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from chassis import regions
from project_registry.domain.authority import Desk
from project_registry.domain.columns import heading_of
from project_registry.domain.details import LEVELS, Details, faults, flat
from project_registry.domain.projects import Project
from project_registry.domain.reference import Fault
from project_registry.domain.rows import Agent, CellError, Reader, Said

NEW, CHANGED, UNCHANGED, MISSING = "new", "changed", "unchanged", "missing"


@dataclass(frozen=True)
class FieldChange:
    field: str
    label: str
    old: str
    new: str


@dataclass(frozen=True)
class Difference:
    """What a commit does with one project. `project` is None for a new one."""

    kind: str
    row: int
    name: str
    project: Project | None = None
    details: Details | None = None
    agents: tuple[Agent, ...] | None = None
    changes: tuple[FieldChange, ...] = ()

    @property
    def project_id(self) -> UUID | None:
        return self.project.id if self.project else None


@dataclass(frozen=True)
class Registered:
    """What the library has of the projects a sheet may mean."""

    by_code: Mapping[str, Project]
    by_name: Mapping[tuple[int, str, str], Project]
    # last are the projects of the last committed lists of the year, by level.
    last: Mapping[str, Sequence[Project]] = field(default_factory=dict)


@dataclass(frozen=True)
class Assessment:
    """What a sheet says of the library as it is now."""

    year: int
    errors: tuple[CellError, ...]
    differences: tuple[Difference, ...]
    levels: tuple[str, ...] = ()

    def count(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.differences)

    @property
    def token(self) -> str:
        """Identify exactly what a commit would do; another token, another effect."""
        digest = hashlib.sha256(str(self.year).encode())
        for each in self.differences:
            digest.update(repr((each.kind, each.row, each.project_id, each.changes)).encode())
        return digest.hexdigest()


def year_of(said: Sequence[Said]) -> int:
    """Return the year that most rows have, 0 when none has one."""
    years = Counter(int(each.fields["year"]) for each in said if "year" in each.fields)
    return years.most_common(1)[0][0] if years else 0


def assess(reader: Reader, said: Sequence[Said], registered: Registered, desk: Desk) -> Assessment:
    """Compare what the rows say with what is registered, and name everything that is wrong."""
    year = year_of(said)
    seen: dict[Any, int] = {}
    differences = []
    for each in said:
        if each.fields.get("year", year) != year:
            reader.fault(
                each.row,
                Fault(
                    "year",
                    "YEARS_DIFFER",
                    f"一份清单只能有一个年度, 其他行为 {year}",
                    f"a list has one year, the other rows say {year}",
                ),
                str(each.fields["year"]),
            )
        _refuse_twice(reader, each, seen)
        found, why = _find(each, registered)
        if why is not None:
            reader.fault(each.row, why, str(each.fields.get(why.field, "")))
            continue
        if found is not None and seen.setdefault(found.id, each.row) != each.row:
            reader.fault(each.row, _same_project(seen[found.id]), each.named[2])
            continue
        differences.append(_difference(reader, each, found, desk))
    bad = {error.row for error in reader.errors}
    differences = [each for each in differences if each.row not in bad]
    levels = tuple(sorted({str(each.fields.get("level", "")) for each in said} & set(LEVELS)))
    present = {each.project_id for each in differences if each.project}
    present |= {
        project.id
        for each in said
        if each.row in bad
        for project in (
            registered.by_code.get(each.code),
            registered.by_name.get(each.named),
        )
        if project is not None
    }
    gone = [
        Difference(MISSING, 0, project.details.name, project)
        for level in levels
        for project in registered.last.get(level, ())
        if project.id not in present and project.withdrawn_on is None
    ]
    ordered = sorted(reader.errors, key=lambda error: error.row)
    return Assessment(year, tuple(ordered), (*differences, *gone), levels)


def _refuse_twice(reader: Reader, said: Said, seen: dict[Any, int]) -> None:
    keys: list[tuple[str, Any, str]] = [("name", said.named, said.named[2])]
    if said.code:
        keys.append(("code", said.code, said.code))
    for name, key, text in keys:
        if not text:
            continue
        first = seen.setdefault(key, said.row)
        if first != said.row:
            reader.fault(
                said.row,
                Fault(
                    name,
                    "ROW_TWICE",
                    f"与第 {first} 行重复",
                    f"is the same as in row {first}",
                ),
                text,
            )


def _same_project(row: int) -> Fault:
    return Fault(
        "name",
        "PROJECT_TWICE",
        f"与第 {row} 行是同一个项目",
        f"means the same project as row {row}",
    )


def _find(said: Said, registered: Registered) -> tuple[Project | None, Fault | None]:
    """Return the project that a row means, by code or else by year, level and name, or why none may be."""
    by_name = registered.by_name.get(said.named)
    found = registered.by_code.get(said.code) if said.code else None
    if found is None:
        found = by_name
        if found is not None and said.code and found.details.code:
            return None, Fault(
                "code",
                "CODE_DIFFERS",
                f"已入库的同名项目代码为 {found.details.code}",
                f"the project of that name has the code {found.details.code}",
            )
    elif by_name is not None and by_name.id != found.id:
        return None, Fault(
            "name",
            "NAME_TAKEN",
            f"同年同级别已有同名项目 (代码 {by_name.details.code or '无'})",
            "another project of that year and level has this name",
        )
    if found is not None and found.withdrawn_on is not None:
        return None, Fault(
            "name",
            "PROJECT_WITHDRAWN",
            f"该项目已于 {found.withdrawn_on} 调出",
            f"the project was withdrawn on {found.withdrawn_on}",
        )
    return found, None


def _difference(reader: Reader, said: Said, found: Project | None, desk: Desk) -> Difference:
    base = found.details if found else Details()
    told = dict(said.fields)
    if found is None and "managing_region" not in told:
        told["managing_region"] = told.get("admin_region", "")
    details = replace(base, **told, attributes={**base.attributes, **said.attributes})
    details = details.settled()
    for fault in (*faults(details), *_not_his(details, found, desk)):
        # A cell that could not be read is no reason to say that its field is missing.
        if not reader.has_fault(said.row, fault.field):
            reader.fault(said.row, fault, str(told.get(fault.field, "")))
    if found is None:
        return Difference(NEW, said.row, details.name, None, details, said.agents)
    # An assignment knows better than a list who goes there.
    agents = said.agents if not found.assigned else None
    changes = [
        FieldChange(name, _label(name), old, new) for name, old, new in _compared(base, details)
    ]
    if agents is not None:
        names = " ".join(agent.name for agent in agents)
        if tuple(agent.account_id for agent in agents) != found.agents:
            changes.append(FieldChange("agents", "帮办", " ".join(found.agent_names), names))
    kind = CHANGED if changes else UNCHANGED
    return Difference(kind, said.row, details.name, found, details, agents, tuple(changes))


def _compared(old: Details, new: Details) -> list[tuple[str, str, str]]:
    before, after = flat(old), flat(new)
    return [
        (name, before.get(name, ""), text)
        for name, text in after.items()
        if text != before.get(name, "") and name != "attributes.total_investment_wan"
    ]


def _label(name: str) -> str:
    return heading_of(name) or name


def _not_his(details: Details, found: Project | None, desk: Desk) -> Iterable[Fault]:
    """Yield why the row is not the importer's to import."""
    for level in dict.fromkeys((details.level, *((found.details.level,) if found else ()))):
        if level in LEVELS and not desk.manages(level):
            yield Fault(
                "level",
                "LEVEL_NOT_YOURS",
                f"{level}项目不由您所在层级导入",
                f"{level} projects are not imported at your tier",
            )
            return
    paths = [details.managing_region, *((found.details.managing_region,) if found else ())]
    for code in paths:
        if regions.find(code) and not regions.within(regions.path_of(code), desk.region_path):
            yield Fault(
                "admin_region",
                "REGION_NOT_YOURS",
                f"{code} 不在您的辖区",
                f"{code} is outside your territory",
            )
            return
