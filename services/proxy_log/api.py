"""The gRPC edge: decode, one use case, encode."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from google.api import httpbody_pb2
from google.protobuf import timestamp_pb2
from kaigong.proxy_log.v1 import proxy_log_pb2 as pb
from kaigong.proxy_log.v1 import proxy_log_pb2_grpc as pb_grpc

from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import FieldInvalid
from chassis.events import instant
from chassis.objects import ObjectStore
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from proxy_log import queries, usecases
from proxy_log.domain import AGENT, Log, Served
from proxy_log.pictures import read_picture
from proxy_log.store import Diary

_KINDS = {"visit": 1, "window": 2, "online": 3, "phone": 4}
_KIND_NAMES = {number: name for name, number in _KINDS.items()}
_SUBJECTS = {1: "case", 2: "work_order", 3: AGENT}
_SUBJECT_NUMBERS: dict[str, Any] = {name: number for number, name in _SUBJECTS.items()}
_CHANGEABLE: tuple[Literal["work", "next_step", "problem", "internal_note"], ...] = (
    "work",
    "next_step",
    "problem",
    "internal_note",
)


class ProxyLog(pb_grpc.ProxyLogServiceServicer):
    def __init__(self, db: Database, now: Clock, objects: ObjectStore) -> None:
        self.db, self.now, self.objects = db, now, objects

    @command
    def AssignAgents(self, request: pb.AssignAgentsRequest, call: Call) -> pb.AssignAgentsResponse:
        assignment = usecases.assign_agents(
            Diary(call.tx),
            read_uuid("project_id", request.project_id),
            request.main,
            list(request.backups),
            scope=call.scope,
            by=call.principal.account_id,
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(
            subject_type="project", subject_id=assignment.project_id, agents=[*assignment.agents]
        )
        return pb.AssignAgentsResponse(
            agents=_agents(call.tx, assignment.agents), version=assignment.version
        )

    @query(transaction=True)
    def GetAgents(self, request: pb.GetAgentsRequest, call: Call) -> pb.GetAgentsResponse:
        project_id = read_uuid("project_id", request.project_id)
        row = queries.get_project(call.tx, project_id, call.scope)
        return pb.GetAgentsResponse(
            agents=_agents(call.tx, tuple(row.agents)), version=row.assignment_version
        )

    @command
    def FileLog(self, request: pb.FileLogRequest, call: Call) -> pb.FileLogResponse:
        located = request.HasField("location")
        log = Log(
            id=call.new_id(),
            project_id=read_uuid("project_id", request.project_id),
            case_id=read_uuid("case_id", request.case_id) if request.case_id else None,
            kind=_KIND_NAMES[request.kind],
            agent=call.principal.account_id,
            agent_name=call.principal.name,
            worked_on=read_date("worked_on", request.worked_on),
            work=request.work,
            next_step=request.next_step,
            problem=request.problem,
            needs_coordination=request.needs_coordination,
            internal_note=request.internal_note,
            companions=request.companions,
            latitude=request.location.latitude if located else None,
            longitude=request.location.longitude if located else None,
            filed_at=call.now,
        )
        usecases.file_log(Diary(call.tx), log, scope=call.scope, now=call.now)
        call.audit(subject_type="log", subject_id=log.id)
        return pb.FileLogResponse(log=_read_log(call, log))

    @command
    def ChangeLog(self, request: pb.ChangeLogRequest, call: Call) -> pb.ChangeLogResponse:
        log = usecases.change_log(
            Diary(call.tx),
            read_uuid("log_id", request.log_id),
            {name: getattr(request, name) for name in _CHANGEABLE if request.HasField(name)},
            scope=call.scope,
            by=call.principal.account_id,
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="log", subject_id=log.id)
        return pb.ChangeLogResponse(log=_read_log(call, log))

    @command
    def ApproveLog(self, request: pb.ApproveLogRequest, call: Call) -> pb.ApproveLogResponse:
        log = usecases.approve_log(
            Diary(call.tx),
            read_uuid("log_id", request.log_id),
            scope=call.scope,
            by=call.principal.account_id,
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="log", subject_id=log.id)
        return pb.ApproveLogResponse(log=_read_log(call, log))

    @command
    def AddPhoto(self, request: pb.AddPhotoRequest, call: Call) -> pb.AddPhotoResponse:
        content = request.file.data
        picture = read_picture(content)
        photo_id = call.new_id()
        log_id = read_uuid("log_id", request.log_id)
        key = f"logs/{log_id}/{photo_id}"
        row = {
            "id": photo_id,
            "object_key": key,
            "thumbnail_key": f"{key}.small",
            "media_type": picture.media_type,
            "bytes": len(content),
            "width": picture.width,
            "height": picture.height,
            "sha256": picture.sha256,
            "taken_at": picture.taken_at,
            "latitude": picture.latitude,
            "longitude": picture.longitude,
        }
        usecases.add_photo(
            Diary(call.tx),
            log_id,
            row,
            scope=call.scope,
            by=call.principal.account_id,
            now=call.now,
        )
        # Before the commit: a row never dangles. What a failed commit leaves is an orphan object.
        self.objects.put(key, content)
        self.objects.put(f"{key}.small", picture.thumbnail)
        call.audit(subject_type="log", subject_id=log_id, photo=str(photo_id))
        return pb.AddPhotoResponse(photo=_photo(Diary(call.tx).photo(log_id, photo_id)))

    @query(transaction=True)
    def GetPhoto(self, request: pb.GetPhotoRequest, call: Call) -> httpbody_pb2.HttpBody:
        log_id = read_uuid("log_id", request.log_id)
        queries.get_log(call.tx, log_id, call.scope)
        row = Diary(call.tx).photo(log_id, read_uuid("photo_id", request.photo_id))
        call.audit(subject_type="photo", subject_id=row.id)
        if request.thumbnail:
            return httpbody_pb2.HttpBody(
                content_type="image/jpeg", data=self.objects.get(row.thumbnail_key)
            )
        return httpbody_pb2.HttpBody(
            content_type=row.media_type, data=self.objects.get(row.object_key)
        )

    @query(transaction=True)
    def GetLog(self, request: pb.GetLogRequest, call: Call) -> pb.GetLogResponse:
        log_id = read_uuid("log_id", request.log_id)
        row = queries.get_log(call.tx, log_id, call.scope)
        return pb.GetLogResponse(log=_logs(call, [row])[0])

    @query(transaction=True)
    def ListLogs(self, request: pb.ListLogsRequest, call: Call) -> pb.ListLogsResponse:
        asked = page(request, width=2)
        since = read_date("from", getattr(request, "from")) if getattr(request, "from") else None
        until = read_date("to", request.to) if request.to else None
        if since and until and until < since:
            raise FieldInvalid(
                field="to", zh_why="不能早于 from", en_why="must not be before `from`"
            )
        rows = queries.list_logs(
            call.tx, call.scope, asked, agent=request.agent, since=since, until=until
        )
        return pb.ListLogsResponse(
            logs=_logs(call, rows[: asked.size]), next_page_token=_next(rows, asked.size)
        )

    @query(transaction=True)
    def ListProjectLogs(
        self, request: pb.ListProjectLogsRequest, call: Call
    ) -> pb.ListProjectLogsResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.get_project(call.tx, project_id, call.scope)
        asked = page(request, width=2)
        rows = queries.list_logs(call.tx, call.scope, asked, project_id=project_id)
        return pb.ListProjectLogsResponse(
            logs=_logs(call, rows[: asked.size]), next_page_token=_next(rows, asked.size)
        )

    @command
    def RateService(self, request: pb.RateServiceRequest, call: Call) -> pb.RateServiceResponse:
        rating = usecases.rate_service(
            Diary(call.tx),
            call.new_id(),
            Served(
                _SUBJECTS[request.subject_type],
                request.subject_id,
                read_uuid("project_id", request.project_id),
                "",
            ),
            request.score,
            request.comment,
            companies=call.principal.companies,
            scope=call.scope,
            by=call.principal.account_id,
            now=call.now,
        )
        call.audit(subject_type="rating", subject_id=rating.id, score=rating.score)
        return pb.RateServiceResponse(rating=_rating(queries.find_rating(call.tx, rating.id)))

    @command
    def ContactRater(self, request: pb.ContactRaterRequest, call: Call) -> pb.ContactRaterResponse:
        rating = usecases.contact_rater(
            Diary(call.tx),
            read_uuid("rating_id", request.rating_id),
            request.finding,
            scope=call.scope,
            by=call.principal.account_id,
            by_name=call.principal.name,
            expected_version=request.expected_version,
            now=call.now,
        )
        call.audit(subject_type="rating", subject_id=rating.id)
        return pb.ContactRaterResponse(rating=_rating(queries.find_rating(call.tx, rating.id)))

    @query(transaction=True)
    def ListRatings(self, request: pb.ListRatingsRequest, call: Call) -> pb.ListRatingsResponse:
        asked = page(request, width=2)
        rows = queries.list_ratings(
            call.tx,
            call.scope,
            asked,
            project_id=read_uuid("project_id", request.project_id) if request.project_id else None,
            bad=request.bad,
            open_only=request.waiting,
        )
        given, token = rows[: asked.size], ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].first_rated_at), str(given[-1].id))
        averages = queries.rating_averages(call.tx, call.scope)
        people = queries.names(call.tx, [each.who for each in averages if each.of_agent])
        return pb.ListRatingsResponse(
            ratings=[_rating(row) for row in given],
            next_page_token=token,
            averages=[
                pb.RatingAverage(
                    org="" if each.of_agent else each.who,
                    agent=each.who if each.of_agent else "",
                    agent_name=people.get(each.who, "") if each.of_agent else "",
                    average=f"{each.average:.1f}",
                    count=each.sample,
                )
                for each in averages
            ],
        )


def _rating(row: sa.Row[Any]) -> pb.Rating:
    return pb.Rating(
        rating_id=str(row.id),
        version=row.version,
        subject_type=_SUBJECT_NUMBERS[row.subject_type],
        subject_id=row.subject_id,
        project_id=str(row.project_id),
        project_name=row.project_name,
        org=row.org,
        score=row.score,
        comment=row.comment,
        rated_at=to_timestamp(row.rated_at),
        contacted_at=to_timestamp(row.contacted_at),
        contacted_by_name=row.contacted_by_name,
        finding=row.finding,
    )


def _next(rows: list[sa.Row[Any]], size: int) -> str:
    return token_after(*queries.sort_key(rows[size - 1])) if len(rows) > size else ""


def _agents(tx: sa.Connection, account_ids: tuple[str, ...]) -> list[pb.Agent]:
    names = queries.names(tx, list(account_ids))
    return [
        pb.Agent(account_id=each, name=names.get(each, ""), main=position == 0)
        for position, each in enumerate(account_ids)
    ]


def _read_log(call: Call, log: Log) -> pb.Log:
    return _logs(call, [queries.get_log(call.tx, log.id, call.scope)])[0]


def _logs(call: Call, rows: list[sa.Row[Any]]) -> list[pb.Log]:
    pictures = queries.photos_of(call.tx, [row.id for row in rows])
    inside = not call.principal.has_role("E1", "E2")
    return [_log(row, pictures.get(row.id, []), inside=inside) for row in rows]


def _log(row: sa.Row[Any], pictures: list[sa.Row[Any]], *, inside: bool) -> pb.Log:
    return pb.Log(
        log_id=str(row.id),
        version=row.version,
        project_id=str(row.project_id),
        project_name=row.project_name,
        case_id=str(row.case_id or ""),
        kind=_KINDS[row.kind],  # type: ignore[arg-type]
        agent=row.agent,
        agent_name=row.agent_name,
        worked_on=row.worked_on.isoformat(),
        work=row.work,
        next_step=row.next_step,
        problem=row.problem,
        needs_coordination=row.needs_coordination,
        internal_note=row.internal_note if inside else "",
        companions=row.companions,
        location=_location(row),
        filed_at=to_timestamp(row.filed_at),
        approved_by=row.approved_by,
        photos=[_photo(each) for each in pictures],
        changes=[
            _change(each) for each in row.changes if inside or each["field"] != "internal_note"
        ],
    )


def _change(body: dict[str, str]) -> pb.LogChange:
    at = timestamp_pb2.Timestamp()
    at.FromJsonString(body["at"])
    return pb.LogChange(at=at, by=body["by"], field=body["field"], old=body["old"], new=body["new"])


def _location(row: sa.Row[Any]) -> pb.Location | None:
    if row.latitude is None or row.longitude is None:
        return None
    return pb.Location(latitude=row.latitude, longitude=row.longitude)


def _photo(row: sa.Row[Any]) -> pb.Photo:
    return pb.Photo(
        photo_id=str(row.id),
        **{
            name: getattr(row, name)
            for name in ("media_type", "bytes", "width", "height", "sha256", "taken_at")
        },
        location=_location(row),
        added_at=to_timestamp(row.added_at),
    )
