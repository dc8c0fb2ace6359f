"""What waits on each desk, and only there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import docx
import pytest
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.events import instant
from chassis.identity import Principal
from support import desk as people
from support.clocks import at, case_state, project_state
from support.desk import Desk, person
from support.links import alone, witness
from support.servicers import Client, serving
from warning_dispatch import usecases
from warning_dispatch.api import WarningDispatch
from warning_dispatch.store import Ledger

D2 = person("d2.danyang", "D2")
D3 = person("d3.danyang", "D3")
D6 = person("d6.city", "D6", region_path="321100")
OTHER_D2 = person("d2.jurong", "D2", region_path="321100/321183")
EVERYBODY = [
    *(each for each in vars(people).values() if isinstance(each, Principal)),
    *(D2, D3, D6, OTHER_D2),
]
PROJECT = UUID(int=7)


@pytest.fixture
def call(desk: Desk) -> Iterator[Client]:
    servicer = WarningDispatch(
        desk.db, lambda: desk.now, links=alone("321100"), witness=witness("321100")
    )
    with serving(
        lambda server: pb_grpc.add_WarningDispatchServiceServicer_to_server(servicer, server),
        pb_grpc.WarningDispatchServiceStub,
        pb,
        EVERYBODY,
    ) as client:
        desk.project(project_state(project_id=PROJECT))
        yield client


def heaps(call: Client, who: Principal) -> dict[str, Any]:
    return {part.key: part for part in call(who, "GetDesk").parts}


def counts(call: Client, who: Principal) -> dict[str, int]:
    return {key: part.count for key, part in heaps(call, who).items() if part.count}


def figures(call: Client, who: Principal) -> dict[tuple[str, str], tuple[int, int]]:
    found = call(who, "GetDesk").figures
    return {(each.key, each.name): (each.value, each.of) for each in found}


def review(**more: Any) -> dict[str, Any]:
    return {
        "review_id": str(UUID(int=5)),
        "project_id": str(PROJECT),
        "project_name": "示例高性能复合材料项目",
        "region_path": "321100/321181/321181113",
        "level": "市级",
        "agents": ["b1"],
        "subject": "用地会办",
        "place": "市政务中心 301",
        "meets_at": instant(at("2026-10-12 09:30")),
        "invitations": [{"org": "321181:发改"}],
        **more,
    }


def submitted(desk: Desk, call: Client, *, report: bool = False) -> Iterator[Any]:
    """Return a matter that the district reported up: an application, or a special report."""
    opened = call(
        people.D1, "OpenEscalation", project_id=str(PROJECT), subject="跨市道路", problem="用地手续"
    ).escalation
    one = {"escalation_id": opened.escalation_id}
    call(people.D1, "RecordTried", text="区级会商未果", **one)
    if report:
        drafted = call(D3, "WriteServiceReport", title="服务专报", text="概况、问题、建议", **one)
    else:
        drafted = call(
            people.D1, "DraftEscalation", crosses=[pb.CROSSING_LEVEL], wanted="请市级协调", **one
        )
    words = drafted.escalation.content_sha256
    yield drafted.escalation
    yield desk.act(
        usecases.sign_escalation,
        UUID(opened.escalation_id),
        D2,
        method="electronic",
        document="",
        sha256=words,
        note="",
    )
    yield call(D3 if report else people.D1, "SubmitEscalation", **one).escalation


def test_a_card_waits_until_it_has_an_order_and_its_answer_until_it_is_checked(
    desk: Desk, call: Client
) -> None:
    desk.case(case_state(case_id=UUID(int=11)))
    desk.sweep("2026-10-19 00:30")
    desk.now = at("2026-10-19 10:00")
    cards = [card for card in desk.cards if card.subject_id == UUID(int=11)]
    undecided = heaps(call, people.D4)["cards"]

    assert [card.colour for card in cards] == ["yellow"]
    assert not [each for each in desk.orders if each.case_id == UUID(int=11)]
    assert str(cards[0].id) in {each.id for each in undecided.first}
    assert undecided.first[0].path.startswith("/v1/cards/")
    made = call(people.D4, "DispatchWorkOrder", card_id=str(cards[0].id), requirement="请限时办结")
    after = heaps(call, people.D4)["cards"]
    assert after.count == undecided.count - 1
    one = {"order_id": made.order.order_id}
    call(people.B3, "SignWorkOrder", **one)
    call(
        people.B3,
        "AnswerWorkOrder",
        cause=pb.CAUSE_DEPARTMENT,
        measures="已加班办理",
        completion_date="2026-10-20",
        evidence="记录",
        signer_name="示例",
        **one,
    )
    assert heaps(call, people.D4)["orders_to_check"].first[0].id == made.order.order_id
    assert figures(call, people.D1)[("orders_answered_in_time", "")] == (1, 1)
    # The district answers here, and checks nobody; the other district has nothing to do with it.
    for each in (people.D1, people.OTHER_D1):
        assert "orders_to_check" not in counts(call, each)


def test_an_application_passes_over_the_desks_of_those_who_have_to_act(
    desk: Desk, call: Client
) -> None:
    steps = submitted(desk, call)
    next(steps)
    assert counts(call, D2) == {"to_sign": 1}
    next(steps)
    assert counts(call, D2) == {"to_report": 1}
    matter = next(steps)
    assert counts(call, people.D4)["applications"] == 1
    assert counts(call, D2) == {"reported": 1}
    (item,) = heaps(call, people.D1)["reported"].first
    assert item.note_zh == "L3 已上报待受理"
    assert counts(call, OTHER_D2) == {}
    one = {"escalation_id": matter.escalation_id}
    call(people.D4, "AcceptEscalation", **one)
    call(people.D4, "CloseEscalation", conclusion="已协调一致", cause=pb.CAUSE_SUPERIOR, **one)
    (item,) = heaps(call, people.D1)["reported"].first
    assert item.note_zh == "L3 已办结"
    desk.now += timedelta(days=31)
    assert "reported" not in counts(call, people.D1)


def test_a_special_report_is_drafted_by_the_government_and_read_by_the_vice_mayor(
    desk: Desk, call: Client
) -> None:
    steps = submitted(desk, call, report=True)
    next(steps)
    assert counts(call, D3) == {"to_sign": 1, "reports": 1}
    assert counts(call, D6) == {}
    next(steps)
    matter = next(steps)
    assert heaps(call, D6)["bulletins"].first[0].id == matter.escalation_id
    assert counts(call, D3) == {"reports": 1, "reported": 1}


def test_meetings_are_on_the_desk_until_they_are_concluded_in_whatever_order_it_is_heard(
    desk: Desk, call: Client
) -> None:
    with desk.db.begin() as tx:
        Ledger(tx).desks.keep_meeting(review(), version=1)
    (item,) = heaps(call, people.D4)["meetings"].first
    assert (item.title, item.note_zh) == ("用地会办", "市政务中心 301")
    with desk.db.begin() as tx:
        Ledger(tx).desks.end_meeting(review(), "concluded", version=3, at=desk.now)
        Ledger(tx).desks.keep_meeting(review(), version=2)
    assert "meetings" not in counts(call, people.D4)
    other = {"review_id": str(UUID(int=6))}
    with desk.db.begin() as tx:
        Ledger(tx).desks.end_meeting(review(**other), "cancelled", version=2, at=desk.now)
        Ledger(tx).desks.keep_meeting(review(**other), version=1)
    assert "meetings" not in counts(call, people.D1)


def test_an_inspection_is_an_order_on_the_desk_of_those_who_assess(call: Client) -> None:
    call(
        people.K1,
        "DispatchWorkOrder",
        project_id=str(PROJECT),
        co_orgs=["321181:发改"],
        requirement="请提供台账备查",
        subject="半年抽查",
        source=pb.ORDER_SOURCE_INSPECTION,
    )

    assert heaps(call, people.K1)["inspections"].count == 1
    assert heaps(call, people.D4)["inspections"].first[0].body_name


def test_the_board_counts_what_is_in_the_territory(desk: Desk, call: Client) -> None:
    desk.project(project_state(project_id=UUID(int=8), level="区级", stage="S2", pool="signed"))
    desk.case(case_state(case_id=UUID(int=11)))
    desk.sweep("2026-10-22 00:30")
    district, city, other = (figures(call, who) for who in (D3, people.D4, OTHER_D2))

    assert district[("projects_by_stage", "S4")] == (1, 0)
    assert district[("projects_by_stage", "S2")] == (1, 0)
    assert ("projects_by_stage", "S2") not in city
    assert district[("cards_by_colour", "red")][0] >= 1
    assert district[("logs_overdue", "")] == (2, 0)
    assert other[("cards_by_colour", "red")] == (0, 0)
    assert not any(key == "projects_by_stage" for key, _ in other)


def test_whoever_has_no_board_has_no_desk(call: Client) -> None:
    assert call.refused(people.E1, "GetDesk").reason == "NOT_YOUR_ROLE"
    assert call.refused(people.A2, "GetDesk").reason == "NOT_YOUR_ROLE"


def test_the_special_report_is_a_letter_for_those_it_concerns(desk: Desk, call: Client) -> None:
    steps = submitted(desk, call, report=True)
    one = {"escalation_id": next(steps).escalation_id}
    draft = text_of(call(D3, "DownloadServiceReport", **one))
    next(steps)
    signed = text_of(call(D2, "DownloadServiceReport", **one))
    district = call.refused(people.D1, "DownloadServiceReport", **one)
    elsewhere = call.refused(OTHER_D2, "DownloadServiceReport", **one)
    other = call(
        people.D1, "OpenEscalation", project_id=str(PROJECT), subject="接电", problem="容量"
    ).escalation
    none = call.refused(D3, "DownloadServiceReport", escalation_id=other.escalation_id)

    assert "(待签字)" in draft
    assert "示例高性能复合材料项目" in draft
    assert "(待签字)" not in signed
    assert "d2.danyang" in signed
    assert district.reason == "NOT_YOUR_ROLE"
    assert elsewhere.reason == "OUT_OF_SCOPE"
    assert none.reason == "REPORT_MISSING"


def text_of(body: Any) -> str:
    document = docx.Document(io.BytesIO(body.data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(each.text for each in document.paragraphs), *cells])
