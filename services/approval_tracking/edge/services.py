"""The menu of services 点菜式 and the agreement on them over gRPC."""

from __future__ import annotations

from urllib.parse import quote

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.documents import NOTICE_TYPE, service_agreement
from approval_tracking.domain.service_errors import AgreementNotSigned
from approval_tracking.domain.services import Offer, ServiceAgreement
from approval_tracking.edge.cases import some_day
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.store.services import ServiceStore
from approval_tracking.usecases import services as acts
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command, query, read_uuid, to_timestamp

_CONFIGURATOR = "S1"


class Services:
    db: Database
    now: Clock

    @query(transaction=True)
    def GetServiceMenu(
        self, request: pb.GetServiceMenuRequest, call: Call
    ) -> pb.GetServiceMenuResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        services, project = ServiceStore(call.tx), ProjectStore(call.tx).get(project_id)
        menu = acts.menu_for(services, project.region_path, local_day(call.now))
        agreed = services.in_force(project_id)
        return pb.GetServiceMenuResponse(
            offers=[_offer(each) for each in menu.values()],
            agreed=[each.offer.code for each in agreed.services] if agreed else [],
        )

    @command
    def SetServiceOffer(
        self, request: pb.SetServiceOfferRequest, call: Call
    ) -> pb.SetServiceOfferResponse:
        starts = acts.set_offer(
            ServiceStore(call.tx),
            Offer(
                code=request.code,
                name=request.name,
                name_en=request.name_en,
                content=request.content,
                promised_days=request.promised_days,
                region=request.region,
            ),
            off=request.off,
            effective_from=some_day("effective_from", request.effective_from),
            caller_region=call.principal.region,
            any_region=call.principal.has_role(_CONFIGURATOR),
            by=call.principal.account_id,
            now=call.now,
        )
        call.audit(
            subject_type="service_offer",
            subject_id=f"{request.region}:{request.code}",
            effective_from=str(starts),
            off=request.off,
        )
        return pb.SetServiceOfferResponse(effective_from=str(starts))

    @command
    def ProposeServiceAgreement(
        self, request: pb.ProposeServiceAgreementRequest, call: Call
    ) -> pb.ProposeServiceAgreementResponse:
        agreement = acts.propose(
            ServiceStore(call.tx),
            ProjectStore(call.tx),
            read_uuid("project_id", request.project_id),
            list(request.codes),
            request.wishes,
            agreement_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        return pb.ProposeServiceAgreementResponse(agreement=_audited(agreement, call))

    @command
    def SignServiceAgreement(
        self, request: pb.SignServiceAgreementRequest, call: Call
    ) -> pb.SignServiceAgreementResponse:
        agreement = acts.sign(
            ServiceStore(call.tx),
            ProjectStore(call.tx),
            Reference(call.tx),
            read_uuid("agreement_id", request.agreement_id),
            lay_out=service_agreement,
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        return pb.SignServiceAgreementResponse(agreement=_audited(agreement, call))

    @command
    def DeclineServiceAgreement(
        self, request: pb.DeclineServiceAgreementRequest, call: Call
    ) -> pb.DeclineServiceAgreementResponse:
        agreement = acts.decline(
            ServiceStore(call.tx),
            ProjectStore(call.tx),
            read_uuid("agreement_id", request.agreement_id),
            request.reason,
            expected_version=request.expected_version,
            principal=call.principal,
            now=call.now,
        )
        return pb.DeclineServiceAgreementResponse(agreement=_audited(agreement, call))

    @query(transaction=True)
    def ListServiceAgreements(
        self, request: pb.ListServiceAgreementsRequest, call: Call
    ) -> pb.ListServiceAgreementsResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        found = ServiceStore(call.tx).of_project(project_id)
        return pb.ListServiceAgreementsResponse(agreements=[_told(each) for each in found])

    @query(transaction=True)
    def DownloadServiceAgreement(
        self, request: pb.DownloadServiceAgreementRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        services = ServiceStore(call.tx)
        agreement = services.get(read_uuid("agreement_id", request.agreement_id))
        queries.check_project(call.tx, agreement.project_id, call.scope)
        if not agreement.number:
            raise AgreementNotSigned(agreement_id=agreement.id)
        name = quote(f"服务约定书-{agreement.number}.docx", safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=NOTICE_TYPE, data=services.file(agreement.id))


def _audited(agreement: ServiceAgreement, call: Call) -> pb.ServiceAgreement:
    call.audit(
        subject_type="service_agreement",
        subject_id=agreement.id,
        status=agreement.status,
        number=agreement.number,
        services=[each.offer.code for each in agreement.services],
    )
    return _told(agreement)


def _told(agreement: ServiceAgreement) -> pb.ServiceAgreement:
    return pb.ServiceAgreement(
        agreement_id=str(agreement.id),
        version=agreement.version,
        project_id=str(agreement.project_id),
        project_name=agreement.project_name,
        company=agreement.company,
        number=agreement.number,
        status=agreement.status,
        services=[
            pb.AgreedService(offer=_offer(each.offer), due_on=str(each.due_on or ""))
            for each in agreement.services
        ],
        wishes=agreement.wishes,
        signatures=[
            pb.ServiceSide(
                side=each.side, account=each.account, name=each.name, at=to_timestamp(each.at)
            )
            for each in agreement.signatures
        ],
        proposed_by=agreement.proposed_by,
        proposed_at=to_timestamp(agreement.proposed_at),
        in_force_on=str(agreement.in_force_on or ""),
        reason=agreement.reason,
        sha256=agreement.sha256,
    )


def _offer(offer: Offer) -> pb.ServiceOffer:
    return pb.ServiceOffer(
        code=offer.code,
        name=offer.name,
        name_en=offer.name_en,
        content=offer.content,
        promised_days=offer.promised_days,
        region=offer.region,
    )
