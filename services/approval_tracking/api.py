"""The gRPC edge: read the request, run one use case, write the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc
from kaigong.approval_tracking.v1 import events_pb2 as facts

from approval_tracking import queries
from approval_tracking.domain.case import APPROVED, REJECTED, Case
from approval_tracking.domain.catalogue import Limit, read_attribute_texts
from approval_tracking.domain.clock import explain, reckon
from approval_tracking.edge.guides import Guides
from approval_tracking.edge.items import UNITS, promises_in, tell_guide, tell_item, tell_limit
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.cases import read_clock
from approval_tracking.store.projects import KeptPlan
from approval_tracking.usecases import cases as case_acts
from approval_tracking.usecases import data as data_acts
from approval_tracking.usecases import projects as project_acts
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import instant, plain, read_instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp

_UNIT_NAMES = {number: name for name, number in UNITS.items()}
_MODES = {
    pb.SUBMISSION_MODE_UNSPECIFIED: "single",
    pb.SUBMISSION_MODE_SINGLE: "single",
    pb.SUBMISSION_MODE_FULL_PROCESS: "full_process",
    pb.SUBMISSION_MODE_THEME: "theme",
}
_OUTCOMES = {pb.DECISION_OUTCOME_APPROVED: APPROVED, pb.DECISION_OUTCOME_REJECTED: REJECTED}
_CONFIGURATOR = "S1"


class _OnCase(Protocol):
    case_id: str
    expected_version: int


class ApprovalTracking(Guides, pb_grpc.ApprovalTrackingServiceServicer):
    def __init__(self, db: Database, now: Clock) -> None:
        self.db = db
        self.now = now

    # --- catalogue and calendar -----------------------------------------------------------------

    @query
    def ListItems(self, request: pb.ListItemsRequest, call: Call) -> pb.ListItemsResponse:
        reference = Reference(call.tx)
        catalogue, wanted = reference.catalogue(), page(request, width=1)
        found = [
            item
            for item in catalogue.items.values()
            if not request.stage or item.stage == request.stage
        ]
        rest = found
        if wanted.after is not None:
            last = catalogue.order.get(str(wanted.after[0]), -1)
            rest = [item for item in found if catalogue.order[item.code] > last]
        given = rest[: wanted.size]
        promises = promises_in(reference, request.region, call)
        return pb.ListItemsResponse(
            items=[tell_item(item, catalogue.stages, promises) for item in given],
            next_page_token=token_after(given[-1].code) if len(rest) > len(given) else "",
            total_size=len(found),
            catalogue=catalogue.version,
        )

    @query
    def GetItem(self, request: pb.GetItemRequest, call: Call) -> pb.GetItemResponse:
        reference = Reference(call.tx)
        catalogue = reference.catalogue()
        item = catalogue.item(request.code)
        promises = promises_in(reference, request.region, call)
        return pb.GetItemResponse(
            guide=tell_guide(item, catalogue.stages, promises), catalogue=catalogue.version
        )

    @query
    def ListCommitments(
        self, request: pb.ListCommitmentsRequest, call: Call
    ) -> pb.ListCommitmentsResponse:
        Reference(call.tx).catalogue().item(request.code)
        wanted = page(request, width=2)
        after = None
        if wanted.after:
            day, region = wanted.after
            after = (_token_day(day), str(region))
        rows = queries.list_commitments(call.tx, request.code, size=wanted.size + 1, after=after)
        given = rows[: wanted.size]
        token = ""
        if len(rows) > len(given):
            token = token_after(given[-1].effective_from.isoformat(), given[-1].region)
        return pb.ListCommitmentsResponse(
            commitments=[
                pb.Commitment(
                    item_code=row.item_code,
                    region=row.region,
                    limit=tell_limit(Limit(row.days, row.unit)),
                    effective_from=row.effective_from.isoformat(),
                    set_at=to_timestamp(row.set_at),
                )
                for row in given
            ],
            next_page_token=token,
        )

    @command
    def SetCommitment(
        self, request: pb.SetCommitmentRequest, call: Call
    ) -> pb.SetCommitmentResponse:
        limit = Limit(Decimal(request.days), _UNIT_NAMES[request.unit])
        starts = data_acts.set_commitment(
            Reference(call.tx),
            request.code,
            request.region,
            limit,
            effective_from=_day("effective_from", request.effective_from),
            own_region=call.principal.region,
            any_region=call.principal.has_role(_CONFIGURATOR),
            by=call.principal.account_id,
            today=local_day(call.now),
            now=call.now,
        )
        call.audit(
            subject_type="item",
            subject_id=request.code,
            region=request.region,
            days=request.days,
            unit=limit.unit,
            effective_from=starts.isoformat(),
        )
        return pb.SetCommitmentResponse(
            commitment=pb.Commitment(
                item_code=request.code,
                region=request.region,
                limit=tell_limit(limit),
                effective_from=starts.isoformat(),
                set_at=to_timestamp(call.now),
            )
        )

    @query
    def GetCalendar(self, request: pb.GetCalendarRequest, call: Call) -> pb.GetCalendarResponse:
        published = Reference(call.tx).published_calendar()
        hours = ("morning_opens", "morning_closes", "afternoon_opens", "afternoon_closes")
        return pb.GetCalendarResponse(
            version=published["version"],
            years=[_calendar_year(year) for year in published["years"]],
            **{name: published[name] for name in hours},
        )

    # --- projects --------------------------------------------------------------------------------

    @query(transaction=True)
    def ListProjectItems(
        self, request: pb.ListProjectItemsRequest, call: Call
    ) -> pb.ListProjectItemsResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        projects, reference = ProjectStore(call.tx), Reference(call.tx)
        project = projects.get(project_id)
        catalogue = reference.catalogue(project.catalogue)
        attributes = catalogue.read_attributes(read_attribute_texts(project.attributes))
        items = projects.items(project_id)
        needed = sorted(
            (each for each in items.values() if each.applicable and each.code in catalogue.items),
            key=lambda each: catalogue.order[each.code],
        )
        wanted = page(request, width=1)
        rest = needed
        if wanted.after is not None:
            last = catalogue.order.get(str(wanted.after[0]), -1)
            rest = [each for each in needed if catalogue.order[each.code] > last]
        given = rest[: request.page_size] if request.page_size else rest
        states = queries.states_of(call.tx, [each.case_id for each in given if each.case_id])
        city, today = project.region_path.split("/")[0], local_day(call.now)
        promises = reference.promises({city, project.region}, today=today)
        applicable = {each.code for each in needed}
        lines = []
        for each in given:
            item, state = catalogue.items[each.code], states.get(each.code, {})
            org, clock = item.decided_by(project.region_path), state.get("clock", {})
            promised = (
                promises.get((org.split(":")[0], item.code))
                or promises.get((city, item.code))
                or item.committed
            )
            before = [code for code in item.prerequisites if code in applicable]
            lines.append(
                pb.ProjectItem(
                    item_code=item.code,
                    item_name=item.name,
                    stage=item.stage,
                    state=each.state,
                    done_on=_text(each.done_on),
                    org=state.get("org") or org,
                    org_name=state.get("org_name") or case_acts.org_name(org),
                    duty_bearer=item.duty_bearer,
                    limit_kind=item.limit_kind,
                    statutory=tell_limit(item.statutory_for(attributes)),
                    committed=tell_limit(promised),
                    prerequisites=before,
                    open_prerequisites=[code for code in before if items[code].state != "done"],
                    case_id=str(each.case_id or ""),
                    case_status=state.get("status", ""),
                    committed_due=clock.get("committed_due") or "",
                    statutory_due=clock.get("statutory_due") or "",
                    applies_when=item.applies_when,
                    historical=each.historical,
                )
            )
        return pb.ListProjectItemsResponse(
            items=lines,
            next_page_token=token_after(given[-1].code) if len(rest) > len(given) else "",
            total_size=len(needed),
            done=sum(each.state == "done" for each in needed),
            catalogue=catalogue.version,
        )

    @query(transaction=True)
    def GetPlan(self, request: pb.GetPlanRequest, call: Call) -> pb.GetPlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        return pb.GetPlanResponse(
            plan=_plan(ProjectStore(call.tx).plan(project_id, request.baseline))
        )

    @command
    def LayPlan(self, request: pb.LayPlanRequest, call: Call) -> pb.LayPlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept = project_acts.lay_plan(
            ProjectStore(call.tx), Reference(call.tx), project_id, now=call.now
        )
        call.audit(subject_type="plan", subject_id=project_id, version=kept.version)
        return pb.LayPlanResponse(plan=_plan(kept))

    @command
    def BaselinePlan(self, request: pb.BaselinePlanRequest, call: Call) -> pb.BaselinePlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept = project_acts.baseline_plan(
            ProjectStore(call.tx),
            project_id,
            reason=request.reason,
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="plan", subject_id=project_id, baseline=kept.baseline)
        return pb.BaselinePlanResponse(plan=_plan(kept))

    # --- cases --------------------------------------------------------------------------------------

    @command
    def SubmitCase(self, request: pb.SubmitCaseRequest, call: Call) -> pb.SubmitCaseResponse:
        case = case_acts.submit_case(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            read_uuid("project_id", request.project_id),
            request.item_code,
            mode=_MODES[request.mode],
            case_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        return pb.SubmitCaseResponse(case=_told(case, call))

    @command
    def RequestSupplement(
        self, request: pb.RequestSupplementRequest, call: Call
    ) -> pb.RequestSupplementResponse:
        case = case_acts.request_supplement(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            entries=list(request.entries),
            **_on_case(request, call),
        )
        return pb.RequestSupplementResponse(case=_told(case, call))

    @command
    def SupplementCase(
        self, request: pb.SupplementCaseRequest, call: Call
    ) -> pb.SupplementCaseResponse:
        case = case_acts.supplement_case(
            CaseStore(call.tx), filled=list(request.filled), **_on_case(request, call)
        )
        return pb.SupplementCaseResponse(case=_told(case, call))

    @command
    def AcceptCase(self, request: pb.AcceptCaseRequest, call: Call) -> pb.AcceptCaseResponse:
        case = case_acts.accept_case(CaseStore(call.tx), **_on_case(request, call))
        return pb.AcceptCaseResponse(case=_told(case, call))

    @command
    def RefuseCase(self, request: pb.RefuseCaseRequest, call: Call) -> pb.RefuseCaseResponse:
        case = case_acts.refuse_case(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            reason=request.reason,
            **_on_case(request, call),
        )
        return pb.RefuseCaseResponse(case=_told(case, call))

    @command
    def PauseCase(self, request: pb.PauseCaseRequest, call: Call) -> pb.PauseCaseResponse:
        case = case_acts.pause_case(
            CaseStore(call.tx),
            procedure=request.procedure,
            starts_on=_day("starts_on", request.starts_on),
            expected_end=read_date("expected_end", request.expected_end),
            reason=request.reason,
            **_on_case(request, call),
        )
        return pb.PauseCaseResponse(case=_told(case, call))

    @command
    def DecidePause(self, request: pb.DecidePauseRequest, call: Call) -> pb.DecidePauseResponse:
        case = case_acts.decide_pause(
            CaseStore(call.tx), approved=request.approved, **_on_case(request, call)
        )
        return pb.DecidePauseResponse(case=_told(case, call, reason=request.reason))

    @command
    def ResumeCase(self, request: pb.ResumeCaseRequest, call: Call) -> pb.ResumeCaseResponse:
        case = case_acts.resume_case(CaseStore(call.tx), **_on_case(request, call))
        return pb.ResumeCaseResponse(case=_told(case, call))

    @command
    def DecideCase(self, request: pb.DecideCaseRequest, call: Call) -> pb.DecideCaseResponse:
        case = case_acts.decide_case(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            outcome=_OUTCOMES[request.outcome],
            reason=request.reason,
            **_on_case(request, call),
        )
        return pb.DecideCaseResponse(case=_told(case, call))

    @command
    def DeliverCase(self, request: pb.DeliverCaseRequest, call: Call) -> pb.DeliverCaseResponse:
        case = case_acts.deliver_case(CaseStore(call.tx), **_on_case(request, call))
        return pb.DeliverCaseResponse(case=_told(case, call))

    @query
    def GetCase(self, request: pb.GetCaseRequest, call: Call) -> pb.GetCaseResponse:
        row = queries.find_case(call.tx, read_uuid("case_id", request.case_id), call.scope)
        return pb.GetCaseResponse(case=_case(row.state, row.record))

    @query
    def ListCases(self, request: pb.ListCasesRequest, call: Call) -> pb.ListCasesResponse:
        wanted = page(request, width=2)
        after = None
        if wanted.after:
            after = _token_place(*wanted.after)
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
            due_before=_day("due_before", request.due_before),
        )
        given = rows[: wanted.size]
        token = ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].received_at), str(given[-1].id))
        return pb.ListCasesResponse(
            cases=[_case(row.state, row.record) for row in given], next_page_token=token
        )

    @query
    def GetCaseClock(self, request: pb.GetCaseClockRequest, call: Call) -> pb.GetCaseClockResponse:
        row = queries.find_case(call.tx, read_uuid("case_id", request.case_id), call.scope)
        calendar = Reference(call.tx).calendar()
        happenings, rules = read_clock(row.state, row.record)
        state = reckon(happenings, rules, calendar)
        lines = explain(happenings, rules, calendar, until=local_day(call.now))
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


def _on_case(request: _OnCase, call: Call) -> dict[str, Any]:
    return {
        "case_id": read_uuid("case_id", request.case_id),
        "expected_version": request.expected_version,
        "principal": call.principal,
        "now": call.now,
    }


def _day(name: str, text: str) -> date | None:
    return read_date(name, text) if text else None


def _token_day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


def _token_place(at: object, case_id: object) -> tuple[Any, UUID]:
    try:
        return read_instant(str(at)), UUID(str(case_id))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


# --- writing answers -----------------------------------------------------------------------------------


def _told(case: Case, call: Call, **detail: Any) -> pb.Case:
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
    return _case(state["state"], state["record"])


def _case(state: Mapping[str, Any], record: Mapping[str, Any]) -> pb.Case:
    asked = record["pause_asked"]
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
    )


def _stops(procedure: Mapping[str, Any]) -> bool:
    named = procedure["article45"] or procedure["special_basis"]
    return bool(named) and not procedure["counts"] and not procedure["minimum_period"]


def _clock(clock: Mapping[str, Any]) -> facts.ClockState:
    told = {name: value for name, value in clock.items() if value is not None}
    told["happenings"] = [
        facts.Happening(**{name: value for name, value in each.items() if value is not None})
        for each in clock["happenings"]
    ]
    return facts.ClockState(**told)


def _plan(kept: KeptPlan) -> pb.Plan:
    content = kept.content
    return pb.Plan(
        project_id=content["project_id"],
        version=kept.version,
        baseline=kept.baseline,
        planned_start=content["planned_start"] or "",
        earliest_start=content["earliest_start"] or "",
        slack_days=content["slack_days"],
        critical_path=content["critical_path"],
        nodes=[
            facts.PlanNode(**{name: value for name, value in node.items() if value is not None})
            for node in content["nodes"]
        ],
        calendar_version=content["calendar_version"],
        provisional=kept.provisional,
        laid_on=kept.laid_on.isoformat(),
        reason=kept.reason,
    )


def _calendar_year(year: Mapping[str, Any]) -> facts.CalendarYear:
    return facts.CalendarYear(
        year=year["year"],
        official=year["official"],
        notice=year["notice"],
        days=[facts.CalendarDay(**day) for day in year["days"]],
    )


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""
