"""What others published, as the rules read it: a case with its clock, a project, a work order's body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import regions

UNDECIDED = frozenset({"received", "supplementing", "in_review", "suspended"})


@dataclass(frozen=True)
class Happening:
    """One recorded event in the life of a case's clock."""

    kind: str
    on: date
    at: datetime | None
    expected_end: date | None = None
    days: int = 0


@dataclass(frozen=True)
class Deferral:
    """A paper that follows after acceptance 容缺."""

    paper: str
    due_on: date
    supplied_on: date | None


@dataclass(frozen=True)
class Bearer:
    """Who answers for a subject, and who may see its cards."""

    project_id: UUID | None
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    org: str
    org_name: str
    duty_bearer: str
    item_code: str = ""
    item_name: str = ""


@dataclass(frozen=True)
class Case:
    """A case as approval_tracking last published it."""

    id: UUID
    version: int
    status: str
    historical: bool
    bearer: Bearer
    statutory_days: int
    statutory_unit: str
    committed_days: int
    committed_unit: str
    statutory_due: date | None
    committed_due: date | None
    notice_due: date | None
    started_on: date | None
    yellow_on: date | None
    happenings: tuple[Happening, ...]
    received_at: datetime | None
    decided_at: datetime | None
    deferrals: tuple[Deferral, ...] = ()
    # check_due is the last day to check what the applicant pledged 告知承诺.
    check_due: date | None = None
    # delivery_due is the last day to hand over what was granted.
    delivery_due: date | None = None

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Case:
        clock = state.get("clock") or {}
        return cls(
            id=UUID(state["case_id"]),
            version=int(state["version"]),
            status=str(state["status"]),
            historical=bool(state.get("historical")),
            bearer=Bearer(
                project_id=_uuid(state.get("project_id")),
                project_name=str(state.get("project_name") or ""),
                region_path=str(state.get("region_path") or ""),
                level=str(state.get("level") or ""),
                uscc=str(state.get("uscc") or ""),
                agents=tuple(state.get("agents") or ()),
                org=str(state.get("org") or ""),
                org_name=str(state.get("org_name") or ""),
                duty_bearer=str(state.get("duty_bearer") or "authority"),
                item_code=str(state.get("item_code") or ""),
                item_name=str(state.get("item_name") or ""),
            ),
            statutory_days=int(clock.get("statutory_days") or 0),
            statutory_unit=str(clock.get("statutory_unit") or "working"),
            committed_days=int(clock.get("committed_days") or 0),
            committed_unit=str(clock.get("committed_unit") or "working"),
            statutory_due=_day(clock.get("statutory_due")),
            committed_due=_day(clock.get("committed_due")),
            notice_due=_day(clock.get("notice_due")),
            started_on=_day(clock.get("started_on")),
            yellow_on=_day(clock.get("yellow_on")),
            happenings=tuple(_happening(each) for each in clock.get("happenings") or ()),
            received_at=_instant(state.get("received_at")),
            decided_at=_instant(state.get("decided_at")),
            deferrals=tuple(_deferral(each) for each in state.get("deferrals") or ()),
            check_due=_day((state.get("pledge") or {}).get("check_due")),
            delivery_due=_day(clock.get("delivery_due")),
        )

    @property
    def is_undecided(self) -> bool:
        return self.status in UNDECIDED

    @property
    def stands_still(self) -> bool:
        """Say whether a clock that had begun is stopped: by a pause, or until papers are handed in."""
        waits = self.status == "supplementing" and self.started_on is not None
        return self.status == "suspended" or waits

    @property
    def ended_at(self) -> datetime | None:
        """Return when it was decided or refused, None while it is neither."""
        if self.is_undecided:
            return None
        recorded = [each.at for each in self.happenings if each.at]
        return self.decided_at or (recorded[-1] if recorded else self.received_at)

    @property
    def quiet_since(self) -> datetime | None:
        """Return since when its limits cannot run out: since it ended, or since its clock was stopped."""
        if not self.is_undecided:
            return self.ended_at
        stop = self.last("paused", "supplement_asked") if self.stands_still else None
        return stop.at if stop else None

    def was_paused(self, at: datetime) -> bool:
        """Say whether its clock was paused at that moment, by what is on record now."""
        turns = [
            each.kind
            for each in self.happenings
            if each.kind in ("paused", "resumed") and each.at and each.at <= at
        ]
        return turns[-1:] == ["paused"]

    def last(self, *kinds: str) -> Happening | None:
        return next((each for each in reversed(self.happenings) if each.kind in kinds), None)

    def count(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.happenings)


@dataclass(frozen=True)
class Project:
    """A project as project_registry last published it, with the day on which its log was last kept."""

    id: UUID
    version: int
    bearer: Bearer
    status: str
    stage: str
    pool: str
    sign_date: date | None
    planned_start: date | None
    actual_start: date | None
    planned_completion: date | None = None
    # log_since is when its log was last filed, or when it came under way.
    log_since: datetime | None = None
    # visit_since is when a navigator was last on site, or when it came under way.
    visit_since: datetime | None = None
    # known_since is when we first heard that it is under way.
    known_since: datetime | None = None

    @classmethod
    def read(
        cls,
        state: Mapping[str, Any],
        *,
        log_since: datetime | None = None,
        visit_since: datetime | None = None,
        known_since: datetime | None = None,
    ) -> Project:
        region_path = str(state.get("region_path") or "")
        org, org_name = service_centre(region_path)
        return cls(
            id=UUID(state["project_id"]),
            version=int(state["version"]),
            bearer=Bearer(
                project_id=UUID(state["project_id"]),
                project_name=str(state.get("name") or ""),
                region_path=region_path,
                level=str(state.get("level") or ""),
                uscc=str(state.get("uscc") or ""),
                agents=tuple(state.get("agents") or ()),
                org=org,
                org_name=org_name,
                duty_bearer="government",
            ),
            status=str(state.get("status") or ""),
            stage=str(state.get("stage") or ""),
            pool=str(state.get("pool") or ""),
            sign_date=_day(state.get("sign_date")),
            planned_start=_day(state.get("planned_start")),
            actual_start=_day(state.get("actual_start")),
            planned_completion=_day(state.get("planned_completion")),
            log_since=log_since,
            visit_since=visit_since,
            known_since=known_since,
        )

    @property
    def is_active(self) -> bool:
        return self.status == "active" and self.stage != "DONE"

    @property
    def is_complete(self) -> bool:
        """Say whether it is built: it produces, or is done with."""
        return self.pool == "producing" or not self.is_active

    @property
    def has_started(self) -> bool:
        """Say whether work began: a project in the last stage or pool did, whatever its date says."""
        return (
            self.actual_start is not None
            or self.stage in ("S6", "DONE")
            or self.pool in ("started", "producing")
        )


def district_of(region_path: str) -> str:
    """Return the path of the district (or of the city, where there is none) above a territory."""
    return "/".join(region_path.split("/")[:2])


def service_centre(region_path: str) -> tuple[str, str]:
    """Return the body that leads a territory's projects: the district's (or city's) service department."""
    region = district_of(region_path).rpartition("/")[2]
    org = f"{region}:政务服务" if region else ""
    return org, body_name(org)


def body_name(org: str) -> str:
    """Return what a body is called: its region's name and its department."""
    code, _, department = org.partition(":")
    region = regions.find(code)
    return f"{region.name}{department}" if region else org


def _happening(data: Mapping[str, Any]) -> Happening:
    return Happening(
        kind=str(data["kind"]),
        on=date.fromisoformat(data["on"]),
        at=_instant(data.get("at")),
        expected_end=_day(data.get("expected_end")),
        days=int(data.get("days") or 0),
    )


def _deferral(data: Mapping[str, Any]) -> Deferral:
    due_on = date.fromisoformat(data["due_on"])
    return Deferral(str(data["paper"]), due_on, _day(data.get("supplied_on")))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
