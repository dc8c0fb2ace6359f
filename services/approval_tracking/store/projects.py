"""Copies of projects, what each needs and has, and its plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.domain.agreement import Signature, read_signature
from approval_tracking.domain.errors import PlanUnknown, ProjectUnknown
from approval_tracking.domain.events import ItemProgress, PlanBaselined, PlanNode, ProjectProgressed
from approval_tracking.store.durations import Durations
from approval_tracking.store.plan_edits import PlanEditStore
from approval_tracking.store.plan_reminders import PlanReminderStore
from approval_tracking.store.tables import (
    OPEN_CASE,
    applications,
    cases,
    demo_waiting,
    joint_reviews,
    past_decisions,
    plans,
    project_items,
    projects,
)
from chassis.errors import HeldElsewhere, Stale
from chassis.events import Envelope, plain
from chassis.outbox import Outbox

# What is up for signature is kept as this baseline.
PROPOSED = -1

_get = sa.select(projects).where(projects.c.id == sa.bindparam("project_id", type_=sa.Uuid))
_lock = (
    sa.select(projects.c.id)
    .where(projects.c.id == sa.bindparam("project_id", type_=sa.Uuid))
    .with_for_update()
)
_items_of = sa.select(project_items).where(
    project_items.c.project_id == sa.bindparam("project_id", type_=sa.Uuid)
)
_open_among = (
    sa.select(project_items.c.item_code)
    .where(
        project_items.c.project_id == sa.bindparam("project_id", type_=sa.Uuid),
        project_items.c.item_code == sa.func.any(sa.bindparam("codes", type_=sa.ARRAY(sa.Text))),
        project_items.c.applicable,
        project_items.c.state != "done",
    )
    .order_by(project_items.c.item_code)
)


_clock = cases.c.state["clock"]
_open_dues = sa.select(
    cases.c.item_code,
    sa.func.coalesce(_clock["committed_due"].astext, _clock["statutory_due"].astext).label("due"),
).where(cases.c.project_id == sa.bindparam("project_id", type_=sa.Uuid), OPEN_CASE)


@dataclass(frozen=True)
class Project:
    """A project as the registry last said, with what this service keeps of it."""

    id: UUID
    version: int
    name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    status: str
    sign_date: date | None
    actual_start: date | None
    planned_start: date | None
    planned_completion: date | None
    attributes: Mapping[str, str]
    progress: int = 0
    catalogue: int = 0
    historical: bool = False

    @property
    def region(self) -> str:
        """Return the district that manages it, or the city."""
        regions = self.region_path.split("/")
        return regions[1] if len(regions) > 1 else regions[0]


@dataclass(frozen=True)
class ProjectItem:
    """Where one item of a project stands. What does not apply any more is kept, marked."""

    code: str
    applicable: bool = True
    state: str = "not_started"
    started_on: date | None = None
    done_on: date | None = None
    historical: bool = False
    case_id: UUID | None = None


@dataclass(frozen=True)
class PastDecision:
    code: str
    accepted_on: date | None
    decided_on: date
    late: bool = False


@dataclass(frozen=True)
class KeptPlan:
    """A plan as it was laid or frozen; `content` is the data of plan_baselined.v1."""

    content: Mapping[str, Any]
    version: int
    baseline: int
    provisional: bool
    catalogue: int
    laid_on: date
    reason: str
    signatures: tuple[Signature, ...] = ()


class ProjectStore:
    """The projects as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.edits = PlanEditStore(tx)
        self.reminders = PlanReminderStore(tx)
        self.outbox = Outbox(tx)
        self.durations = Durations(tx)

    # --- the copy --------------------------------------------------------------------------

    def take(self, state: Mapping[str, Any]) -> bool:
        """Keep the registry's state unless we have a newer one; say whether it was kept."""
        values = {
            "version": state["version"],
            "name": state["name"],
            "region_path": state["region_path"],
            "level": state["level"],
            "uscc": state.get("uscc", ""),
            "agents": list(state.get("agents", ())),
            "state": dict(state),
        }
        statement = insert(projects).values(id=UUID(state["project_id"]), **values)
        kept = self._tx.execute(
            statement.on_conflict_do_update(
                index_elements=["id"],
                set_={**values, "plan_laid_on": None},
                where=statement.excluded.version > projects.c.version,
            ).returning(projects.c.id)
        ).first()
        if kept is None:
            return False
        seen_by = {name: values[name] for name in ("region_path", "level", "uscc", "agents")}
        self._tx.execute(
            applications.update().where(applications.c.project_id == kept.id).values(**seen_by)
        )
        return True

    def share_scope(self, project: Project) -> None:
        """Let who may see the project see its joint reviews, and nobody else by an older state."""
        scope = {
            "region_path": project.region_path,
            "level": project.level,
            "uscc": project.uscc,
            "agents": list(project.agents),
        }
        other = [joint_reviews.c[name] != value for name, value in scope.items()]
        self._tx.execute(
            joint_reviews.update()
            .where(joint_reviews.c.project_id == project.id, sa.or_(*other))
            .values(scope)
        )

    def get(self, project_id: UUID, *, lock: bool = False) -> Project:
        statement = _get.with_for_update() if lock else _get
        row = self._tx.execute(statement, {"project_id": project_id}).one_or_none()
        if row is None:
            raise ProjectUnknown(project_id=project_id)
        if lock and row.origin:
            raise HeldElsewhere(subject=row.name, origin=row.origin)
        return _project(row)

    def lock(self, project_id: UUID) -> None:
        """Lock the project before a case that will move its item: who takes both, takes it first."""
        self._tx.execute(_lock, {"project_id": project_id})

    def find_by_name(self, name: str) -> UUID | None:
        return self._tx.scalar(sa.select(projects.c.id).where(projects.c.name == name).limit(1))

    def find(self, project_id: UUID) -> Project | None:
        row = self._tx.execute(_get, {"project_id": project_id}).one_or_none()
        return _project(row) if row else None

    # --- its items --------------------------------------------------------------------------

    def items(self, project_id: UUID) -> dict[str, ProjectItem]:
        rows = self._tx.execute(_items_of, {"project_id": project_id})
        return {
            row.item_code: ProjectItem(
                code=row.item_code,
                applicable=row.applicable,
                state=row.state,
                started_on=row.started_on,
                done_on=row.done_on,
                historical=row.historical,
                case_id=row.case_id,
            )
            for row in rows
        }

    def open_dues(self, project_id: UUID) -> dict[str, date]:
        """Return when the applications under way are due, as promised, else by law."""
        rows = self._tx.execute(_open_dues, {"project_id": project_id})
        return {row.item_code: date.fromisoformat(row.due) for row in rows if row.due}

    def open_among(self, project_id: UUID, codes: Sequence[str]) -> list[str]:
        """Return which of these items the project needs and has not done."""
        if not codes:
            return []
        values = {"project_id": project_id, "codes": list(codes)}
        return list(self._tx.scalars(_open_among, values))

    def under_another_catalogue(self, version: int, *, most: int) -> list[UUID]:
        """Lock and return some projects whose items were picked by another version."""
        statement = (
            sa.select(projects.c.id)
            .where(
                projects.c.catalogue != version, sa.literal(version) > 0, projects.c.origin == ""
            )
            .order_by(projects.c.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        return list(self._tx.scalars(statement))

    def put_items(
        self,
        project: Project,
        items: Mapping[str, ProjectItem],
        *,
        stages: Mapping[str, str],
        order: Mapping[str, int],
        catalogue: int,
        at: datetime,
    ) -> None:
        """Write all items of the project, tell how far it is, and have its plan laid anew."""
        rows = [
            {
                "project_id": project.id,
                "item_code": item.code,
                "applicable": item.applicable,
                "state": item.state,
                "started_on": item.started_on,
                "done_on": item.done_on,
                "historical": item.historical,
                "case_id": item.case_id,
            }
            for item in items.values()
        ]
        if rows:
            statement = insert(project_items)
            kept = [name for name in rows[0] if name not in ("project_id", "item_code")]
            self._tx.execute(
                statement.on_conflict_do_update(
                    index_elements=["project_id", "item_code"],
                    set_={name: statement.excluded[name] for name in kept},
                ),
                rows,
            )
        progress = self._tx.execute(
            projects.update()
            .where(projects.c.id == project.id)
            .values(
                progress=projects.c.progress + 1,
                catalogue=catalogue,
                plan_laid_on=None,
            )
            .returning(projects.c.progress)
        ).scalar_one()
        told = ProjectProgressed(
            project_id=project.id,
            version=progress,
            items=tuple(
                ItemProgress(item.code, stages.get(item.code, ""), item.state, item.done_on)
                for item in sorted(items.values(), key=lambda each: order.get(each.code, 0))
                if item.applicable
            ),
        )
        self.outbox.append(Envelope.seal(told, aggregate_id=project.id, version=progress, at=at))

    # --- what was decided before ---------------------------------------------------------------

    def remember(self, project_id: UUID, decisions: Iterable[PastDecision]) -> None:
        rows = [
            {
                "project_id": project_id,
                "item_code": each.code,
                "accepted_on": each.accepted_on,
                "decided_on": each.decided_on,
                "late": each.late,
            }
            for each in decisions
        ]
        if not rows:
            return
        statement = insert(past_decisions)
        self._tx.execute(
            statement.on_conflict_do_update(
                index_elements=["project_id", "item_code"],
                set_={
                    name: statement.excluded[name] for name in ("accepted_on", "decided_on", "late")
                },
            ),
            rows,
        )

    def past_decisions(self, project_id: UUID) -> dict[str, PastDecision]:
        rows = self._tx.execute(
            sa.select(past_decisions).where(past_decisions.c.project_id == project_id)
        )
        return {
            row.item_code: PastDecision(row.item_code, row.accepted_on, row.decided_on, row.late)
            for row in rows
        }

    # --- plans -----------------------------------------------------------------------------------

    def plan(self, project_id: UUID, baseline: int = 0) -> KeptPlan:
        """Return the draft, or the baseline with this number."""
        found = self.find_plan(project_id, baseline)
        if found is None:
            raise PlanUnknown(project_id=project_id)
        return found

    def find_plan(self, project_id: UUID, baseline: int = 0) -> KeptPlan | None:
        row = self._tx.execute(
            sa.select(plans).where(plans.c.project_id == project_id, plans.c.baseline == baseline)
        ).one_or_none()
        if row is None:
            return None
        return KeptPlan(
            content=row.content,
            version=row.version,
            baseline=row.baseline,
            provisional=row.provisional,
            catalogue=row.catalogue,
            laid_on=row.laid_on,
            reason=row.reason,
            signatures=tuple(read_signature(each) for each in row.signatures),
        )

    def last_baseline(self, project_id: UUID) -> int:
        statement = sa.select(sa.func.max(plans.c.baseline)).where(plans.c.project_id == project_id)
        return max(self._tx.scalar(statement) or 0, 0)

    def propose_plan(self, draft: KeptPlan, *, reason: str) -> KeptPlan:
        """Put the draft up for signature in place of what was; earlier signatures are void."""
        proposed = replace(draft, baseline=PROPOSED, reason=reason, signatures=())
        values = {
            "version": draft.version,
            "content": {**draft.content, "baseline": PROPOSED},
            "provisional": draft.provisional,
            "catalogue": draft.catalogue,
            "laid_on": draft.laid_on,
            "reason": reason,
            "signatures": [],
        }
        project_id = UUID(draft.content["project_id"])
        statement = insert(plans).values(project_id=project_id, baseline=PROPOSED, **values)
        self._tx.execute(
            statement.on_conflict_do_update(index_elements=["project_id", "baseline"], set_=values)
        )
        return proposed

    def sign_plan(self, project_id: UUID, signatures: Sequence[Signature]) -> None:
        self._tx.execute(
            plans.update()
            .where(plans.c.project_id == project_id, plans.c.baseline == PROPOSED)
            .values(signatures=[plain(each) for each in signatures])
        )

    def drop_proposal(self, project_id: UUID) -> None:
        self._tx.execute(
            plans.delete().where(plans.c.project_id == project_id, plans.c.baseline == PROPOSED)
        )

    def put_plan(
        self,
        plan: PlanBaselined,
        *,
        seen: int,
        provisional: bool,
        catalogue: int,
        laid_on: date,
        at: datetime,
        reason: str = "",
        signatures: Sequence[Signature] = (),
    ) -> KeptPlan:
        """Keep the plan as the draft, or as its baseline, one version after the draft `seen`."""
        told = replace(plan, version=seen + 1)
        values = {
            "version": told.version,
            "content": plain(told),
            "provisional": provisional,
            "catalogue": catalogue,
            "laid_on": laid_on,
            "reason": reason,
            "signatures": [plain(each) for each in signatures],
        }
        statement = insert(plans).values(
            project_id=plan.project_id, baseline=plan.baseline, **values
        )
        kept = self._tx.execute(
            statement.on_conflict_do_update(
                index_elements=["project_id", "baseline"],
                set_=values,
                where=plans.c.version == seen,
            ).returning(plans.c.version)
        ).first()
        if kept is None:
            raise Stale(subject=plan.project_id, version=seen + 1, expected=seen)
        if plan.baseline:
            self._tx.execute(
                plans.update()
                .where(plans.c.project_id == plan.project_id, plans.c.baseline == 0)
                .values(version=told.version)
            )
        self.outbox.append(
            Envelope.seal(told, aggregate_id=plan.project_id, version=told.version, at=at)
        )
        return KeptPlan(
            content=plain(told),
            version=told.version,
            baseline=plan.baseline,
            provisional=provisional,
            catalogue=catalogue,
            laid_on=laid_on,
            reason=reason,
            signatures=tuple(signatures),
        )

    def mark_laid(self, project_id: UUID, on: date) -> None:
        self._tx.execute(
            projects.update().where(projects.c.id == project_id).values(plan_laid_on=on)
        )

    def due_for_plan(self, today: date, *, most: int) -> list[UUID]:
        """Return projects whose plan is to be laid anew: something moved, or a day has passed."""
        return list(
            self._tx.scalars(
                sa.select(projects.c.id)
                .where(
                    sa.or_(projects.c.plan_laid_on.is_(None), projects.c.plan_laid_on < today),
                    projects.c.origin == "",
                )
                .limit(most)
                .with_for_update(skip_locked=True)
            )
        )

    # --- the demonstration --------------------------------------------------------------------------

    def wait_for_demo(self, name: str, content: Mapping[str, Any]) -> None:
        statement = insert(demo_waiting).values(project_name=name, content=dict(content))
        self._tx.execute(
            statement.on_conflict_do_update(
                index_elements=["project_name"], set_={"content": statement.excluded.content}
            )
        )

    def take_demo(self, name: str) -> Mapping[str, Any] | None:
        """Return what waits for this project, once."""
        row = self._tx.execute(
            demo_waiting.delete()
            .where(demo_waiting.c.project_name == name)
            .returning(demo_waiting.c.content)
        ).first()
        return row.content if row else None


def read_plan(content: Mapping[str, Any]) -> PlanBaselined:
    """Return a kept plan as the fact it was told as."""
    days = ("early_start", "early_finish", "late_start", "late_finish", "done_on")
    nodes = (
        PlanNode(
            **{**node, **{name: _day(node[name]) for name in days}, "after": tuple(node["after"])}
        )
        for node in content["nodes"]
    )
    return PlanBaselined(
        **{
            **content,
            "project_id": UUID(content["project_id"]),
            "planned_start": _day(content["planned_start"]),
            "earliest_start": _day(content["earliest_start"]),
            "critical_path": tuple(content["critical_path"]),
            "nodes": tuple(nodes),
        }
    )


def _project(row: sa.Row[Any]) -> Project:
    state = row.state
    return Project(
        id=row.id,
        version=row.version,
        name=row.name,
        region_path=row.region_path,
        level=row.level,
        uscc=row.uscc,
        agents=tuple(row.agents),
        status=state.get("status", ""),
        sign_date=_day(state.get("sign_date")),
        actual_start=_day(state.get("actual_start")),
        planned_start=_day(state.get("planned_start")),
        planned_completion=_day(state.get("planned_completion")),
        attributes=state.get("attributes", {}),
        progress=row.progress,
        catalogue=row.catalogue,
        historical=bool(state.get("historical", False)),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
