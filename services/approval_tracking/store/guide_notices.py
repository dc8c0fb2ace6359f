"""One-off notices: one row each with the file that was given."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from approval_tracking.domain.document_errors import NoticeUnknown
from approval_tracking.domain.guide_notices import (
    Changed,
    GuideNotice,
    NoticeContent,
    NoticeItem,
    NoticePaper,
    SetAside,
    Share,
    Signature,
)
from approval_tracking.store.documents import company_of
from approval_tracking.store.tables import guide_notices
from chassis.errors import Stale
from chassis.events import Envelope, plain, read_instant
from chassis.outbox import Outbox

_held = (
    sa.select(guide_notices)
    .where(guide_notices.c.id == sa.bindparam("notice_id", type_=sa.Uuid))
    .with_for_update()
)
_newest = (
    sa.select(guide_notices)
    .where(guide_notices.c.project_id == sa.bindparam("project_id", type_=sa.Uuid))
    .order_by(guide_notices.c.number.desc())
    .limit(1)
)
_newest_signed = _newest.where(guide_notices.c.state["signed"] != sa.JSON.NULL)


class GuideNoticeStore:
    """The notices as one transaction sees them. Who gives one holds the project's lock."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.outbox = Outbox(tx)

    def hold(self, notice_id: UUID) -> GuideNotice:
        row = self._tx.execute(_held, {"notice_id": notice_id}).one_or_none()
        if row is None:
            raise NoticeUnknown(notice_id=notice_id)
        return read_notice(row)

    def company_of(self, project_id: UUID) -> str:
        return company_of(self._tx, project_id)

    def last(self, project_id: UUID) -> GuideNotice | None:
        row = self._tx.execute(_newest, {"project_id": project_id}).one_or_none()
        return read_notice(row) if row else None

    def last_signed(self, project_id: UUID) -> GuideNotice | None:
        row = self._tx.execute(_newest_signed, {"project_id": project_id}).one_or_none()
        return read_notice(row) if row else None

    def add(self, notice: GuideNotice, file: bytes) -> None:
        self._tx.execute(
            guide_notices.insert().values(
                id=notice.id,
                version=notice.version,
                project_id=notice.project_id,
                number=notice.number,
                given_at=notice.given_at,
                content=plain(notice.content),
                state=_state(notice),
                digest=notice.digest,
                file=file,
                share_code=None,
            )
        )
        self._tell(notice)

    def save(self, notice: GuideNotice) -> None:
        seen, notice.version = notice.version, notice.version + 1
        saved = self._tx.execute(
            guide_notices.update()
            .where(guide_notices.c.id == notice.id, guide_notices.c.version == seen)
            .values(
                version=notice.version,
                state=_state(notice),
                share_code=notice.shared.code if notice.shared else None,
            )
        )
        if saved.rowcount != 1:
            raise Stale(subject=notice.id, version=notice.version, expected=seen)
        self._tell(notice)

    def _tell(self, notice: GuideNotice) -> None:
        at = notice.signed.at if notice.signed else notice.given_at
        for event in notice.told:
            self.outbox.append(
                Envelope.seal(event, aggregate_id=notice.id, version=notice.version, at=at)
            )
        notice.told.clear()


def _state(notice: GuideNotice) -> Any:
    names = ("company", "told_to", "given_by", "changed_since", "changes", "signed", "shared")
    return plain({name: getattr(notice, name) for name in names})


def read_notice(row: Any) -> GuideNotice:
    """Return the notice that a row holds."""
    state, signed, shared = row.state, row.state["signed"], row.state["shared"]
    return GuideNotice(
        id=row.id,
        version=row.version,
        project_id=row.project_id,
        number=row.number,
        company=state["company"],
        told_to=state["told_to"],
        given_by=state["given_by"],
        given_at=row.given_at,
        content=_content(row.content),
        digest=row.digest,
        changed_since=state["changed_since"],
        changes=tuple(Changed(**each) for each in state["changes"]),
        signed=Signature(**{**signed, "at": read_instant(signed["at"])}) if signed else None,
        shared=(
            Share(**{**shared, "until": date.fromisoformat(shared["until"])}) if shared else None
        ),
    )


def _content(data: dict[str, Any]) -> NoticeContent:
    return NoticeContent(
        project_name=data["project_name"],
        catalogue=data["catalogue"],
        items=tuple(NoticeItem(**_frozen(each)) for each in data["items"]),
        papers=tuple(NoticePaper(**_frozen(each)) for each in data["papers"]),
        set_aside=tuple(SetAside(**each) for each in data["set_aside"]),
    )


def _frozen(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
    }
