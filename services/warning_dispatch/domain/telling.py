"""Who is told outside the platform, through which channel and when (article 15, A15.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from chassis.calendar import SHANGHAI
from chassis.errors import FailedPrecondition, InvalidArgument
from warning_dispatch.domain.rules import RED, RED_STATUTORY, YELLOW

# How long to wait after each failure; after the last the delivery is given up, and stays on record.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
DIGEST_AT = time(8, 30)
_WEIGHT = {YELLOW: 0, RED: 1, RED_STATUTORY: 2}


class ChannelUnknown(InvalidArgument):
    zh = "本实例没有通道 {channel}, 可用: {known}"
    en = "this instance has no channel {channel}; it has: {known}"


class DeputyUnknown(InvalidArgument):
    zh = "没有账号 {deputy}"
    en = "there is no account {deputy}"


class NoChannel(FailedPrecondition):
    zh = "您尚未设置任何通道"
    en = "you have set no channel yet"


@dataclass(frozen=True)
class Preferences:
    """What one person wants: where, from which colour on, and when he is left in peace."""

    account: str
    # addresses maps a channel of the instance to the person's address there.
    addresses: Mapping[str, str]
    from_colour: str = YELLOW
    # In Shanghai; equal means never quiet.
    quiet_from: time = time(0)
    quiet_to: time = time(0)
    digest: bool = False
    deputy: str = ""
    away_from: date | None = None
    away_to: date | None = None

    def is_away(self, on: date) -> bool:
        """Say whether the deputy B角 stands in today."""
        return bool(
            self.deputy and self.away_from and self.away_to and self.away_from <= on <= self.away_to
        )

    def wants(self, colour: str) -> bool:
        return _WEIGHT.get(colour, 0) >= _WEIGHT[self.from_colour]

    def when(self, at: datetime, colour: str) -> datetime:
        """Return when to send: at once, with tomorrow's digest, or when the quiet hours end.

        A limit of the law waits for nobody's sleep.
        """
        if colour == RED_STATUTORY:
            return at
        if self.digest and colour == YELLOW:
            return _next(at, DIGEST_AT)
        if self.quiet_from == self.quiet_to:
            return at
        clock = at.astimezone(SHANGHAI).time()
        if self.quiet_from < self.quiet_to:
            quiet = self.quiet_from <= clock < self.quiet_to
        else:
            quiet = clock >= self.quiet_from or clock < self.quiet_to
        return _next(at, self.quiet_to) if quiet else at


@dataclass(frozen=True)
class Letter:
    """One message to one address: a single notification, or a digest of several."""

    channel: str
    address: str
    title: str
    body: str


def letter_of(
    notices: Sequence[tuple[str, str]], *, channel: str, address: str, link: str
) -> Letter:
    """Put notifications (title, body) into one letter."""
    if len(notices) == 1:
        title, body = notices[0]
        return Letter(channel, address, title, f"{body}\n{link}".strip())
    lines = [f"{place}. {title}\n   {body}" for place, (title, body) in enumerate(notices, start=1)]
    return Letter(
        channel, address, f"开工平台: {len(notices)} 条通知汇总", "\n".join([*lines, link]).strip()
    )


def wait_after(attempts: int) -> timedelta | None:
    """Return how long to wait after so many failed attempts, None when it is given up."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None


def _next(at: datetime, clock: time) -> datetime:
    here = at.astimezone(SHANGHAI)
    today = datetime.combine(here.date(), clock, SHANGHAI)
    return today if today > here else today + timedelta(days=1)
