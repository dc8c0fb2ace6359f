"""Changes of the library 动态管理: asked for by one, agreed to by another, done whole (article 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.errors import FieldInvalid
from project_registry.domain.dynamics_errors import (
    ChangeDecided,
    CompanyMayOnlyBeAdded,
    OwnChange,
)
from project_registry.domain.projects import Actor

ADD, ADJUST, REMOVE = "add", "adjust", "remove"
MERGE, SPLIT, RENAME = "merge", "split", "rename"
ASKED, APPROVED, TURNED_DOWN = "asked", "approved", "turned_down"
KINDS = {
    ADD: "增补",
    ADJUST: "调整",
    REMOVE: "调出",
    MERGE: "并项",
    SPLIT: "拆分",
    RENAME: "变更名称代码",
}
RENAMED = ("name", "code")
_LEAST_PARTS = 2


@dataclass(frozen=True)
class Asked:
    """A change as it was asked for; details are as the caller wrote them."""

    kind: str
    project_id: UUID | None
    details: Mapping[str, Any] | None
    fields: tuple[str, ...] = ()
    other_ids: tuple[UUID, ...] = ()
    parts: tuple[Mapping[str, Any], ...] = ()

    def check(self) -> None:
        """Refuse what the kind needs and does not have."""
        if (self.kind == ADD) == (self.project_id is not None):
            raise _wrong(
                "project_id",
                "增补不指定项目, 其他变更须指定",
                "an addition names no project, all else does",
            )
        if self.kind in (ADD, ADJUST, RENAME) and self.details is None:
            raise _wrong("details", "须填写变更后的内容", "say what it is to be")
        if self.kind in (ADJUST, RENAME) and not self.fields:
            raise _wrong("fields", "须指明变更的字段", "name the fields that change")
        if self.kind == RENAME and not set(self.fields) <= set(RENAMED):
            raise _wrong(
                "fields", "变更名称代码只涉及 name 和 code", "a renaming changes name and code only"
            )
        if self.kind == MERGE and (not self.other_ids or self.project_id in self.other_ids):
            raise _wrong(
                "other_ids", "须指明并入的其他项目", "name the other projects that go into it"
            )
        if self.kind == SPLIT and len(self.parts) < _LEAST_PARTS:
            raise _wrong("parts", "拆分至少为两个项目", "a split makes two projects at least")


@dataclass
class ChangeRequest:
    """A change with who asked, who decided, and what came of it."""

    id: UUID
    asked: Asked
    project_name: str
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    reason: str
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    status: str = ASKED
    decided_by: str = ""
    decided_by_name: str = ""
    decided_at: datetime | None = None
    note: str = ""
    made: tuple[UUID, ...] = ()
    version: int = 1

    def decide(self, approved: bool, note: str, by: Actor, *, at: datetime) -> None:
        """Decide, as somebody who did not ask."""
        if self.status != ASKED:
            raise ChangeDecided(change_id=self.id, name=self.decided_by_name)
        if by.account == self.asked_by:
            raise OwnChange
        if not approved and not note.strip():
            raise _wrong("note", "不同意须说明理由", "say why it is turned down")
        self.status = APPROVED if approved else TURNED_DOWN
        self.decided_by, self.decided_by_name, self.decided_at = by.account, by.name, at
        self.note = note


def check_asker(kind: str, roles: frozenset[str]) -> None:
    """Let a company ask for no more than to be taken in (roles.md, C*/E1)."""
    if roles <= {"E1", "E2"} and kind != ADD:
        raise CompanyMayOnlyBeAdded


def _wrong(field: str, zh: str, en: str) -> FieldInvalid:
    return FieldInvalid(field=field, zh_why=zh, en_why=en)
