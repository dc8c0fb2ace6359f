"""The ladder of linkage over gRPC: each act is one use case, each answer the matter as written."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.calendar import Calendar, local_day
from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from warning_dispatch import queries, usecases
from warning_dispatch.domain import Escalation, EscalationNotFound
from warning_dispatch.edge.records import read_details, tell_details, tell_measure
from warning_dispatch.edge.shared import Shared
from warning_dispatch.edge.words import name_of, optional_uuid, value_of
from warning_dispatch.store import Ledger
from warning_dispatch.store.escalations import read_escalation
from warning_dispatch.usecases import Application, Caller, Occasion, Opening

# What the company is told of a step: that it was taken, and not what officials noted (warnings.md 4).
_FOR_ALL = frozenset({"opened", "closed"})
_HANDLERS = {
    "L1": ("板块(镇、街道、园区)", "the town, street or park"),
    "L2": ("市(区)政务服务部门", "the district's service department"),
    "L3": ("市政务服务中心专班", "the city's team"),
    "L4": ("市政府分管领导", "the vice mayor in charge"),
    "L5": ("督办调度会", "the dispatch meeting"),
}
_MOVES = frozenset({"opened", "raised", "submitted", "returned", "report_advised", "referred"})


class OnEscalation(Protocol):
    escalation_id: str
    expected_version: int


class Escalations(Shared):
    @command
    def OpenEscalation(
        self, request: pb.OpenEscalationRequest, call: Call
    ) -> pb.OpenEscalationResponse:
        wish = Opening(
            card_id=optional_uuid("card_id", request.card_id),
            order_id=optional_uuid("order_id", request.order_id),
            case_id=optional_uuid("case_id", request.case_id),
            project_id=optional_uuid("project_id", request.project_id),
            subject=request.subject,
            problem=request.problem,
            cause=name_of(pb.Cause, request.cause),
        )
        caller = Caller(call.principal, call.scope)
        matter = usecases.open_escalation(Ledger(call.tx), wish, caller, self._occasion(call))
        return pb.OpenEscalationResponse(escalation=self._written(matter, call))

    @query
    def ListEscalations(
        self, request: pb.ListEscalationsRequest, call: Call
    ) -> pb.ListEscalationsResponse:
        wanted = page(request, width=2)
        rows, total = queries.list_escalations(
            call.tx,
            call.scope,
            wanted,
            still_open=request.open,
            overdue_at=call.now if request.overdue else None,
            measures_before=local_day(call.now) if request.measures_overdue else None,
            rung=name_of(pb.Rung, request.rung).upper(),
            status=name_of(pb.EscalationStatus, request.status),
            project_id=optional_uuid("project_id", request.project_id),
            case_id=optional_uuid("case_id", request.case_id),
            cause=name_of(pb.Cause, request.cause),
            leads=request.lead_org,
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        last = rows[-1] if rows else None
        return pb.ListEscalationsResponse(
            escalations=[self._shown(read_escalation(row.state), call) for row in rows],
            next_page_token=token_after(instant(last.opened_at), str(last.id))
            if more and last
            else "",
            total_size=total,
        )

    @query
    def GetEscalation(
        self, request: pb.GetEscalationRequest, call: Call
    ) -> pb.GetEscalationResponse:
        escalation_id = read_uuid("escalation_id", request.escalation_id)
        row = queries.find_escalation(call.tx, escalation_id)
        if row is None:
            raise EscalationNotFound(escalation_id=escalation_id, field="escalation_id")
        call.scope.check(
            region_path=row.region_path,
            level=row.level,
            uscc=row.uscc,
            agents=row.agents,
            project_id=str(row.project_id or ""),
        )
        return pb.GetEscalationResponse(escalation=self._shown(read_escalation(row.state), call))

    @command
    def RecordTried(self, request: pb.RecordTriedRequest, call: Call) -> pb.RecordTriedResponse:
        details = read_details(request) if request.kind else None
        matter = usecases.record_tried(*self._on(request, call), text=request.text, details=details)
        return pb.RecordTriedResponse(escalation=self._written(matter, call))

    @command
    def RaiseEscalation(
        self, request: pb.RaiseEscalationRequest, call: Call
    ) -> pb.RaiseEscalationResponse:
        matter = usecases.raise_escalation(*self._on(request, call), note=request.note)
        return pb.RaiseEscalationResponse(escalation=self._written(matter, call))

    @command
    def DraftEscalation(
        self, request: pb.DraftEscalationRequest, call: Call
    ) -> pb.DraftEscalationResponse:
        application = Application(
            crosses=tuple(name_of(pb.Crossing, each) for each in request.crosses),
            regions=tuple(request.regions),
            bodies=tuple(request.bodies),
            problem=request.problem,
            wanted=request.wanted,
        )
        matter = usecases.draft_application(*self._on(request, call), application=application)
        return pb.DraftEscalationResponse(escalation=self._written(matter, call))

    @command
    def WriteServiceReport(
        self, request: pb.WriteServiceReportRequest, call: Call
    ) -> pb.WriteServiceReportResponse:
        matter = usecases.write_report(
            *self._on(request, call), title=request.title, text=request.text
        )
        return pb.WriteServiceReportResponse(escalation=self._written(matter, call))

    @command
    def SignEscalation(
        self, request: pb.SignEscalationRequest, call: Call
    ) -> pb.SignEscalationResponse:
        matter = usecases.sign_escalation(
            *self._on(request, call),
            method=name_of(pb.SigningMethod, request.method),
            document=request.document,
            sha256=request.content_sha256,
            note=request.note,
        )
        return pb.SignEscalationResponse(escalation=self._written(matter, call))

    @command
    def SubmitEscalation(
        self, request: pb.SubmitEscalationRequest, call: Call
    ) -> pb.SubmitEscalationResponse:
        matter = usecases.submit_escalation(*self._on(request, call))
        return pb.SubmitEscalationResponse(escalation=self._written(matter, call))

    @command
    def AcceptEscalation(
        self, request: pb.AcceptEscalationRequest, call: Call
    ) -> pb.AcceptEscalationResponse:
        matter = usecases.accept_escalation(*self._on(request, call), note=request.note)
        return pb.AcceptEscalationResponse(escalation=self._written(matter, call))

    @command
    def ReturnEscalation(
        self, request: pb.ReturnEscalationRequest, call: Call
    ) -> pb.ReturnEscalationResponse:
        matter = usecases.return_escalation(
            *self._on(request, call), reason=request.reason, for_report=request.for_report
        )
        return pb.ReturnEscalationResponse(escalation=self._written(matter, call))

    @command
    def MergeEscalation(
        self, request: pb.MergeEscalationRequest, call: Call
    ) -> pb.MergeEscalationResponse:
        matter = usecases.merge_escalation(
            *self._on(request, call), into=read_uuid("into", request.into)
        )
        return pb.MergeEscalationResponse(escalation=self._written(matter, call))

    @command
    def ReferEscalation(
        self, request: pb.ReferEscalationRequest, call: Call
    ) -> pb.ReferEscalationResponse:
        matter = usecases.refer_to_meeting(*self._on(request, call), note=request.note)
        return pb.ReferEscalationResponse(escalation=self._written(matter, call))

    @command
    def InstructEscalation(
        self, request: pb.InstructEscalationRequest, call: Call
    ) -> pb.InstructEscalationResponse:
        matter = usecases.instruct(
            *self._on(request, call),
            text=request.text,
            lead_org=request.lead_org,
            due_on=read_date("due_on", request.due_on) if request.due_on else None,
        )
        return pb.InstructEscalationResponse(escalation=self._written(matter, call))

    @command
    def CloseEscalation(
        self, request: pb.CloseEscalationRequest, call: Call
    ) -> pb.CloseEscalationResponse:
        matter = usecases.close_escalation(
            *self._on(request, call),
            conclusion=request.conclusion,
            cause=name_of(pb.Cause, request.cause),
        )
        return pb.CloseEscalationResponse(escalation=self._written(matter, call))

    # --- what they share

    def _on(self, request: OnEscalation, call: Call) -> tuple[Ledger, UUID, Caller, Occasion, int]:
        return (
            Ledger(call.tx),
            read_uuid("escalation_id", request.escalation_id),
            Caller(call.principal, call.scope),
            self._occasion(call),
            request.expected_version,
        )

    def _written(self, matter: Escalation, call: Call) -> pb.Escalation:
        call.audit(
            subject_type="escalation",
            subject_id=matter.escalation_id,
            rung=matter.rung,
            status=matter.status,
            version=matter.version,
        )
        return self._shown(matter, call)

    def _shown(self, matter: Escalation, call: Call) -> pb.Escalation:
        found = Ledger(call.tx).copies.find_calendar()
        shown = tell_escalation(matter, found[1] if found else None, call.now)
        shown.mine = matter.holder == self._instance
        if call.principal.companies:
            _for_the_company(shown)
        return shown


def tell_escalation(matter: Escalation, calendar: Calendar | None, now: datetime) -> pb.Escalation:
    handler_zh, handler_en = _HANDLERS[matter.rung]
    signature, report, instruction = matter.signature, matter.report, matter.instruction
    return pb.Escalation(
        escalation_id=str(matter.escalation_id),
        version=matter.version,
        number=matter.number,
        rung=value_of(pb.Rung, matter.rung),
        status=value_of(pb.EscalationStatus, matter.status),
        holder=matter.holder,
        project_id=matter.project_id,
        project_name=matter.project_name,
        case_id=matter.case_id,
        card_id=matter.card_id,
        order_id=matter.order_id,
        region_path=matter.region_path,
        level=matter.level,
        subject=matter.subject,
        problem=matter.problem,
        wanted=matter.wanted,
        crosses=[value_of(pb.Crossing, each) for each in matter.crosses],
        regions=matter.regions,
        bodies=matter.bodies,
        tried=[
            pb.TriedRecord(
                rung=value_of(pb.Rung, each.rung),
                text=each.text,
                at=to_timestamp(each.at),
                by=each.by,
                by_name=each.by_name,
                **(tell_details(each.details) if each.details else {}),
            )
            for each in matter.tried
        ],
        signature=pb.Signature(
            signer=signature.signer,
            signer_name=signature.signer_name,
            on_behalf_of=signature.on_behalf_of,
            method=value_of(pb.SigningMethod, signature.method),
            document=signature.document,
            sha256=signature.sha256,
            at=to_timestamp(signature.at),
        )
        if signature
        else None,
        report=pb.ReportDraft(**{**vars(report), "at": to_timestamp(report.at)})
        if report
        else None,
        instruction=pb.GivenInstruction(
            **{
                **vars(instruction),
                "due_on": instruction.due_on.isoformat() if instruction.due_on else "",
                "at": to_timestamp(instruction.at),
            }
        )
        if instruction
        else None,
        orders=matter.orders,
        merged_into=matter.merged_into,
        conclusion=matter.conclusion,
        opened_at=to_timestamp(matter.opened_at),
        entered_at=to_timestamp(matter.entered_at),
        due_at=to_timestamp(matter.due_at),
        closed_at=to_timestamp(matter.closed_at),
        steps=[
            pb.RungStep(
                rung=value_of(pb.Rung, each.rung),
                step=each.step,
                at=to_timestamp(each.at),
                by=each.by,
                by_name=each.by_name,
                note=each.note,
            )
            for each in matter.steps
        ],
        times=_times(matter, calendar, now),
        content_sha256=matter.content_sha256,
        handler_zh=handler_zh,
        handler_en=handler_en,
        cause=value_of(pb.Cause, matter.cause),
        lead_org=matter.lead_org,
        lead_org_name=matter.lead_org_name,
        measures=[tell_measure(each, now) for each in matter.measures],
    )


def _times(matter: Escalation, calendar: Calendar | None, now: datetime) -> list[pb.RungTime]:
    """Return how long each stay at a rung was, in working days after the first."""
    moves = [each for each in matter.steps if each.step in _MOVES]
    stays = []
    for place, each in enumerate(moves):
        left = moves[place + 1].at if place + 1 < len(moves) else matter.closed_at
        until = local_day(left or now)
        days = calendar.working_days_between(local_day(each.at), until) if calendar else 0
        stays.append(
            pb.RungTime(
                rung=value_of(pb.Rung, each.rung),
                entered_at=to_timestamp(each.at),
                left_at=to_timestamp(left),
                working_days=days,
            )
        )
    return stays


def _for_the_company(shown: pb.Escalation) -> None:
    """Leave where it is, with whom and until when; what officials wrote to each other is theirs."""
    shown.ClearField("signature")
    shown.ClearField("report")
    shown.ClearField("instruction")
    shown.ClearField("tried")
    shown.ClearField("bodies")
    shown.ClearField("orders")
    shown.ClearField("measures")
    shown.wanted = shown.content_sha256 = ""
    for each in shown.steps:
        if each.step not in _FOR_ALL:
            each.note = ""
        each.by = each.by_name = ""
