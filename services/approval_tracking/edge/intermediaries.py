"""The directory of agencies 中介名录 over gRPC: all of them, in an order that is drawn."""

from __future__ import annotations

import secrets

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.domain.intermediaries import (
    NOTE,
    SERVICES,
    Intermediary,
    check_services,
    drawn,
    place_in,
)
from approval_tracking.store.intermediaries import IntermediaryStore
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import FieldInvalid
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query
from chassis.uscc import fault


class Intermediaries:
    db: Database
    now: Clock

    @query(transaction=True)
    def ListIntermediaries(
        self, request: pb.ListIntermediariesRequest, call: Call
    ) -> pb.ListIntermediariesResponse:
        wanted = page(request, width=2)
        seed, last = wanted.after or (request.seed or secrets.token_hex(16), "")
        found = [
            each
            for each in IntermediaryStore(call.tx).all()
            if not request.service or request.service in each.services
        ]
        ordered = drawn(found, str(seed))
        rest = [each for each in ordered if place_in(each.uscc, str(seed)) > str(last)]
        given, token = rest[: wanted.size], ""
        if len(rest) > len(given):
            token = token_after(str(seed), place_in(given[-1].uscc, str(seed)))
        note, note_en = NOTE
        return pb.ListIntermediariesResponse(
            intermediaries=[_told(each) for each in given],
            next_page_token=token,
            seed=str(seed),
            total_size=len(found),
            note=note,
            note_en=note_en,
            services=SERVICES,
        )

    @command
    def SetIntermediary(
        self, request: pb.SetIntermediaryRequest, call: Call
    ) -> pb.SetIntermediaryResponse:
        wrong = fault(request.uscc)
        if wrong:
            raise FieldInvalid(field="uscc", zh_why=wrong[0], en_why=wrong[1])
        agency = Intermediary(
            uscc=request.uscc,
            name=request.name,
            services=check_services(request.services),
            address=request.address,
            phone=request.phone,
        )
        IntermediaryStore(call.tx).put(agency, by=call.principal.account_id, now=call.now)
        call.audit(
            subject_type="intermediary",
            subject_id=agency.uscc,
            name=agency.name,
            services=list(agency.services),
        )
        return pb.SetIntermediaryResponse(intermediary=_told(agency))

    @command
    def RemoveIntermediary(
        self, request: pb.RemoveIntermediaryRequest, call: Call
    ) -> pb.RemoveIntermediaryResponse:
        IntermediaryStore(call.tx).remove(
            request.uscc, request.reason, by=call.principal.account_id, now=call.now
        )
        call.audit(subject_type="intermediary", subject_id=request.uscc, reason=request.reason)
        return pb.RemoveIntermediaryResponse()


def _told(agency: Intermediary) -> pb.Intermediary:
    return pb.Intermediary(
        uscc=agency.uscc,
        name=agency.name,
        services=agency.services,
        address=agency.address,
        phone=agency.phone,
    )
