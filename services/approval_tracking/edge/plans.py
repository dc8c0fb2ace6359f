"""A project's plan over gRPC: laid, agreed, frozen, and held against what came of it."""

from __future__ import annotations

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import events_pb2 as facts

from approval_tracking import queries
from approval_tracking.domain.agreement import missing
from approval_tracking.domain.hundred_days import hundred_days
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.store.projects import PROPOSED, KeptPlan
from approval_tracking.usecases import plans
from approval_tracking.usecases.projects import lay_plan
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command, query, read_uuid, to_timestamp


class Plans:
    db: Database
    now: Clock

    @query(transaction=True)
    def GetPlan(self, request: pb.GetPlanRequest, call: Call) -> pb.GetPlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept = plans.get_plan(
            ProjectStore(call.tx), project_id, request.baseline, proposed=request.proposed
        )
        project, calendar = ProjectStore(call.tx).get(project_id), Reference(call.tx).calendar()
        found = hundred_days(
            project.sign_date, project.actual_start, today=local_day(call.now), calendar=calendar
        )
        return pb.GetPlanResponse(
            plan=tell_plan(kept),
            hundred_days=(
                pb.HundredDays(
                    contract_on=str(found.contract_on),
                    due=str(found.due),
                    started_on=str(found.started_on or ""),
                    state=found.state,
                    days_left=found.left,
                    provisional=calendar.provisional(found.due),
                )
                if found
                else None
            ),
        )

    @command
    def LayPlan(self, request: pb.LayPlanRequest, call: Call) -> pb.LayPlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept = lay_plan(ProjectStore(call.tx), Reference(call.tx), project_id, now=call.now)
        call.audit(subject_type="plan", subject_id=project_id, version=kept.version)
        return pb.LayPlanResponse(plan=tell_plan(kept))

    @command
    def ProposePlan(self, request: pb.ProposePlanRequest, call: Call) -> pb.ProposePlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept = plans.propose_plan(
            ProjectStore(call.tx),
            project_id,
            reason=request.reason,
            expected_version=request.expected_version,
        )
        call.audit(subject_type="plan", subject_id=project_id, proposed=kept.version)
        return pb.ProposePlanResponse(plan=tell_plan(kept))

    @command
    def SignPlan(self, request: pb.SignPlanRequest, call: Call) -> pb.SignPlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept = plans.sign_plan(
            ProjectStore(call.tx),
            project_id,
            note=request.note,
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        signed = kept.signatures[-1]
        call.audit(subject_type="plan", subject_id=project_id, party=signed.party, org=signed.org)
        return pb.SignPlanResponse(plan=tell_plan(kept))

    @command
    def BaselinePlan(self, request: pb.BaselinePlanRequest, call: Call) -> pb.BaselinePlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept = plans.baseline_plan(
            ProjectStore(call.tx),
            project_id,
            reason=request.reason,
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="plan", subject_id=project_id, baseline=kept.baseline)
        return pb.BaselinePlanResponse(plan=tell_plan(kept))

    @query(transaction=True)
    def ComparePlan(self, request: pb.ComparePlanRequest, call: Call) -> pb.ComparePlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        frozen, deviations = plans.compare_plan(
            ProjectStore(call.tx), Reference(call.tx), project_id, request.baseline
        )
        return pb.ComparePlanResponse(
            project_id=request.project_id,
            baseline=frozen.baseline,
            deviations=[
                pb.PlanDeviation(
                    item_code=each.code,
                    item_name=each.name,
                    org=each.org,
                    baseline_finish=each.baseline_finish.isoformat()
                    if each.baseline_finish
                    else "",
                    expected_finish=each.expected_finish.isoformat()
                    if each.expected_finish
                    else "",
                    done_on=each.done_on.isoformat() if each.done_on else "",
                    days=each.days,
                    critical=each.critical,
                )
                for each in deviations
            ],
        )


def tell_plan(kept: KeptPlan) -> pb.Plan:
    content = kept.content
    return pb.Plan(
        project_id=content["project_id"],
        version=kept.version,
        baseline=max(kept.baseline, 0),
        proposed=kept.baseline == PROPOSED,
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
        signatures=[
            pb.PlanSignature(
                party=each.party,
                org=each.org,
                account=each.account,
                name=each.name,
                at=to_timestamp(each.at),
                note=each.note,
            )
            for each in kept.signatures
        ],
        missing=missing(kept.signatures) if kept.baseline == PROPOSED else [],
    )
