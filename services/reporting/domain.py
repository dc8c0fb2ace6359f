"""Indicator arithmetic (reports.md section 3) and periods, pure.

Conventions of reports.md: only cases that an authority must decide are counted, what was
decided before the measures took effect is not, a denominator of 0 gives no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from uuid import UUID

from chassis.calendar import SHANGHAI, Calendar
from chassis.errors import FailedPrecondition
from chassis.events import Event

DEFINITIONS = "2026-11-23"
GREEN, YELLOW, RED, RED_STATUTORY = "green", "yellow", "red", "red_statutory"
LIGHTS = (GREEN, YELLOW, RED, RED_STATUTORY)
DECIDED = frozenset({"decided", "delivered", "refused", "withdrawn"})
# A closed card or order needs nobody any more.
CARD_ENDS = frozenset({"closed", "waived", "revoked", "ignored", "merged"})


class AlreadyIssued(FailedPrecondition):
    zh = "{region} {period} 的报告已经发布"
    en = "the report of {region} for {period} was issued already"


class PeriodNotBegun(FailedPrecondition):
    zh = "{period} 尚未开始"
    en = "{period} has not begun"


class CalendarMissing(FailedPrecondition):
    zh = "尚未收到工作日历, 请稍后再试"
    en = "the working calendar has not arrived yet: try again soon"


@dataclass(frozen=True)
class ReportIssued(Event):
    report_id: UUID
    kind: str
    period: str
    region: str
    issued_at: str
    digest: str


@dataclass(frozen=True)
class Month:
    """A calendar month in Asia/Shanghai."""

    first: date
    after: date

    @classmethod
    def read(cls, period: str) -> Month:
        year, month = (int(part) for part in period.split("-"))
        return cls(date(year, month, 1), date(year + month // 12, month % 12 + 1, 1))

    @property
    def next(self) -> Month:
        return Month.read(f"{self.after.year}-{self.after.month:02d}")

    def check_begun(self, period: str, now: datetime) -> None:
        if now.astimezone(SHANGHAI).date() < self.first:
            raise PeriodNotBegun(period=period)


@dataclass(frozen=True)
class Indicator:
    """One number, with what it was divided from."""

    id: str
    name: str
    value: str
    unit: str
    numerator: str
    denominator: str
    definition: str


def count(id: str, name: str, number: int, definition: str, unit: str = "个") -> Indicator:
    return Indicator(id, name, str(number), unit, str(number), "", definition)


def share(id: str, name: str, part: int, whole: int, definition: str) -> Indicator:
    """A percentage with one decimal; none when there is nothing to divide by."""
    value = "" if whole == 0 else _rounded(Decimal(part) * 100 / whole)
    return Indicator(id, name, value, "%", str(part), str(whole), definition)


def mean(id: str, name: str, values: Sequence[int], definition: str, unit: str) -> Indicator:
    value = "" if not values else _rounded(Decimal(sum(values)) / len(values))
    return Indicator(id, name, value, unit, str(sum(values)), str(len(values)), definition)


def middle(id: str, name: str, values: Sequence[int], definition: str, unit: str) -> Indicator:
    value = "" if not values else _rounded(Decimal(str(median(values))))
    return Indicator(id, name, value, unit, "", str(len(values)), definition)


def _rounded(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.1"), ROUND_HALF_UP))


@dataclass(frozen=True)
class Decided:
    """A case decided in the month, as its clock was."""

    org: str
    org_name: str
    decided_on: date
    committed_due: date | None
    statutory_due: date | None
    delivered_on: date | None
    approved: bool
    deemed: bool

    @property
    def on_time(self) -> bool:
        """In time by the promise, or by the law where nothing was promised (I13)."""
        due = self.committed_due or self.statutory_due
        return due is None or self.decided_on <= due

    @property
    def past_the_law(self) -> bool:
        return self.statutory_due is not None and self.decided_on > self.statutory_due


def limits(decided: Sequence[Decided], open_past_law: int, calendar: Calendar) -> list[Indicator]:
    """I13, I14, I15, I19 and I24 of a month."""
    saved = [
        calendar.working_days_between(each.decided_on, each.statutory_due)
        for each in decided
        if each.statutory_due and each.decided_on <= each.statutory_due
    ]
    granted = [each for each in decided if each.approved]
    delivered = [
        each
        for each in granted
        if each.delivered_on and each.delivered_on <= calendar.add_working_days(each.decided_on, 10)
    ]
    past_law = sum(each.past_the_law for each in decided) + open_past_law
    return [
        share(
            "I13", "承诺按时办结率", sum(each.on_time for each in decided), len(decided),
            "办结日≤承诺到期日 / 本月办结(责任方为机关)",
        ),
        count("I14", "法定超期件数", past_law, "办结日或今日 > 法定到期日的件", "件"),
        mean("I15", "平均节省工作日", saved, "mean(wd(决定日, 法定到期日])", "工作日"),
        count("I19", "视为受理件数", sum(each.deemed for each in decided), "逾期未告知自动受理", "件"),
        share("I24", "送达及时率", len(delivered), len(granted), "准予决定后10个工作日内送达 / 准予决定"),
    ]  # fmt: skip


def light(
    today: date, *, yellow_on: date | None, committed_due: date | None, statutory_due: date | None
) -> str:
    """How an open case stands on a day: derived, never stored (W-01, W-02)."""
    if statutory_due and today > statutory_due:
        return RED_STATUTORY
    if committed_due and today > committed_due:
        return RED
    if yellow_on and today >= yellow_on:
        return YELLOW
    return GREEN
