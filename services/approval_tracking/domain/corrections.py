"""Wrong records: a new one takes the place of the old, which stays readable and counts no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from approval_tracking.domain.clock import ANNULLED, Story
from approval_tracking.domain.events import Correction, Happening
from approval_tracking.domain.life_errors import (
    CorrectionChangesNothing,
    CorrectionOutOfOrder,
    HappensInFuture,
    PauseTooFarBack,
    RecordNotAnnullable,
    RecordNotCorrectable,
    RecordUnknown,
)
from chassis.calendar import Calendar, local_day

# What a decision rests on is no record to put right: it is challenged, not corrected.
_DAY_MAY_CHANGE = (
    "received",
    "supplement_asked",
    "supplemented",
    "accepted",
    "paused",
    "resumed",
    "delivered",
)
_MAY_BE_ANNULLED = ("paused", "resumed", "delivered")


@dataclass(frozen=True)
class Amendment:
    """What the record should have said: another day, another expected end, or nothing at all."""

    on: date | None = None
    expected_end: date | None = None
    annul: bool = False


def find_record(happenings: Sequence[Happening], number: int) -> Happening:
    """Return the record with this number, if it still counts."""
    for each in Story.of(happenings).told:
        if each.number == number:
            return each
    raise RecordUnknown(number=number, field="number")


def amend(
    happenings: Sequence[Happening],
    record: Happening,
    change: Amendment,
    *,
    by: str,
    reason: str,
    document: str,
    calendar: Calendar,
    at: datetime,
) -> Happening:
    """Return the record that takes the place of `record`.

    Only days change, never what happened in what order. A pause is put no further back than
    it could have been recorded.
    """
    correction = Correction(record.number, by, at, reason, document)
    number = len(happenings) + 1
    if change.annul:
        _check_annulment(happenings, record)
        return Happening(ANNULLED, local_day(at), at, by, number=number, correction=correction)
    if record.kind not in _DAY_MAY_CHANGE:
        raise RecordNotCorrectable(kind=record.kind, kinds=", ".join(_DAY_MAY_CHANGE))
    on = change.on or record.on
    end = (change.expected_end if record.kind == "paused" else None) or record.expected_end
    if (on, end) == (record.on, record.expected_end):
        raise CorrectionChangesNothing(number=record.number)
    today = local_day(at)
    if on > today:
        raise HappensInFuture(on=on, today=today, field="happened_on")
    earliest = calendar.add_working_days(local_day(record.at), -1)
    if record.kind == "paused" and on < min(earliest, record.on):
        raise PauseTooFarBack(earliest=earliest, field="happened_on")
    amended = replace(record, on=on, expected_end=end, number=number, correction=correction)
    _check_order(happenings, amended, record)
    return amended


def _check_annulment(happenings: Sequence[Happening], record: Happening) -> None:
    last = Story.of(happenings).told[-1]
    if record.kind not in _MAY_BE_ANNULLED or last.number != record.number:
        raise RecordNotAnnullable(
            number=record.number, kind=record.kind, last=last.number, last_kind=last.kind
        )


def _check_order(happenings: Sequence[Happening], amended: Happening, record: Happening) -> None:
    before, after = Story.of(happenings).told, Story.of([*happenings, amended]).told
    order = [each.number for each in before]
    place = order.index(record.number)
    order[place] = amended.number
    if [each.number for each in after] != order or after[0].kind != "received":
        earliest = before[place - 1].on if place else None
        latest = before[place + 1].on if place + 1 < len(before) else None
        raise CorrectionOutOfOrder(
            on=amended.on, earliest=earliest or "…", latest=latest or "…", field="happened_on"
        )
