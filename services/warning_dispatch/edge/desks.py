"""The desk 工作台 over gRPC: each heap with its count, the first few and where to go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis import regions
from chassis.rpc import Call, query, to_timestamp
from warning_dispatch.domain import COLOURS, body_name
from warning_dispatch.domain.escalations import STATUS_ZH as MATTER_ZH
from warning_dispatch.domain.people import KIND_ZH, Vacancy
from warning_dispatch.edge.shared import Shared, caller_of
from warning_dispatch.edge.words import value_of
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.desks import Board, Heap, read_desk

Row = sa.Row[Any]


class Desks(Shared):
    @query
    def GetDesk(self, request: pb.GetDeskRequest, call: Call) -> pb.GetDeskResponse:
        desk = read_desk(Ledger(call.tx), caller_of(call), call.now)
        return pb.GetDeskResponse(
            side=value_of(pb.DeskSide, desk.side),
            parts=[_part(heap) for heap in desk.heaps],
            figures=list(_figures(desk.board)),
            as_of=to_timestamp(call.now),
        )


def _part(heap: Heap) -> pb.DeskPart:
    part = heap.part
    return pb.DeskPart(
        key=part.key,
        title_zh=part.title_zh,
        title_en=part.title_en,
        count=heap.count,
        first=[
            *(_ITEMS[_kind(part.key)](row) for row in heap.rows),
            *(_vacancy(each) for each in heap.vacancies),
        ],
        path=part.path,
    )


def _kind(key: str) -> str:
    if key.startswith("orders") or key == "inspections":
        return "orders"
    return key if key in _ITEMS else "matters"


def _card(row: Row) -> pb.DeskItem:
    return pb.DeskItem(
        id=str(row.id),
        title=f"{row.rule} {row.item_name or row.project_name}",
        project_name=row.project_name,
        body_name=row.org_name,
        status=row.status,
        colour=value_of(pb.Colour, row.colour),
        due_at=to_timestamp(row.due_moment),
        path=f"/v1/cards/{row.id}",
    )


def _order(row: Row) -> pb.DeskItem:
    return pb.DeskItem(
        id=str(row.id),
        title=f"{row.number} {row.subject}",
        project_name=row.project_name,
        body_name=row.lead_org_name,
        status=row.status,
        colour=value_of(pb.Colour, row.colour),
        due_at=to_timestamp(row.close_by),
        path=f"/v1/work-orders/{row.id}",
    )


def _matter(row: Row) -> pb.DeskItem:
    return pb.DeskItem(
        id=str(row.id),
        title=f"{row.number} {row.state['subject']}",
        project_name=row.state["project_name"],
        status=row.status,
        note_zh=f"{row.rung} {MATTER_ZH[row.status]}",
        note_en=f"{row.rung} {row.status}",
        due_at=to_timestamp(row.due_at),
        path=f"/v1/escalations/{row.id}",
    )


def _meeting(row: Row) -> pb.DeskItem:
    return pb.DeskItem(
        id=str(row.id),
        title=row.subject,
        project_name=row.project_name,
        status=row.status,
        note_zh=row.place,
        note_en=row.place,
        due_at=to_timestamp(row.meets_at),
        path=f"/v1/joint-reviews/{row.id}",
    )


def _push(row: Row) -> pb.DeskItem:
    return pb.DeskItem(
        id=str(row.id),
        title=f"{row.number} {row.subject}",
        project_name=row.project_name,
        status=row.status,
        note_zh=row.place,
        note_en=row.place,
        due_at=to_timestamp(row.planned_at),
        path=f"/v1/pushes/{row.id}",
    )


_ITEMS: dict[str, Callable[[Row], pb.DeskItem]] = {
    "cards": _card,
    "orders": _order,
    "matters": _matter,
    "meetings": _meeting,
    "pushes": _push,
}


def _vacancy(vacant: Vacancy) -> pb.DeskItem:
    place = body_name(vacant.body) if vacant.body else regions.name(vacant.region)
    return pb.DeskItem(
        id=f"{vacant.body or vacant.region}",
        title=f"{place} {KIND_ZH[vacant.kind]}",
        body_name=place,
        status=vacant.kind,
        path=f"/v1/vacancies?region={vacant.region}",
    )


def _figures(board: Board) -> Iterator[pb.DeskFigure]:
    def figure(
        key: str, zh: str, en: str, value: int, of: int = 0, name: str = ""
    ) -> pb.DeskFigure:
        return pb.DeskFigure(key=key, name=name, title_zh=zh, title_en=en, value=value, of=of)

    for colour in COLOURS:
        count = board.by_colour.get(colour, 0)
        yield figure("cards_by_colour", "在亮红黄牌", "cards that are live", count, name=colour)
    for stage, count in sorted(board.by_stage.items()):
        yield figure("projects_by_stage", "在建项目环节", "active projects", count, name=stage)
    for pool, count in sorted(board.by_pool.items()):
        yield figure("projects_by_pool", "四库项目", "active projects", count, name=pool)
    yield figure(
        "logs_overdue", "帮办日志逾期项目", "projects whose log is overdue", board.logs_overdue
    )
    yield figure(
        "matters_overdue", "超期未办结难点问题", "matters past their limit", board.matters_overdue
    )
    yield figure(
        "orders_answered_in_time",
        "近 90 日工单按时反馈",
        "orders answered in time, 90 days",
        board.answered_in_time,
        board.answered,
    )
