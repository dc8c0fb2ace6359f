"""One application for one item at one deciding body, and what may be done with it when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from approval_tracking.domain.case_record import (
    APPROVED,
    REJECTED,
    Actor,
    Entry,
    ExtensionAsked,
    PauseAsked,
)
from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.corrections import Amendment, amend, find_record
from approval_tracking.domain.errors import (
    NewSupplementEntry,
    NoPauseAsked,
    PauseAlreadyAsked,
    PauseWithoutBasis,
    PrerequisiteOpen,
)
from approval_tracking.domain.events import (
    CaseAccepted,
    CaseClockChanged,
    CaseDecided,
    CaseDelivered,
    CaseState,
    CaseSubmitted,
)
from approval_tracking.domain.life_errors import (
    ExtensionAlreadyAsked,
    ExtensionNotPossible,
    ExtensionOnlyOnce,
    ExtensionTooLate,
    ExtensionTooLong,
    GreenAlready,
    NoExtensionAsked,
    ProofMissing,
)
from approval_tracking.domain.trust import OnTrust, quick
from chassis.calendar import Calendar, local_day
from chassis.errors import FieldInvalid
from chassis.events import Event

# What was granted is handed over within so many working days (行政许可法 第四十四条).
_DELIVERY_DAYS = 10


@dataclass
class Case(OnTrust):
    """An application from receipt to delivery. Its status and its clock follow from its happenings."""

    def submit(self, by: Actor, *, at: datetime, at_window: bool) -> None:
        self.received_by = by.account if at_window else ""
        self._happens("received", at, by=by.account)
        self._tell(CaseSubmitted)

    def request_supplement(self, entries: Sequence[str], by: Actor, *, at: datetime) -> None:
        """Give the one-time notice. A later notice may only repeat what is still missing."""
        self._needs("received", at=("要求补正", "sent back for supplement"))
        open_texts = {entry.text: entry for entry in self.notice if not entry.filled}
        if self.notice:
            for text in entries:
                if text not in open_texts:
                    raise NewSupplementEntry(entry=text, field="entries")
        else:
            texts = dict.fromkeys(entries)
            self.notice = tuple(Entry(number, text) for number, text in enumerate(texts, start=1))
        if by.org == self.org:
            self.reviewed_by = by.account
        else:
            self.received_by = self.received_by or by.account
        listed = "; ".join(entries)
        if self.rules.returns_papers:
            # The papers go back and come again as a new application, not as this one.
            self.reason = listed
            self._happens("refused", at, by=by.account, reason=listed)
            self._tell(CaseDecided)
            return
        self._happens("supplement_asked", at, by=by.account, reason=listed)

    def supplement(
        self, filled: Iterable[int], by: Actor, *, at: datetime, on: date | None = None
    ) -> None:
        """Take what was handed in, `on` an earlier day when it is recorded late."""
        self._needs("supplementing", at=("补正", "supplemented"))
        on = self._day_of(on, at)
        numbers = set(filled) or {entry.number for entry in self.notice}
        unknown = numbers - {entry.number for entry in self.notice}
        if unknown:
            raise FieldInvalid(
                field="filled",
                zh_why=f"一次告知中没有第 {min(unknown)} 项",
                en_why=f"the notice has no entry {min(unknown)}",
            )
        self.notice = tuple(
            replace(entry, filled=entry.filled or entry.number in numbers) for entry in self.notice
        )
        self._happens("supplemented", at, by=by.account, on=on)

    def accept(self, committed: Limit, by: Actor, *, at: datetime) -> None:
        """Accept, under the promise in force today. After a notice the papers' day counts (V04)."""
        self._needs("received", at=("受理", "accepted"))
        self._belongs_to(by)
        self._apart(by, self.received_by)
        self.reviewed_by = by.account
        supplemented = self.story.last("supplemented")
        on = supplemented.on if supplemented else local_day(at)
        self.rules = self.rules.promising(quick(committed) if self.pledge else committed)
        self._happens("accepted", at, by=by.account, on=on)
        self._tell(CaseAccepted, deemed=False)

    def deem_accepted(self, calendar: Calendar) -> None:
        """Let the law accept: as of the day on which the papers were in, told at the due moment."""
        due = self.deemed_at(calendar)
        if due is None:
            raise self._not_open("视为受理", "deemed accepted")
        basis = "行政许可法 第三十二条第一款第四项"
        self._happens("deemed_accepted", due, on=self.story.complete_on, basis=basis)
        self._tell(CaseAccepted, deemed=True)

    def refuse(self, reason: str, by: Actor, *, at: datetime, document: str = "") -> None:
        self._needs("received", at=("不予受理", "refused"))
        self._belongs_to(by)
        self._apart(by, self.received_by)
        self.reviewed_by, self.reason = by.account, reason
        self._happens("refused", at, by=by.account, reason=reason, document=document)
        self._tell(CaseDecided)

    def ask_pause(
        self,
        procedure: str,
        by: Actor,
        *,
        starts_on: date,
        expected_end: date,
        reason: str,
        calendar: Calendar,
        at: datetime,
        document: str = "",
    ) -> None:
        """Ask to stop the clock. Without a rule that leaves the time out there is no pause."""
        self._needs("in_review", at=("停表", "paused"))
        self._belongs_to(by)
        if self.pause_asked:
            raise PauseAlreadyAsked(case_id=self.id)
        found = next((each for each in self.procedures if each.name == procedure), None)
        if found is None or not found.stops_clock:
            raise PauseWithoutBasis(code=self.item_code, procedure=procedure, field="procedure")
        today, accepted = local_day(at), self.story.accepted
        earliest = calendar.add_working_days(today, -1)
        if accepted:
            earliest = max(earliest, accepted.on)
        resumed = self.story.last("resumed")
        if resumed:
            earliest = max(earliest, resumed.on)
        if not earliest <= starts_on <= today:
            raise FieldInvalid(
                field="starts_on",
                zh_why=f"停表只能自 {earliest} 至 {today} 起",
                en_why=f"a pause starts between {earliest} and {today}",
            )
        if expected_end < max(starts_on, today):
            raise FieldInvalid(
                field="expected_end",
                zh_why="预计结束日不得早于今日",
                en_why="the expected end is not before today",
            )
        self.pause_asked = PauseAsked(
            procedure, found.legal_basis, starts_on, expected_end, by.account, reason, document
        )
        self._tell(CaseClockChanged, cause="pause_asked")

    def decide_pause(self, approved: bool, by: Actor, *, calendar: Calendar, at: datetime) -> None:
        """Approve or turn down what somebody else asked for; it counts from the day asked for.

        How long the procedure may last at most goes along in working days, 0 when nothing says.
        """
        asked = self.pause_asked
        if asked is None:
            raise NoPauseAsked(case_id=self.id)
        self._needs("in_review", at=("停表", "paused"))
        self._belongs_to(by)
        self._apart(by, asked.by)
        self.pause_asked = None
        if not approved:
            self._tell(CaseClockChanged, cause="pause_turned_down")
            return
        self._happens(
            "paused",
            at,
            by=by.account,
            on=asked.starts_on,
            reason=asked.procedure,
            basis=asked.basis,
            expected_end=asked.expected_end,
            days=self._most_days(asked, calendar),
            document=asked.document,
        )

    def _most_days(self, asked: PauseAsked, calendar: Calendar) -> int:
        procedure = next((each for each in self.procedures if each.name == asked.procedure), None)
        most = procedure.max_days if procedure else None
        if procedure is None or not most or procedure.unit != "calendar":
            return most or 0
        last = asked.starts_on + timedelta(days=most)
        return calendar.working_days_between(asked.starts_on, last)

    def resume(
        self, by: Actor, *, at: datetime, on: date | None = None, document: str = ""
    ) -> None:
        self._needs("suspended", at=("恢复", "resumed"))
        self._belongs_to(by)
        self._happens("resumed", at, by=by.account, on=self._day_of(on, at), document=document)

    def ask_extension(
        self,
        days: int,
        reason: str,
        by: Actor,
        *,
        calendar: Calendar,
        at: datetime,
        document: str = "",
    ) -> None:
        """Ask for more time than the law gave, as long as that has not run out (D1, D3)."""
        self._needs("in_review", at=("延期", "extended"))
        self._belongs_to(by)
        if self.extension_asked:
            raise ExtensionAlreadyAsked(case_id=self.id)
        self._may_be_extended(calendar, at)
        if days > self.rules.extension_days:
            raise ExtensionTooLong(
                days=days,
                most=self.rules.extension_days,
                basis=self.rules.extension_basis,
                field="days",
            )
        self.extension_asked = ExtensionAsked(
            days, self.rules.extension_basis, reason, document, by.account
        )
        self._tell(CaseClockChanged, cause="extension_asked")

    def decide_extension(
        self, approved: bool, by: Actor, *, calendar: Calendar, at: datetime, document: str = ""
    ) -> None:
        """Approve or turn down, as the body's head. What was asked in time may still be too late now."""
        asked = self.extension_asked
        if asked is None:
            raise NoExtensionAsked(case_id=self.id)
        self._belongs_to(by)
        self._apart(by, asked.by)
        if not approved:
            self.extension_asked = None
            self._tell(CaseClockChanged, cause="extension_turned_down")
            return
        self._needs("in_review", at=("延期", "extended"))
        self._may_be_extended(calendar, at)
        self.extension_asked = None
        self._happens(
            "extended",
            at,
            by=by.account,
            reason=asked.reason,
            basis=asked.basis,
            days=asked.days,
            document=document or asked.document,
        )

    def mark_green(self, green: bool, reason: str, by: Actor, *, at: datetime) -> None:
        """Put it first in the queues 绿色通道, or take that back (管理办法 第十二条)."""
        if not self.is_open:
            raise self._not_open("调整绿色通道", "marked")
        if green == self.green:
            raise GreenAlready(case_id=self.id, green="是" if green else "否", field="green")
        self.green = green
        kind, basis = "green_marked" if green else "green_cleared", "管理办法 第十二条 (绿色通道)"
        self._happens(kind, at, by=by.account, reason=reason, basis=basis)

    def withdraw(self, reason: str, by: Actor, *, at: datetime, document: str = "") -> None:
        """Take the application back, as long as nothing was decided on it."""
        if not self.is_open:
            raise self._not_open("撤回", "withdrawn")
        self.reason, self.pause_asked, self.extension_asked = reason, None, None
        self._happens("withdrawn", at, by=by.account, reason=reason, document=document)

    def decide(
        self,
        outcome: str,
        reason: str,
        by: Actor,
        *,
        open_prerequisites: Sequence[str],
        calendar: Calendar,
        at: datetime,
        public_reason: str = "",
        document: str = "",
    ) -> None:
        """Approve or reject. A late decision needs a reason for the public (D9).

        The reason for a late approval is that reason; a late rejection gives both.
        """
        self._needs("in_review", at=("作出决定", "decided"))
        self._belongs_to(by)
        self._apart(by, self.received_by, self.reviewed_by)
        if open_prerequisites and outcome == APPROVED:
            raise PrerequisiteOpen(codes=", ".join(open_prerequisites))
        if outcome == APPROVED:
            self._complete()
        promised = self.clock(calendar).committed_due
        late = promised is not None and local_day(at) > promised
        if outcome == REJECTED and not reason:
            raise FieldInvalid(
                field="reason", zh_why="不予许可须说明理由", en_why="a rejection says why"
            )
        told = public_reason or (reason if outcome == APPROVED else "")
        if late and not told:
            raise FieldInvalid(
                field="reason" if outcome == APPROVED else "public_reason",
                zh_why="超过承诺期限的须公开说明理由",
                en_why="a late decision says why, to everybody",
            )
        self.decided_by, self.outcome, self.reason = by.account, outcome, reason
        self.public_reason = told if late else ""
        self.pause_asked = self.extension_asked = None
        if outcome == APPROVED:
            self._pledged(calendar, at)
        days = _DELIVERY_DAYS if outcome == APPROVED else 0
        self._happens("decided", at, by=by.account, reason=reason, days=days, document=document)
        self._tell(CaseDecided)

    def deliver(
        self, by: Actor, *, at: datetime, on: date | None = None, document: str = ""
    ) -> None:
        """Record the handing over; an earlier day than today needs its proof."""
        self._needs("decided", at=("送达", "delivered"))
        on = self._day_of(on, at)
        if on < local_day(at) and not document:
            raise ProofMissing(on=on, field="document")
        basis = "行政许可法 第四十四条"
        self._happens("delivered", at, by=by.account, on=on, document=document, basis=basis)
        self._tell(CaseDelivered)

    def correct(
        self,
        number: int,
        change: Amendment,
        by: Actor,
        *,
        reason: str,
        document: str,
        calendar: Calendar,
        at: datetime,
    ) -> None:
        """Put a wrong record right, as somebody who did not make it."""
        self._belongs_to(by)
        record = find_record(self.happenings, number)
        self._apart(by, record.correction.by if record.correction else record.by)
        self.happenings.append(
            amend(
                self.happenings,
                record,
                change,
                by=by.account,
                reason=reason,
                document=document,
                calendar=calendar,
                at=at,
            )
        )
        self._tell(CaseClockChanged, cause="corrected")

    def follow_project(
        self, *, name: str, region_path: str, level: str, uscc: str, agents: tuple[str, ...]
    ) -> bool:
        """Take over what the project says of itself; return whether that changed anything."""
        before = (self.project_name, self.region_path, self.level, self.uscc, self.agents)
        if before == (name, region_path, level, uscc, agents):
            return False
        self.project_name, self.region_path, self.level = name, region_path, level
        self.uscc, self.agents = uscc, agents
        self._tell(CaseClockChanged, cause="project_changed")
        return True

    def follow_calendar(self, cause: str) -> None:
        """Tell that its days are others, though nothing happened to it."""
        self._tell(CaseClockChanged, cause=cause)

    def events(self, state: CaseState) -> list[Event]:
        """Return what happened since it was read, each fact with the state after all of it."""
        return [kind(case=state, **more) for kind, more in self.told]  # type: ignore[call-arg]

    def _may_be_extended(self, calendar: Calendar, at: datetime) -> None:
        """Refuse unless the law knows an extension, it was not used, and the limit still runs."""
        due = self.clock(calendar).statutory_due
        if not self.rules.extension_days or due is None:
            raise ExtensionNotPossible(code=self.item_code)
        already = self.story.last("extended")
        if already:
            raise ExtensionOnlyOnce(case_id=self.id, on=already.on)
        if local_day(at) > due:
            raise ExtensionTooLate(due=due)
