"""The turns a case may take besides its straight way, over gRPC."""

from __future__ import annotations

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.domain.corrections import Amendment
from approval_tracking.edge.cases import on_case, some_day, tell_case
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases import lives
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command


class Lives:
    db: Database
    now: Clock

    @command
    def ExtendCase(self, request: pb.ExtendCaseRequest, call: Call) -> pb.ExtendCaseResponse:
        case = lives.ask_extension(
            CaseStore(call.tx),
            days=request.days,
            reason=request.reason,
            document=request.document,
            **on_case(request, call),
        )
        return pb.ExtendCaseResponse(case=tell_case(case, call, days=request.days))

    @command
    def DecideExtension(
        self, request: pb.DecideExtensionRequest, call: Call
    ) -> pb.DecideExtensionResponse:
        case = lives.decide_extension(
            CaseStore(call.tx),
            approved=request.approved,
            document=request.document,
            **on_case(request, call),
        )
        told = tell_case(case, call, approved=request.approved, reason=request.reason)
        return pb.DecideExtensionResponse(case=told)

    @command
    def WithdrawCase(self, request: pb.WithdrawCaseRequest, call: Call) -> pb.WithdrawCaseResponse:
        case = lives.withdraw_case(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            reason=request.reason,
            document=request.document,
            **on_case(request, call),
        )
        return pb.WithdrawCaseResponse(case=tell_case(case, call))

    @command
    def CorrectRecord(
        self, request: pb.CorrectRecordRequest, call: Call
    ) -> pb.CorrectRecordResponse:
        case = lives.correct_record(
            CaseStore(call.tx),
            number=request.number,
            change=Amendment(
                on=some_day("happened_on", request.happened_on),
                expected_end=some_day("expected_end", request.expected_end),
                annul=request.annul,
            ),
            reason=request.reason,
            document=request.document,
            **on_case(request, call),
        )
        return pb.CorrectRecordResponse(case=tell_case(case, call, corrected=request.number))
