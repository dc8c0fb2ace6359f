"""The catalogue's versions over gRPC: files in and out, drafts, review, publication."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.catalogue_files import YAML_TYPE, CatalogueFile, read_yaml, write_yaml
from approval_tracking.catalogue_workbooks import XLSX_TYPE, read_xlsx, write_xlsx
from approval_tracking.domain.catalogue_versions import differences
from approval_tracking.store.catalogues import CatalogueStore
from approval_tracking.usecases import catalogues as acts
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import instant, read_instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp

_MOST_DIFFERENCES = 500
_FORMATS = {
    pb.CATALOGUE_FORMAT_UNSPECIFIED: ("yaml", YAML_TYPE, write_yaml),
    pb.CATALOGUE_FORMAT_YAML: ("yaml", YAML_TYPE, write_yaml),
    pb.CATALOGUE_FORMAT_XLSX: ("xlsx", XLSX_TYPE, write_xlsx),
}


class Catalogues:
    db: Database
    now: Clock

    @query
    def ListCatalogueVersions(
        self, request: pb.ListCatalogueVersionsRequest, call: Call
    ) -> pb.ListCatalogueVersionsResponse:
        wanted = page(request, width=1)
        before = None
        if wanted.after is not None:
            before = _number(wanted.after[0])
        store = CatalogueStore(call.tx)
        rows = store.versions(size=wanted.size + 1, before=before)
        given = rows[: wanted.size]
        return pb.ListCatalogueVersionsResponse(
            versions=[
                pb.CatalogueVersion(
                    version=row.version,
                    effective_from=row.effective_from.isoformat(),
                    published_at=to_timestamp(row.loaded_at),
                )
                for row in given
            ],
            next_page_token=token_after(given[-1].version) if len(rows) > len(given) else "",
            in_force=store.in_force(local_day(call.now)),
        )

    @query
    def CompareCatalogues(
        self, request: pb.CompareCataloguesRequest, call: Call
    ) -> pb.CompareCataloguesResponse:
        store = CatalogueStore(call.tx)
        before, after = (store.content(each) for each in (request.version, request.other))
        return pb.CompareCataloguesResponse(differences=_differences(before, after))

    @query
    def ExportCatalogue(
        self, request: pb.ExportCatalogueRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        content, themes = CatalogueStore(call.tx).content(request.version)
        ending, kind, write = _FORMATS[request.format]
        call.header(
            "content-disposition", f'attachment; filename="catalogue-{request.version}.{ending}"'
        )
        return httpbody_pb2.HttpBody(content_type=kind, data=write(content, themes))

    @command
    def ImportCatalogue(
        self, request: pb.ImportCatalogueRequest, call: Call
    ) -> pb.ImportCatalogueResponse:
        draft = acts.draft_catalogue(
            CatalogueStore(call.tx),
            call.new_id(),
            _read(request.file.data),
            note=request.note,
            by=call.principal.account_id,
            today=local_day(call.now),
            now=call.now,
        )
        call.audit(subject_type="catalogue_draft", subject_id=draft.id, based_on=draft.based_on)
        return pb.ImportCatalogueResponse(draft=_draft(draft))

    @query
    def ListCatalogueDrafts(
        self, request: pb.ListCatalogueDraftsRequest, call: Call
    ) -> pb.ListCatalogueDraftsResponse:
        wanted = page(request, width=2)
        after = None
        if wanted.after:
            after = _place(*wanted.after)
        rows = CatalogueStore(call.tx).drafts(size=wanted.size + 1, after=after)
        given = rows[: wanted.size]
        token = ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].drafted_at), str(given[-1].id))
        return pb.ListCatalogueDraftsResponse(
            drafts=[_draft(row) for row in given], next_page_token=token
        )

    @query(transaction=True)
    def GetCatalogueDraft(
        self, request: pb.GetCatalogueDraftRequest, call: Call
    ) -> pb.GetCatalogueDraftResponse:
        store = CatalogueStore(call.tx)
        draft = store.get(read_uuid("draft_id", request.draft_id))
        before = store.content(draft.based_on) if draft.based_on else ({}, [])
        return pb.GetCatalogueDraftResponse(
            draft=_draft(draft), differences=_differences(before, (draft.content, draft.themes))
        )

    @command
    def ReviewCatalogue(
        self, request: pb.ReviewCatalogueRequest, call: Call
    ) -> pb.ReviewCatalogueResponse:
        draft = acts.review_catalogue(
            CatalogueStore(call.tx),
            read_uuid("draft_id", request.draft_id),
            approved=request.approved,
            reason=request.reason,
            expected_version=request.expected_version,
            by=call.principal.account_id,
            now=call.now,
        )
        call.audit(subject_type="catalogue_draft", subject_id=draft.id, state=draft.state)
        return pb.ReviewCatalogueResponse(draft=_draft(draft))

    @command
    def PublishCatalogue(
        self, request: pb.PublishCatalogueRequest, call: Call
    ) -> pb.PublishCatalogueResponse:
        day = request.effective_from
        draft = acts.publish_catalogue(
            CatalogueStore(call.tx),
            read_uuid("draft_id", request.draft_id),
            effective_from=read_date("effective_from", day) if day else None,
            expected_version=request.expected_version,
            by=call.principal.account_id,
            today=local_day(call.now),
            now=call.now,
        )
        call.audit(
            subject_type="catalogue",
            subject_id=draft.published_as,
            draft=str(draft.id),
            effective_from=str(draft.effective_from),
        )
        return pb.PublishCatalogueResponse(draft=_draft(draft))


def _read(data: bytes) -> CatalogueFile:
    """Read a workbook or a YAML file: every workbook is a zip file."""
    return read_xlsx(data) if data.startswith(b"PK") else read_yaml(data)


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise PageTokenInvalid(field="page_token")
    return value


def _place(at: object, draft_id: object) -> tuple[Any, UUID]:
    try:
        return read_instant(str(at)), UUID(str(draft_id))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


def _draft(draft: Any) -> pb.CatalogueDraft:
    return pb.CatalogueDraft(
        draft_id=str(draft.id),
        version=draft.version,
        state=draft.state,
        based_on=draft.based_on,
        note=draft.note,
        drafted_by=draft.drafted_by,
        drafted_at=to_timestamp(draft.drafted_at),
        reviewed_by=draft.reviewed_by,
        reviewed_at=to_timestamp(draft.reviewed_at) if draft.reviewed_at else None,
        reason=draft.reason,
        published_by=draft.published_by,
        published_at=to_timestamp(draft.published_at) if draft.published_at else None,
        effective_from=draft.effective_from.isoformat() if draft.effective_from else "",
        published_as=draft.published_as,
    )


def _differences(before: tuple[Any, Any], after: tuple[Any, Any]) -> list[pb.CatalogueDifference]:
    found = differences({**before[0], "themes": before[1]}, {**after[0], "themes": after[1]})
    return [
        pb.CatalogueDifference(path=each.path, before=each.before, after=each.after)
        for each, _ in zip(found, range(_MOST_DIFFERENCES), strict=False)
    ]
