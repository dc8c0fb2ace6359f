"""The methods of the service."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from google.api import httpbody_pb2
from kaigong.project_registry.v1 import project_registry_pb2 as pb
from kaigong.project_registry.v1 import project_registry_pb2_grpc as pb_grpc

from chassis import regions
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import OutOfScope
from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from project_registry import queries, spreadsheet
from project_registry.api import messages
from project_registry.api.callers import caller_of, read_project
from project_registry.api.dynamics import Dynamics
from project_registry.api.investments import Investments
from project_registry.domain import columns
from project_registry.domain.details import LEVELS, Details, show
from project_registry.domain.errors import ListNotFound
from project_registry.domain.progress import POOLS
from project_registry.domain.projects import Past
from project_registry.domain.reference import attributes, items
from project_registry.store import ReferenceStore, Registry
from project_registry.usecases import lists as list_usecases
from project_registry.usecases import projects as usecases

Row = sa.Row[Any]

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ProjectRegistry(Dynamics, Investments, pb_grpc.ProjectRegistryServiceServicer):
    def __init__(self, db: Database, now: Clock) -> None:
        self.db = db
        self.now = now

    # --- reference data

    @query
    def ListRegions(self, request: pb.ListRegionsRequest, call: Call) -> pb.ListRegionsResponse:
        return pb.ListRegionsResponse(
            regions=[
                pb.Region(
                    code=each.code,
                    name=each.name,
                    parent=each.parent,
                    tier=each.tier,
                    kind=each.kind,
                    path=regions.path_of(each.code),
                )
                for each in regions.all_regions().values()
            ]
        )

    @query
    def ListOrganisations(
        self, request: pb.ListOrganisationsRequest, call: Call
    ) -> pb.ListOrganisationsResponse:
        wanted = page(request, width=1)
        rows, total = queries.list_organisations(
            call.tx,
            wanted,
            on=read_date("on", request.on) if request.on else local_day(call.now),
            region_path=messages.path_of_region(request.region),
            text=request.q,
            department=request.department,
            kind=request.kind,
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        return pb.ListOrganisationsResponse(
            organisations=[
                pb.Organisation(
                    org=row.org,
                    name=row.name,
                    region=row.region,
                    region_path=row.region_path,
                    department=row.department,
                    kind=row.kind,
                    valid_from=show(row.valid_from),
                    valid_to=show(row.valid_to),
                )
                for row in rows
            ],
            next_page_token=token_after(rows[-1].org) if more else "",
            total_size=total,
        )

    @query
    def ListAgents(self, request: pb.ListAgentsRequest, call: Call) -> pb.ListAgentsResponse:
        wanted = page(request, width=1)
        here = call.principal.region_path
        # A town sees the navigators of its whole district: they stand in for each other.
        territory = "/".join(here.split("/")[:2])
        rows, total = queries.list_agents(
            call.tx,
            wanted,
            within=(territory,) if territory else (),
            region_path=messages.path_of_region(request.region),
            text=request.q,
            everybody=request.all,
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        return pb.ListAgentsResponse(
            agents=[
                pb.Agent(
                    account_id=row.account_id,
                    name=row.name,
                    username=row.username,
                    region=row.region,
                    region_path=row.region_path,
                    active=row.active,
                )
                for row in rows
            ],
            next_page_token=token_after(rows[-1].account_id) if more else "",
            total_size=total,
        )

    @query
    def ListProjectAttributes(
        self, request: pb.ListProjectAttributesRequest, call: Call
    ) -> pb.ListProjectAttributesResponse:
        return pb.ListProjectAttributesResponse(
            attributes=[
                pb.ProjectAttribute(
                    name=each.name,
                    type=each.kind,
                    label=each.label,
                    default_value=json.dumps(each.default),
                    choices=[
                        pb.AttributeChoice(value=value, label=label)
                        for value, label in each.choices.items()
                    ],
                )
                for each in attributes().values()
            ]
        )

    @query
    def ListStageSchemes(
        self, request: pb.ListStageSchemesRequest, call: Call
    ) -> pb.ListStageSchemesResponse:
        chosen = ReferenceStore(call.tx).scheme()
        return pb.ListStageSchemesResponse(
            schemes=[messages.stage_scheme(name, in_use=name == chosen) for name in items().schemes]
        )

    @command
    def ChooseStageScheme(
        self, request: pb.ChooseStageSchemeRequest, call: Call
    ) -> pb.ChooseStageSchemeResponse:
        moved = usecases.choose_stage_scheme(
            Registry(call.tx), request.scheme, caller_of(call), now=call.now
        )
        call.audit(subject_type="stage_scheme", subject_id=request.scheme, moved=moved)
        return pb.ChooseStageSchemeResponse(
            scheme=messages.stage_scheme(request.scheme, in_use=True), moved=moved
        )

    # --- projects

    @command
    def RegisterProject(
        self, request: pb.RegisterProjectRequest, call: Call
    ) -> pb.RegisterProjectResponse:
        said = messages.said(request.details, messages.FIELDS)
        project = usecases.register_project(
            Registry(call.tx),
            call.new_id(),
            Details(**said),
            request.details.attributes,
            caller_of(call),
            now=call.now,
        )
        call.audit(subject_type="project", subject_id=project.id)
        return pb.RegisterProjectResponse(project=_written(call, project.id))

    @command
    def UpdateProject(
        self, request: pb.UpdateProjectRequest, call: Call
    ) -> pb.UpdateProjectResponse:
        named = list(request.fields)
        usecases.refuse_unknown_fields(named, (*messages.FIELDS, "attributes"))
        asked = {
            name: text
            for name, text in request.details.attributes.items()
            if "attributes" in named or f"attributes.{name}" in named
        }
        project = usecases.update_project(
            Registry(call.tx),
            read_uuid("project_id", request.project_id),
            messages.said(request.details, [name for name in named if name in messages.FIELDS]),
            asked,
            caller_of(call, reason=request.reason),
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="project", subject_id=project.id, fields=named)
        return pb.UpdateProjectResponse(project=_written(call, project.id))

    @command
    def WithdrawProject(
        self, request: pb.WithdrawProjectRequest, call: Call
    ) -> pb.WithdrawProjectResponse:
        project = usecases.withdraw_project(
            Registry(call.tx),
            read_uuid("project_id", request.project_id),
            caller_of(call, reason=request.reason),
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="project", subject_id=project.id, reason=request.reason)
        return pb.WithdrawProjectResponse(project=_written(call, project.id))

    @command
    def ArchiveProject(
        self, request: pb.ArchiveProjectRequest, call: Call
    ) -> pb.ArchiveProjectResponse:
        project = usecases.archive_project(
            Registry(call.tx),
            read_uuid("project_id", request.project_id),
            caller_of(call, reason=request.reason),
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="project", subject_id=project.id, reason=request.reason)
        return pb.ArchiveProjectResponse(project=_written(call, project.id))

    @command
    def SetActualStart(
        self, request: pb.SetActualStartRequest, call: Call
    ) -> pb.SetActualStartResponse:
        project = usecases.set_actual_start(
            Registry(call.tx),
            read_uuid("project_id", request.project_id),
            read_date("on", request.on),
            caller_of(call),
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="project", subject_id=project.id, on=request.on)
        return pb.SetActualStartResponse(project=_written(call, project.id))

    @command
    def RecordPastDecisions(
        self, request: pb.RecordPastDecisionsRequest, call: Call
    ) -> pb.RecordPastDecisionsResponse:
        decisions = [
            Past(
                each.item_code,
                read_date(f"decisions[{place}].accepted_on", each.accepted_on),
                read_date(f"decisions[{place}].decided_on", each.decided_on),
                each.late,
            )
            for place, each in enumerate(request.decisions)
        ]
        project, new = usecases.record_past_decisions(
            Registry(call.tx),
            read_uuid("project_id", request.project_id),
            decisions,
            caller_of(call),
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="project", subject_id=project.id, recorded=len(new))
        return pb.RecordPastDecisionsResponse(
            project=_written(call, project.id),
            recorded=len(new),
            already=len(decisions) - len(new),
            historical=sum(each.historical for each in decisions),
        )

    @query
    def GetProject(self, request: pb.GetProjectRequest, call: Call) -> pb.GetProjectResponse:
        return pb.GetProjectResponse(
            project=messages.project(read_project(call, request.project_id))
        )

    @query
    def ListProjects(self, request: pb.ListProjectsRequest, call: Call) -> pb.ListProjectsResponse:
        wanted = page(request, width=3)
        rows, total = queries.list_projects(
            call.tx,
            call.scope,
            wanted,
            text=request.q.strip(),
            region_path=messages.path_of_region(request.region),
            year=request.year,
            level=messages.LEVEL_WORDS.get(request.level, ""),
            category=messages.CATEGORY_WORDS.get(request.category, ""),
            stage=request.stage,
            status=messages.word_of(pb.ProjectStatus, request.status),
            pool=messages.word_of(pb.Pool, request.pool),
            uscc=request.uscc,
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        last = rows[-1] if rows else None
        return pb.ListProjectsResponse(
            projects=[messages.project(row) for row in rows],
            next_page_token=token_after(last.year, last.name, str(last.id))
            if last is not None and more
            else "",
            total_size=total,
        )

    @query(transaction=True)
    def GetProjectHistory(
        self, request: pb.GetProjectHistoryRequest, call: Call
    ) -> pb.GetProjectHistoryResponse:
        row = read_project(call, request.project_id)
        wanted = page(request, width=1)
        lines = queries.list_history(call.tx, row.id, wanted, field=request.field)
        lines, more = lines[: wanted.size], len(lines) > wanted.size
        return pb.GetProjectHistoryResponse(
            changes=[
                pb.ProjectChange(
                    version=line.version,
                    at=to_timestamp(line.at),
                    by=line.by,
                    by_name=line.by_name,
                    source=line.source,
                    field=line.field,
                    old=line.old,
                    new=line.new,
                    reason=line.reason,
                )
                for line in lines
            ],
            next_page_token=token_after(lines[-1].id) if more else "",
        )

    @query
    def ListPools(self, request: pb.ListPoolsRequest, call: Call) -> pb.ListPoolsResponse:
        counted = queries.count_pools(
            call.tx,
            call.scope,
            year=request.year,
            region_path=messages.path_of_region(request.region),
        )
        reached = {
            pool: sum(
                row.projects
                for (at, _), row in counted.items()
                if POOLS.index(at) >= POOLS.index(pool)
            )
            for pool in POOLS
        }
        return pb.ListPoolsResponse(
            counts=[
                pb.PoolCount(
                    pool=messages.value_of(pb.Pool, pool),
                    level=messages.LEVEL_OF[level],
                    projects=row.projects if (row := counted.get((pool, level))) else 0,
                    total_investment_wan=show(row.investment if row else Decimal(0)),
                )
                for pool in POOLS
                for level in LEVELS
            ],
            filed_of_signed=messages.share(reached["filed"], reached["signed"]),
            started_of_filed=messages.share(reached["started"], reached["filed"]),
            producing_of_started=messages.share(reached["producing"], reached["started"]),
        )

    # --- annual lists

    @query
    def GetAnnualListTemplate(
        self, request: pb.GetAnnualListTemplateRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        name = quote("年度重大项目清单导入模板.xlsx")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=_XLSX, data=spreadsheet.write_template())

    @command
    def UploadAnnualList(
        self, request: pb.UploadAnnualListRequest, call: Call
    ) -> pb.UploadAnnualListResponse:
        sheet = spreadsheet.read_sheet(request.file.data)
        stored = list_usecases.upload_list(
            Registry(call.tx),
            call.new_id(),
            sheet,
            caller_of(call),
            file_name=request.file_name,
            now=call.now,
        )
        call.audit(subject_type="annual_list", subject_id=stored.id, rows=len(sheet.rows))
        proposed = columns.propose(sheet.headings)
        found = {column for column, _ in proposed.values()}
        return pb.UploadAnnualListResponse(
            list=messages.annual_list(stored),
            headings=[
                pb.ProposedHeading(heading=heading, column=column, exact=exact)
                for heading, (column, exact) in proposed.items()
            ],
            columns=[column.heading for column in columns.columns()],
            missing_required=[
                column.heading
                for column in columns.columns()
                if column.required and column.heading not in found
            ],
        )

    @command
    def PreviewAnnualList(
        self, request: pb.PreviewAnnualListRequest, call: Call
    ) -> pb.PreviewAnnualListResponse:
        stored, found = list_usecases.preview_list(
            Registry(call.tx),
            read_uuid("list_id", request.list_id),
            {columns.normal(each.heading): each.column for each in request.mapping},
            caller_of(call),
            now=call.now,
        )
        call.audit(subject_type="annual_list", subject_id=stored.id, errors=len(found.errors))
        return pb.PreviewAnnualListResponse(
            list=messages.annual_list(stored),
            preview_token="" if found.errors else found.token,
            errors=[pb.CellError(**vars(error)) for error in found.errors],
            differences=[messages.difference(each) for each in found.differences],
        )

    @command
    def CommitAnnualList(
        self, request: pb.CommitAnnualListRequest, call: Call
    ) -> pb.CommitAnnualListResponse:
        stored = list_usecases.commit_list(
            Registry(call.tx),
            read_uuid("list_id", request.list_id),
            request.preview_token,
            caller_of(call),
            new_id=call.new_id,
            now=call.now,
        )
        call.audit(subject_type="annual_list", subject_id=stored.id, added=stored.added)
        members = queries.members_of_list(call.tx, stored.id)
        return pb.CommitAnnualListResponse(list=messages.annual_list(stored, members))

    @query
    def ListAnnualLists(
        self, request: pb.ListAnnualListsRequest, call: Call
    ) -> pb.ListAnnualListsResponse:
        wanted = page(request, width=2)
        rows, total = queries.list_annual_lists(
            call.tx,
            call.scope,
            wanted,
            year=request.year,
            status=messages.word_of(pb.ListStatus, request.status),
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        return pb.ListAnnualListsResponse(
            lists=[messages.annual_list(row) for row in rows],
            next_page_token=token_after(instant(rows[-1].uploaded_at), str(rows[-1].id))
            if more
            else "",
            total_size=total,
        )

    @query(transaction=True)
    def GetAnnualList(
        self, request: pb.GetAnnualListRequest, call: Call
    ) -> pb.GetAnnualListResponse:
        list_id = read_uuid("list_id", request.list_id)
        row = queries.find_annual_list(call.tx, list_id)
        if row is None:
            raise ListNotFound(list_id=list_id, field="list_id")
        if not call.scope.admits(region_path=row.region_path, level=row.level):
            raise OutOfScope()
        return pb.GetAnnualListResponse(
            list=messages.annual_list(row, queries.members_of_list(call.tx, list_id))
        )


# --- reading ------------------------------------------------------------------------------------


def _written(call: Call, project_id: Any) -> pb.Project:
    row = queries.find_project(call.tx, project_id)
    assert row is not None
    return messages.project(row)
