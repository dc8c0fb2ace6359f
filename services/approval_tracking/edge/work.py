"""What a body owes 一表清 and how a region stands 一网清, over gRPC."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.domain.bodies import Deciders
from approval_tracking.domain.work import (
    DUE_SOON,
    IN_TIME,
    OVERDUE,
    WAITING,
    Horizon,
    Tally,
    by_stage,
    tally,
)
from approval_tracking.edge.cases import tell_stored
from approval_tracking.store import Reference
from chassis import regions
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import FieldInvalid, PageTokenInvalid
from chassis.paging import page, token_after
from chassis.rpc import Call, query

_URGENCIES = {
    pb.URGENCY_UNSPECIFIED: "",
    pb.URGENCY_OVERDUE: OVERDUE,
    pb.URGENCY_DUE_SOON: DUE_SOON,
    pb.URGENCY_IN_TIME: IN_TIME,
    pb.URGENCY_WAITING: WAITING,
}
_NAMES = {name: number for number, name in _URGENCIES.items()}
_NO_DAY = "infinity"


class Work:
    db: Database
    now: Clock

    @query(transaction=True)
    def ListWork(self, request: pb.ListWorkRequest, call: Call) -> pb.ListWorkResponse:
        org = request.org or call.principal.org
        if not org:
            raise FieldInvalid(
                field="org", zh_why="请指明机关", en_why="name the body: your account has none"
            )
        wanted, horizon = page(request, width=3), _horizon(call)
        status = ""
        if request.status:
            status = pb.CaseStatus.Name(request.status).removeprefix("CASE_STATUS_").lower()
        rows = queries.list_work(
            call.tx,
            call.scope,
            horizon,
            org=org,
            size=wanted.size + 1,
            after=_place(*wanted.after) if wanted.after else None,
            status=status,
            item_code=request.item_code,
            region_path=_path(request.region),
            urgency=_URGENCIES[request.urgency],
        )
        given, token = rows[: wanted.size], ""
        if len(rows) > len(given):
            last = given[-1]
            token = token_after(not last.green, str(last.act_by or _NO_DAY), str(last.id))
        counted = tally(queries.count_work(call.tx, call.scope, horizon, org=org))
        deciders = Reference(call.tx).deciders(horizon.today)
        return pb.ListWorkResponse(
            org=org,
            org_name=deciders.name(org),
            work=[
                pb.Duty(
                    case=tell_stored(row.state, row.record),
                    act_by=str(row.act_by or ""),
                    urgency=_NAMES[horizon.urgency(row.act_by)],
                )
                for row in given
            ],
            counts=_counts(counted),
            next_page_token=token,
        )

    @query(transaction=True)
    def GetRegionProgress(
        self, request: pb.GetRegionProgressRequest, call: Call
    ) -> pb.GetRegionProgressResponse:
        path, horizon = _path(request.region), _horizon(call)
        reference = Reference(call.tx)
        catalogue = reference.catalogue_on(horizon.today)
        groups = queries.count_work(call.tx, call.scope, horizon, region_path=path)
        stages = {code: item.stage for code, item in catalogue.items.items()}
        found, deciders = by_stage(groups, stages), reference.deciders(horizon.today)
        return pb.GetRegionProgressResponse(
            region=request.region,
            counts=_counts(tally(groups)),
            stages=[
                pb.StageProgress(
                    stage=stage,
                    name=catalogue.stages.get(stage, stage),
                    counts=_counts(found[stage][0]),
                    bodies=[
                        _duty_of(org, told, deciders)
                        for org, told in sorted(found[stage][1].items())
                    ],
                )
                for stage in sorted(found)
            ],
        )


def _duty_of(org: str, told: Tally, deciders: Deciders) -> pb.BodyProgress:
    body = deciders.told.get(org)
    return pb.BodyProgress(
        org=org,
        org_name=deciders.name(org),
        section=body.section if body else "",
        head=body.head if body else "",
        phone=body.phone if body else "",
        counts=_counts(told),
    )


def _counts(told: Tally) -> pb.WorkCounts:
    status, urgency = told.by_status, told.by_urgency
    return pb.WorkCounts(
        total=told.total,
        received=status.get("received", 0),
        supplementing=status.get("supplementing", 0),
        in_review=status.get("in_review", 0),
        suspended=status.get("suspended", 0),
        decided=status.get("decided", 0),
        overdue=urgency.get(OVERDUE, 0),
        due_soon=urgency.get(DUE_SOON, 0),
        in_time=urgency.get(IN_TIME, 0),
        waiting=urgency.get(WAITING, 0),
    )


def _horizon(call: Call) -> Horizon:
    return Horizon.of(local_day(call.now), Reference(call.tx).calendar())


def _path(region: str) -> str:
    return regions.path_of(region) if region else ""


def _place(plain: object, day: object, case_id: object) -> tuple[bool, str, UUID]:
    try:
        known = str(day) if day == _NO_DAY else date.fromisoformat(str(day)).isoformat()
        return bool(plain), known, UUID(str(case_id))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error
