"""A project: what is said about it, what is derived, and every change on record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from chassis import regions
from chassis.errors import FieldInvalid, FieldsInvalid, FieldViolation, Stale
from chassis.events import Event
from project_registry.domain import progress as standing
from project_registry.domain.details import RESERVE, Details, faults, flat, show
from project_registry.domain.errors import (
    PastDecisionDiffers,
    ProjectArchived,
    ProjectNotFinished,
    ProjectWithdrawn,
)
from project_registry.domain.events import (
    PastDecision,
    PastDecisionsRecorded,
    ProjectChanged,
    ProjectRegistered,
    ProjectStageChanged,
    ProjectState,
)
from project_registry.domain.progress import MEASURES_FROM, Progress
from project_registry.domain.reference import Fault, items


@dataclass(frozen=True)
class Actor:
    """Who changes something, from where, and why."""

    account: str = ""
    name: str = ""
    # source is rpc, annual_list, assignment, progress, scheme or demo.
    source: str = "rpc"
    reason: str = ""


@dataclass(frozen=True)
class Change:
    """One line of the history."""

    field: str
    old: str
    new: str
    actor: Actor


@dataclass(frozen=True)
class Past:
    """An item decided before the project came here, as told."""

    item_code: str
    accepted_on: date
    decided_on: date
    late: bool = False

    @property
    def historical(self) -> bool:
        """Say whether it was decided before the measures took effect: assessed by nobody."""
        return self.decided_on < MEASURES_FROM


# What changes about a project and is nobody else's business.
_OWN = (
    *("note", "agent_names", "withdrawn_on", "withdrawn_reason"),
    *("archived_on", "archived_reason"),
)


@dataclass
class Project:
    """One project. Stage, status and pool follow from its facts and cannot disagree with them."""

    id: UUID
    details: Details
    scheme: str
    agents: tuple[str, ...] = ()
    agent_names: tuple[str, ...] = ()
    # assigned is the version of the last assignment; 0 while only a list has named agents.
    assigned: int = 0
    actual_start: date | None = None
    withdrawn_on: date | None = None
    withdrawn_reason: str = ""
    archived_on: date | None = None
    archived_reason: str = ""
    # predecessors and successors come of mergers and splits.
    predecessors: tuple[UUID, ...] = ()
    successors: tuple[UUID, ...] = ()
    progress: Progress = field(default_factory=dict)
    progress_version: int = 0
    past: dict[str, Past] = field(default_factory=dict)
    version: int = 0
    events: list[Event] = field(default_factory=list, compare=False)
    changes: list[Change] = field(default_factory=list, compare=False)

    # --- what is derived

    @property
    def stage(self) -> str:
        return standing.derive_stage(self.progress, self.scheme, items())

    @property
    def pool(self) -> str:
        return standing.derive_pool(
            self.progress,
            signed=self.details.sign_date is not None,
            started=self.actual_start is not None,
            items=items(),
        )

    @property
    def status(self) -> str:
        if self.withdrawn_on is not None:
            return "withdrawn"
        if self.archived_on is not None:
            return "archived"
        if self.stage == standing.DONE:
            return "done"
        return "reserve" if self.details.category == RESERVE else "active"

    @property
    def historical(self) -> bool:
        return standing.ended_before_the_measures(self.progress)

    @property
    def region_path(self) -> str:
        return regions.path_of(self.details.managing_region)

    def state(self, version: int) -> ProjectState:
        said = self.details
        return ProjectState(
            project_id=self.id,
            version=version,
            name=said.name,
            code=said.code,
            year=said.year,
            level=said.level,
            category=said.category,
            enterprise_name=said.enterprise_name,
            uscc=said.uscc,
            admin_region=said.admin_region,
            managing_region=said.managing_region,
            region_path=self.region_path,
            industry=said.industry,
            content=said.content,
            total_investment_wan=show(said.total_investment_wan),
            annual_plan_wan=show(said.annual_plan_wan),
            sign_date=show(said.sign_date),
            planned_start=show(said.planned_start),
            planned_completion=show(said.planned_completion),
            actual_start=show(self.actual_start),
            attributes={
                name: json.dumps(value, ensure_ascii=False)
                for name, value in said.attributes.items()
            },
            agents=self.agents,
            stage=self.stage,
            status=self.status,
            pool=self.pool,
            historical=self.historical,
            predecessors=self.predecessors,
            successors=self.successors,
        )

    # --- what happens to it

    def register(self, actor: Actor) -> None:
        """Publish a project that has just been made; refuses details that are wrong."""
        refuse(list(faults(self.details)))
        self.changes.append(
            Change("registered", "", json.dumps(_kept(self), ensure_ascii=False), actor)
        )
        self.events.append(ProjectRegistered(self.state(self.version + 1)))

    def amend(
        self,
        details: Details,
        actor: Actor,
        *,
        today: date,
        agents: tuple[str, ...] | None = None,
        agent_names: tuple[str, ...] = (),
    ) -> None:
        self._refuse_over()
        refuse(list(faults(details)))
        before = self._picture()
        self.details = details
        if agents is not None:
            self.agents, self.agent_names = agents, agent_names
        self._note(before, actor, today)

    def start(self, on: date, actor: Actor, *, today: date) -> None:
        self._refuse_over()
        if on > today:
            raise FieldInvalid(
                field="on", zh_why=f"不能晚于今天 {today}", en_why=f"cannot be after today {today}"
            )
        signed = self.details.sign_date
        if signed is not None and on < signed:
            raise FieldInvalid(
                field="on",
                zh_why=f"不能早于签约日期 {signed}",
                en_why=f"cannot be before the signing on {signed}",
            )
        before = self._picture()
        self.actual_start = on
        self._note(before, actor, today)

    def withdraw(self, actor: Actor, *, today: date) -> None:
        self._refuse_over()
        before = self._picture()
        self.withdrawn_on, self.withdrawn_reason = today, actor.reason
        self._note(before, actor, today)

    def become(self, successors: Iterable[UUID], actor: Actor, *, today: date) -> None:
        """Leave the library for those that it went into, or was split into; its cases run on."""
        self._refuse_over()
        before = self._picture()
        self.successors = tuple(successors)
        self.withdrawn_on, self.withdrawn_reason = today, actor.reason
        self._note(before, actor, today)

    def absorb(self, predecessors: Iterable[UUID], actor: Actor, *, today: date) -> None:
        """Take over from others that were merged into it."""
        self._refuse_over()
        before = self._picture()
        self.predecessors = (*self.predecessors, *predecessors)
        self._note(before, actor, today)

    def archive(self, actor: Actor, *, today: date) -> None:
        """Close the finished project 办结归档 (A10.5): the first registration, and all else, is done."""
        self._refuse_over()
        left = [code for code, each in self.progress.items() if each.state != "done"]
        if left or self.stage != standing.DONE:
            raise ProjectNotFinished(name=self.details.name, items="、".join(left) or "-")
        before = self._picture()
        self.archived_on, self.archived_reason = today, actor.reason
        self._note(before, actor, today)

    def assign(
        self,
        agents: tuple[str, ...],
        names: tuple[str, ...],
        actor: Actor,
        *,
        version: int,
        today: date,
    ) -> None:
        """Take the navigators of an assignment; an older one never overwrites a newer one."""
        if version <= self.assigned:
            return
        before = self._picture()
        self.assigned, self.agents, self.agent_names = version, agents, names
        self._note(before, actor, today)

    def advance(self, progress: Progress, actor: Actor, *, version: int, today: date) -> None:
        """Take how far the items are; older news never overwrites newer."""
        if version <= self.progress_version:
            return
        before = self._picture()
        self.progress_version, self.progress = version, progress
        self._note(before, actor, today)

    def follow_scheme(self, scheme: str, actor: Actor, *, today: date) -> None:
        before = self._picture()
        self.scheme = scheme
        self._note(before, actor, today)

    def record_past(self, decisions: Iterable[Past], actor: Actor, *, today: date) -> list[Past]:
        """Record what was decided before; return what was new. All or nothing."""
        self._refuse_over()
        given = list(decisions)
        refuse(
            [
                fault
                for place, each in enumerate(given)
                for fault in _past_faults(place, each, today)
            ]
        )
        new: dict[str, Past] = {}
        for place, each in enumerate(given):
            known = self.past.get(each.item_code) or new.get(each.item_code)
            if known is None:
                new[each.item_code] = each
            elif known != each:
                raise PastDecisionDiffers(
                    item_code=known.item_code,
                    accepted_on=known.accepted_on,
                    decided_on=known.decided_on,
                    field=f"decisions[{place}].item_code",
                )
        if new:
            self.past = {**self.past, **new}
            self.changes.extend(
                Change(f"past_decisions.{each.item_code}", "", each.decided_on.isoformat(), actor)
                for each in new.values()
            )
            self.events.append(
                PastDecisionsRecorded(
                    self.id,
                    tuple(
                        PastDecision(
                            each.item_code,
                            each.accepted_on,
                            each.decided_on,
                            each.late,
                            each.historical,
                        )
                        for each in new.values()
                    ),
                )
            )
        return list(new.values())

    def expect(self, version: int) -> None:
        """Refuse when the caller read another version; 0 does not check."""
        if version and version != self.version:
            raise Stale(subject=self.details.name, version=self.version, expected=version)

    def _refuse_over(self) -> None:
        if self.withdrawn_on is not None:
            raise ProjectWithdrawn(name=self.details.name, on=self.withdrawn_on)
        if self.archived_on is not None:
            raise ProjectArchived(name=self.details.name, on=self.archived_on)

    def _picture(self) -> dict[str, str]:
        return {
            **flat(self.details),
            "agents": " ".join(self.agents),
            "agent_names": " ".join(self.agent_names),
            "actual_start": show(self.actual_start),
            "withdrawn_on": show(self.withdrawn_on),
            "withdrawn_reason": self.withdrawn_reason,
            "archived_on": show(self.archived_on),
            "archived_reason": self.archived_reason,
            "predecessors": " ".join(map(str, self.predecessors)),
            "successors": " ".join(map(str, self.successors)),
            "stage": self.stage,
            "status": self.status,
            "pool": self.pool,
            "historical": show(self.historical),
        }

    def _note(self, before: dict[str, str], actor: Actor, today: date) -> None:
        """Write down what is different now, and publish it if anybody else can see it."""
        after = self._picture()
        changed = [name for name, value in after.items() if value != before[name]]
        self.changes.extend(Change(name, before[name], after[name], actor) for name in changed)
        public = dict.fromkeys(name.partition(".")[0] for name in changed)
        for own in _OWN:
            public.pop(own, None)
        if "managing_region" in public:
            public["region_path"] = None
        if public:
            self.events.append(ProjectChanged(self.state(self.version + 1), tuple(public)))
        if before["stage"] != after["stage"]:
            self.events.append(ProjectStageChanged(self.id, before["stage"], after["stage"], today))


def refuse(wrong: list[Fault]) -> None:
    """Raise one error that names every field that is wrong."""
    if wrong:
        raise FieldsInvalid(
            [FieldViolation(_path(each.field), each.zh, each.en, each.reason) for each in wrong]
        )


def _path(name: str) -> str:
    return name if name.startswith("decisions[") else f"details.{name}"


def _past_faults(place: int, past: Past, today: date) -> Iterable[Fault]:
    at = f"decisions[{place}]"
    if past.item_code not in items().names:
        yield Fault(
            f"{at}.item_code",
            "ITEM_UNKNOWN",
            f"目录中没有事项 {past.item_code}",
            f"the catalogue has no item {past.item_code}",
        )
    if past.decided_on < past.accepted_on:
        yield Fault(
            f"{at}.decided_on",
            "DECIDED_BEFORE_ACCEPTED",
            f"办结 {past.decided_on} 早于受理 {past.accepted_on}",
            f"{past.decided_on} is before the acceptance on {past.accepted_on}",
        )
    if past.decided_on > today:
        yield Fault(
            f"{at}.decided_on",
            "IN_THE_FUTURE",
            f"办结日期 {past.decided_on} 晚于今天",
            f"{past.decided_on} is in the future",
        )
    if past.accepted_on.year < 1990:
        yield Fault(f"{at}.accepted_on", "DATE_RANGE", "不早于 1990 年", "must not be before 1990")


def _kept(project: Project) -> dict[str, str]:
    """Return what a new project says, without what it leaves at its default."""
    said = {name: text for name, text in flat(project.details).items() if text}
    defaults = flat(Details().settled())
    kept = {name: text for name, text in said.items() if defaults.get(name) != text}
    return {**kept, **({"agents": " ".join(project.agents)} if project.agents else {})}
