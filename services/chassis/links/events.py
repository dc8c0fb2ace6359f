"""What two linked instances say about the link itself; the fields are those of links/v1/events.proto."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from chassis.events import Event


@dataclass(frozen=True)
class LedgerAsked(Event):
    request_id: UUID
    asker: str
    kinds: tuple[str, ...]
    repair: bool


@dataclass(frozen=True)
class DayCount:
    kind: str
    day: str
    count: int
    digest: str


@dataclass(frozen=True)
class LedgerTold(Event):
    request_id: UUID
    asker: str
    days: tuple[DayCount, ...]
    repair: bool


@dataclass(frozen=True)
class FactsWanted(Event):
    asker: str
    kind: str
    day: str
    have: tuple[str, ...]


@dataclass(frozen=True)
class FactsUnknown(Event):
    asker: str
    kind: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class AggregatesWanted(Event):
    asker: str
    kind: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class DirectiveSettled(Event):
    directive_id: UUID
    asker: str
    outcome: str
    note_zh: str
    note_en: str


@dataclass(frozen=True)
class LinkRefused(Event):
    birth: str
    why_zh: str
    why_en: str


@dataclass(frozen=True)
class HeadTold(Event):
    instance: str
    service: str
    link: int
    hash: str
    at: str


@dataclass(frozen=True)
class HeadWitnessed(Event):
    instance: str
    service: str
    link: int
    hash: str
    at: str
    witness: str
    witnessed_at: str
    key_id: str
    public_key: str
    signature: str
