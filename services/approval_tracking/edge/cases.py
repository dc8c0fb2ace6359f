"""Cases over gRPC: each act is one use case, each answer the case as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import events_pb2 as facts

from approval_tracking import queries
from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import APPROVED, REJECTED, PaperOf
from approval_tracking.domain.clock import reckon
from approval_tracking.domain.clock_words import explain
from approval_tracking.domain.pre_review import check_papers
from approval_tracking.domain.themes import AGENT, COUNTER, HOTLINE, ONLINE, Channel
from approval_tracking.domain.trust import DeferralAsked
from approval_tracking.edge.items import UNITS
from approval_tracking.edge.joint_reviews import conclusions_on
from approval_tracking.edge.licences import issue_licence
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.cases import read_clock
from approval_tracking.store.pre_reviews import PreReviewStore
from approval_tracking.usecases import cases as case_acts
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import instant, plain, read_instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from chassis.seal import Seal

_MODES = {
    pb.SUBMISSION_MODE_UNSPECIFIED: "single",
    pb.SUBMISSION_MODE_SINGLE: "single",
    pb.SUBMISSION_MODE_FULL_PROCESS: "full_process",
    pb.SUBMISSION_MODE_THEME: "theme",
}
_WAY_IN = (
    *("channel", "application_id", "authorisation", "caller", "summary"),
    *("undertaking", "pre_review_id"),
)
_OUTCOMES = {pb.DECISION_OUTCOME_APPROVED: APPROVED, pb.DECISION_OUTCOME_REJECTED: REJECTED}


CHANNELS = {
    pb.CHANNEL_UNSPECIFIED: "",
    pb.CHANNEL_ONLINE: ONLINE,
    pb.CHANNEL_COUNTER: COUNTER,
    pb.CHANNEL_HOTLINE: HOTLINE,
    pb.CHANNEL_AGENT: AGENT,
}


class CameBy(Protocol):
    channel: pb.Channel.ValueType
    authorisation: str
    caller: str
    summary: str


class OnCase(Protocol):
    case_id: str
    expected_version: int


class Cases:
    db: Database
    now: Clock
    seal: Seal
    public_url: str

    @command
    def SubmitCase(self, request: pb.SubmitCaseRequest, call: Call) -> pb.SubmitCaseResponse:
        case = case_acts.submit_case(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            read_uuid("project_id", request.project_id),
            request.item_code,
            mode=_MODES[request.mode],
            channel=came_by(request),
            trusting=_trusting(request, call),
            case_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        return pb.SubmitCaseResponse(case=tell_case(case, call))

    @command
    def RequestSupplement(
        self, request: pb.RequestSupplementRequest, call: Call
    ) -> pb.RequestSupplementResponse:
        case = case_acts.request_supplement(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            entries=list(request.entries),
            **on_case(request, call),
        )
        return pb.RequestSupplementResponse(case=tell_case(case, call))

    @command
    def SupplementCase(
        self, request: pb.SupplementCaseRequest, call: Call
    ) -> pb.SupplementCaseResponse:
        case = case_acts.supplement_case(
            CaseStore(call.tx),
            filled=list(request.filled),
            on=some_day("happened_on", request.happened_on),
            **on_case(request, call),
        )
        return pb.SupplementCaseResponse(case=tell_case(case, call))

    @command
    def AcceptCase(self, request: pb.AcceptCaseRequest, call: Call) -> pb.AcceptCaseResponse:
        case = case_acts.accept_case(
            CaseStore(call.tx),
            deferred=[
                DeferralAsked(each.paper, some_day(f"deferred[{place}].due_on", each.due_on))
                for place, each in enumerate(request.deferred)
            ],
            undertaking=request.undertaking,
            **on_case(request, call),
        )
        return pb.AcceptCaseResponse(case=tell_case(case, call))

    @command
    def RefuseCase(self, request: pb.RefuseCaseRequest, call: Call) -> pb.RefuseCaseResponse:
        case = case_acts.refuse_case(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            reason=request.reason,
            document=request.document,
            **on_case(request, call),
        )
        return pb.RefuseCaseResponse(case=tell_case(case, call))

    @command
    def PauseCase(self, request: pb.PauseCaseRequest, call: Call) -> pb.PauseCaseResponse:
        case = case_acts.pause_case(
            CaseStore(call.tx),
            procedure=request.procedure,
            starts_on=some_day("starts_on", request.starts_on),
            expected_end=read_date("expected_end", request.expected_end),
            reason=request.reason,
            document=request.document,
            **on_case(request, call),
        )
        return pb.PauseCaseResponse(case=tell_case(case, call))

    @command
    def DecidePause(self, request: pb.DecidePauseRequest, call: Call) -> pb.DecidePauseResponse:
        case = case_acts.decide_pause(
            CaseStore(call.tx), approved=request.approved, **on_case(request, call)
        )
        return pb.DecidePauseResponse(case=tell_case(case, call, reason=request.reason))

    @command
    def ResumeCase(self, request: pb.ResumeCaseRequest, call: Call) -> pb.ResumeCaseResponse:
        case = case_acts.resume_case(
            CaseStore(call.tx),
            on=some_day("happened_on", request.happened_on),
            document=request.document,
            **on_case(request, call),
        )
        return pb.ResumeCaseResponse(case=tell_case(case, call))

    @command
    def DecideCase(self, request: pb.DecideCaseRequest, call: Call) -> pb.DecideCaseResponse:
        case = case_acts.decide_case(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            outcome=_OUTCOMES[request.outcome],
            reason=request.reason,
            public_reason=request.public_reason,
            document=request.document,
            **on_case(request, call),
        )
        issue_licence(case, call, seal=self.seal, public_url=self.public_url)
        return pb.DecideCaseResponse(case=tell_case(case, call))

    @command
    def DeliverCase(self, request: pb.DeliverCaseRequest, call: Call) -> pb.DeliverCaseResponse:
        case = case_acts.deliver_case(
            CaseStore(call.tx),
            on=some_day("happened_on", request.happened_on),
            document=request.document,
            **on_case(request, call),
        )
        return pb.DeliverCaseResponse(case=tell_case(case, call))

    @query
    def GetCase(self, request: pb.GetCaseRequest, call: Call) -> pb.GetCaseResponse:
        case_id = read_uuid("case_id", request.case_id)
        row = queries.find_case(call.tx, case_id, call.scope)
        case = tell_stored(row.state, row.record)
        if row.reviewed:
            reviews = queries.reviews_concluded_on(call.tx, case_id)
            case.joint_conclusions.extend(conclusions_on(reviews, case_id))
        return pb.GetCaseResponse(case=case)

    @query
    def ListCases(self, request: pb.ListCasesRequest, call: Call) -> pb.ListCasesResponse:
        wanted = page(request, width=2)
        after = None
        if wanted.after:
            after = token_place(*wanted.after)
        status = ""
        if request.status:
            status = pb.CaseStatus.Name(request.status).removeprefix("CASE_STATUS_").lower()
        rows = queries.list_cases(
            call.tx,
            call.scope,
            size=wanted.size + 1,
            after=after,
            project_id=read_uuid("project_id", request.project_id) if request.project_id else None,
            org=request.org,
            status=status,
            item_code=request.item_code,
            due_before=some_day("due_before", request.due_before),
            channel=CHANNELS[request.channel],
            mode=_MODES[request.mode] if request.mode else "",
        )
        given = rows[: wanted.size]
        token = ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].received_at), str(given[-1].id))
        return pb.ListCasesResponse(
            cases=[tell_stored(row.state, row.record) for row in given], next_page_token=token
        )

    @query
    def GetCaseClock(self, request: pb.GetCaseClockRequest, call: Call) -> pb.GetCaseClockResponse:
        row = queries.find_case(call.tx, read_uuid("case_id", request.case_id), call.scope)
        calendar = Reference(call.tx).calendar()
        happenings, rules = read_clock(row.state, row.record)
        state = reckon(happenings, rules, calendar)
        until = some_day("until", request.until) or local_day(call.now)
        lines = explain(happenings, rules, calendar, until=until)
        return pb.GetCaseClockResponse(
            case_id=request.case_id,
            version=row.version,
            clock=_clock(plain(state)),
            lines=[
                pb.ClockLine(
                    first_day=line.first.isoformat(),
                    last_day=line.last.isoformat(),
                    kind=line.kind,
                    committed=line.committed,
                    statutory=line.statutory,
                    zh=line.zh,
                    en=line.en,
                )
                for line in lines
            ],
        )


# --- reading requests ----------------------------------------------------------------------------------


def on_case(request: OnCase, call: Call) -> dict[str, Any]:
    return {
        "case_id": read_uuid("case_id", request.case_id),
        "expected_version": request.expected_version,
        "principal": call.principal,
        "now": call.now,
    }


def came_by(request: CameBy) -> Channel:
    return Channel(
        CHANNELS[request.channel], request.authorisation, request.caller, request.summary
    )


def _trusting(request: pb.SubmitCaseRequest, call: Call) -> case_acts.Trusting:
    pledge = request.pledge if request.HasField("pledge") else None
    return case_acts.Trusting(
        pledge=case_acts.PledgeAsked(pledge.signed_by, pledge.document) if pledge else None,
        reviews=PreReviewStore(call.tx),
        review_id=(
            read_uuid("pre_review_id", request.pre_review_id) if request.pre_review_id else None
        ),
        papers=check_papers([PaperOf(each.title, each.sha256) for each in request.papers]),
        materials=tuple(
            read_uuid(f"material_ids[{place}]", each)
            for place, each in enumerate(request.material_ids)
        ),
    )


def some_day(name: str, text: str) -> date | None:
    return read_date(name, text) if text else None


def token_place(at: object, case_id: object) -> tuple[Any, UUID]:
    try:
        return read_instant(str(at)), UUID(str(case_id))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


# --- writing answers -----------------------------------------------------------------------------------


def tell_case(case: Case, call: Call, **detail: Any) -> pb.Case:
    """Return the case after a command, which its audit line is about."""
    state = case.written
    call.audit(
        subject_type="case",
        subject_id=case.id,
        item=case.item_code,
        status=state["state"]["status"],
        version=case.version,
        **detail,
    )
    return tell_stored(state["state"], state["record"])


def tell_stored(state: Mapping[str, Any], record: Mapping[str, Any]) -> pb.Case:
    asked, longer = record["pause_asked"], record.get("extension_asked")
    pledge = state.get("pledge")
    remedy, remedy_en = record.get("remedy") or ("", "")
    return pb.Case(
        case_id=state["case_id"],
        version=state["version"],
        receipt_number=record["receipt_number"],
        project_id=state["project_id"],
        project_name=state["project_name"],
        item_code=state["item_code"],
        item_name=state["item_name"],
        stage=state["stage"],
        status=state["status"],
        outcome=state["outcome"],
        org=state["org"],
        org_name=state["org_name"],
        region_path=state["region_path"],
        level=state["level"],
        uscc=state["uscc"],
        agents=state["agents"],
        duty_bearer=state["duty_bearer"],
        clock=_clock(state["clock"]),
        received_at=to_timestamp(read_instant(state["received_at"])),
        decided_at=(
            to_timestamp(read_instant(state["decided_at"])) if state["decided_at"] else None
        ),
        mode=state["mode"],
        historical=state["historical"],
        green=state.get("green", False),
        notice=[pb.NoticeEntry(**each) for each in record["notice"]],
        pause_asked=(
            pb.PauseRequest(
                procedure=asked["procedure"],
                basis=asked["basis"],
                starts_on=asked["starts_on"],
                expected_end=asked["expected_end"],
                asked_by=asked["by"],
            )
            if asked
            else None
        ),
        special_procedures=[
            pb.SpecialProcedure(
                name=each["name"],
                max_days=each["max_days"] or 0,
                unit=UNITS.get(each["unit"], pb.DAY_UNIT_UNSPECIFIED),
                stops_clock=_stops(each),
                basis=each["special_basis"] or each["basis"],
            )
            for each in record["procedures"]
        ],
        reason=record["reason"],
        prerequisites=record["prerequisites"],
        extension_asked=(
            pb.ExtensionRequest(
                days=longer["days"],
                basis=longer["basis"],
                reason=longer["reason"],
                document=longer["document"],
                asked_by=longer["by"],
            )
            if longer
            else None
        ),
        extension_days=record["rules"].get("extension_days", 0),
        public_reason=record.get("public_reason", ""),
        remedy=remedy,
        remedy_en=remedy_en,
        deferrals=[facts.Deferral(**_given(each)) for each in state.get("deferrals") or ()],
        pledge=facts.Pledge(**_given(pledge)) if pledge else None,
        papers=[pb.PaperStanding(**each) for each in record.get("papers") or ()],
        **{name: record.get(name, "") for name in _WAY_IN},
    )


def _stops(procedure: Mapping[str, Any]) -> bool:
    named = procedure["article45"] or procedure["special_basis"]
    return bool(named) and not procedure["counts"] and not procedure["minimum_period"]


def _clock(clock: Mapping[str, Any]) -> facts.ClockState:
    told = _given(clock)
    for name in ("happenings", "superseded"):
        told[name] = [facts.Happening(**_given(each)) for each in clock.get(name, ())]
    return facts.ClockState(**told)


def _given(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
