"""Who may act for which company, from when until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

from identity.domain.errors import MandateEnded, MandatePeriodInvalid

_ZONE = ZoneInfo("Asia/Shanghai")
LONGEST = timedelta(days=3 * 366)


class MandateKind(Enum):
    LEGAL_PERSON = "legal_person"
    DELEGATE = "delegate"


class MandateState(Enum):
    FUTURE = "future"
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


def today(now: datetime) -> date:
    return now.astimezone(_ZONE).date()


@dataclass(frozen=True)
class Mandate:
    """Authority to act for a company, valid from the first through the last day in Asia/Shanghai."""

    id: UUID
    uscc: str
    kind: MandateKind
    starts_on: date
    # ends_on is None for a legal person, who acts until another is bound.
    ends_on: date | None
    # projects restricts a delegate; None means all of the company's.
    projects: frozenset[str] | None
    granted_by: str
    granted_at: datetime
    revoked_at: datetime | None = None
    revoke_reason: str = ""

    def state(self, now: datetime) -> MandateState:
        if self.revoked_at is not None:
            return MandateState.REVOKED
        day = today(now)
        if day < self.starts_on:
            return MandateState.FUTURE
        if self.ends_on is not None and day > self.ends_on:
            return MandateState.EXPIRED
        return MandateState.VALID

    def is_valid(self, now: datetime) -> bool:
        return self.state(now) is MandateState.VALID

    def revoke(self, *, reason: str, at: datetime) -> Mandate:
        if self.state(at) in {MandateState.REVOKED, MandateState.EXPIRED}:
            raise MandateEnded(mandate_id=self.id)
        return replace(self, revoked_at=at, revoke_reason=reason)

    def turns_at(self, now: datetime) -> datetime | None:
        """Return the next moment after `now` at which it begins or ceases to be valid."""
        if self.revoked_at is not None:
            return None
        days = [self.starts_on]
        if self.ends_on is not None:
            days.append(self.ends_on + timedelta(days=1))
        moments = [datetime(day.year, day.month, day.day, tzinfo=_ZONE) for day in days]
        return min((moment for moment in moments if moment > now), default=None)


def check_period(starts_on: date, ends_on: date, now: datetime) -> None:
    if ends_on < starts_on or ends_on < today(now) or ends_on - starts_on > LONGEST:
        raise MandatePeriodInvalid(
            starts_on=starts_on, ends_on=ends_on, most=LONGEST.days, field="ends_on"
        )


def authority(
    mandates: Iterable[Mandate], now: datetime
) -> tuple[frozenset[str], frozenset[str] | None]:
    """Return the companies and the projects (None: all of theirs) that valid mandates give.

    Should whole companies and single projects meet, the projects win: a token can say only
    one of the two, and too little is mended by asking, too much by nobody.
    """
    valid = [mandate for mandate in mandates if mandate.is_valid(now)]
    restricted = [mandate.projects for mandate in valid if mandate.projects is not None]
    companies = frozenset(mandate.uscc for mandate in valid)
    return companies, frozenset().union(*restricted) if restricted else None
