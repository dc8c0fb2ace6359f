"""The approval clock: from happenings, frozen limits and the calendar to dates. Nothing else is true.

Two limits run side by side, the law's and the promised one. A pause is (start, end]: its first
day still counts. The order of happenings within one day never matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import zip_longest

from approval_tracking.domain.catalogue import Item, Limit
from approval_tracking.domain.events import ClockState, Happening
from chassis.calendar import SHANGHAI, Calendar, Pause, local_day, union

_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            "received",
            "supplement_asked",
            "supplemented",
            "accepted",
            "deemed_accepted",
            "deferred",
            "deferred_supplied",
            "green_marked",
            "green_cleared",
            "refused",
            "paused",
            "resumed",
            "extended",
            "withdrawn",
            "decided",
            "delivered",
            "pledge_checked",
            "revoked",
        )
    )
}
# A record that only says of another that it should never have been made.
ANNULLED = "annulled"
# Twenty days and ten more are the general rule; any other extension has a law of its own.
_ARTICLE_42, _TWENTY_DAYS = "行政许可法 第四十二条第一款", Limit(Decimal(20), "working")
_NOON = time(12)
# W-01: yellow from 80 % of the promised limit, or at one day left of a limit of up to three.
_YELLOW_PERCENT = 80
_SHORT_LIMIT = 3


@dataclass(frozen=True)
class Rules:
    """The limits of one case, frozen when it was received and again when it was accepted."""

    clock_start: str
    statutory: Limit
    committed: Limit
    notice_days: int | None = None
    notice_unit: str = ""
    on_expiry: str = ""
    supplement_effect: str = "restart"
    # extension_days is what may be added, once, by extension_basis; 0 means nothing.
    extension_days: int = 0
    extension_basis: str = ""

    @property
    def deems_acceptance(self) -> bool:
        return self.on_expiry == "deemed_accepted_from_receipt"

    @property
    def returns_papers(self) -> bool:
        return self.on_expiry == "return_and_resubmit"

    def promising(self, committed: Limit) -> Rules:
        return replace(self, committed=committed)


def freeze(item: Item, *, statutory: Limit, committed: Limit) -> Rules:
    """Return the rules under which a case for this item runs."""
    notice = item.notice_rule
    return Rules(
        clock_start=item.clock_start,
        statutory=statutory,
        # A minimum period is no promise to be quick.
        committed=Limit(None) if item.limit_kind == "minimum" else committed,
        notice_days=notice.days if notice else None,
        notice_unit=notice.unit if notice else "",
        on_expiry=notice.on_expiry if notice else "",
        supplement_effect=notice.supplement_effect if notice else "restart",
        extension_days=item.extension_days if statutory.days is not None else 0,
        extension_basis=_ARTICLE_42 if statutory == _TWENTY_DAYS else item.legal_basis,
    )


@dataclass(frozen=True)
class Story:
    """The happenings of one case that count, in the one order that matters, and those that no longer do."""

    told: tuple[Happening, ...]
    superseded: tuple[Happening, ...] = ()

    @classmethod
    def of(cls, happenings: Iterable[Happening]) -> Story:
        all_told = list(happenings)
        wrong = {each.correction.supersedes for each in all_told if each.correction}
        gone: list[Happening] = []
        if wrong:
            gone = [each for each in all_told if each.number in wrong or each.kind == ANNULLED]
            all_told = [each for each in all_told if each not in gone]
        all_told.sort(key=lambda each: (each.on, _RANK[each.kind], each.at))
        gone.sort(key=lambda each: each.number)
        return cls(tuple(all_told), tuple(gone))

    def all(self, *kinds: str) -> list[Happening]:
        return [each for each in self.told if each.kind in kinds]

    def last(self, *kinds: str) -> Happening | None:
        found = self.all(*kinds)
        return found[-1] if found else None

    @property
    def received(self) -> Happening:
        return self.all("received")[0]

    @property
    def accepted(self) -> Happening | None:
        return self.last("accepted", "deemed_accepted")

    @property
    def ended(self) -> Happening | None:
        return self.last("decided", "refused", "withdrawn")

    @property
    def open_notice(self) -> Happening | None:
        """Return the supplement notice that the applicant has not answered yet."""
        asked = self.all("supplement_asked")
        return asked[-1] if len(asked) > len(self.all("supplemented")) else None

    @property
    def open_pause(self) -> Happening | None:
        paused = self.all("paused")
        return paused[-1] if len(paused) > len(self.all("resumed")) else None

    @property
    def complete_on(self) -> date:
        """Return the day on which the papers were complete, so far."""
        supplemented = self.last("supplemented")
        return supplemented.on if supplemented else self.received.on


def reckon(happenings: Iterable[Happening], rules: Rules, calendar: Calendar) -> ClockState:
    """Return the clock as it stands after these happenings.

    While it is paused the dates are those that hold if the pause ends as expected; without an
    expected end there are none.
    """
    story = Story.of(happenings)
    started = starts_on(story, rules, calendar)
    pauses = pauses_of(story, rules)
    statutory = committed = yellow = None
    if started and pauses is not None:
        statutory = _statutory_due(started, story, rules, calendar, pauses)
        committed = _committed_due(started, story, rules, calendar, pauses)
        if committed and not story.open_pause and not story.ended:
            yellow = _yellow_on(started, committed, rules, calendar, pauses)
    extended = sum(each.days for each in story.all("extended"))
    return ClockState(
        clock_start=rules.clock_start,
        running=bool(started)
        and not (story.open_pause or story.ended or (story.open_notice and not story.accepted)),
        statutory_days=whole_days(rules.statutory) + (extended if rules.statutory.days else 0),
        statutory_unit=rules.statutory.unit,
        committed_days=whole_days(rules.committed),
        committed_unit=rules.committed.unit,
        statutory_due=statutory,
        committed_due=committed,
        notice_due=notice_due(story, rules, calendar),
        started_on=started,
        provisional=any(calendar.provisional(due) for due in (statutory, committed) if due),
        happenings=story.told,
        calendar_version=calendar.version,
        yellow_on=yellow,
        delivery_due=_delivery_due(story, calendar),
        superseded=story.superseded,
    )


def starts_on(story: Story, rules: Rules, calendar: Calendar) -> date | None:
    """Return the day from which the limits count (itself not counted), None before it is known."""
    if rules.clock_start in ("acceptance", "event"):
        return story.accepted.on if story.accepted else None
    received, asked = story.received.on, story.all("supplement_asked")
    if rules.clock_start == "instant" or not asked or rules.supplement_effect == "pause_and_extend":
        return received
    due = _notice_from(received, rules, calendar)
    if due and asked[0].on > due:
        return received  # told too late: the clock has run since the first receipt
    return None if story.open_notice else story.complete_on


def notice_due(story: Story, rules: Rules, calendar: Calendar) -> date | None:
    """Return the last day for acceptance or the one-time notice; None where nobody need give one."""
    return _notice_from(story.complete_on, rules, calendar)


def deemed_at(story: Story, rules: Rules, calendar: Calendar) -> datetime | None:
    """Return the instant from which silence is acceptance: the midnight after the last day."""
    due = notice_due(story, rules, calendar)
    if not due or not rules.deems_acceptance or story.accepted or story.ended or story.open_notice:
        return None
    return datetime.combine(due + timedelta(days=1), time(), SHANGHAI)


def pauses_of(story: Story, rules: Rules) -> list[Pause] | None:
    """Return the days that do not count; None while a pause has neither ended nor an expected end."""
    pairs = list(zip_longest(story.all("paused"), story.all("resumed")))
    if rules.supplement_effect == "pause_and_extend":
        pairs += zip_longest(story.all("supplement_asked"), story.all("supplemented"))
    pauses = []
    for begun, ended in pairs:
        end = ended.on if ended else begun.expected_end
        if end is None:
            return None
        pauses.append((begun.on, max(end, begun.on)))
    return union(pauses)


def whole_days(limit: Limit) -> int:
    """Return the days of a limit as they are warned about: half a day is one."""
    if limit.days is None:
        return 0
    return int(limit.days.to_integral_value(rounding="ROUND_CEILING"))


def _notice_from(day: date, rules: Rules, calendar: Calendar) -> date | None:
    if rules.notice_days is None:
        return None
    if rules.notice_days == 0:
        return calendar.working_day_on_or_after(day)
    return calendar.due(day, rules.notice_days, rules.notice_unit)


def _statutory_due(
    started: date, story: Story, rules: Rules, calendar: Calendar, pauses: Sequence[Pause]
) -> date | None:
    if rules.statutory.days is None:
        return None
    days = whole_days(rules.statutory) + sum(each.days for each in story.all("extended"))
    if not days:
        return calendar.working_day_on_or_after(started)
    return calendar.due(started, days, rules.statutory.unit, pauses)


def _delivery_due(story: Story, calendar: Calendar) -> date | None:
    """Return the last day to hand over what was granted (行政许可法 第四十四条)."""
    decided = story.last("decided")
    if decided is None or not decided.days:
        return None
    return calendar.due_working(decided.on, decided.days)


def _committed_due(
    started: date, story: Story, rules: Rules, calendar: Calendar, pauses: Sequence[Pause]
) -> date | None:
    """A promise of half a day is kept the same day when it began in the morning, else the next."""
    days = rules.committed.days
    if days is None:
        return None
    same_day = days == 0 or (
        days == Decimal("0.5") and calendar.is_working(started) and _in_the_morning(story, started)
    )
    if same_day and not any(begins <= started < ends for begins, ends in pauses):
        return calendar.working_day_on_or_after(started)
    return calendar.due(started, max(whole_days(rules.committed), 1), rules.committed.unit, pauses)


def _in_the_morning(story: Story, started: date) -> bool:
    began = story.accepted if story.accepted and story.accepted.on == started else story.received
    local = began.at.astimezone(SHANGHAI)
    return local_day(began.at) == started and local.time() < _NOON


def _yellow_on(
    started: date, due: date, rules: Rules, calendar: Calendar, pauses: Sequence[Pause]
) -> date | None:
    """Return the first working day on which 80 % is used, or one day is left of a short limit."""
    days, unit = whole_days(rules.committed), rules.committed.unit
    if not days:
        return None
    used = -(-days * _YELLOW_PERCENT // 100)
    if days <= _SHORT_LIMIT:
        used = min(used, max(days - 1, 1))
    reached = (
        calendar.due_working(started, used, pauses)
        if unit == "working"
        else calendar.working_day_on_or_after(calendar.raw_due_calendar(started, used, pauses))
    )
    return reached if reached <= due else None
