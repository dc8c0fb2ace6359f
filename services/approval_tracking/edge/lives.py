"""The turns a case may take besides its straight way, over gRPC."""

from __future__ import annotations

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.domain.corrections import Amendment
from approval_tracking.edge.cases import on_case, some_day, tell_case
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases import lives, trust
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

    @command
    def MarkGreenChannel(
        self, request: pb.MarkGreenChannelRequest, call: Call
    ) -> pb.MarkGreenChannelResponse:
        case = lives.mark_green(
            CaseStore(call.tx),
            green=request.green,
            reason=request.reason,
            **on_case(request, call),
        )
        return pb.MarkGreenChannelResponse(case=tell_case(case, call, green=request.green))

    # --- approval on trust ------------------------------------------------------------------------

    @command
    def SupplyDeferred(
        self, request: pb.SupplyDeferredRequest, call: Call
    ) -> pb.SupplyDeferredResponse:
        case = trust.supply_deferred(
            CaseStore(call.tx),
            papers=list(request.papers),
            on=some_day("happened_on", request.happened_on),
            document=request.document,
            **on_case(request, call),
        )
        return pb.SupplyDeferredResponse(case=tell_case(case, call, papers=list(request.papers)))

    @command
    def RecordPledgeCheck(
        self, request: pb.RecordPledgeCheckRequest, call: Call
    ) -> pb.RecordPledgeCheckResponse:
        case = trust.check_pledge(
            CaseStore(call.tx),
            found_true=request.found_true,
            text=request.text,
            put_right_by=some_day("put_right_by", request.put_right_by),
            document=request.document,
            **on_case(request, call),
        )
        told = tell_case(case, call, found_true=request.found_true)
        return pb.RecordPledgeCheckResponse(case=told)

    @command
    def RevokeDecision(
        self, request: pb.RevokeDecisionRequest, call: Call
    ) -> pb.RevokeDecisionResponse:
        case = trust.revoke_decision(
            CaseStore(call.tx),
            ProjectStore(call.tx),
            reason=request.reason,
            document=request.document,
            **on_case(request, call),
        )
        return pb.RevokeDecisionResponse(case=tell_case(case, call, reason=request.reason))
