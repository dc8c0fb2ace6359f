"""Who leads an order; orders opened again, extended, merged, found and counted, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis.identity import Principal, Scope
from support import desk as people
from support.clocks import at, case_state
from support.desk import A4, B3, D1, D4, D5, Desk
from support.links import alone, witness
from support.servicers import Client, serving
from warning_dispatch import usecases
from warning_dispatch.api import WarningDispatch
from warning_dispatch.domain import (
    CardFinished,
    ExtensionAsked,
    ExtensionTooLate,
    Feedback,
    LeadNotServiceDepartment,
    MergedIntoLesser,
    NoExtension,
    NotResponsible,
    OrderInstructed,
    OrderMerged,
    OrderNotInState,
    OtherProject,
    OwnOrder,
    RequirementMissing,
    TemplateUnknown,
)
from warning_dispatch.store import Ledger
from warning_dispatch.store.tables import escalations
from warning_dispatch.usecases import Caller, Wish

CASE, OTHER = UUID(int=11), UUID(int=12)
CENTRE, LATE, COMPANY = "321181:政务服务", "321181:发改", "91321181000000027K"


@pytest.fixture
def red(desk: Desk) -> Desk:
    """A desk with a case that turned red, and its order."""
    desk.case(case_state(case_id=CASE))
    desk.sweep("2026-10-22 00:30")
    desk.now = at("2026-10-22 10:00")
    return desk


def dispatch(desk: Desk, who: Principal = D4, **more: Any) -> Any:
    wish: dict[str, Any] = {
        "card_id": None,
        "case_id": CASE,
        "project_id": None,
        "lead_org": "",
        "lead_org_name": "",
        "co_orgs": (),
        "subject": "",
        "requirement": "请推办",
        "colour": "",
        "source": "inspection",
        **more,
    }
    with desk.db.begin() as tx:
        caller = Caller(who, Scope.of(who))
        return usecases.dispatch_work_order(Ledger(tx), Wish(**wish), caller, desk.occasion)


def row(desk: Desk, order: UUID) -> Any:
    return next(each for each in desk.orders if each.id == order)


def close(desk: Desk, order: UUID) -> None:
    told = Feedback("department", "加派人手", date(2026, 10, 23), "附件", "局长", desk.now, "a4")
    desk.act(usecases.sign_work_order, order, A4)
    desk.act(usecases.answer_work_order, order, A4, feedback=told)
    desk.act(usecases.check_work_order, order, D4, passed=True, note="属实", statement="")


# --- who leads (article 15) ---------------------------------------------------------------------


def test_what_the_city_dispatches_is_led_by_the_district_and_the_late_body_helps(red: Desk) -> None:
    order = dispatch(red, co_orgs=(COMPANY,))

    assert (order.lead_org, order.co_orgs) == (CENTRE, (COMPANY, LATE))
    red.act(usecases.contribute_to_order, order.id, A4, text="已加派人员", evidence="")
    assert [part["org"] for part in row(red, order.id).parts] == [LATE]
    assert red.act(usecases.sign_work_order, order.id, D1).status == "signed"


def test_the_city_names_no_other_lead_but_a_leader_a_meeting_and_the_district_do(red: Desk) -> None:
    with pytest.raises(LeadNotServiceDepartment):
        dispatch(red, lead_org=LATE)

    for source in ("instruction", "meeting"):
        assert dispatch(red, lead_org=LATE, source=source).lead_org == LATE
    assert dispatch(red, D1, lead_org=LATE).lead_org == LATE


# --- templates -----------------------------------------------------------------------------------


def test_a_template_fills_what_is_empty_and_brings_its_helpers(red: Desk) -> None:
    order = dispatch(red, requirement="", template="T-02")

    assert (order.cause, order.co_orgs) == ("enterprise", (COMPANY, LATE))
    assert order.subject == "企业材料待补齐: 企业投资项目备案"
    assert "示例高性能复合材料项目" in order.requirement
    assert row(red, order.id).cause == "enterprise"
    with pytest.raises(RequirementMissing):
        dispatch(red, requirement="")
    with pytest.raises(TemplateUnknown):
        dispatch(red, requirement="", template="T-99")


# --- opened again ---------------------------------------------------------------------------------


def test_a_closed_order_is_opened_again_with_limits_from_then(red: Desk) -> None:
    order = red.orders[0].id
    close(red, order)
    red.now = at("2026-10-26 09:00")
    with pytest.raises(OwnOrder):
        red.act(usecases.reopen_work_order, order, A4, reason="自行重开")
    red.act(usecases.reopen_work_order, order, D4, reason="企业反映问题未解决")

    again = row(red, order)
    assert (again.status, again.closed_at, again.round) == ("issued", None, 2)
    assert again.feedback_by == at("2026-10-27 17:30")
    assert [step["step"] for step in again.steps][-3:] == ["closed", "reopened", "issued"]
    assert {each.rule for each in red.dues if each.subject_id == order} == {"W-13"}


def test_what_was_ordered_for_a_card_that_was_taken_off_is_not_opened_again(red: Desk) -> None:
    order = red.orders[0]
    red.act(usecases.waive_card, order.card_id, D4, reason="不可抗力")
    with pytest.raises(CardFinished):
        red.act(usecases.reopen_work_order, order.id, D4, reason="再查")
    assert row(red, order.id).status == "closed"


# --- longer limits -----------------------------------------------------------------------------------


def test_a_longer_limit_moves_what_falls_due_and_is_asked_for_once(red: Desk) -> None:
    order = red.orders[0].id
    ask = {"working_days": 2, "reason": "需现场核查"}
    with pytest.raises(NoExtension):
        red.act(usecases.decide_order_extension, order, D4, approved=True, reason="同意")
    red.act(usecases.ask_order_extension, order, A4, **ask)
    with pytest.raises(OwnOrder):
        red.act(usecases.decide_order_extension, order, A4, approved=True, reason="同意")
    red.act(usecases.decide_order_extension, order, D4, approved=True, reason="同意")

    extended = row(red, order)
    assert (extended.feedback_by, extended.close_by) == (
        at("2026-10-27 17:30"),
        at("2026-10-29 17:30"),
    )
    red.sweep("2026-10-26 17:30")
    assert "W-13" not in {card.rule for card in red.cards}
    red.sweep("2026-10-27 17:30")
    assert [c.colour for c in red.cards if c.rule == "W-13"] == ["yellow", "red"]
    with pytest.raises(ExtensionAsked):
        red.act(usecases.ask_order_extension, order, A4, **ask)


def test_a_longer_limit_that_was_refused_or_comes_late_leaves_the_limits(red: Desk) -> None:
    order, before = red.orders[0].id, red.orders[0].feedback_by
    ask = {"working_days": 2, "reason": "需现场核查"}
    with pytest.raises(NotResponsible):
        red.act(usecases.ask_order_extension, order, D1, **ask)
    red.now = at("2026-10-23 17:31")
    with pytest.raises(ExtensionTooLate):
        red.act(usecases.ask_order_extension, order, A4, **ask)
    red.now = at("2026-10-23 10:00")
    red.act(usecases.ask_order_extension, order, A4, **ask)
    red.act(usecases.decide_order_extension, order, D4, approved=False, reason="时间充足")

    assert row(red, order).feedback_by == before
    assert row(red, order).extension["status"] == "rejected"
    assert red.notices[-1].kind == "order_extension_rejected"


# --- duplicates ----------------------------------------------------------------------------------------


def test_a_duplicate_closes_with_a_pointer_and_its_bodies_and_parts_join(red: Desk) -> None:
    kept = red.orders[0].id
    twin = dispatch(red, co_orgs=(COMPANY,)).id
    red.act(usecases.contribute_to_order, twin, A4, text="已核实", evidence="")
    with pytest.raises(OwnOrder):
        red.act(usecases.merge_work_order, twin, B3, into=kept, note="同一事项")
    with pytest.raises(MergedIntoLesser):
        red.act(usecases.merge_work_order, kept, D4, into=twin, note="同一事项")
    red.act(usecases.merge_work_order, twin, D4, into=kept, note="同一事项")

    gone, stays = row(red, twin), row(red, kept)
    assert (gone.status, gone.merged_into) == ("closed", kept)
    assert [step["step"] for step in gone.steps][-2:] == ["merged", "closed"]
    assert (stays.status, stays.co_orgs) == ("issued", [CENTRE, COMPANY])
    assert [part["text"] for part in stays.parts] == ["已核实"]
    with pytest.raises(OrderMerged):
        red.act(usecases.reopen_work_order, twin, D4, reason="再查")


def test_the_answer_to_an_order_closes_the_cards_of_those_that_were_merged_into_it(
    red: Desk,
) -> None:
    late = (CASE, OTHER, UUID(int=13))
    for case_id in late[1:]:
        red.case(case_state(case_id=case_id))
    red.sweep()
    kept, twin, third = (
        next(order.id for order in red.orders if order.case_id == case_id) for case_id in late
    )
    red.act(usecases.merge_work_order, third, D4, into=twin, note="同一事项")
    red.act(usecases.merge_work_order, twin, D4, into=kept, note="同一事项")
    for case_id in late[:2]:
        red.case(case_state(case_id=case_id, version=2, status="decided", decided=red.now))
    close(red, kept)

    by_case = {card.subject_id: card.status for card in red.cards if card.colour == "red"}
    # The third is late still: no answer closes what its rule has not let go.
    assert [by_case[case_id] for case_id in late] == ["closed", "closed", "open"]


def test_orders_of_two_projects_and_closed_ones_are_not_merged(red: Desk) -> None:
    red.case(case_state(case_id=OTHER) | {"project_id": str(UUID(int=8))})
    red.sweep()
    mine = next(each for each in red.orders if each.case_id == CASE).id
    other = next(each for each in red.orders if each.case_id == OTHER).id
    twin = dispatch(red).id

    with pytest.raises(OtherProject):
        red.act(usecases.merge_work_order, mine, D4, into=other, note="同一事项")
    close(red, mine)
    with pytest.raises(OrderNotInState):
        red.act(usecases.merge_work_order, twin, D4, into=mine, note="同一事项")
    assert row(red, twin).status == "issued"


def test_an_instruction_is_answered_by_itself_and_a_merged_order_leaves_the_ladder(
    red: Desk,
) -> None:
    kept = red.orders[0].id
    instructed = dispatch(red, source="instruction", lead_org=LATE).id
    with pytest.raises(OrderInstructed):
        red.act(usecases.merge_work_order, instructed, D4, into=kept, note="同一事项")
    late = dispatch(red).id
    red.sweep("2026-10-28 09:00")
    opened = {row.state["order_id"]: row.status for row in red.rows(escalations)}
    assert opened[str(late)] == "handling"
    red.act(usecases.merge_work_order, late, D4, into=kept, note="同一事项")

    ended = {row.state["order_id"]: row.status for row in red.rows(escalations)}
    assert (ended[str(late)], ended[str(kept)]) == ("closed", "handling")


@pytest.mark.parametrize(("taken_up", "afterwards"), [(False, "closed"), (True, "handling")])
def test_a_withdrawn_order_leaves_the_ladder_unless_somebody_took_it_up(
    red: Desk, taken_up: bool, afterwards: str
) -> None:
    red.sweep("2026-10-26 09:00")
    (matter,) = red.rows(escalations)
    assert matter.state["order_id"] == str(red.orders[0].id)
    if taken_up:
        red.act(usecases.record_tried, matter.id, B3, text="已约谈承办科室")
    red.act(usecases.waive_card, red.card("W-01", "red").id, D5, reason="不可抗力")

    assert [row.status for row in red.rows(escalations)] == [afterwards]
    watched = {row.subject_id for row in red.dues}
    assert (matter.id in watched, red.orders[0].id in watched) == (taken_up, False)


def test_an_official_above_does_the_new_acts_by_directive(red: Desk) -> None:
    order = red.orders[0].id
    red.act(usecases.ask_order_extension, order, A4, working_days=1, reason="需现场核查")
    twin = dispatch(red).id
    given = {
        "username": "d4.city",
        "by": "d4",
        "by_name": "市专班",
        "roles": ["D4"],
        "region_path": "321100",
    }
    for act, subject, arguments in (
        ("decide_extension", order, {"approved": "False", "reason": "时间充足"}),
        ("merge_order", twin, {"into": str(order), "note": "同一事项"}),
        ("sort_card", red.orders[0].card_id, {"cause": "policy", "note": ""}),
        ("ignore_card", red.card("W-01", "yellow").id, {"reason": "已转红牌"}),
    ):
        with red.db.begin() as tx:
            data = {**given, "act": act, "subject_id": str(subject), "arguments": arguments}
            usecases.obey(Ledger(tx), data, red.occasion)

    assert row(red, order).extension["status"] == "rejected"
    assert row(red, twin).merged_into == order
    assert red.card("W-01", "red").cause == "policy"
    assert red.card("W-01", "yellow").status == "ignored"


# --- found and counted -----------------------------------------------------------------------------------


@pytest.fixture
def call(desk: Desk) -> Iterator[Client]:
    servicer = WarningDispatch(
        desk.db, lambda: desk.now, links=alone("321100"), witness=witness("321100")
    )
    everybody = [each for each in vars(people).values() if isinstance(each, Principal)]
    with serving(
        lambda server: pb_grpc.add_WarningDispatchServiceServicer_to_server(servicer, server),
        pb_grpc.WarningDispatchServiceStub,
        pb,
        everybody,
    ) as client:
        yield client


def test_orders_are_counted_per_person_body_and_region(red: Desk, call: Client) -> None:
    first = red.orders[0].id
    dispatch(red)
    red.act(usecases.sign_work_order, first, A4)
    red.act(usecases.handle_work_order, first, A4, handler="李工", note="")
    red.now = at("2026-10-23 18:00")

    def counted(by: int, who: Principal = D4) -> dict[str, tuple[int, int, int]]:
        lines = call(who, "SummariseWorkOrders", by=by).lines
        return {each.key: (each.open, each.overdue, each.due_within_a_day) for each in lines}

    assert counted(pb.SUMMARY_BY_PERSON) == {"李工": (1, 1, 0), "": (1, 1, 0)}
    assert counted(pb.SUMMARY_BY_BODY) == {LATE: (1, 1, 0), CENTRE: (1, 1, 0)}
    assert counted(pb.SUMMARY_BY_REGION) == {"321181113": (2, 2, 0)}
    assert counted(pb.SUMMARY_BY_BODY, people.OTHER_D1) == {}
    (line,) = call(D4, "SummariseWorkOrders", by=pb.SUMMARY_BY_REGION).lines
    assert dict(line.statuses) == {"issued": 1, "handling": 1}
    assert dict(line.colours) == {"red": 1, "yellow": 1}
    assert line.name
    red.now = at("2026-10-22 18:00")
    assert counted(pb.SUMMARY_BY_BODY)[LATE] == (1, 0, 1)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"handler": "李工"}, ["a"]),
        ({"co_org": LATE}, ["b"]),
        ({"region": "321181"}, ["b", "a"]),
        ({"region": "321183"}, []),
        ({"due_before": "2026-10-24"}, ["b", "a"]),
        ({"due_before": "2026-10-23"}, []),
        ({"source": pb.ORDER_SOURCE_INSPECTION}, ["b"]),
        ({"cause": pb.CAUSE_UTILITY}, ["b"]),
        ({"cause": pb.CAUSE_POLICY}, []),
    ],
    ids=str,
)
def test_orders_are_found_by_who_where_when_and_why(
    red: Desk, call: Client, asked: dict[str, Any], found: list[str]
) -> None:
    first = red.orders[0].id
    red.act(usecases.sign_work_order, first, A4)
    red.act(usecases.handle_work_order, first, A4, handler="李工", note="")
    names = {str(first): "a", str(dispatch(red, cause="utility").id): "b"}

    orders = call(D4, "ListWorkOrders", **asked).orders

    assert sorted(names[each.order_id] for each in orders) == sorted(found)


def test_each_helper_is_shown_with_its_kind_and_whose_part_is_missing(
    red: Desk, call: Client
) -> None:
    named = (COMPANY, "321171:市政公用", "321171:中介机构", "321181113:板块")
    order = dispatch(red, co_orgs=named).id
    red.act(usecases.contribute_to_order, order, A4, text="已核实", evidence="")

    shown = call(D4, "GetWorkOrder", order_id=str(order)).order.helping

    assert [(each.kind, each.answered) for each in shown] == [
        (pb.HELPER_KIND_COMPANY, False),
        (pb.HELPER_KIND_UTILITY, False),
        (pb.HELPER_KIND_INTERMEDIARY, False),
        (pb.HELPER_KIND_CARRIER, False),
        (pb.HELPER_KIND_DEPARTMENT, True),
    ]


def test_the_templates_are_listed_and_each_can_be_filled(red: Desk, call: Client) -> None:
    shown = call(D4, "ListOrderTemplates").templates

    for each in shown:
        order = dispatch(red, requirement="", template=each.code)
        assert "{" not in order.subject + order.requirement
    assert len(shown) == len({each.cause for each in shown}) >= 6
