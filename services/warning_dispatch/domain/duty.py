"""A duty: one card that falls due at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Duty:
    """One card that falls due at a moment, and until when its rule holds.

    `ends` None means that the rule goes on holding. A duty whose end is not after its moment
    never held and is not given.
    """

    rule: str
    rule_version: int
    colour: str
    period: str
    due_moment: datetime
    ends: datetime | None = None
    zh: tuple[str, ...] = field(default=(), compare=False)
    en: tuple[str, ...] = field(default=(), compare=False)
    # duty_bearer is who answers for it, when that is not who answers for the case.
    duty_bearer: str = field(default="", compare=False)
    # org, item_code and item_name say whom and what it is about, where the subject has many of them.
    org: str = field(default="", compare=False)
    item_code: str = field(default="", compare=False)
    item_name: str = field(default="", compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.rule, self.colour, self.period

    def holds(self, at: datetime) -> bool:
        return self.due_moment <= at and (self.ends is None or at < self.ends)
