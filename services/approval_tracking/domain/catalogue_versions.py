"""How a catalogue comes into force: one drafts it, another reviews it, then it is published."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from approval_tracking.domain.catalogue_shape import entry_key
from approval_tracking.domain.errors import DraftNotReady, DraftNotYours
from chassis.errors import FieldInvalid

DRAFTED, REVIEWED, PUBLISHED, REJECTED = "drafted", "reviewed", "published", "rejected"


@dataclass
class Draft:
    """A catalogue on its way; who drafted it neither reviews nor publishes it."""

    id: UUID
    based_on: int
    content: Mapping[str, Any]
    themes: Any
    note: str
    drafted_by: str
    drafted_at: datetime
    version: int = 1
    state: str = DRAFTED
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    reason: str = ""
    published_by: str = ""
    published_at: datetime | None = None
    effective_from: date | None = None
    published_as: int = 0

    def review(self, *, approved: bool, reason: str, by: str, at: datetime) -> None:
        self._by_another(by)
        self._in_state(DRAFTED, "审核", "reviewed")
        if not approved and not reason:
            raise FieldInvalid(
                field="reason", zh_why="退回须说明理由", en_why="a rejection needs its reason"
            )
        self.state = REVIEWED if approved else REJECTED
        self.reviewed_by, self.reviewed_at, self.reason = by, at, reason

    def publish(self, *, effective_from: date, today: date, by: str, at: datetime) -> None:
        self._by_another(by)
        self._in_state(REVIEWED, "发布", "published")
        if effective_from < today:
            raise FieldInvalid(
                field="effective_from",
                zh_why="不得早于今日: 在办件保持受理时的目录",
                en_why="not before today: cases under way keep the catalogue they began with",
            )
        self.state, self.effective_from = PUBLISHED, effective_from
        self.published_by, self.published_at = by, at

    def _by_another(self, by: str) -> None:
        if by == self.drafted_by:
            raise DraftNotYours

    def _in_state(self, wanted: str, act_zh: str, act_en: str) -> None:
        if self.state != wanted:
            raise DraftNotReady(
                draft_id=self.id, state=self.state, act_zh=act_zh, act_en=act_en, field="draft_id"
            )


@dataclass(frozen=True)
class Difference:
    """One place at which two catalogues differ; an empty side means that it is not there."""

    path: str
    before: str
    after: str


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what differs, entry by entry: an item that moved within the list does not."""
    yield from _differ("", before, after)


def _differ(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            inner = f"{path}.{name}".lstrip(".")
            yield from _differ(inner, before.get(name, _NOTHING), after.get(name, _NOTHING))
        return
    if _is_keyed(before) and _is_keyed(after):
        old, new = _by_key(before), _by_key(after)
        for key in dict.fromkeys((*old, *new)):
            yield from _differ(f"{path}[{key}]", old.get(key, _NOTHING), new.get(key, _NOTHING))
        return
    yield Difference(path, _text(before), _text(after))


_NOTHING = object()


def _is_keyed(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _by_key(entries: list[Any]) -> dict[str, Any]:
    return {entry_key(each, place): each for place, each in enumerate(entries)}


def _text(value: Any) -> str:
    if value is _NOTHING:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
