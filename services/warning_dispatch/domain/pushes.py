"""推办: somebody of the team goes there and settles it on the spot (measures article 5).

It is not supervision 督办: nobody answers in writing and no limit changes. What was agreed is put on
record, and what is to follow goes out as work orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from chassis.calendar import local_day
from chassis.errors import FailedPrecondition, InvalidArgument, NotFound
from chassis.events import Event
from warning_dispatch.domain.duties import local_text
from warning_dispatch.domain.facts import Bearer
from warning_dispatch.domain.notices import Notice
from warning_dispatch.domain.rules import YELLOW
from warning_dispatch.domain.steps import Actor, Step

PLANNED, DONE, CANCELLED = "planned", "done", "cancelled"
STATUS_ZH = {PLANNED: "已安排", DONE: "已完成", CANCELLED: "已取消"}


class PushNotFound(NotFound):
    zh = "没有推办任务 {push_id}"
    en = "there is no visit {push_id}"


class PushNotPlanned(FailedPrecondition):
    zh = "推办任务 {number} {status_zh}, 不再变动"
    en = "visit {number} is {status} and stays so"


class PushInFuture(InvalidArgument):
    zh = "推办日期不能晚于今天"
    en = "a visit that was made was not made after today"


class PushInPast(InvalidArgument):
    zh = "计划时间须晚于现在"
    en = "a visit is planned for a time to come"


@dataclass(frozen=True)
class PushState:
    push_id: UUID
    version: int
    number: str
    project_id: str
    project_name: str
    case_id: str
    order_id: str
    escalation_id: str
    region_path: str
    level: str
    agents: tuple[str, ...]
    subject: str
    place: str
    bodies: tuple[str, ...]
    people: str
    planned_at: datetime
    status: str
    went_on: date | None
    outcome: str
    agreed: str
    orders: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class PushPlanned(Event):
    push: PushState


@dataclass(frozen=True)
class PushDone(Event):
    push: PushState


@dataclass(frozen=True)
class PushCancelled(Event):
    push: PushState


@dataclass
class Push:
    """One visit, about a project, a case, an order or a matter on the ladder."""

    push_id: UUID
    number: str
    project_id: UUID | None
    project_name: str
    case_id: UUID | None
    order_id: UUID | None
    escalation_id: UUID | None
    region_path: str
    level: str
    agents: tuple[str, ...]
    subject: str
    place: str
    bodies: tuple[str, ...]
    people: str
    planned_at: datetime
    status: str = PLANNED
    went_on: date | None = None
    outcome: str = ""
    agreed: str = ""
    orders: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    version: int = 0
    events: list[Event] = field(default_factory=list, compare=False)

    @classmethod
    def plan(
        cls,
        push_id: UUID,
        by: Actor,
        bearer: Bearer,
        *,
        number: str,
        level: str,
        case_id: UUID | None,
        order_id: UUID | None,
        escalation_id: UUID | None,
        subject: str,
        place: str,
        bodies: tuple[str, ...],
        people: str,
        planned_at: datetime,
        at: datetime,
    ) -> Push:
        if planned_at < at:
            raise PushInPast(field="planned_at")
        made = cls(
            push_id=push_id,
            number=number,
            project_id=bearer.project_id,
            project_name=bearer.project_name,
            case_id=case_id,
            order_id=order_id,
            escalation_id=escalation_id,
            region_path=bearer.region_path,
            level=level,
            agents=bearer.agents,
            subject=subject,
            place=place,
            bodies=bodies,
            people=people,
            planned_at=planned_at,
        )
        made._step(PLANNED, by, at, place)
        made.events.append(PushPlanned(made.state()))
        return made

    def finish(
        self,
        by: Actor,
        *,
        went_on: date,
        outcome: str,
        agreed: str,
        orders: tuple[str, ...],
        at: datetime,
    ) -> None:
        """Put on record what came of it; `orders` are the work orders that follow."""
        self.check_planned()
        if went_on > local_day(at):
            raise PushInFuture(field="went_on")
        self.went_on, self.outcome, self.agreed, self.orders = went_on, outcome, agreed, orders
        self.status = DONE
        self._step(DONE, by, at, agreed or outcome)
        self.events.append(PushDone(self.state()))

    def cancel(self, by: Actor, *, reason: str, at: datetime) -> None:
        self.check_planned()
        self.status = CANCELLED
        self._step(CANCELLED, by, at, reason)
        self.events.append(PushCancelled(self.state()))

    def check_planned(self) -> None:
        if self.status != PLANNED:
            raise PushNotPlanned(
                number=self.number, status=self.status, status_zh=STATUS_ZH[self.status]
            )

    def state(self) -> PushState:
        return PushState(
            push_id=self.push_id,
            version=self.version,
            number=self.number,
            project_id=str(self.project_id or ""),
            project_name=self.project_name,
            case_id=str(self.case_id or ""),
            order_id=str(self.order_id or ""),
            escalation_id=str(self.escalation_id or ""),
            region_path=self.region_path,
            level=self.level,
            agents=self.agents,
            subject=self.subject,
            place=self.place,
            bodies=self.bodies,
            people=self.people,
            planned_at=self.planned_at,
            status=self.status,
            went_on=self.went_on,
            outcome=self.outcome,
            agreed=self.agreed,
            orders=self.orders,
            steps=self.steps,
        )

    def _step(self, step: str, by: Actor, at: datetime, note: str) -> None:
        self.version += 1
        self.steps = (*self.steps, Step(step, at, by.account, by.name, note))


def of_push(push: Push) -> Notice:
    """Tell the bodies that come along, the navigators, and the territory's heads."""
    when = local_text(push.planned_at)
    return Notice(
        kind=f"push_{push.status}",
        title_zh=f"推办{STATUS_ZH[push.status]} {push.number}: {push.subject}",
        title_en=f"visit {push.number} {push.status}: {push.subject}",
        body_zh=push.steps[-1].note if push.status != PLANNED else f"{when} {push.place}",
        body_en=push.steps[-1].note if push.status != PLANNED else f"{when}, {push.place}",
        colour=YELLOW,
        card_id=None,
        order_id=push.order_id,
        project_id=push.project_id,
        region_path=push.region_path,
        level=push.level,
        accounts=push.agents,
        orgs=push.bodies,
        roles=("B2", "B3", "D1"),
    )
