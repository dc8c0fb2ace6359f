"""A project's guide over gRPC: what it needs and why, and what other attributes would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.documents import NOTICE_TYPE, notice
from approval_tracking.domain.guidance import Comparison, Verdict, paper_key
from approval_tracking.domain.materials import Material, best
from approval_tracking.edge.items import tell_item, tell_limit, tell_notice_rule, tell_procedures
from approval_tracking.edge.materials import tell_material
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.store.materials import MaterialStore
from approval_tracking.usecases.guide_notices import content_of
from approval_tracking.usecases.guides import ProjectGuide, compare_guides, guide_project
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, query, read_uuid


class Guides:
    db: Database
    now: Clock

    @query(transaction=True)
    def GetProjectGuide(
        self, request: pb.GetProjectGuideRequest, call: Call
    ) -> pb.GetProjectGuideResponse:
        found = _guide(request.project_id, call)
        usable = MaterialStore(call.tx).usable(found.project.id, found.project.uscc)
        return _told(found, best(usable, local_day(call.now)), call.now)

    @query(transaction=True)
    def CompareProjectGuide(
        self, request: pb.CompareProjectGuideRequest, call: Call
    ) -> pb.CompareProjectGuideResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        found = compare_guides(
            ProjectStore(call.tx), Reference(call.tx), project_id, request.changes
        )
        return _compared(request.project_id, found)

    @query(transaction=True)
    def DownloadProjectGuide(
        self, request: pb.DownloadProjectGuideRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        found = _guide(request.project_id, call)
        name = quote(f"一次性告知书-{found.project.name}.docx")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(
            content_type=NOTICE_TYPE, data=notice(content_of(found), local_day(call.now))
        )


def _guide(project_id: str, call: Call) -> ProjectGuide:
    wanted = read_uuid("project_id", project_id)
    queries.check_project(call.tx, wanted, call.scope)
    return guide_project(
        ProjectStore(call.tx), Reference(call.tx), wanted, today=local_day(call.now)
    )


def _told(
    found: ProjectGuide, on_file: Mapping[str, Material], now: datetime
) -> pb.GetProjectGuideResponse:
    guidance = found.guidance
    needed = {item.code for item in guidance.applicable}
    asked = [paper for paper in guidance.papers if not paper.issued_by]
    return pb.GetProjectGuideResponse(
        project_id=str(found.project.id),
        project_name=found.project.name,
        catalogue=guidance.catalogue.version,
        needed=[
            _needed(verdict, found, needed) for verdict in guidance.verdicts if verdict.applies
        ],
        set_aside=[
            pb.GuideSetAside(
                code=verdict.item.code,
                name=verdict.item.name,
                name_en=verdict.item.name_en,
                applies_when=verdict.item.applies_when,
                applies_rule=verdict.item.applies_rule,
                reason=_reason(verdict),
            )
            for verdict in guidance.verdicts
            if not verdict.applies
        ],
        papers=[
            pb.GuidePaper(
                name=paper.name,
                needed_for=paper.needed_for,
                may_follow_for=paper.may_follow_for,
                by_commitment_for=paper.by_commitment_for,
                issued_by=paper.issued_by,
                on_file=_on_file(paper.name, on_file, now),
            )
            for paper in guidance.papers
        ],
        papers_asked=sum(len(paper.needed_for) for paper in guidance.papers),
        papers_once=len(asked),
    )


def _on_file(name: str, on_file: Mapping[str, Material], now: datetime) -> pb.Material | None:
    found = on_file.get(paper_key(name))
    return tell_material(found, now) if found else None


def _needed(verdict: Verdict, found: ProjectGuide, needed: set[str]) -> pb.GuideItem:
    item = verdict.item
    desk = found.desks[item.code]
    told = tell_item(item, found.guidance.catalogue.stages, {item.code: desk.committed})
    told.statutory.CopyFrom(tell_limit(desk.statutory))
    return pb.GuideItem(
        item=told,
        reason=_reason(verdict),
        org=desk.org,
        org_name=desk.org_name,
        window=desk.window,
        prerequisites=[code for code in item.prerequisites if code in needed],
        fees=[pb.Fee(name=fee.name, basis=fee.basis) for fee in item.fees],
        special_procedures=tell_procedures(item),
        notice_rule=tell_notice_rule(item),
    )


def _reason(verdict: Verdict) -> pb.GuideReason:
    return pb.GuideReason(
        zh=verdict.zh,
        en=verdict.en,
        causes=[
            pb.GuideCause(
                attribute=cause.attribute,
                value=cause.value,
                assumed=cause.assumed,
                zh=cause.zh,
                en=cause.en,
            )
            for cause in verdict.causes
        ],
    )


def _compared(project_id: str, found: Comparison) -> pb.CompareProjectGuideResponse:
    return pb.CompareProjectGuideResponse(
        project_id=project_id,
        catalogue=found.before.catalogue.version,
        changes=[
            pb.GuideChange(
                attribute=change.attribute.name,
                label=change.attribute.label,
                label_en=change.attribute.label_en,
                before=change.before,
                after=change.after,
            )
            for change in found.changes
        ],
        added=_turns(found.added),
        dropped=_turns(found.dropped),
        moved=[
            pb.GuideMove(
                code=move.item.code,
                name=move.item.name,
                statutory_before=tell_limit(move.limits[0]),
                statutory_after=tell_limit(move.limits[1]),
                prerequisites_before=move.prerequisites[0],
                prerequisites_after=move.prerequisites[1],
            )
            for move in found.moved
        ],
        papers_added=found.more_papers,
        papers_dropped=found.fewer_papers,
        needed_before=len(found.before.applicable),
        needed_after=len(found.after.applicable),
    )


def _turns(verdicts: Sequence[Verdict]) -> list[pb.GuideTurn]:
    return [
        pb.GuideTurn(
            code=verdict.item.code,
            name=verdict.item.name,
            name_en=verdict.item.name_en,
            reason=_reason(verdict),
        )
        for verdict in verdicts
    ]
