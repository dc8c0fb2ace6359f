"""Forecasts over gRPC: when a project can start, and what would change that."""

from __future__ import annotations

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.domain.what_if import Change
from approval_tracking.edge.cases import some_day
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.usecases.forecasts import Prospect, forecast_project, what_if
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command, query, read_uuid


class Forecasts:
    db: Database
    now: Clock

    @query(transaction=True)
    def GetForecast(self, request: pb.GetForecastRequest, call: Call) -> pb.GetForecastResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        found = forecast_project(
            ProjectStore(call.tx), Reference(call.tx), project_id, today=local_day(call.now)
        )
        return pb.GetForecastResponse(forecast=_told(found))

    @command
    def WhatIf(self, request: pb.WhatIfRequest, call: Call) -> pb.WhatIfResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        found = what_if(
            ProjectStore(call.tx),
            Reference(call.tx),
            project_id,
            [_change(each) for each in request.changes],
            request.attributes,
            today=local_day(call.now),
        )
        call.audit(subject_type="plan", subject_id=project_id, changes=len(request.changes))
        before, after = found.before.forecast, found.after.forecast
        days = found.before.ground.calendar.working_days_between(after.p50, before.p50)
        return pb.WhatIfResponse(
            before=_told(found.before),
            after=_told(found.after),
            days_gained=days,
            keeps_gained=round((after.keeps or 0) - (before.keeps or 0), 4),
        )


def _change(asked: pb.WhatIfChange) -> Change:
    return Change(
        kind=pb.WhatIfKind.Name(asked.kind).removeprefix("WHAT_IF_KIND_").lower(),
        code=asked.item_code,
        prerequisite=asked.prerequisite,
        days=asked.days,
        until=some_day("changes", asked.until),
    )


def _told(found: Prospect) -> pb.Forecast:
    forecast, ground = found.forecast, found.ground
    items = {item.code: item for item in ground.items}
    lines = [
        pb.ForecastItem(
            item_code=each.code,
            item_name=items[each.code].name,
            org=items[each.code].org,
            case_id=str(found.case_ids.get(each.code, "")) if items[each.code].started_on else "",
            critical=round(each.critical, 4),
            threat=round(each.threat, 4),
            finish_p50=each.finish_p50.isoformat(),
            finish_p80=each.finish_p80.isoformat(),
            samples=each.samples,
        )
        for each in forecast.outlooks
    ]
    threats = [line.case_id for line in lines if line.case_id and line.threat]
    return pb.Forecast(
        planned_start=forecast.planned_start.isoformat() if forecast.planned_start else "",
        p50=forecast.p50.isoformat(),
        p80=forecast.p80.isoformat(),
        p95=forecast.p95.isoformat(),
        keeps=round(forecast.keeps or 0, 4),
        items=lines,
        threatened_by=threats[0] if threats else "",
        futures=forecast.futures,
        calendar_version=ground.calendar.version,
        made_on=ground.today.isoformat(),
    )
