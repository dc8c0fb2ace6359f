"""Requests and answers: the words of the domain for the enums of the protos, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from kaigong.project_registry.v1 import project_registry_pb2 as pb

from chassis import regions
from chassis.rpc import read_date, to_timestamp
from project_registry.domain import lists
from project_registry.domain.details import show
from project_registry.domain.reference import items
from project_registry.store import StoredList

Row = sa.Row[Any]

LEVEL_WORDS = {
    pb.PROJECT_LEVEL_PROVINCE: "省级",
    pb.PROJECT_LEVEL_CITY: "市级",
    pb.PROJECT_LEVEL_DISTRICT: "区级",
}
CATEGORY_WORDS = {pb.PROJECT_CATEGORY_IMPLEMENTATION: "实施", pb.PROJECT_CATEGORY_RESERVE: "储备"}
LEVEL_OF = {text: value for value, text in LEVEL_WORDS.items()}
_CATEGORY_OF = {text: value for value, text in CATEGORY_WORDS.items()}
_TEXTS = (
    "name", "code", "enterprise_name", "uscc", "admin_region", "managing_region", "industry",
    "content", "note",
)  # fmt: skip
_DAYS = ("sign_date", "planned_start", "planned_completion")
FIELDS = (
    *_TEXTS, *_DAYS, "year", "level", "category", "total_investment_wan", "annual_plan_wan",
)  # fmt: skip


def said(details: pb.ProjectDetails, names: Iterable[str]) -> dict[str, Any]:
    """Return the named fields of the details as the domain has them."""
    return {name: _field(details, name) for name in names}


def _field(details: pb.ProjectDetails, name: str) -> Any:
    value = getattr(details, name)
    if name in _DAYS:
        return read_date(f"details.{name}", value) if value else None
    if name == "level":
        return LEVEL_WORDS.get(value, "")
    if name == "category":
        return CATEGORY_WORDS.get(value, "")
    if name == "total_investment_wan":
        return Decimal(value or 0)
    if name == "annual_plan_wan":
        return Decimal(value) if value else None
    return value.strip() if isinstance(value, str) else value


def path_of_region(region: str) -> str:
    return regions.path_of(region) if region else ""


def word_of(enum: Any, value: int) -> str:
    """Return the word that the tables have for an enum's value, empty for unspecified."""
    return enum.Name(value).removeprefix(_prefix(enum)).lower() if value else ""


def value_of(enum: Any, word: str) -> Any:
    return enum.Value(f"{_prefix(enum)}{word.upper()}") if word else 0


def _prefix(enum: Any) -> str:
    return str(enum.Name(0)).removesuffix("UNSPECIFIED")


def project(row: Row) -> pb.Project:
    return pb.Project(
        project_id=str(row.id),
        version=row.version,
        details=pb.ProjectDetails(
            **{name: getattr(row, name) for name in _TEXTS},
            **{name: show(getattr(row, name)) for name in _DAYS},
            year=row.year,
            level=LEVEL_OF[row.level],
            category=_CATEGORY_OF[row.category],
            total_investment_wan=show(row.total_investment_wan),
            annual_plan_wan=show(row.annual_plan_wan),
            attributes=_attributes(row.attributes),
        ),
        region_path=row.region_path,
        actual_start=show(row.actual_start),
        agents=row.agents,
        agent_names=row.agent_names,
        stage=row.stage,
        status=value_of(pb.ProjectStatus, row.status),
        pool=value_of(pb.Pool, row.pool),
        historical=row.historical,
        withdrawn_on=show(row.withdrawn_on),
        withdrawn_reason=row.withdrawn_reason,
        registered_at=to_timestamp(row.registered_at),
        changed_at=to_timestamp(row.changed_at),
        predecessors=[str(each) for each in row.predecessors],
        successors=[str(each) for each in row.successors],
    )


def _attributes(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def stage_scheme(name: str, *, in_use: bool) -> pb.StageScheme:
    return pb.StageScheme(
        scheme=name,
        stages=[pb.Stage(code=code, name=text) for code, text in items().schemes[name].items()],
        in_use=in_use,
    )


def annual_list(stored: StoredList | Row, members: Iterable[Any] = ()) -> pb.AnnualList:
    rows = len(stored.sheet.rows) if isinstance(stored, StoredList) else stored.row_count
    return pb.AnnualList(
        list_id=str(stored.id),
        file_name=stored.file_name,
        status=value_of(pb.ListStatus, stored.status),
        year=stored.year,
        rows=rows,
        uploaded_by=stored.uploaded_by_name,
        uploaded_at=to_timestamp(stored.uploaded_at),
        committed_at=to_timestamp(stored.committed_at),
        added=stored.added,
        changed=stored.changed,
        unchanged=stored.unchanged,
        missing=stored.missing,
        project_ids=[str(each) for each in members],
    )


def difference(each: lists.Difference) -> pb.Difference:
    return pb.Difference(
        kind=value_of(pb.DifferenceKind, each.kind),
        row=each.row,
        project_id=str(each.project_id or ""),
        name=each.name,
        changes=[pb.FieldChange(**vars(change)) for change in each.changes],
    )


def share(part: int, whole: int) -> str:
    return f"{Decimal(part) / Decimal(whole):.4f}" if whole else ""
