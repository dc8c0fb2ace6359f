"""Several items applied for at once: themes 一件事 and the whole process 全流程, and how far they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from approval_tracking.domain.application_errors import (
    ApplicationNotATheme,
    ThemeClockNotRunning,
    ThemeExtendedAlready,
    ThemeLimitEnded,
)
from approval_tracking.domain.errors import NewSupplementEntry
from approval_tracking.domain.rules import Attributes, holds
from chassis.calendar import Calendar, Pause, local_day, union
from chassis.errors import FieldInvalid

THEME, WHOLE = "theme", "full_process"
LIMIT_DAYS = 45
BASIS = "行政许可法 第四十二条第二款"
_DECIDED = ("decided", "delivered", "done")
# The others of the application go on without such a case.
_FELL_OUT = ("refused", "withdrawn")


@dataclass(frozen=True)
class Theme:
    """Items that several departments decide on one form and one set of papers."""

    code: str
    name: str
    name_en: str
    lead_department: str
    items: tuple[str, ...]
    target_working_days: int
    joint_form: tuple[str, ...]
    merged_papers: tuple[str, ...]
    applies_rule: str = "true"

    def applies(self, attributes: Attributes) -> bool:
        return holds(self.applies_rule, attributes)


def read_themes(content: Sequence[Mapping[str, Any]]) -> dict[str, Theme]:
    """Build the themes from data that the catalogue's checks found no fault with."""
    return {
        each["code"]: Theme(
            code=each["code"],
            name=each["name"],
            name_en=each.get("name_en", ""),
            lead_department=each.get("lead_department", ""),
            items=tuple(each["items"]),
            target_working_days=int(each.get("target_working_days") or 0),
            joint_form=tuple(each.get("joint_form", ())),
            merged_papers=tuple(each.get("merged_materials", ())),
            applies_rule=each.get("applies_expr", "true"),
        )
        for each in content
    }


# --- channels -------------------------------------------------------------------------------------

ONLINE, COUNTER, HOTLINE, AGENT = "online", "counter", "hotline", "agent"


@dataclass(frozen=True)
class Channel:
    """Where an application came in, with what that channel needs to say."""

    name: str = ""
    authorisation: str = ""
    caller: str = ""
    summary: str = ""

    def of(self, applicant: str) -> Channel:
        """Return it for an applicant who is online, at the counter or an agent.

        A call is taken down at the window; every other channel is the applicant's own.
        """
        name = self.name or applicant
        if name != applicant and (name, applicant) != (HOTLINE, COUNTER):
            raise FieldInvalid(
                field="channel",
                zh_why=f"此账号的申报渠道为 {applicant}",
                en_why=f"this account applies by {applicant}",
            )
        if name == HOTLINE:
            for told in ("caller", "summary"):
                if not getattr(self, told):
                    raise FieldInvalid(
                        field=told,
                        zh_why="热线来件须登记来电人与通话摘要",
                        en_why="a call is taken down with its caller and a summary",
                    )
        if self.name == AGENT and not self.authorisation:
            raise FieldInvalid(
                field="authorisation",
                zh_why="代为申报须写明企业授权书编号",
                en_why="who applies on behalf of a company names its mandate",
            )
        return replace(self, name=name)


# --- what may be applied for ------------------------------------------------------------------------


def waiting(
    items: Mapping[str, Sequence[str]], *, done: Iterable[str], needed: Iterable[str], within: bool
) -> dict[str, tuple[str, ...]]:
    """Return the items that may not be applied for yet, each with the prerequisites it waits for.

    `items` maps each item to its prerequisites. Within a theme a prerequisite that is applied for
    along with it does not lock, unless it is locked itself.
    """
    still_open = set(needed) - set(done)
    waits: dict[str, tuple[str, ...]] = {}
    while True:
        found = {
            code: tuple(
                each
                for each in before
                if each in still_open and (not within or each not in items or each in waits)
            )
            for code, before in items.items()
        }
        locked = {code: codes for code, codes in found.items() if codes}
        if locked == waits:
            return waits
        waits = locked


# --- the application ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Extension:
    """More time for a theme, as the head of its government approved."""

    days: int
    reason: str
    document: str
    by: str
    at: datetime
    basis: str = BASIS


@dataclass(frozen=True)
class Standing:
    """Where one item of an application stands: its case's status, or done without one."""

    status: str
    started_on: date | None
    counts: bool = True
    # pauses are when its clock stood still; None while it does and nobody knows until when.
    pauses: tuple[Pause, ...] | None = ()


@dataclass(frozen=True)
class ThemeClock:
    started_on: date | None
    statutory_due: date | None
    target_due: date | None


@dataclass
class Application:
    """One form and one set of papers, and the cases that came of them."""

    id: UUID
    project_id: UUID
    mode: str
    theme: str
    theme_name: str
    target_working_days: int
    channel: Channel
    form: dict[str, str]
    papers: tuple[tuple[str, str], ...]
    items: tuple[str, ...]
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    catalogue: int
    applied_by: str
    applied_at: datetime
    # cases are by item; an item that fell out and was applied for again has its newer case.
    cases: dict[str, UUID] = field(default_factory=dict)
    # notice holds per case what the combined notice asked for, nothing where all was there.
    notice: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    # proposed is per item what its department wants the next notice to ask for.
    proposed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notice_sent_at: datetime | None = None
    notice_sent_by: str = ""
    extension: Extension | None = None
    version: int = 0

    def propose(self, code: str, entries: Sequence[str]) -> None:
        """Gather what a department's case lacks, for the one notice."""
        self._is_theme()
        self._case_of(code, field="item_code")
        self.proposed = {**self.proposed, code: tuple(dict.fromkeys(entries))}

    def give_notice(
        self, asked: Mapping[str, Sequence[str]], *, by: str, at: datetime
    ) -> dict[UUID, tuple[str, ...]]:
        """Return per case what is asked for now. After the first notice only its entries return."""
        self._is_theme()
        found: dict[UUID, tuple[str, ...]] = {}
        for code, entries in asked.items():
            case_id = self._case_of(code, field="corrections")
            for text in entries:
                if case_id in self.notice and text not in self.notice[case_id]:
                    raise NewSupplementEntry(entry=text, field="corrections")
            found[case_id] = tuple(dict.fromkeys(entries))
        # The first notice speaks for every case there is; one that joins later has its own first.
        first = {} if self.notice_sent_at else dict.fromkeys(self.cases.values(), ())
        self.notice = {**first, **found, **self.notice}
        self.proposed = {}
        if self.notice_sent_at is None:
            self.notice_sent_at, self.notice_sent_by = at, by
        return found

    def extend(
        self,
        days: int,
        reason: str,
        *,
        document: str,
        standings: Mapping[str, Standing],
        calendar: Calendar,
        by: str,
        at: datetime,
    ) -> None:
        self._is_theme()
        due = self.clock(standings, calendar).statutory_due
        if due is None:
            raise ThemeClockNotRunning(application_id=self.id)
        if self.extension:
            raise ThemeExtendedAlready(
                application_id=self.id, on=local_day(self.extension.at), field="days"
            )
        if local_day(at) > due:
            raise ThemeLimitEnded(due=due)
        self.extension = Extension(days, reason, document, by, at)

    def clock(self, standings: Mapping[str, Standing], calendar: Calendar) -> ThemeClock:
        """Return the theme's own limit, which starts with the last acceptance.

        The time of a special procedure is in no limit of that section (行政许可法 第四十五条), so a
        pause of any of its cases is left out; while one lasts, no day is known.
        """
        counted = [
            each for each in standings.values() if each.counts and each.status not in _FELL_OUT
        ]
        starts = [each.started_on for each in counted if each.started_on]
        if self.mode != THEME or not counted or len(starts) < len(counted):
            return ThemeClock(None, None, None)
        started = max(starts)
        more = self.extension.days if self.extension else 0
        pauses: list[Pause] = []
        for each in counted:
            if each.pauses is None:
                return ThemeClock(started, None, None)
            pauses += each.pauses
        left_out, target = union(pauses), self.target_working_days
        return ThemeClock(
            started_on=started,
            statutory_due=calendar.due(started, LIMIT_DAYS + more, "calendar", left_out),
            target_due=calendar.due(started, target, "working", left_out) if target else None,
        )

    def decided(self, standings: Mapping[str, Standing]) -> int:
        return sum(each.status in _DECIDED for each in standings.values())

    def status(self, standings: Mapping[str, Standing]) -> str:
        """Return done, partly_done when a case fell out, else in_progress."""
        if self.decided(standings) == len(self.items):
            return "done"
        fell_out = any(each.status in _FELL_OUT for each in standings.values())
        return "partly_done" if fell_out else "in_progress"

    def is_open(self, standings: Mapping[str, Standing]) -> bool:
        """Return whether a case is under way, or an item was not applied for yet."""
        ended = (*_DECIDED, *_FELL_OUT, "revoked")
        return len(standings) < len(self.items) or any(
            each.status not in ended for each in standings.values()
        )

    def _case_of(self, code: str, *, field: str) -> UUID:
        if code not in self.cases:
            raise FieldInvalid(
                field=field,
                zh_why=f"本次申报中没有 {code} 的办件",
                en_why=f"this application has no case for {code}",
            )
        return self.cases[code]

    def _is_theme(self) -> None:
        if self.mode != THEME:
            raise ApplicationNotATheme(application_id=self.id, field="application_id")


def check_form(form: Mapping[str, str], fields: Iterable[str]) -> None:
    """Refuse a field that the form does not have."""
    unknown = [name for name in form if name not in set(fields)]
    if unknown:
        raise FieldInvalid(
            field="form",
            zh_why=f"联合表单没有字段: {'、'.join(unknown)}",
            en_why=f"the form has no field {', '.join(unknown)}",
        )


def check_papers(papers: Sequence[tuple[str, str]]) -> None:
    if not papers or any(not name.strip() for name, _ in papers):
        raise FieldInvalid(
            field="papers",
            zh_why="须提交材料, 且写明名称",
            en_why="papers are needed, each with a name",
        )
