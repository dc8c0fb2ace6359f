"""The facts project_registry publishes; their fields are those of events.proto."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chassis.events import Event


@dataclass(frozen=True)
class ProjectState:
    """A project's whole public state. Days and amounts are text, empty while unknown."""

    project_id: UUID
    version: int
    name: str
    code: str
    year: int
    level: str
    category: str
    enterprise_name: str
    uscc: str
    admin_region: str
    managing_region: str
    region_path: str
    industry: str
    content: str
    total_investment_wan: str
    annual_plan_wan: str
    sign_date: str
    planned_start: str
    planned_completion: str
    actual_start: str
    attributes: dict[str, str]
    agents: tuple[str, ...]
    stage: str
    status: str
    pool: str
    historical: bool
    predecessors: tuple[UUID, ...] = ()
    successors: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class ProjectRegistered(Event):
    project: ProjectState


@dataclass(frozen=True)
class ProjectChanged(Event):
    project: ProjectState
    changed: tuple[str, ...]


@dataclass(frozen=True)
class ProjectStageChanged(Event):
    project_id: UUID
    from_stage: str
    to_stage: str
    on: date


@dataclass(frozen=True)
class PastDecision:
    """One item decided before the project came here. `historical`: before the measures, assessed by nobody."""

    item_code: str
    accepted_on: date
    decided_on: date
    late: bool
    historical: bool


@dataclass(frozen=True)
class PastDecisionsRecorded(Event):
    project_id: UUID
    decisions: tuple[PastDecision, ...]


@dataclass(frozen=True)
class AnnualListPublished(Event):
    list_id: UUID
    year: int
    added: int
    changed: int
    unchanged: int
    project_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class ProjectChangeMoved(Event):
    change_id: UUID
    version: int
    kind: str
    status: str
    project_id: UUID | None
    project_name: str
    region_path: str
    level: str
    uscc: str
    reason: str
    asked_by: str
    decided_by: str
    note: str


@dataclass(frozen=True)
class InvestmentReported(Event):
    project_id: UUID
    version: int
    year: int
    month: int
    completed_wan: str
    planned_wan: str
    visual_progress: str
    by: str
    reported_at: datetime
    region_path: str
    level: str
