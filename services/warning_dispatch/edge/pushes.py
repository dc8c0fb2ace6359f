"""Visits 推办 over gRPC."""

from __future__ import annotations

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.calendar import SHANGHAI
from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from warning_dispatch.domain import body_name
from warning_dispatch.domain.pushes import Push
from warning_dispatch.edge.shared import Shared, caller_of, moment_before, text_of
from warning_dispatch.edge.words import name_of, optional_uuid, value_of
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import pushes as usecases


class Pushes(Shared):
    @command
    def PlanPush(self, request: pb.PlanPushRequest, call: Call) -> pb.PlanPushResponse:
        visit = usecases.Visit(
            project_id=optional_uuid("project_id", request.project_id),
            case_id=optional_uuid("case_id", request.case_id),
            order_id=optional_uuid("order_id", request.order_id),
            escalation_id=optional_uuid("escalation_id", request.escalation_id),
            subject=request.subject,
            place=request.place,
            bodies=tuple(request.bodies),
            people=request.people,
            planned_at=request.planned_at.ToDatetime(SHANGHAI),
        )
        made = usecases.plan_push(Ledger(call.tx), visit, caller_of(call), self._occasion(call))
        return pb.PlanPushResponse(push=_written(call, made))

    @command
    def FinishPush(self, request: pb.FinishPushRequest, call: Call) -> pb.FinishPushResponse:
        done = usecases.finish_push(
            Ledger(call.tx),
            read_uuid("push_id", request.push_id),
            caller_of(call),
            self._occasion(call),
            went_on=read_date("went_on", request.went_on) if request.went_on else None,
            outcome=request.outcome,
            agreed=request.agreed,
            tasks=[
                usecases.Task(
                    each.lead_org,
                    each.requirement,
                    read_date(f"tasks[{place}].due_on", each.due_on) if each.due_on else None,
                )
                for place, each in enumerate(request.tasks)
            ],
            expected_version=request.expected_version,
        )
        return pb.FinishPushResponse(push=_written(call, done))

    @command
    def CancelPush(self, request: pb.CancelPushRequest, call: Call) -> pb.CancelPushResponse:
        off = usecases.cancel_push(
            Ledger(call.tx),
            read_uuid("push_id", request.push_id),
            caller_of(call),
            self._occasion(call),
            reason=request.reason,
            expected_version=request.expected_version,
        )
        return pb.CancelPushResponse(push=_written(call, off))

    @query
    def GetPush(self, request: pb.GetPushRequest, call: Call) -> pb.GetPushResponse:
        push = Ledger(call.tx).pushes.look(read_uuid("push_id", request.push_id))
        call.scope.check(
            region_path=push.region_path,
            level=push.level,
            agents=push.agents,
            project_id=text_of(push.project_id),
        )
        return pb.GetPushResponse(push=tell_push(push))

    @query
    def ListPushes(self, request: pb.ListPushesRequest, call: Call) -> pb.ListPushesResponse:
        wanted = page(request, width=2)
        found = Ledger(call.tx).pushes.listed(
            call.scope,
            limit=wanted.size + 1,
            before=moment_before(wanted),
            status=name_of(pb.PushStatus, request.status),
            project_id=optional_uuid("project_id", request.project_id),
            case_id=optional_uuid("case_id", request.case_id),
            order_id=optional_uuid("order_id", request.order_id),
            escalation_id=optional_uuid("escalation_id", request.escalation_id),
        )
        found, more = found[: wanted.size], len(found) > wanted.size
        return pb.ListPushesResponse(
            pushes=[tell_push(each) for each in found],
            next_page_token=token_after(instant(found[-1].planned_at), str(found[-1].push_id))
            if more
            else "",
        )


def _written(call: Call, push: Push) -> pb.Push:
    call.audit(
        subject_type="push", subject_id=push.push_id, status=push.status, version=push.version
    )
    return tell_push(push)


def tell_push(push: Push) -> pb.Push:
    return pb.Push(
        push_id=str(push.push_id),
        version=push.version,
        number=push.number,
        status=value_of(pb.PushStatus, push.status),
        project_id=text_of(push.project_id),
        project_name=push.project_name,
        case_id=text_of(push.case_id),
        order_id=text_of(push.order_id),
        escalation_id=text_of(push.escalation_id),
        region_path=push.region_path,
        subject=push.subject,
        place=push.place,
        bodies=push.bodies,
        body_names=[body_name(each) for each in push.bodies],
        people=push.people,
        planned_at=to_timestamp(push.planned_at),
        went_on=push.went_on.isoformat() if push.went_on else "",
        outcome=push.outcome,
        agreed=push.agreed,
        orders=push.orders,
        steps=[
            pb.Step(
                step=each.step,
                at=to_timestamp(each.at),
                by=each.by,
                by_name=each.by_name,
                note=each.note,
            )
            for each in push.steps
        ],
    )
