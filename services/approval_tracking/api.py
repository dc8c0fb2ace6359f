"""The gRPC edge: read the request, run one use case, write the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc
from kaigong.approval_tracking.v1 import events_pb2 as facts

from approval_tracking import queries
from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.events import CalendarDay, CalendarYear
from approval_tracking.edge.applications import Applications
from approval_tracking.edge.bodies import Bodies
from approval_tracking.edge.cases import Cases, some_day
from approval_tracking.edge.catalogues import Catalogues
from approval_tracking.edge.conversations import Conversations
from approval_tracking.edge.documents import Documents
from approval_tracking.edge.forecasts import Forecasts
from approval_tracking.edge.guide_notices import GuideNotices
from approval_tracking.edge.guides import Guides
from approval_tracking.edge.intermediaries import Intermediaries
from approval_tracking.edge.items import UNITS, promises_in, tell_guide, tell_item, tell_limit
from approval_tracking.edge.joint_reviews import JointReviews
from approval_tracking.edge.lives import Lives
from approval_tracking.edge.materials import Materials
from approval_tracking.edge.plan_edits import PlanEdits
from approval_tracking.edge.plans import Plans
from approval_tracking.edge.pre_reviews import PreReviews
from approval_tracking.edge.project_items import ProjectItems
from approval_tracking.edge.services import Services
from approval_tracking.edge.work import Work
from approval_tracking.store import Reference
from approval_tracking.usecases import data as data_acts
from approval_tracking.usecases.calendars import publish_year
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import plain
from chassis.objects import ObjectStore
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, to_timestamp
from chassis.seal import Seal

_UNIT_NAMES = {number: name for name, number in UNITS.items()}
_CONFIGURATOR = "S1"


class ApprovalTracking(
    Applications,
    Bodies,
    Catalogues,
    Cases,
    Conversations,
    Documents,
    Forecasts,
    GuideNotices,
    Guides,
    Intermediaries,
    JointReviews,
    Lives,
    Materials,
    PlanEdits,
    Plans,
    PreReviews,
    ProjectItems,
    Services,
    Work,
    pb_grpc.ApprovalTrackingServiceServicer,
):
    def __init__(
        self, db: Database, now: Clock, *, objects: ObjectStore, seal: Seal, public_url: str = ""
    ) -> None:
        self.db = db
        self.now = now
        self.objects = objects
        self.seal = seal
        self.public_url = public_url

    # --- catalogue and calendar -----------------------------------------------------------------

    @query
    def ListItems(self, request: pb.ListItemsRequest, call: Call) -> pb.ListItemsResponse:
        reference = Reference(call.tx)
        catalogue, wanted = reference.catalogue_on(local_day(call.now)), page(request, width=1)
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
        catalogue = reference.catalogue_on(local_day(call.now))
        item = catalogue.item(request.code)
        promises = promises_in(reference, request.region, call)
        return pb.GetItemResponse(
            guide=tell_guide(item, catalogue.stages, promises), catalogue=catalogue.version
        )

    @query
    def ListCommitments(
        self, request: pb.ListCommitmentsRequest, call: Call
    ) -> pb.ListCommitmentsResponse:
        Reference(call.tx).catalogue_on(local_day(call.now)).item(request.code)
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
            effective_from=some_day("effective_from", request.effective_from),
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

    @command
    def PublishCalendar(
        self, request: pb.PublishCalendarRequest, call: Call
    ) -> pb.PublishCalendarResponse:
        year = CalendarYear(
            year=request.year,
            official=request.official,
            notice=request.notice,
            days=tuple(
                CalendarDay(read_date("days", each.day), each.working, each.name)
                for each in request.days
            ),
        )
        published = publish_year(
            Reference(call.tx), year, expected_version=request.expected_version, now=call.now
        )
        call.audit(
            subject_type="calendar",
            subject_id=published.version,
            year=request.year,
            official=request.official,
            notice=request.notice,
        )
        return pb.PublishCalendarResponse(
            version=published.version,
            years=[_calendar_year(each) for each in plain(published)["years"]],
        )

    # --- projects --------------------------------------------------------------------------------


# --- reading requests ----------------------------------------------------------------------------------


def _token_day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error


# --- writing answers -----------------------------------------------------------------------------------


def _calendar_year(year: Mapping[str, Any]) -> facts.CalendarYear:
    return facts.CalendarYear(
        year=year["year"],
        official=year["official"],
        notice=year["notice"],
        days=[facts.CalendarDay(**day) for day in year["days"]],
    )


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""
