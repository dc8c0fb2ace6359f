"""The one-off notice 一次性告知: a project's guide as it was told, signed for by the company, and shared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from approval_tracking.domain.document_errors import (
    NoticeAlreadySigned,
    NoticeReplaced,
    NoticeUnchanged,
    SharedGuideExpired,
)
from approval_tracking.domain.events import GuideNoticeGiven, GuideNoticeSigned
from chassis.calendar import local_day
from chassis.events import Event


@dataclass(frozen=True)
class NoticeItem:
    """An item as the company was told of it. Only `reason` speaks of the project itself."""

    code: str
    name: str
    reason: str
    applies_when: str
    prerequisites: tuple[str, ...]
    org_name: str
    window: str
    statutory: str
    committed: str
    fees: tuple[str, ...]
    basis: str
    papers: tuple[str, ...]
    may_follow: tuple[str, ...]
    by_commitment: bool
    # sample_forms is empty when the catalogue has none.
    sample_forms: tuple[str, ...]
    result: str


@dataclass(frozen=True)
class NoticePaper:
    name: str
    needed_for: tuple[str, ...]
    may_follow_for: tuple[str, ...]
    by_commitment_for: tuple[str, ...]
    issued_by: str


@dataclass(frozen=True)
class SetAside:
    code: str
    name: str
    reason: str


@dataclass(frozen=True)
class NoticeContent:
    """All that a notice tells."""

    project_name: str
    catalogue: int
    items: tuple[NoticeItem, ...]
    papers: tuple[NoticePaper, ...]
    set_aside: tuple[SetAside, ...]


@dataclass(frozen=True)
class Changed:
    """One difference between two notices."""

    kind: str
    subject: str
    aspect: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Signature:
    name: str
    by: str
    at: datetime
    document: str = ""


@dataclass(frozen=True)
class Share:
    """A link to the public part of a notice. Its code is a secret, its last day is not."""

    code: str
    until: date
    by: str


@dataclass(frozen=True)
class Whose:
    """Whom a notice concerns, as the project is now."""

    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]


@dataclass
class GuideNotice:
    """A notice as it was given. What it says never changes."""

    id: UUID
    project_id: UUID
    number: int
    # company is who was told, told_to the person who took it.
    company: str
    told_to: str
    given_by: str
    given_at: datetime
    content: NoticeContent
    digest: str
    # changed_since is the number of the signed notice that `changes` compares with; 0 means none.
    changed_since: int = 0
    changes: tuple[Changed, ...] = ()
    signed: Signature | None = None
    shared: Share | None = None
    version: int = 1
    told: list[Event] = field(default_factory=list, compare=False)

    def give(self, whose: Whose) -> None:
        self.told.append(
            GuideNoticeGiven(
                notice_id=self.id,
                version=self.version,
                project_id=self.project_id,
                project_name=self.content.project_name,
                region_path=whose.region_path,
                level=whose.level,
                uscc=whose.uscc,
                agents=whose.agents,
                number=self.number,
                digest=self.digest,
                told_to=self.told_to,
                by=self.given_by,
            )
        )

    def sign(
        self, name: str, *, by: str, at: datetime, document: str, last: int, whose: Whose
    ) -> None:
        """Record that the company received it; only the newest notice is signed for."""
        if self.signed:
            raise NoticeAlreadySigned(
                number=self.number, name=self.signed.name, on=local_day(self.signed.at)
            )
        if self.number != last:
            raise NoticeReplaced(number=self.number, last=last)
        self.signed = Signature(name, by, at, document)
        self.told.append(
            GuideNoticeSigned(
                notice_id=self.id,
                version=self.version + 1,
                project_id=self.project_id,
                project_name=self.content.project_name,
                region_path=whose.region_path,
                level=whose.level,
                uscc=whose.uscc,
                agents=whose.agents,
                number=self.number,
                name=name,
                by=by,
            )
        )

    def share(self, code: str, days: int, *, by: str, today: date) -> None:
        """Make a link that ends after so many days, in place of the one before; none for 0 days."""
        self.shared = Share(code, today + timedelta(days=days), by) if days else None


def check_new(content: NoticeContent, last: GuideNotice | None) -> None:
    """Refuse to tell again what the last notice has told."""
    if last and not any(differences(last.content, content)):
        raise NoticeUnchanged(number=last.number, field="project_id")


def check_readable(share: Share, today: date) -> None:
    if today > share.until:
        raise SharedGuideExpired(until=share.until)


_ITEM_ASPECTS = {
    "applies_when": "办理条件",
    "prerequisites": "前置事项",
    "org_name": "办理机关",
    "window": "窗口",
    "statutory": "法定时限",
    "committed": "承诺时限",
    "fees": "收费",
    "basis": "依据",
    "papers": "材料",
    "may_follow": "可容缺材料",
    "by_commitment": "告知承诺",
    "sample_forms": "样表",
    "result": "办理结果",
}
_PAPER_ASPECTS = {
    "needed_for": "用于",
    "may_follow_for": "可容缺后补",
    "by_commitment_for": "可承诺替代",
    "issued_by": "来自",
}


def differences(before: NoticeContent, after: NoticeContent) -> Iterator[Changed]:
    """Yield what of the items and papers is new, gone, or told in another way."""
    yield from _compare(
        "item",
        {each.code: (f"{each.code} {each.name}", each) for each in before.items},
        {each.code: (f"{each.code} {each.name}", each) for each in after.items},
        _ITEM_ASPECTS,
    )
    yield from _compare(
        "paper",
        {each.name: (each.name, each) for each in before.papers},
        {each.name: (each.name, each) for each in after.papers},
        _PAPER_ASPECTS,
    )


def _compare(
    what: str,
    before: Mapping[str, tuple[str, object]],
    after: Mapping[str, tuple[str, object]],
    aspects: Mapping[str, str],
) -> Iterator[Changed]:
    for key, (name, _) in after.items():
        if key not in before:
            yield Changed(f"{what}_added", name)
    for key, (name, old) in before.items():
        if key not in after:
            yield Changed(f"{what}_dropped", name)
            continue
        new = after[key][1]
        for attribute, aspect in aspects.items():
            was, now = getattr(old, attribute), getattr(new, attribute)
            if was != now:
                yield Changed(f"{what}_changed", name, aspect, _written(was), _written(now))


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "、".join(str(each) for each in value) or "无"
    return str(value) or "无"
