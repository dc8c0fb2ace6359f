"""Documents 文书 of cases over gRPC, and the check that anybody may make of one."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.documents import NOTICE_TYPE
from approval_tracking.domain.documents import AVAILABLE, possible, standing
from approval_tracking.domain.events import Happening
from approval_tracking.official_documents import case_document
from approval_tracking.store import CaseStore
from approval_tracking.store.cases import read_clock
from approval_tracking.store.documents import DocumentStore
from approval_tracking.usecases import documents as acts
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command, query, read_uuid


class Documents:
    db: Database
    now: Clock
    public_url: str

    @query(transaction=True)
    def ListCaseDocuments(
        self, request: pb.ListCaseDocumentsRequest, call: Call
    ) -> pb.ListCaseDocumentsResponse:
        case_id = read_uuid("case_id", request.case_id)
        row = queries.find_case(call.tx, case_id, call.scope)
        happenings, _ = read_clock(row.state, row.record)
        issued = queries.documents_of(call.tx, case_id)
        known = {(each.kind, each.happening) for each in issued}
        told = [self._told(each, happenings) for each in issued]
        told += [
            pb.CaseDocument(
                kind=each.kind.code,
                name=each.kind.name,
                happening=each.happening.number,
                happened_on=each.happening.on.isoformat(),
                status=AVAILABLE,
            )
            for each in possible(happenings)
            if (each.kind.code, each.happening.number) not in known
        ]
        told.sort(key=lambda each: each.happening)
        return pb.ListCaseDocumentsResponse(documents=told)

    @command
    def DownloadCaseDocument(
        self, request: pb.DownloadCaseDocumentRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        found = acts.case_document(
            DocumentStore(call.tx),
            CaseStore(call.tx),
            read_uuid("case_id", request.case_id),
            request.kind,
            request.happening,
            press=press_at(self.public_url, call),
            principal=call.principal,
            now=call.now,
        )
        call.audit(
            subject_type="case",
            subject_id=found.case_id,
            document=found.number,
            kind=found.kind,
            digest=found.digest,
        )
        name = quote(f"{found.name}-{found.number}.docx", safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=NOTICE_TYPE, data=found.file)

    @query(transaction=True)
    def VerifyDocument(
        self, request: pb.VerifyDocumentRequest, call: Call
    ) -> pb.VerifyDocumentResponse:
        row = queries.document_by_code(call.tx, request.code)
        happenings, _ = read_clock(row.state, row.record)
        status, successor = standing(happenings, row.happening)
        replaced_by = ""
        if successor:
            replaced_by = queries.number_of_document(call.tx, row.case_id, row.kind, successor)
        return pb.VerifyDocumentResponse(
            number=row.number,
            kind=row.kind,
            name=row.name,
            org_name=row.org_name,
            issued_on=row.issued_on.isoformat(),
            digest=row.digest,
            status=status,
            replaced_by=replaced_by,
            file=_match(request.digest, row.digest),
        )

    def _told(self, row: Any, happenings: Sequence[Happening]) -> pb.CaseDocument:
        happening = next(each for each in happenings if each.number == row.happening)
        return pb.CaseDocument(
            kind=row.kind,
            name=row.name,
            happening=row.happening,
            happened_on=happening.on.isoformat(),
            status=standing(happenings, row.happening)[0],
            number=row.number,
            issued_on=row.issued_on.isoformat(),
            org_name=row.org_name,
            digest=row.digest,
            code=row.code,
            verify_url=_verify_url(self.public_url, row.code),
        )


def press_at(public_url: str, call: Call) -> acts.Press:
    """Return what documents are issued with; their links begin with the gateway's address."""
    return acts.Press(
        new_id=call.new_id,
        new_code=new_code,
        verify_url=lambda code: _verify_url(public_url, code),
        lay_out=case_document,
    )


def _verify_url(public_url: str, code: str) -> str:
    return f"{public_url}/v1/documents/{code}:verify"


def new_code() -> str:
    """Return a code that nobody guesses."""
    return secrets.token_hex(16)


def _match(given: str, kept: str) -> pb.FileMatch.ValueType:
    if not given:
        return pb.FILE_MATCH_UNSPECIFIED
    same = hmac.compare_digest(given, kept)
    return pb.FILE_MATCH_SAME if same else pb.FILE_MATCH_DIFFERENT
