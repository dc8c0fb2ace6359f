"""Approval on trust: papers that follow later 容缺受理, and facts that the applicant pledges 告知承诺.

Neither stops a clock. A paper that follows later is due before the promised day (time_rules.md
section 7); a pledge is decided on within a working day and checked afterwards (section 8).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from approval_tracking.domain.case_record import APPROVED, Actor, CaseRecord
from approval_tracking.domain.catalogue import Item, Limit
from approval_tracking.domain.events import CaseDecisionRevoked, Deferral, Pledge
from approval_tracking.domain.trust_errors import (
    DeferralNotPossible,
    NoPledge,
    NothingDeferred,
    PaperNotDeferrable,
    PapersStillMissing,
    PledgeAlreadyChecked,
    PledgeFoundTrue,
    PledgeNotAllowed,
    PutRightStillRuns,
)
from chassis.calendar import Calendar, CalendarEnds, local_day, months_later
from chassis.errors import FieldInvalid

# The applicant promises to hand in what is missing before the decision (管理办法 第十二条).
_DEFERRAL_BASIS = "管理办法 第十二条 (容缺受理)"
_PLEDGE_BASIS = "优化营商环境条例 第四十条 (告知承诺)"
_REVOCATION_BASIS = "行政许可法 第六十九条第二款"
# A paper follows within so many working days, and a working day before the promise ends.
_SUPPLY_DAYS = 15
# A pledge is checked within two months of the decision that rests on it.
_CHECK_MONTHS = 2
_WITHIN_A_DAY = Limit(Decimal(1), "working")

FOUND_TRUE, FOUND_UNTRUE = "true", "untrue"


@dataclass(frozen=True)
class DeferralAsked:
    """A paper that is to follow; without a day it has all the time that there is."""

    paper: str
    due_on: date | None = None


def pledge_for(item: Item, signed_by: str, document: str, *, at: datetime) -> Pledge:
    """Return the pledge that an applicant signed for an item, if the item may rest on one."""
    if not item.commitment_allowed:
        raise PledgeNotAllowed(code=item.code, field="pledge")
    return Pledge(signed_by=signed_by, signed_on=local_day(at), document=document)


def quick(promised: Limit) -> Limit:
    """Return the promise for what rests on a pledge: on the spot, or within a working day."""
    if promised.days is not None and promised.days < 1:
        return promised
    return _WITHIN_A_DAY


@dataclass
class OnTrust(CaseRecord):
    """What may be done with a case that goes on without all of its papers."""

    # --- papers that follow later ---------------------------------------------------------------

    def defer(
        self,
        asked: Sequence[DeferralAsked],
        undertaking: str,
        by: Actor,
        *,
        deferrable: Collection[str],
        calendar: Calendar,
        at: datetime,
    ) -> None:
        """Let papers follow that were missing at acceptance, as the applicant undertook."""
        if not undertaking:
            raise FieldInvalid(
                field="undertaking",
                zh_why="容缺受理须有申请人签署的承诺书",
                en_why="papers follow later on the applicant's signed undertaking only",
            )
        last = self._last_to_supply(calendar, at)
        deferrals: list[Deferral] = []
        for place, each in enumerate(asked):
            if each.paper not in deferrable:
                raise PaperNotDeferrable(
                    code=self.item_code,
                    paper=each.paper,
                    papers="、".join(deferrable) or "-",
                    field=f"deferred[{place}].paper",
                )
            if any(other.paper == each.paper for other in deferrals):
                raise FieldInvalid(
                    field=f"deferred[{place}].paper",
                    zh_why=f"「{each.paper}」已经列出",
                    en_why=f"{each.paper} is named twice",
                )
            due = each.due_on or last
            if not local_day(at) < due <= last:
                raise FieldInvalid(
                    field=f"deferred[{place}].due_on",
                    zh_why=f"补齐期限须在受理次日至 {last} 之间",
                    en_why=f"the paper is due after today and by {last}",
                )
            deferrals.append(Deferral(each.paper, due))
        self.deferrals = tuple(deferrals)
        self.undertaking = undertaking
        self._happens(
            "deferred",
            at,
            by=by.account,
            reason="; ".join(f"{each.paper} ({each.due_on} 前)" for each in deferrals),
            basis=_DEFERRAL_BASIS,
            document=undertaking,
        )

    def supply(
        self,
        papers: Iterable[str],
        by: Actor,
        *,
        at: datetime,
        on: date | None = None,
        document: str = "",
    ) -> None:
        """Take papers that were to follow; none named means all that are missing."""
        if self.status not in ("in_review", "suspended"):
            raise self._not_open("补交容缺材料", "supplied with deferred papers")
        missing = self.papers_missing
        if not missing:
            raise NothingDeferred(case_id=self.id)
        supplied = list(dict.fromkeys(papers)) or list(missing)
        for place, paper in enumerate(supplied):
            if paper not in missing:
                raise FieldInvalid(
                    field=f"papers[{place}]",
                    zh_why=f"「{paper}」不在待补的容缺材料之列: {'、'.join(missing)}",
                    en_why=f"{paper} is not among the papers that are to follow: {', '.join(missing)}",
                )
        day = self._day_of(on, at)
        self.deferrals = tuple(
            replace(each, supplied_on=day) if each.paper in supplied else each
            for each in self.deferrals
        )
        self._happens(
            "deferred_supplied",
            at,
            by=by.account,
            on=day,
            reason="; ".join(supplied),
            basis=_DEFERRAL_BASIS,
            document=document,
        )

    @property
    def papers_missing(self) -> tuple[str, ...]:
        return tuple(each.paper for each in self.deferrals if each.supplied_on is None)

    def _complete(self) -> None:
        """Refuse an approval while a paper is still to follow."""
        missing = self.papers_missing
        if missing:
            raise PapersStillMissing(case_id=self.id, papers="、".join(missing), field="outcome")

    def _last_to_supply(self, calendar: Calendar, at: datetime) -> date:
        clock, today = self.clock(calendar), local_day(at)
        last = calendar.add_working_days(today, _SUPPLY_DAYS)
        promised = clock.committed_due or clock.statutory_due
        if promised:
            last = min(last, calendar.add_working_days(promised, -1))
        if last <= today:
            raise DeferralNotPossible(code=self.item_code, due=promised, field="deferred")
        return last

    # --- what the applicant pledged -------------------------------------------------------------

    def _pledged(self, calendar: Calendar, at: datetime) -> None:
        """Give an approval that rests on a pledge its day of checking."""
        if self.pledge:
            due = months_later(local_day(at), _CHECK_MONTHS)
            # Next year's days of rest may not be known yet.
            with suppress(CalendarEnds):
                due = calendar.working_day_on_or_after(due)
            self.pledge = replace(self.pledge, check_due=due)

    def check_pledge(
        self,
        found_true: bool,
        text: str,
        by: Actor,
        *,
        put_right_by: date | None,
        document: str,
        at: datetime,
    ) -> None:
        """Record what checking found. What is untrue is to be put right by a day."""
        pledge, today = self._checkable(), local_day(at)
        self._belongs_to(by)
        self._apart(by, self.decided_by)
        if found_true and put_right_by:
            raise FieldInvalid(
                field="put_right_by",
                zh_why="承诺属实的无须整改",
                en_why="what is true needs not be put right",
            )
        if not found_true and (put_right_by is None or put_right_by <= today):
            raise FieldInvalid(
                field="put_right_by",
                zh_why="承诺不实的须责令限期整改, 期限在今日之后",
                en_why="what is untrue is to be put right by a day after today",
            )
        self.pledge = replace(
            pledge,
            found=FOUND_TRUE if found_true else FOUND_UNTRUE,
            finding=text,
            checked_on=today,
            checked_by=by.account,
            put_right_by=put_right_by,
        )
        self._happens(
            "pledge_checked", at, by=by.account, reason=text, basis=_PLEDGE_BASIS, document=document
        )

    def revoke(self, reason: str, by: Actor, *, document: str, at: datetime) -> None:
        """Revoke an approval whose pledge was untrue and was not put right in time."""
        pledge, today = self._checkable(), local_day(at)
        self._belongs_to(by)
        if pledge.found != FOUND_UNTRUE or pledge.put_right_by is None:
            raise PledgeFoundTrue(case_id=self.id)
        if today <= pledge.put_right_by:
            raise PutRightStillRuns(case_id=self.id, until=pledge.put_right_by)
        self._apart(by, pledge.checked_by)
        self.reason = reason
        self._happens(
            "revoked",
            at,
            by=by.account,
            reason=reason,
            basis=_REVOCATION_BASIS,
            document=document,
        )
        self._tell(CaseDecisionRevoked, reason=reason)

    def _checkable(self) -> Pledge:
        if self.pledge is None:
            raise NoPledge(case_id=self.id)
        if self.status not in ("decided", "delivered") or self.outcome != APPROVED:
            raise self._not_open("核查或撤销", "checked or revoked")
        if self.pledge.found == FOUND_TRUE:
            raise PledgeAlreadyChecked(case_id=self.id, on=self.pledge.checked_on)
        return self.pledge
