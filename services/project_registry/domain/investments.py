"""What was invested in a year, month by month 投资进度: the newest report of a month counts, none is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from chassis.errors import FieldInvalid
from project_registry.domain.errors import NoAnnualPlan
from project_registry.domain.projects import Actor


@dataclass(frozen=True)
class Told:
    """One version of a month's report: 万元 since 1 January, and how far it looks in words 形象进度."""

    completed_wan: Decimal
    visual_progress: str
    reason: str
    by: str
    by_name: str
    at: datetime


@dataclass
class Report:
    """A month's report of one project with everything that was ever said of it."""

    project_id: UUID
    year: int
    month: int
    planned_wan: Decimal
    told: tuple[Told, ...] = ()

    @property
    def version(self) -> int:
        return len(self.told)

    @property
    def newest(self) -> Told:
        return self.told[-1]

    def tell(
        self,
        completed_wan: Decimal,
        visual_progress: str,
        *,
        planned_wan: Decimal | None,
        before: Decimal,
        today: date,
        actor: Actor,
        at: datetime,
    ) -> None:
        """Report, or put right with a reason; `before` is what the month before had.

        A sum since January does not fall without a reason, and no month is reported before it begins.
        """
        if not planned_wan:
            raise NoAnnualPlan(project_id=self.project_id)
        if (self.year, self.month) > (today.year, today.month):
            raise FieldInvalid(
                field="month",
                zh_why=f"{self.year} 年 {self.month} 月尚未到来",
                en_why=f"{self.year}-{self.month:02} has not begun",
            )
        if self.told and not actor.reason:
            raise FieldInvalid(
                field="reason",
                zh_why="更正已报数据须写明原因",
                en_why="what was reported is put right with a reason",
            )
        if completed_wan < before and not actor.reason:
            raise FieldInvalid(
                field="completed_wan",
                zh_why=f"自年初累计数低于上月 {before}, 须写明原因",
                en_why=f"less than the month before, {before}: say why",
            )
        self.planned_wan = planned_wan
        said = Told(completed_wan, visual_progress, actor.reason, actor.account, actor.name, at)
        self.told = (*self.told, said)
