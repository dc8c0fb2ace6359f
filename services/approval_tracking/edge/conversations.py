"""The conversation on a case 三方互动, and its issues 问题单, over gRPC."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote
from uuid import UUID

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.domain.conversation import Message, MessageFile
from approval_tracking.domain.conversation_errors import MessageFileUnknown
from approval_tracking.domain.issues import CaseIssue
from approval_tracking.domain.material_errors import MaterialTooLarge, NotAMaterial
from approval_tracking.domain.materials import MOST_BYTES
from approval_tracking.domain.media import kind_of
from approval_tracking.edge.cases import token_place
from approval_tracking.store import CaseStore
from approval_tracking.store.conversations import ConversationStore, read_message
from approval_tracking.usecases import conversations as acts
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import instant
from chassis.objects import ObjectStore
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_uuid, to_timestamp


class Conversations:
    db: Database
    now: Clock
    objects: ObjectStore

    @command
    def PostCaseMessage(
        self, request: pb.PostCaseMessageRequest, call: Call
    ) -> pb.PostCaseMessageResponse:
        message = acts.post(
            ConversationStore(call.tx),
            CaseStore(call.tx),
            read_uuid("case_id", request.case_id),
            request.text,
            list(request.mentions),
            internal=request.internal,
            message_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        return pb.PostCaseMessageResponse(message=_audited(message, call))

    @command
    def AddMessageFile(
        self, request: pb.AddMessageFileRequest, call: Call
    ) -> pb.AddMessageFileResponse:
        content, file_id = request.file.data, call.new_id()
        if len(content) > MOST_BYTES:
            raise MaterialTooLarge(field="file")
        media_type = kind_of(content)
        if not media_type:
            raise NotAMaterial(field="file")
        file = MessageFile(
            id=file_id,
            name=request.name,
            media_type=media_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            object_key=f"messages/{file_id}",
        )
        message = acts.add_file(
            ConversationStore(call.tx), CaseStore(call.tx), file=file, **_on_message(request, call)
        )
        # Before the commit: a row never dangles. What a failed commit leaves is an orphan object.
        self.objects.put(file.object_key, content)
        return pb.AddMessageFileResponse(message=_audited(message, call, file=file.sha256))

    @query(transaction=True)
    def DownloadMessageFile(
        self, request: pb.DownloadMessageFileRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        case_id = read_uuid("case_id", request.case_id)
        queries.find_case(call.tx, case_id, call.scope)
        message = ConversationStore(call.tx).get(
            read_uuid("message_id", request.message_id), case_id, org=call.principal.org
        )
        file_id = read_uuid("file_id", request.file_id)
        for file in message.files:
            if file.id == file_id and not message.withdrawn_at:
                call.audit(subject_type="message", subject_id=message.id, file=str(file.id))
                name = quote(file.name, safe="")
                call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
                return httpbody_pb2.HttpBody(
                    content_type=file.media_type, data=self.objects.get(file.object_key)
                )
        raise MessageFileUnknown(file_id=file_id, field="file_id")

    @query(transaction=True)
    def ListCaseMessages(
        self, request: pb.ListCaseMessagesRequest, call: Call
    ) -> pb.ListCaseMessagesResponse:
        case_id, wanted = read_uuid("case_id", request.case_id), page(request, width=1)
        queries.find_case(call.tx, case_id, call.scope)
        talk, who = ConversationStore(call.tx), call.principal
        before = None
        if wanted.after:
            if not isinstance(wanted.after[0], int):
                raise PageTokenInvalid(field="page_token")
            before = wanted.after[0]
        found = talk.listed(case_id, org=who.org, size=wanted.size + 1, before=before)
        given = found[: wanted.size]
        issues = talk.issues([each.issue_id for each in given if each.issue_id])
        return pb.ListCaseMessagesResponse(
            messages=[_told(each, issues) for each in given],
            next_page_token=token_after(given[-1].number) if len(found) > len(given) else "",
            unread=talk.unread(case_id, who.account_id, org=who.org),
            participants=talk.participants(case_id, org=who.org),
        )

    @command
    def EditCaseMessage(
        self, request: pb.EditCaseMessageRequest, call: Call
    ) -> pb.EditCaseMessageResponse:
        message = acts.edit(
            ConversationStore(call.tx),
            CaseStore(call.tx),
            text=request.text,
            **_on_message(request, call),
        )
        return pb.EditCaseMessageResponse(message=_audited(message, call, edited=True))

    @command
    def WithdrawCaseMessage(
        self, request: pb.WithdrawCaseMessageRequest, call: Call
    ) -> pb.WithdrawCaseMessageResponse:
        message = acts.withdraw(
            ConversationStore(call.tx),
            CaseStore(call.tx),
            reason=request.reason,
            **_on_message(request, call),
        )
        return pb.WithdrawCaseMessageResponse(message=_audited(message, call, withdrawn=True))

    @command
    def ReadCaseMessages(
        self, request: pb.ReadCaseMessagesRequest, call: Call
    ) -> pb.ReadCaseMessagesResponse:
        case_id = read_uuid("case_id", request.case_id)
        queries.find_case(call.tx, case_id, call.scope)
        talk, who = ConversationStore(call.tx), call.principal
        last = talk.next_number(case_id) - 1
        talk.read(case_id, who.account_id, min(request.number or last, last))
        return pb.ReadCaseMessagesResponse(unread=talk.unread(case_id, who.account_id, org=who.org))

    @query(transaction=True)
    def ListMentions(self, request: pb.ListMentionsRequest, call: Call) -> pb.ListMentionsResponse:
        wanted, who = page(request, width=2), call.principal
        talk = ConversationStore(call.tx)
        rows = talk.mentioning(
            acts.names_of(who),
            call.scope,
            org=who.org,
            size=wanted.size + 1,
            after=token_place(*wanted.after) if wanted.after else None,
        )
        given, token = rows[: wanted.size], ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].at), str(given[-1].id))
        issues = talk.issues([row.issue_id for row in given if row.issue_id])
        told = []
        for row in given:
            message = _told(read_message(row), issues)
            message.item_name, message.project_name = row.item_name, row.project_name
            told.append(message)
        return pb.ListMentionsResponse(messages=told, next_page_token=token)

    # --- issues -----------------------------------------------------------------------------------

    @command
    def RaiseCaseIssue(
        self, request: pb.RaiseCaseIssueRequest, call: Call
    ) -> pb.RaiseCaseIssueResponse:
        issue = acts.raise_issue(
            ConversationStore(call.tx),
            CaseStore(call.tx),
            read_uuid("case_id", request.case_id),
            read_uuid("message_id", request.message_id) if request.message_id else None,
            acts.Wanted(request.text, request.lead_org, request.as_order),
            issue_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        return pb.RaiseCaseIssueResponse(issue=_issue_audited(issue, call))

    @command
    def AnswerCaseIssue(
        self, request: pb.AnswerCaseIssueRequest, call: Call
    ) -> pb.AnswerCaseIssueResponse:
        issue = acts.answer_issue(
            ConversationStore(call.tx),
            read_uuid("issue_id", request.issue_id),
            request.measures,
            principal=call.principal,
            now=call.now,
        )
        return pb.AnswerCaseIssueResponse(issue=_issue_audited(issue, call))

    @command
    def CloseCaseIssue(
        self, request: pb.CloseCaseIssueRequest, call: Call
    ) -> pb.CloseCaseIssueResponse:
        issue = acts.close_issue(
            ConversationStore(call.tx),
            read_uuid("issue_id", request.issue_id),
            request.note,
            reopen=request.reopen,
            principal=call.principal,
            now=call.now,
        )
        return pb.CloseCaseIssueResponse(issue=_issue_audited(issue, call))

    @query(transaction=True)
    def ListCaseIssues(
        self, request: pb.ListCaseIssuesRequest, call: Call
    ) -> pb.ListCaseIssuesResponse:
        wanted = page(request, width=2)
        found = ConversationStore(call.tx).list_issues(
            call.scope,
            size=wanted.size + 1,
            after=token_place(*wanted.after) if wanted.after else None,
            case_id=read_uuid("case_id", request.case_id) if request.case_id else None,
            project_id=read_uuid("project_id", request.project_id) if request.project_id else None,
            lead_org=request.lead_org,
            open_only=request.open_only,
            reader_org=call.principal.org,
        )
        given, token = found[: wanted.size], ""
        if len(found) > len(given):
            token = token_after(instant(given[-1].raised_at), str(given[-1].id))
        return pb.ListCaseIssuesResponse(
            issues=[_tell_issue(each) for each in given], next_page_token=token
        )


def _on_message(request: Any, call: Call) -> dict[str, Any]:
    return {
        "case_id": read_uuid("case_id", request.case_id),
        "message_id": read_uuid("message_id", request.message_id),
        "principal": call.principal,
        "now": call.now,
    }


def _audited(message: Message, call: Call, **detail: Any) -> pb.CaseMessage:
    call.audit(
        subject_type="message",
        subject_id=message.id,
        case=str(message.case_id),
        number=message.number,
        **detail,
    )
    return _told(message, {})


def _told(message: Message, issues: dict[UUID, CaseIssue]) -> pb.CaseMessage:
    gone = message.withdrawn_at is not None
    issue = issues.get(message.issue_id) if message.issue_id else None
    return pb.CaseMessage(
        message_id=str(message.id),
        number=message.number,
        case_id=str(message.case_id),
        side=message.side,
        author=message.username,
        author_name=message.author_name,
        org=message.org,
        text="" if gone else message.text,
        internal=message.internal,
        mentions=message.mentions,
        files=[
            pb.MessageFile(
                file_id=str(each.id),
                name=each.name,
                media_type=each.media_type,
                bytes=each.size,
                sha256=each.sha256,
            )
            for each in ([] if gone else message.files)
        ],
        at=to_timestamp(message.at),
        edited_at=to_timestamp(message.edited_at) if message.edited_at else None,
        earlier=[] if gone else message.earlier,
        withdrawn_at=to_timestamp(message.withdrawn_at) if message.withdrawn_at else None,
        withdrawn_why=message.withdrawn_why,
        issue=_tell_issue(issue) if issue else None,
    )


def _issue_audited(issue: CaseIssue, call: Call) -> pb.CaseIssue:
    call.audit(
        subject_type="case_issue",
        subject_id=issue.id,
        case=str(issue.case_id),
        status=issue.status,
        as_order=issue.as_order,
    )
    return _tell_issue(issue)


def _tell_issue(issue: CaseIssue) -> pb.CaseIssue:
    return pb.CaseIssue(
        issue_id=str(issue.id),
        number=issue.number,
        case_id=str(issue.case_id),
        project_id=str(issue.project_id),
        message_id=str(issue.message_id or ""),
        as_order=issue.as_order,
        lead_org=issue.lead_org,
        lead_org_name=issue.lead_org_name,
        text=issue.text,
        status=issue.status,
        measures=issue.measures,
        raised_by=issue.raised_by,
        raised_at=to_timestamp(issue.raised_at),
        answered_by=issue.answered_by,
        answered_at=to_timestamp(issue.answered_at) if issue.answered_at else None,
        closed_by=issue.closed_by,
        closed_at=to_timestamp(issue.closed_at) if issue.closed_at else None,
        stage=issue.stage,
        project_name=issue.project_name,
        item_name=issue.item_name,
        note=issue.note,
    )
