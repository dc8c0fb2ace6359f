"""Changes of the library 动态管理 over gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from google.protobuf import json_format
from kaigong.project_registry.v1 import project_registry_pb2 as pb

from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import PageTokenInvalid
from chassis.events import instant, read_instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_uuid, to_timestamp
from project_registry.api import messages
from project_registry.api.callers import caller_of
from project_registry.domain.dynamics import Asked, ChangeRequest
from project_registry.domain.projects import Project
from project_registry.store import Registry
from project_registry.usecases import dynamics as acts
from project_registry.usecases.projects import refuse_unknown_fields


class Dynamics:
    db: Database
    now: Clock

    @command
    def AskProjectChange(
        self, request: pb.AskProjectChangeRequest, call: Call
    ) -> pb.AskProjectChangeResponse:
        refuse_unknown_fields(request.fields, (*messages.FIELDS, "attributes"))
        change = acts.ask_change(
            Registry(call.tx),
            call.new_id(),
            Asked(
                kind=messages.word_of(pb.ProjectChangeKind, request.kind),
                project_id=(
                    read_uuid("project_id", request.project_id) if request.project_id else None
                ),
                details=_kept(request.details) if request.HasField("details") else None,
                fields=tuple(request.fields),
                other_ids=tuple(
                    read_uuid(f"other_ids[{place}]", each)
                    for place, each in enumerate(request.other_ids)
                ),
                parts=tuple(_kept(each) for each in request.parts),
            ),
            _READING,
            caller_of(call, reason=request.reason),
            companies=call.principal.companies,
            now=call.now,
        )
        return pb.AskProjectChangeResponse(change=_audited(change, call))

    @command
    def DecideProjectChange(
        self, request: pb.DecideProjectChangeRequest, call: Call
    ) -> pb.DecideProjectChangeResponse:
        change = acts.decide_change(
            Registry(call.tx),
            read_uuid("change_id", request.change_id),
            request.approved,
            request.note,
            _READING,
            caller_of(call),
            new_id=call.new_id,
            now=call.now,
        )
        return pb.DecideProjectChangeResponse(change=_audited(change, call))

    @query(transaction=True)
    def ListProjectChanges(
        self, request: pb.ListProjectChangesRequest, call: Call
    ) -> pb.ListProjectChangesResponse:
        wanted = page(request, width=2)
        found = Registry(call.tx).changes.listed(
            call.scope,
            size=wanted.size + 1,
            after=_place(*wanted.after) if wanted.after else None,
            project_id=read_uuid("project_id", request.project_id) if request.project_id else None,
            status=messages.word_of(pb.ProjectChangeStatus, request.status),
        )
        given, token = found[: wanted.size], ""
        if len(found) > len(given):
            token = token_after(instant(given[-1].asked_at), str(given[-1].id))
        return pb.ListProjectChangesResponse(
            changes=[_told(each) for each in given], next_page_token=token
        )

    @command
    def CarryOverProjects(
        self, request: pb.CarryOverProjectsRequest, call: Call
    ) -> pb.CarryOverProjectsResponse:
        found = acts.carry_over(
            Registry(call.tx),
            request.year,
            caller_of(call, reason=request.reason),
            dry_run=request.dry_run,
            now=call.now,
        )
        call.audit(
            subject_type="year",
            subject_id=str(request.year),
            carried=0 if request.dry_run else len(found.carried),
        )
        return pb.CarryOverProjectsResponse(
            year=request.year + 1,
            carried=[_carried(each) for each in found.carried],
            left=[_carried(each, why) for each, why in found.left],
        )


def _kept(details: pb.ProjectDetails) -> dict[str, Any]:
    return json_format.MessageToDict(details, preserving_proto_field_name=True)


def _details(told: Mapping[str, Any]) -> pb.ProjectDetails:
    return json_format.ParseDict(dict(told), pb.ProjectDetails())


def _fields(told: Mapping[str, Any], names: tuple[str, ...] | None) -> dict[str, Any]:
    wanted = messages.FIELDS if names is None else [each for each in names if each != "attributes"]
    return messages.said(_details(told), wanted)


_READING = acts.Reading(_fields, lambda told: dict(_details(told).attributes))


def _audited(change: ChangeRequest, call: Call) -> pb.LibraryChange:
    call.audit(
        subject_type="project_change",
        subject_id=change.id,
        kind=change.asked.kind,
        status=change.status,
        project=str(change.asked.project_id or ""),
        made=[str(each) for each in change.made],
    )
    return _told(change)


def _told(change: ChangeRequest) -> pb.LibraryChange:
    asked = change.asked
    return pb.LibraryChange(
        change_id=str(change.id),
        kind=messages.value_of(pb.ProjectChangeKind, asked.kind),
        status=messages.value_of(pb.ProjectChangeStatus, change.status),
        project_id=str(asked.project_id or ""),
        project_name=change.project_name,
        details=_details(asked.details) if asked.details is not None else None,
        fields=asked.fields,
        other_ids=[str(each) for each in asked.other_ids],
        parts=[_details(each) for each in asked.parts],
        reason=change.reason,
        asked_by=change.asked_by,
        asked_by_name=change.asked_by_name,
        asked_at=to_timestamp(change.asked_at),
        decided_by=change.decided_by,
        decided_by_name=change.decided_by_name,
        decided_at=to_timestamp(change.decided_at) if change.decided_at else None,
        note=change.note,
        made=[str(each) for each in change.made],
    )


def _carried(project: Project, left: str = "") -> pb.CarriedProject:
    return pb.CarriedProject(
        project_id=str(project.id), name=project.details.name, stage=project.stage, left=left
    )


def _place(at: object, change_id: object) -> tuple[Any, UUID]:
    try:
        return read_instant(str(at)), UUID(str(change_id))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error
