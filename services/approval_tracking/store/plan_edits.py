"""The edits of plans, and templates, as one transaction sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.domain.plan_errors import TemplateNameTaken, TemplateUnknown
from approval_tracking.domain.plan_shape import EditMade, OwnNode, PlanEdit, Shape
from approval_tracking.store.tables import plan_edits, plan_templates
from chassis.events import plain

_edits = (
    sa.select(plan_edits)
    .where(plan_edits.c.project_id == sa.bindparam("project_id", type_=sa.Uuid))
    .order_by(plan_edits.c.number)
)


@dataclass(frozen=True)
class Template:
    """A district's nodes for other plans."""

    id: UUID
    region: str
    name: str
    nodes: tuple[OwnNode, ...]
    made_by: str
    made_at: datetime


class PlanEditStore:
    """Who edits holds the project's lock."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def edits(self, project_id: UUID) -> list[EditMade]:
        return [
            EditMade(row.number, _edit(row.edit), row.reason, row.made_by, row.made_at)
            for row in self._tx.execute(_edits, {"project_id": project_id})
        ]

    def shape(self, project_id: UUID) -> Shape:
        return Shape.of(each.edit for each in self.edits(project_id))

    def add(self, project_id: UUID, made: Sequence[EditMade]) -> None:
        self._tx.execute(
            plan_edits.insert(),
            [
                {
                    "project_id": project_id,
                    "number": each.number,
                    "edit": plain(each.edit),
                    "reason": each.reason,
                    "made_by": each.by,
                    "made_at": each.at,
                }
                for each in made
            ],
        )

    def keep(self, template: Template) -> None:
        once = (
            insert(plan_templates)
            .values(
                id=template.id,
                region=template.region,
                name=template.name,
                nodes=plain(template.nodes),
                made_by=template.made_by,
                made_at=template.made_at,
            )
            .on_conflict_do_nothing(index_elements=["region", "name"])
            .returning(plan_templates.c.id)
        )
        if self._tx.scalar(once) is None:
            raise TemplateNameTaken(region=template.region, name=template.name, field="name")

    def templates(self, regions: Sequence[str]) -> list[Template]:
        rows = self._tx.execute(
            sa.select(plan_templates)
            .where(plan_templates.c.region.in_(regions))
            .order_by(plan_templates.c.name, plan_templates.c.region)
        )
        return [_template(row) for row in rows]

    def template(self, template_id: UUID) -> Template:
        row = self._tx.execute(
            sa.select(plan_templates).where(plan_templates.c.id == template_id)
        ).one_or_none()
        if row is None:
            raise TemplateUnknown(template_id=template_id, field="template_id")
        return _template(row)


def _template(row: Any) -> Template:
    nodes = tuple(OwnNode(**_read(each)) for each in row.nodes)
    return Template(row.id, row.region, row.name, nodes, row.made_by, row.made_at)


def _edit(told: Mapping[str, Any]) -> PlanEdit:
    return PlanEdit(**_read(told))


def _read(told: Mapping[str, Any]) -> dict[str, Any]:
    done = told["done_on"]
    return {
        **told,
        "after": tuple(told["after"]),
        "before": tuple(told["before"]),
        "done_on": date.fromisoformat(done) if done else None,
    }
