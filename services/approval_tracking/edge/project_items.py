"""The items of a project 一单清 over gRPC, on the screen and as a workbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote
from uuid import UUID

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.catalogue_workbooks import XLSX_TYPE
from approval_tracking.domain.catalogue import Catalogue, read_attribute_texts
from approval_tracking.edge.items import tell_limit
from approval_tracking.item_workbooks import write_items
from approval_tracking.store import Project, ProjectItem, ProjectStore, Reference
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.paging import page, token_after
from chassis.rpc import Call, query, read_uuid


@dataclass(frozen=True)
class _Needed:
    """What a project needs, in the catalogue's order."""

    project: Project
    catalogue: Catalogue
    items: dict[str, ProjectItem]
    needed: list[ProjectItem]


class ProjectItems:
    db: Database
    now: Clock

    @query(transaction=True)
    def ListProjectItems(
        self, request: pb.ListProjectItemsRequest, call: Call
    ) -> pb.ListProjectItemsResponse:
        found = _needed(read_uuid("project_id", request.project_id), call)
        wanted, rest = page(request, width=1), found.needed
        if wanted.after is not None:
            last = found.catalogue.order.get(str(wanted.after[0]), -1)
            rest = [each for each in rest if found.catalogue.order[each.code] > last]
        given = rest[: request.page_size] if request.page_size else rest
        return pb.ListProjectItemsResponse(
            items=_lines(found, given, call),
            next_page_token=token_after(given[-1].code) if len(rest) > len(given) else "",
            total_size=len(found.needed),
            done=sum(each.state == "done" for each in found.needed),
            catalogue=found.catalogue.version,
        )

    @query(transaction=True)
    def ExportProjectItems(
        self, request: pb.ExportProjectItemsRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        found = _needed(read_uuid("project_id", request.project_id), call)
        made = write_items(
            found.project.name,
            _lines(found, found.needed, call),
            found.catalogue.stages,
            local_day(call.now),
        )
        name = quote(f"事项清单-{found.project.name}.xlsx", safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=XLSX_TYPE, data=made)


def _needed(project_id: UUID, call: Call) -> _Needed:
    queries.check_project(call.tx, project_id, call.scope)
    projects = ProjectStore(call.tx)
    project = projects.get(project_id)
    catalogue = Reference(call.tx).catalogue(project.catalogue)
    items = projects.items(project_id)
    needed = [each for each in items.values() if each.applicable and each.code in catalogue.items]
    needed.sort(key=lambda each: catalogue.order[each.code])
    return _Needed(project, catalogue, items, needed)


def _lines(found: _Needed, given: Sequence[ProjectItem], call: Call) -> list[pb.ProjectItem]:
    project, catalogue, reference = found.project, found.catalogue, Reference(call.tx)
    attributes = catalogue.read_attributes(read_attribute_texts(project.attributes))
    states = queries.states_of(call.tx, [each.case_id for each in given if each.case_id])
    city, today = project.region_path.split("/")[0], local_day(call.now)
    promises = reference.promises({city, project.region}, today=today)
    deciders = reference.deciders(today)
    applicable = {each.code for each in found.needed}
    lines = []
    for each in given:
        item, state = catalogue.items[each.code], states.get(each.code, {})
        org, clock = deciders.org(item, project.region_path), state.get("clock", {})
        promised = (
            promises.get((org.split(":")[0], item.code))
            or promises.get((city, item.code))
            or item.committed
        )
        before = [code for code in item.prerequisites if code in applicable]
        org = state.get("org") or org
        body = deciders.body(item, org)
        lines.append(
            pb.ProjectItem(
                item_code=item.code,
                item_name=item.name,
                stage=item.stage,
                state=each.state,
                done_on=_text(each.done_on),
                org=org,
                org_name=state.get("org_name") or body.name,
                duty_bearer=item.duty_bearer,
                limit_kind=item.limit_kind,
                statutory=tell_limit(item.statutory_for(attributes)),
                committed=tell_limit(promised),
                prerequisites=before,
                open_prerequisites=[c for c in before if found.items[c].state != "done"],
                case_id=str(each.case_id or ""),
                case_status=state.get("status", ""),
                committed_due=clock.get("committed_due") or "",
                statutory_due=clock.get("statutory_due") or "",
                applies_when=item.applies_when,
                historical=each.historical,
                section=body.section,
                head=body.head,
                phone=body.phone,
            )
        )
    return lines


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""
