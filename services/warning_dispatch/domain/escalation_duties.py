"""W-12 on the ladder: a matter that nobody takes up or signs, and a rung whose limit has passed."""

from __future__ import annotations

from chassis.calendar import Calendar
from warning_dispatch.domain.duties import local_text
from warning_dispatch.domain.duty import Duty
from warning_dispatch.domain.escalations import DRAFTED, HANDLING, RETURNED, SUBMITTED, Escalation
from warning_dispatch.domain.rules import RED, YELLOW, RuleBook

# What waits for somebody to take it up or to sign it.
_WAITS = frozenset({SUBMITTED, RETURNED, DRAFTED})


def duties_of_escalation(matter: Escalation, book: RuleBook, calendar: Calendar) -> list[Duty]:
    """Return the cards that a matter makes due at the rung where it is; each entry is a period."""
    rule = book.rule("W-12", matter.bearer)
    if rule is None or not matter.is_open or matter.status not in {HANDLING, *_WAITS}:
        return []
    found = []
    period = f"{matter.rung}:{matter.entries}" + (":sign" if matter.awaits_signature else "")
    yellow, red = rule.level(YELLOW), rule.level(RED)
    moved = matter.steps[-1].at
    if yellow and matter.status in _WAITS:
        days = yellow.whole("working_days")
        since = max(matter.entered_at, moved) if matter.awaits_signature else matter.entered_at
        found.append(
            Duty(
                rule.code,
                rule.version,
                YELLOW,
                period,
                calendar.office_day_after(since, days),
                zh=(f"{local_text(since)} 起待{_what(matter)[0]}", f"{days} 个工作日未办"),
                en=(
                    f"waits for {_what(matter)[1]} since {local_text(since)}",
                    f"{days} working days",
                ),
            )
        )
    if red:
        due = matter.due_at
        if matter.awaits_signature:
            due = max(due, calendar.office_day_after(moved, red.whole("sign_working_days")))
        found.append(
            Duty(
                rule.code,
                rule.version,
                RED,
                period,
                due,
                zh=(f"{matter.number} {matter.rung} 级期限 {local_text(due)}", "逾期未办结"),
                en=(
                    f"{matter.number} was due at {matter.rung} by {local_text(due)}",
                    "not dealt with",
                ),
            )
        )
    return sorted(found, key=lambda duty: duty.due_moment)


def _what(matter: Escalation) -> tuple[str, str]:
    return ("签字", "a signature") if matter.awaits_signature else ("受理", "being taken up")
