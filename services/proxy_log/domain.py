"""The rules of assignments and logs (articles 8 and 13), pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Stale,
)
from chassis.events import Event, instant

OFFICE_ZONE = ZoneInfo("Asia/Shanghai")
CHANGEABLE_FOR = timedelta(hours=24)
MOST_PHOTOS = 30
MOST_PHOTO_BYTES = 10 * 1024 * 1024
NAVIGATORS = frozenset({"B1", "B2"})


class ProjectNotFound(NotFound):
    zh = "没有项目 {project_id}"
    en = "no project {project_id}"


class LogNotFound(NotFound):
    zh = "没有日志 {log_id}"
    en = "no log {log_id}"


class PhotoNotFound(NotFound):
    zh = "日志 {log_id} 没有照片 {photo_id}"
    en = "log {log_id} has no photo {photo_id}"


class NotANavigator(InvalidArgument):
    zh = "账号 {account_id} 不是该项目所在地区在岗的帮办人员"
    en = "account {account_id} is no active navigator of the project's territory"


class NamedTwice(InvalidArgument):
    zh = "账号 {account_id} 被重复指定, 主帮办与备帮办须为不同的人"
    en = "account {account_id} is named twice: main and backups are different people"


class NotBound(PermissionDenied):
    zh = "您不是项目 {project_id} 的帮办人员"
    en = "you are not bound to project {project_id}"


class NotTheAuthor(PermissionDenied):
    zh = "只有作者本人可以修改日志 {log_id}"
    en = "only its author may change log {log_id}"


class OwnLog(PermissionDenied):
    zh = "日志 {log_id} 的作者不能审核自己的日志"
    en = "the author of log {log_id} cannot approve it"


class LogFrozen(FailedPrecondition):
    zh = "日志 {log_id} 提交已满 24 小时或已审核, 不能再改"
    en = "log {log_id} is more than 24 hours old or approved: it can no longer be changed"


class LogApproved(FailedPrecondition):
    zh = "日志 {log_id} 已审核"
    en = "log {log_id} is approved already"


class DayInTheFuture(InvalidArgument):
    zh = "{day} 尚未到来"
    en = "{day} is in the future"


class TooManyPhotos(ResourceExhausted):
    zh = "一篇日志最多 {most} 张照片"
    en = "a log has at most {most} photos"


class PhotoTooLarge(ResourceExhausted):
    zh = "照片不能超过 10 MB 或 5000 万像素"
    en = "a photo has at most 10 MB and 50 megapixels"


class NotAPhoto(InvalidArgument):
    zh = "文件不是可读的 JPEG、PNG 或 WebP 照片"
    en = "the file is no readable JPEG, PNG or WebP photo"


@dataclass(frozen=True)
class AgentAssigned(Event):
    project_id: UUID
    version: int
    agents: tuple[str, ...]
    agent_names: tuple[str, ...]
    assigned_by: str


@dataclass(frozen=True)
class VisitLogged(Event):
    log_id: UUID
    project_id: UUID
    agent: str
    visited_on: date


@dataclass(frozen=True)
class LogFiled(Event):
    log_id: UUID
    project_id: UUID
    case_id: str
    agent: str
    agent_name: str
    region_path: str
    filed_at: str
    work: str
    problem: str
    needs_coordination: bool
    photos: int
    on_site: bool


@dataclass(frozen=True)
class Navigator:
    """A person who may be bound, as identity says."""

    account_id: str
    name: str
    roles: frozenset[str]
    region_path: str
    active: bool

    def serves(self, region_path: str) -> bool:
        """Say whether he works where the project is: in its territory, or in one that holds it."""
        here, there = f"{self.region_path}/", f"{region_path}/"
        near = here.startswith(there) or there.startswith(here)
        return self.active and bool(self.roles & NAVIGATORS) and near


@dataclass
class Assignment:
    """Who is bound to a project: one main navigator and at least one backup (A08.1)."""

    project_id: UUID
    agents: tuple[str, ...] = ()
    version: int = 0
    events: list[Event] = field(default_factory=list, compare=False)

    def assign(
        self,
        main: str,
        backups: Sequence[str],
        *,
        region_path: str,
        navigators: Mapping[str, Navigator],
        by: str,
        expected_version: int = 0,
    ) -> None:
        if expected_version and expected_version != self.version:
            raise Stale(
                subject=f"project {self.project_id}'s assignment",
                version=self.version,
                expected=expected_version,
            )
        chosen = (main, *backups)
        for position, account_id in enumerate(chosen):
            place = "backups" if position else "main"
            if account_id in chosen[:position]:
                raise NamedTwice(account_id=account_id, field=place)
            who = navigators.get(account_id)
            if who is None or not who.serves(region_path):
                raise NotANavigator(account_id=account_id, field=place)
        self.agents = chosen
        self.version += 1
        self.events.append(
            AgentAssigned(
                self.project_id,
                self.version,
                chosen,
                tuple(navigators[each].name for each in chosen),
                by,
            )
        )


@dataclass(frozen=True)
class Change:
    at: datetime
    by: str
    field: str
    old: str
    new: str


@dataclass
class Log:
    """One entry of a navigator's diary."""

    id: UUID
    project_id: UUID
    case_id: UUID | None
    kind: str
    agent: str
    agent_name: str
    worked_on: date
    work: str
    next_step: str
    problem: str
    needs_coordination: bool
    internal_note: str
    companions: str
    latitude: float | None
    longitude: float | None
    filed_at: datetime
    approved_by: str = ""
    approved_at: datetime | None = None
    photos: int = 0
    version: int = 0
    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list, compare=False)

    def file(self, *, region_path: str, agents: Sequence[str]) -> None:
        if self.agent not in agents:
            raise NotBound(project_id=self.project_id)
        if self.worked_on > self.filed_at.astimezone(OFFICE_ZONE).date():
            raise DayInTheFuture(day=self.worked_on, field="worked_on")
        on_site = self.kind == "visit"
        self.events.append(
            LogFiled(
                log_id=self.id,
                project_id=self.project_id,
                case_id=str(self.case_id or ""),
                agent=self.agent,
                agent_name=self.agent_name,
                region_path=region_path,
                filed_at=instant(self.filed_at),
                work=self.work,
                problem=self.problem,
                needs_coordination=self.needs_coordination,
                photos=self.photos,
                on_site=on_site,
            )
        )
        if on_site:
            self.events.append(VisitLogged(self.id, self.project_id, self.agent, self.worked_on))

    def change(self, new: Mapping[str, str], *, by: str, at: datetime) -> None:
        """Take the texts that differ; each leaves what it was before (A13.1)."""
        self._check_open(by=by, at=at)
        for name, text in new.items():
            old = getattr(self, name)
            if text != old:
                setattr(self, name, text)
                self.changes.append(Change(at, by, name, old, text))

    def add_photo(self, *, by: str, at: datetime) -> None:
        self._check_open(by=by, at=at)
        if self.photos >= MOST_PHOTOS:
            raise TooManyPhotos(most=MOST_PHOTOS)
        self.photos += 1

    def approve(self, *, by: str, at: datetime) -> None:
        if self.agent == by:
            raise OwnLog(log_id=self.id)
        if self.approved_at is not None:
            raise LogApproved(log_id=self.id)
        self.approved_by, self.approved_at = by, at

    def check_version(self, expected: int) -> None:
        if expected and expected != self.version:
            raise Stale(subject=f"log {self.id}", version=self.version, expected=expected)

    def _check_open(self, *, by: str, at: datetime) -> None:
        if by != self.agent:
            raise NotTheAuthor(log_id=self.id)
        if self.approved_at is not None or at - self.filed_at > CHANGEABLE_FOR:
            raise LogFrozen(log_id=self.id)


# --- ratings 好差评 ------------------------------------------------------------------------------

CHANGEABLE_RATING_FOR = timedelta(days=30)
AGENT = "agent"


class NotServed(NotFound):
    zh = "没有可评价的服务: 办件须已决定, 工单须已办结, 帮办须负责该项目"
    en = (
        "nothing to rate: a case must be decided, an order closed, a navigator bound to the project"
    )


class NotYourService(PermissionDenied):
    zh = "只有项目所属企业可以评价"
    en = "only the project's own company rates"


class RatingNotFound(NotFound):
    zh = "没有评价 {rating_id}"
    en = "there is no rating {rating_id}"


class RatingFixed(FailedPrecondition):
    zh = "评价满 30 日不能再改"
    en = "a rating cannot be changed after thirty days"


class NotABadRating(FailedPrecondition):
    zh = "该评价不是差评, 无须联系核实"
    en = "this is no bad rating: nobody needs to follow it up"


class OwnRating(PermissionDenied):
    zh = "被评价人不能自行核实"
    en = "who was rated does not follow it up himself"


@dataclass(frozen=True)
class ServiceRated(Event):
    rating_id: UUID
    version: int
    project_id: UUID
    project_name: str
    subject_type: str
    subject_id: str
    org: str
    score: int
    comment: str
    uscc: str
    agents: tuple[str, ...]
    region_path: str
    level: str
    rated_by: str
    rated_at: datetime
    contacted_at: datetime | None
    contacted_by: str
    finding: str


@dataclass(frozen=True)
class Served:
    """Something that a company was served with, and by which body."""

    subject_type: str
    subject_id: str
    project_id: UUID
    org: str


@dataclass
class Rating:
    """What a company said of one service, from 1 (very bad) to 5, and who followed a bad one up."""

    id: UUID
    subject_type: str
    subject_id: str
    project_id: UUID
    org: str
    score: int
    comment: str
    rated_by: str
    rated_at: datetime
    first_rated_at: datetime
    contacted_at: datetime | None = None
    contacted_by: str = ""
    contacted_by_name: str = ""
    finding: str = ""
    version: int = 1

    @property
    def is_bad(self) -> bool:
        return self.score <= 2

    def change(self, score: int, comment: str, *, by: str, at: datetime) -> None:
        """Say it again; another score is followed up anew."""
        if at - self.first_rated_at > CHANGEABLE_RATING_FOR:
            raise RatingFixed
        if score != self.score:
            self.contacted_at, self.contacted_by = None, ""
            self.contacted_by_name, self.finding = "", ""
        self.score, self.comment, self.rated_by, self.rated_at = score, comment, by, at
        self.version += 1

    def contact(self, finding: str, *, by: str, by_name: str, at: datetime) -> None:
        """Somebody spoke with the company about a bad rating 联系核实."""
        if not self.is_bad:
            raise NotABadRating
        if self.subject_type == AGENT and self.subject_id == by:
            raise OwnRating
        self.contacted_at, self.contacted_by, self.contacted_by_name = at, by, by_name
        self.finding = finding
        self.version += 1
