"""Who decides what where, over gRPC 一表清."""

from __future__ import annotations

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.domain.bodies import Body
from approval_tracking.store import Reference
from approval_tracking.store.bodies import BodyStore
from approval_tracking.usecases.bodies import deciding_regions, set_body, set_decider
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command, query, read_date

_CONFIGURATOR = "S1"


class Bodies:
    db: Database
    now: Clock

    @query(transaction=True)
    def ListDeciders(self, request: pb.ListDecidersRequest, call: Call) -> pb.ListDecidersResponse:
        day = read_date("on", request.on) if request.on else local_day(call.now)
        store = BodyStore(call.tx)
        item = Reference(call.tx).catalogue_on(local_day(call.now)).item(request.code)
        deciders, told = store.deciders(day), []
        for region in deciding_regions():
            path = f"{region.parent}/{region.code}" if region.parent else region.code
            org = deciders.org(item, path)
            body = deciders.body(item, org)
            told.append(
                pb.Decider(
                    region=region.code,
                    region_name=region.name,
                    org=org,
                    org_name=body.name,
                    window=body.window,
                    section=body.section,
                    head=body.head,
                    phone=body.phone,
                )
            )
        return pb.ListDecidersResponse(
            deciders=told,
            history=[
                pb.DeciderChange(
                    region=row.region, org=row.org, effective_from=row.effective_from.isoformat()
                )
                for row in store.history(item.code)
            ],
        )

    @command
    def SetDecider(self, request: pb.SetDeciderRequest, call: Call) -> pb.SetDeciderResponse:
        starts = set_decider(
            BodyStore(call.tx),
            Reference(call.tx),
            request.code,
            request.region,
            request.org,
            effective_from=(
                read_date("effective_from", request.effective_from)
                if request.effective_from
                else None
            ),
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
            org=request.org,
            effective_from=starts.isoformat(),
        )
        return pb.SetDeciderResponse(effective_from=starts.isoformat())

    @command
    def SetBody(self, request: pb.SetBodyRequest, call: Call) -> pb.SetBodyResponse:
        starts = set_body(
            BodyStore(call.tx),
            request.org,
            Body(request.name, request.window, request.section, request.head, request.phone),
            effective_from=(
                read_date("effective_from", request.effective_from)
                if request.effective_from
                else None
            ),
            own_region=call.principal.region,
            any_region=call.principal.has_role(_CONFIGURATOR),
            by=call.principal.account_id,
            today=local_day(call.now),
            now=call.now,
        )
        call.audit(
            subject_type="body",
            subject_id=request.org,
            name=request.name,
            effective_from=starts.isoformat(),
        )
        return pb.SetBodyResponse(effective_from=starts.isoformat())
