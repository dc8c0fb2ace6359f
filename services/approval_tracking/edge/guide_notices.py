"""One-off notices 一次性告知 over gRPC, and the part of one that a link shows to anybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.documents import NOTICE_TYPE, given_notice
from approval_tracking.domain.guide_notices import GuideNotice, check_readable
from approval_tracking.edge.documents import new_code
from approval_tracking.official_documents import qr
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.store.guide_notices import GuideNoticeStore, read_notice
from approval_tracking.usecases import guide_notices as acts
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import plain
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_uuid, to_timestamp


class GuideNotices:
    db: Database
    now: Clock
    public_url: str

    @command
    def GiveGuideNotice(
        self, request: pb.GiveGuideNoticeRequest, call: Call
    ) -> pb.GiveGuideNoticeResponse:
        notice = acts.give_notice(
            GuideNoticeStore(call.tx),
            ProjectStore(call.tx),
            Reference(call.tx),
            read_uuid("project_id", request.project_id),
            request.told_to,
            notice_id=call.new_id(),
            lay_out=given_notice,
            principal=call.principal,
            now=call.now,
        )
        return pb.GiveGuideNoticeResponse(notice=_audited(notice, call, digest=notice.digest))

    @query(transaction=True)
    def ListGuideNotices(
        self, request: pb.ListGuideNoticesRequest, call: Call
    ) -> pb.ListGuideNoticesResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        wanted = page(request, width=1)
        before = _before(wanted.after) if wanted.after else None
        rows = queries.list_notices(call.tx, project_id, size=wanted.size + 1, before=before)
        given = rows[: wanted.size]
        return pb.ListGuideNoticesResponse(
            notices=[_told(read_notice(row)) for row in given],
            next_page_token=token_after(given[-1].number) if len(rows) > len(given) else "",
        )

    @query
    def DownloadGuideNotice(
        self, request: pb.DownloadGuideNoticeRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        row = queries.find_notice(call.tx, read_uuid("notice_id", request.notice_id), call.scope)
        name = quote(f"一次性告知书-第{row.number}号.docx", safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=NOTICE_TYPE, data=bytes(row.file))

    @command
    def SignGuideNotice(
        self, request: pb.SignGuideNoticeRequest, call: Call
    ) -> pb.SignGuideNoticeResponse:
        notice = acts.sign_notice(
            GuideNoticeStore(call.tx),
            ProjectStore(call.tx),
            read_uuid("notice_id", request.notice_id),
            request.name,
            document=request.document,
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        told = _audited(notice, call, signed_name=request.name, document=request.document)
        return pb.SignGuideNoticeResponse(notice=told)

    @command
    def ShareGuideNotice(
        self, request: pb.ShareGuideNoticeRequest, call: Call
    ) -> pb.ShareGuideNoticeResponse:
        notice = acts.share_notice(
            GuideNoticeStore(call.tx),
            ProjectStore(call.tx),
            read_uuid("notice_id", request.notice_id),
            request.days,
            code=new_code(),
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        told = _audited(notice, call, days=request.days)
        if notice.shared is None:
            return pb.ShareGuideNoticeResponse(notice=told)
        url = f"{self.public_url}/v1/shared-guides/{notice.shared.code}"
        return pb.ShareGuideNoticeResponse(
            notice=told, code=notice.shared.code, url=url, qr=qr(url)
        )

    @query(transaction=True)
    def ReadSharedGuide(
        self, request: pb.ReadSharedGuideRequest, call: Call
    ) -> pb.ReadSharedGuideResponse:
        row, newest = queries.shared_notice(call.tx, request.code)
        notice = read_notice(row)
        shared = notice.shared
        assert shared is not None, "it was found by its link"
        check_readable(shared, local_day(call.now))
        return pb.ReadSharedGuideResponse(
            given_on=local_day(notice.given_at).isoformat(),
            shared_until=shared.until.isoformat(),
            superseded=not newest,
            catalogue=notice.content.catalogue,
            items=[_public(plain(each)) for each in notice.content.items],
            papers=[pb.SharedGuidePaper(**plain(each)) for each in notice.content.papers],
        )


def _before(after: Sequence[Any]) -> int:
    if not isinstance(after[0], int):
        raise PageTokenInvalid(field="page_token")
    return after[0]


def _public(item: dict[str, Any]) -> pb.SharedGuideItem:
    # Why it applies names the project's own attributes.
    return pb.SharedGuideItem(**{name: each for name, each in item.items() if name != "reason"})


def _audited(notice: GuideNotice, call: Call, **detail: Any) -> pb.GuideNotice:
    call.audit(
        subject_type="guide_notice",
        subject_id=notice.id,
        project_id=str(notice.project_id),
        number=notice.number,
        version=notice.version,
        **detail,
    )
    return _told(notice)


def _told(notice: GuideNotice) -> pb.GuideNotice:
    signed, shared = notice.signed, notice.shared
    return pb.GuideNotice(
        notice_id=str(notice.id),
        version=notice.version,
        project_id=str(notice.project_id),
        number=notice.number,
        company=notice.company,
        told_to=notice.told_to,
        given_by=notice.given_by,
        given_at=to_timestamp(notice.given_at),
        catalogue=notice.content.catalogue,
        items=len(notice.content.items),
        papers=sum(not each.issued_by for each in notice.content.papers),
        digest=notice.digest,
        changed_since=notice.changed_since,
        changes=[pb.GuideNoticeChange(**plain(each)) for each in notice.changes],
        signed_name=signed.name if signed else "",
        signed_by=signed.by if signed else "",
        signed_at=to_timestamp(signed.at) if signed else None,
        signed_document=signed.document if signed else "",
        shared_until=shared.until.isoformat() if shared else "",
    )
