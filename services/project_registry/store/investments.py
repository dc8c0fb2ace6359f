"""Reports of investment: one row a month, with all that was said of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.events import Envelope, plain, read_instant
from chassis.outbox import Outbox
from project_registry.domain.details import show
from project_registry.domain.events import InvestmentReported
from project_registry.domain.investments import Report, Told
from project_registry.domain.projects import Project
from project_registry.store.tables import investment_reports as table


class InvestmentStore:
    """The reports as one transaction sees them; the project's lock orders them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    def of_project(self, project_id: UUID) -> list[Report]:
        """Return every month's report, the newest month first."""
        rows = self._tx.execute(
            sa.select(table)
            .where(table.c.project_id == project_id)
            .order_by(table.c.year.desc(), table.c.month.desc())
        )
        return [_report(row) for row in rows]

    def save(self, report: Report, project: Project, *, at: datetime) -> None:
        kept = {"planned_wan": report.planned_wan, "told": plain(report.told)}
        key = {"project_id": report.project_id, "year": report.year, "month": report.month}
        self._tx.execute(
            insert(table)
            .values(**key, **kept)
            .on_conflict_do_update(index_elements=list(key), set_=kept)
        )
        newest = report.newest
        told = InvestmentReported(
            project_id=report.project_id,
            version=report.version,
            year=report.year,
            month=report.month,
            completed_wan=show(newest.completed_wan),
            planned_wan=show(report.planned_wan),
            visual_progress=newest.visual_progress,
            by=newest.by,
            reported_at=newest.at,
            region_path=project.region_path,
            level=project.details.level,
        )
        self._outbox.append(
            Envelope.seal(told, aggregate_id=report.project_id, version=report.version, at=at)
        )


def _report(row: Any) -> Report:
    return Report(
        project_id=row.project_id,
        year=row.year,
        month=row.month,
        planned_wan=row.planned_wan,
        told=tuple(
            Told(
                **{
                    **each,
                    "completed_wan": Decimal(each["completed_wan"]),
                    "at": read_instant(each["at"]),
                }
            )
            for each in row.told
        ),
    )
