"""From the events of others to cards, orders and notices, on a real database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from chassis.db import Database
from chassis.errors import DomainError, OutOfScope, Stale
from chassis.identity import Scope
from chassis.ids import new_id
from support.clocks import at, case_state, happening, project_state, published_calendar
from support.desk import A4, B3, D1, D4, D5, E1, OTHER_A4, OTHER_D1, OTHER_E1, Desk
from support.servers import Databases
from warning_dispatch import usecases
from warning_dispatch.domain import (
    CardNotRectified,
    CityCentreOnly,
    Feedback,
    LevelChange,
    NotResponsible,
    OrderUnderWay,
    OwnCard,
    OwnOrder,
    Revision,
    StatementMissing,
)
from warning_dispatch.store import Ledger
from warning_dispatch.store.tables import case_copies, dues
from warning_dispatch.usecases import Caller, Wish
from warning_dispatch.usecases.occasion import get_yardstick

CASE = UUID(int=11)


def state(**more: Any) -> dict[str, Any]:
    return case_state(case_id=CASE, **more)


def held(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.rule, row.colour, row.status) for row in desk.cards]


# --- cards rise at their moment -----------------------------------------------------------------


def test_nothing_is_raised_before_its_moment_and_all_of_it_at_its_moment(desk: Desk) -> None:
    desk.case(state())

    desk.sweep("2026-10-19 00:29")
    assert desk.cards == []
    desk.sweep("2026-10-19 00:30")
    assert held(desk) == [("W-01", "yellow", "open")]
    desk.sweep("2026-10-22 00:30")
    assert held(desk)[1] == ("W-01", "red", "open")
    assert desk.card("W-01", "red").issued_at == at("2026-10-22 00:30")


def test_what_a_jump_passes_over_happens_in_the_order_of_its_moments(desk: Desk) -> None:
    """Three cases accepted on different days, and one jump of six weeks."""
    for accepted in ("2026-10-13", "2026-10-08", "2026-10-09"):
        desk.case(case_state(accepted=accepted))

    desk.sweep("2026-11-20 08:00", batch=2)

    cards = [event.data["card"] for event in desk.published() if event.type == "card_issued.v1"]
    moments = [card["due_moment"] for card in cards]
    assert len(moments) == 12
    assert moments == sorted(moments)
    assert {card["issued_at"] for card in cards} == {"2026-11-20T00:00:00.000000Z"}


def test_a_card_is_raised_once_however_often_the_sweep_runs(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-22 00:30")
    before = desk.cards

    desk.sweep()
    desk.case(state(version=2))
    desk.sweep()

    assert [row.id for row in desk.cards] == [row.id for row in before]
    assert len(desk.orders) == 1


def test_how_late_a_sweep_was_for_a_card_is_measured(desk: Desk) -> None:
    desk.case(state())
    before = {
        name: REGISTRY.get_sample_value(f"card_late_seconds_{name}") or 0.0
        for name in ("count", "sum")
    }

    desk.sweep("2026-10-19 00:34")

    assert REGISTRY.get_sample_value("card_late_seconds_count") == before["count"] + 1
    assert REGISTRY.get_sample_value("card_late_seconds_sum") == before["sum"] + 240


def test_a_new_version_of_a_rule_does_not_raise_old_cards_again(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-19 00:30")
    body = next(body for body in usecases.shipped_rules() if body["code"] == "W-01")
    with desk.db.begin() as tx:
        Ledger(tx).copies.add_rule({**body, "version": 2, "effective_from": "2026-10-20"})

    desk.sweep("2026-10-22 00:30")

    assert [(row.colour, row.rule_version) for row in desk.cards] == [("yellow", 1), ("red", 2)]


def test_a_rule_that_moves_leaves_the_cards_that_it_raised(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-19 00:30")
    with desk.db.begin() as tx:
        usecases.revise_rule(
            Ledger(tx),
            "W-01",
            Revision(levels=(LevelChange("yellow", {"used_percent": 90}),)),
            desk.occasion,
            effective_from=date(2026, 10, 19),
            reason="按榆林口径",
            by="s1",
            expected_version=1,
        )

    desk.sweep("2026-10-19 09:00")
    desk.sweep("2026-10-20 00:30")

    (card,) = desk.cards
    assert (card.status, card.version, card.rule_version) == ("open", 1, 1)


# --- the clock moves -------------------------------------------------------------------------------


def test_an_extension_moves_the_due_moments(desk: Desk) -> None:
    desk.case(state())
    extended = [*state()["clock"]["happenings"], happening("extended", "2026-10-12", days=10)]
    desk.now = at("2026-10-12 11:00")
    desk.case(state(version=2, committed_days=20, statutory_days=30, happenings=extended))

    assert [row.period for row in desk.dues] == ["2", "2", "2", "2"]
    desk.sweep("2026-10-23 00:30")
    assert desk.cards == []


def test_a_pause_takes_the_due_moments_away_and_the_resumption_brings_them_back(desk: Desk) -> None:
    desk.case(state())
    base = state()["clock"]["happenings"]
    paused = [*base, happening("paused", "2026-10-14", expected_end="2026-10-20")]
    desk.now = at("2026-10-14 10:00")
    desk.case(state(version=2, status="suspended", happenings=paused))

    assert {row.rule for row in desk.dues} == {"W-05"}
    resumed = [*paused, happening("resumed", "2026-10-20")]
    desk.now = at("2026-10-20 10:00")
    span = (date(2026, 10, 14), date(2026, 10, 20))
    desk.case(state(version=3, happenings=resumed, pauses=(span,)))

    assert desk.dues[0].due_moment == at("2026-10-23 00:30")
    assert {row.rule for row in desk.dues} == {"W-01", "W-02"}


def test_a_pause_leaves_a_card_that_was_due_before_it(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-19 00:30")
    paused = [*state()["clock"]["happenings"], happening("paused", "2026-10-19")]
    desk.case(state(version=2, status="suspended", happenings=paused))

    assert held(desk) == [("W-01", "yellow", "open")]


def test_a_decision_after_red_rectifies_and_never_turns_green(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-22 00:30")
    desk.now = at("2026-10-23 10:00")
    desk.case(state(version=2, status="decided", decided=desk.now))

    assert held(desk) == [("W-01", "yellow", "closed"), ("W-01", "red", "rectified")]
    last = desk.published()[-1].data["card"]
    assert (last["colour"], last["shows"]) == ("red", "yellow")
    assert all(row.subject_type != "case" for row in desk.dues)


def test_a_decision_from_a_clock_that_runs_ahead_counts_all_the_same(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-22 00:30")
    decided = desk.now + timedelta(seconds=2)
    with desk.db.begin() as tx:
        body = state(version=2, status="decided", decided=decided)
        usecases.follow_case(Ledger(tx), body, desk.occasion, at=decided)

    assert {status for _, _, status in held(desk)} == {"closed", "rectified"}


def test_a_decision_does_not_outrun_a_card_that_was_already_due(desk: Desk) -> None:
    """The worker was away when the limit passed: the decision comes in before the sweep does."""
    desk.case(state())
    desk.now = at("2026-10-26 09:00")
    desk.case(
        state(version=2, status="decided", decided=at("2026-10-23 10:00")), "2026-10-23 10:00"
    )

    assert held(desk) == [("W-01", "yellow", "closed"), ("W-01", "red", "rectified")]
    types = [event.type for event in desk.published()]
    assert types.count("card_issued.v1") == 2


def test_a_late_decision_of_which_only_the_end_arrives_still_has_its_red_card(desk: Desk) -> None:
    desk.now = at("2026-10-26 09:00")
    desk.case(state(version=3, status="decided", decided=at("2026-10-23 10:00")))
    desk.sweep()

    assert ("W-01", "red", "rectified") in held(desk)
    assert desk.orders == []


def test_a_card_whose_clock_moved_away_opens_again_when_the_clock_comes_back(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-19 00:30")
    desk.case(state(version=2, committed_days=15))
    assert held(desk) == [("W-01", "yellow", "closed")]

    desk.sweep("2026-10-23 00:30")

    assert held(desk) == [("W-01", "yellow", "open")]


def test_a_card_raised_because_the_news_of_a_decision_came_late_is_taken_back(desk: Desk) -> None:
    """The broker was away overnight: the sweep saw a case that was in truth already decided."""
    desk.case(state())
    desk.sweep("2026-10-22 00:30")
    desk.now = at("2026-10-22 09:00")
    desk.case(
        state(version=2, status="decided", decided=at("2026-10-21 16:00")), "2026-10-21 16:00"
    )

    assert held(desk) == [("W-01", "yellow", "closed"), ("W-01", "red", "revoked")]
    (order,) = desk.orders
    assert (order.status, [step["step"] for step in order.steps][-2:]) == (
        "closed",
        ["withdrawn", "closed"],
    )
    assert desk.dues == []


def test_a_card_for_silence_is_taken_back_when_the_news_of_the_answer_comes_late(
    desk: Desk,
) -> None:
    received = [happening("received", "2026-10-08")]
    waiting = state(status="received", happenings=received)
    waiting["clock"] |= {
        "started_on": "",
        "yellow_on": "",
        "committed_due": "",
        "statutory_due": "",
    }
    desk.case(waiting)
    desk.sweep("2026-10-15 00:30")
    assert held(desk) == [("W-03", "yellow", "open")]

    accepted = [*received, happening("accepted", "2026-10-09")]
    desk.case(state(version=2, happenings=accepted), "2026-10-09 10:00")

    assert desk.card("W-03", "yellow").status == "revoked"


def test_a_card_for_a_long_pause_is_taken_back_when_the_news_of_its_end_comes_late(
    desk: Desk,
) -> None:
    base = state()["clock"]["happenings"]
    paused = [*base, happening("paused", "2026-10-09", expected_end="2026-10-12")]
    desk.case(state(status="suspended", happenings=paused))
    desk.sweep("2026-10-14 00:30")
    assert held(desk) == [("W-05", "yellow", "open")]

    resumed = [*paused, happening("resumed", "2026-10-12")]
    span = (date(2026, 10, 9), date(2026, 10, 12))
    desk.case(state(version=2, happenings=resumed, pauses=(span,)), "2026-10-12 10:00")

    assert held(desk) == [("W-05", "yellow", "revoked")]


def test_a_card_is_taken_back_for_a_pause_of_which_we_hear_when_it_is_over(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-22 00:30")
    hear_late_of_a_pause(desk, "2026-10-16", "2026-10-22")

    assert {row.status for row in desk.cards} == {"revoked"}
    desk.sweep("2026-10-28 00:30")
    assert ("W-01", "red", "open") in held(desk)


def test_a_card_from_before_a_pause_is_not_taken_back_for_it(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-10-19 00:30")
    hear_late_of_a_pause(desk, "2026-10-20", "2026-10-27")

    assert held(desk) == [("W-01", "yellow", "open"), ("W-01", "red", "revoked")]


def hear_late_of_a_pause(desk: Desk, first: str, last: str) -> None:
    """The message of the pause was overtaken by that of its end."""
    begun, ended = happening("paused", first), happening("resumed", last)
    told = [*state()["clock"]["happenings"], begun, ended]
    span = (date.fromisoformat(first), date.fromisoformat(last))
    desk.now = at(f"{last} 10:00")
    desk.case(state(version=3, happenings=told, pauses=(span,)))


def test_a_card_taken_back_for_a_pause_is_raised_when_the_clock_comes_there_again(
    desk: Desk,
) -> None:
    desk.case(state())
    desk.sweep("2026-10-19 00:30")
    base = state()["clock"]["happenings"]
    paused = [*base, happening("paused", "2026-10-16", expected_end="2026-10-20")]
    desk.case(state(version=2, status="suspended", happenings=paused), "2026-10-16 10:00")
    assert held(desk) == [("W-01", "yellow", "revoked")]

    resumed = [*paused, happening("resumed", "2026-10-20")]
    span = (date(2026, 10, 16), date(2026, 10, 20))
    desk.now = at("2026-10-20 10:00")
    desk.case(state(version=3, happenings=resumed, pauses=(span,)))
    desk.sweep("2026-10-21 00:30")

    assert held(desk) == [("W-01", "yellow", "open")]


def test_an_order_for_a_yellow_card_outlives_it_until_its_answer_was_checked(desk: Desk) -> None:
    """Its cause ended the card, not the duty to say what the cause was."""
    desk.case(state())
    desk.sweep("2026-10-19 00:30")
    card = desk.card("W-01", "yellow")
    desk.now = at("2026-10-19 10:00")
    with desk.db.begin() as tx:
        dispatch_in(tx, desk, card_id=card.id, source="", who=D1)
    desk.case(state(version=2, status="decided", decided=desk.now))
    closed = desk.card("W-01", "yellow")
    assert (closed.status, closed.closed_at) == ("closed", desk.now)
    assert desk.orders[0].status == "issued"

    _, seen = check(desk, answer(desk))

    assert (desk.orders[0].status, seen.status) == ("closed", "closed")
    assert [row.kind for row in desk.notices if row.card_id and not row.order_id] == [
        "card_issued",
        "card_closed",
    ]


def test_what_was_ordered_for_a_waived_card_is_withdrawn(red: Desk) -> None:
    card = red.card("W-01", "red")

    red.act(usecases.waive_card, card.id, D5, reason="不可抗力")

    assert red.card("W-01", "red").status == "waived"
    assert red.orders[0].status == "closed"
    assert all(row.subject_type != "work_order" for row in red.dues)
    assert [row.kind for row in red.notices][-2:] == ["card_waived", "order_withdrawn"]


def test_an_older_version_never_overwrites_a_newer_one(desk: Desk) -> None:
    desk.now = at("2026-10-20 10:00")
    assert desk.case(state(version=5, status="decided", decided=desk.now))
    assert not desk.case(state(version=4))
    assert not desk.case(state(version=5))

    desk.sweep("2026-12-01 00:30")

    assert held(desk) == [("W-01", "yellow", "closed")]


def test_a_new_calendar_moves_every_due_moment(desk: Desk) -> None:
    desk.case(state())
    body = published_calendar()
    years = [
        {**year, "days": [*year["days"], {"day": "2026-10-19", "working": False, "name": "台风"}]}
        if year["year"] == 2026
        else year
        for year in body["years"]
    ]
    with desk.db.begin() as tx:
        assert usecases.follow_calendar(Ledger(tx), {**body, "years": years}, version=2)
        assert not usecases.follow_calendar(Ledger(tx), body, version=1)

    desk.sweep("2026-10-19 00:30")
    assert desk.cards == []
    desk.sweep("2026-10-20 00:30")
    assert held(desk) == [("W-01", "yellow", "open")]


def test_what_arrives_before_the_first_calendar_is_reckoned_when_it_is_there(db: Database) -> None:
    desk = Desk(db)
    desk.case(state())
    desk.project(project_state())
    assert desk.sweep("2026-10-19 00:30") == 0

    desk.load()
    desk.sweep()

    rules = {row.rule for row in desk.cards}
    assert {"W-01", "W-09"} <= rules


BASE = [happening("received", "2026-10-08"), happening("accepted", "2026-10-08")]
PAUSED = [*BASE, happening("paused", "2026-10-20", expected_end="2026-10-26")]
RESUMED = [*PAUSED, happening("resumed", "2026-10-30")]
SPAN = (date(2026, 10, 20), date(2026, 10, 30))


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(
            [
                ("2026-10-08 10:00", {}),
                ("2026-10-23 10:00", {"status": "decided", "decided": at("2026-10-23 10:00")}),
            ],
            id="decided late",
        ),
        pytest.param(
            [
                ("2026-10-08 10:00", {}),
                ("2026-10-20 10:00", {"status": "suspended", "happenings": PAUSED}),
                ("2026-10-30 10:00", {"happenings": RESUMED, "pauses": (SPAN,)}),
                (
                    "2026-11-04 10:00",
                    {
                        "happenings": RESUMED,
                        "pauses": (SPAN,),
                        "status": "decided",
                        "decided": at("2026-11-04 10:00"),
                    },
                ),
            ],
            id="paused beyond its expected end",
        ),
        pytest.param(
            [
                ("2026-10-08 10:00", {}),
                (
                    "2026-10-20 10:00",
                    {
                        "committed_days": 20,
                        "statutory_days": 30,
                        "happenings": [*BASE, happening("extended", "2026-10-20", days=10)],
                    },
                ),
            ],
            id="extended after yellow",
        ),
    ],
)
def test_the_same_cards_come_out_however_late_the_news_and_the_sweep_are(
    story: list[tuple[str, dict[str, Any]]], database: Databases
) -> None:
    """One worker sweeps every day; another was away and gets all of it on the last day."""
    events = [(when, state(version=n, **more)) for n, (when, more) in enumerate(story, start=1)]
    desks = [Desk(Database(database("warning_dispatch"), pool_size=2)) for _ in range(2)]
    for desk in desks:
        desk.load()
    present, away = desks
    day = at("2026-10-08 00:00")
    while day < at("2026-11-12 00:00"):
        for when, body in events:
            if day <= at(when) < day + timedelta(days=1):
                present.now = at(when)
                present.case(body)
        day += timedelta(days=1)
        present.now = day + timedelta(minutes=30)
        present.sweep()
    away.now = present.now
    for when, body in events:
        away.case(body, when)
    away.sweep()

    outcome = [
        {(row.rule, row.colour, row.period, row.due_moment, row.status) for row in desk.cards}
        for desk in desks
    ]
    for desk in desks:
        desk.db.close()
    # Orders and the ladder begin when a card is raised, so theirs are not those of the case.
    kept = [{each for each in cards if each[0] not in ("W-12", "W-13")} for cards in outcome]
    assert kept[0] == kept[1]
    assert kept[0]


# --- projects and their logs ------------------------------------------------------------------------


def test_a_log_entry_ends_the_silence_and_begins_a_new_one(desk: Desk) -> None:
    project = UUID(int=7)
    desk.now = at("2026-11-02 09:00")
    desk.project(project_state(sign_date=""))
    desk.sweep("2026-11-10 00:30")
    assert held(desk) == [("W-11", "yellow", "open")]

    desk.now = at("2026-11-11 09:00")
    desk.log(project, "2026-11-11 09:00")
    desk.log(project, "2026-11-03 09:00")

    assert held(desk) == [("W-11", "yellow", "closed")]
    assert desk.dues[0].due_moment == at("2026-11-19 00:30")


def test_a_card_for_a_silent_log_is_taken_back_when_an_entry_comes_late(desk: Desk) -> None:
    desk.now = at("2026-11-02 09:00")
    desk.project(project_state(sign_date=""))
    desk.sweep("2026-11-10 00:30")

    desk.log(UUID(int=7), "2026-11-06 09:00")

    assert held(desk) == [("W-11", "yellow", "revoked")]


def test_a_card_for_a_late_start_is_taken_back_when_the_news_of_the_start_comes_late(
    desk: Desk,
) -> None:
    desk.project(project_state())
    desk.sweep("2026-10-09 00:30")

    desk.project(project_state(version=2, actual_start="2026-04-01"))

    assert {status for rule, _, status in held(desk) if rule == "W-09"} == {"revoked"}


def test_a_start_rectifies_the_hundred_days_card_and_a_project_is_followed_in_scope(
    desk: Desk,
) -> None:
    desk.project(project_state())
    desk.sweep("2026-10-09 00:29")
    # What was late before we heard of it is a card of the next working day.
    assert desk.cards == []
    desk.sweep("2026-10-09 00:30")
    card = desk.card("W-09", "red")
    assert (card.org, card.duty_bearer) == ("321181:政务服务", "government")
    assert desk.orders[0].lead_org == "321181:政务服务"

    desk.now = at("2026-10-12 10:00")
    desk.project(project_state(version=2, actual_start="2026-10-12", agents=["b1", "b2"]))

    card = desk.card("W-09", "red")
    assert (card.status, card.agents) == ("rectified", ["b1", "b2"])
    assert desk.orders[0].agents == ["b1", "b2"]


# --- orders ----------------------------------------------------------------------------------------


@pytest.fixture
def red(desk: Desk) -> Desk:
    """A desk with a case that turned red, and its work order."""
    desk.case(state())
    desk.sweep("2026-10-22 00:30")
    desk.now = at("2026-10-22 10:00")
    return desk


def feedback(desk: Desk) -> Feedback:
    return Feedback("department", "加派人手", date(2026, 10, 23), "附件", "局长", desk.now, "a4")


def answer(desk: Desk) -> UUID:
    order: UUID = desk.orders[0].id
    desk.act(usecases.sign_work_order, order, A4)
    desk.act(usecases.answer_work_order, order, A4, feedback=feedback(desk))
    return order


def check(desk: Desk, order: UUID, who: Any = D4, **more: Any) -> Any:
    given = {"passed": True, "note": "", "statement": "", **more}
    return desk.act(usecases.check_work_order, order, who, **given)


def test_red_sends_an_order_to_the_responsible_body_and_yellow_only_tells(red: Desk) -> None:
    (order,) = red.orders
    card = red.card("W-01", "red")

    assert (order.card_id, order.lead_org, order.case_id) == (card.id, "321181:发改", CASE)
    assert order.number == "ZJDB-321100-2026-000001"
    assert order.feedback_by == at("2026-10-23 17:30")
    assert [row.kind for row in red.notices] == ["card_issued", "card_issued", "order_issued"]
    assert red.notices[0].roles == ["B3", "D1"]
    assert red.notices[1].roles == ["B3", "D1", "D2", "D4"]


def test_an_answer_puts_the_card_in_hand_and_a_check_after_the_decision_closes_it(
    red: Desk,
) -> None:
    order = answer(red)
    assert red.card("W-01", "red").status == "rectifying"
    red.case(state(version=2, status="decided", decided=red.now))
    assert red.card("W-01", "red").status == "rectified"

    _, card = check(red, order)

    assert card.status == "closed"
    assert red.card("W-01", "red").status == "closed"
    assert red.orders[0].status == "closed"
    assert red.card("W-01", "yellow").status == "closed"


def test_a_check_does_not_close_a_card_whose_clock_still_runs(red: Desk) -> None:
    _, card = check(red, answer(red))

    assert card.status == "rectifying"
    with pytest.raises(CardNotRectified):
        red.act(usecases.close_card, card.id, D4, note="", statement="")


def test_the_city_centre_closes_a_red_card_and_the_district_does_not(red: Desk) -> None:
    order = answer(red)
    red.case(state(version=2, status="decided", decided=red.now))

    _, card = check(red, order, D1)
    assert card.status == "rectified"
    with pytest.raises(CityCentreOnly):
        red.act(usecases.close_card, card.id, D1, note="", statement="")
    assert red.act(usecases.close_card, card.id, D5, note="", statement="").status == "closed"


def test_a_deemed_acceptance_is_red_once_and_a_check_closes_it(desk: Desk) -> None:
    happenings = [happening("received", "2026-10-08"), happening("deemed_accepted", "2026-10-08")]
    desk.now = at("2026-10-15 09:00")
    desk.case(state(happenings=happenings))
    desk.sweep()
    card = desk.card("W-03", "red")
    order = answer(desk)

    _, closed = check(desk, order)

    assert (closed.id, closed.status) == (card.id, "closed")
    desk.case(state(version=2, happenings=happenings))
    desk.sweep("2026-10-16 00:30")
    assert desk.card("W-03", "red").status == "closed"


def test_a_missed_feedback_turns_red_to_the_minute_and_escalates(red: Desk) -> None:
    red.sweep("2026-10-23 13:59")
    assert "W-13" not in {row.rule for row in red.cards}
    red.sweep("2026-10-23 14:00")
    red.sweep("2026-10-23 17:29")
    assert [row.colour for row in red.cards if row.rule == "W-13"] == ["yellow"]
    red.sweep("2026-10-23 17:30")

    assert [row.colour for row in red.cards if row.rule == "W-13"] == ["yellow", "red"]
    assert red.orders[0].escalated
    assert len(red.orders) == 1


def test_a_late_answer_does_not_outrun_the_card_for_being_late(red: Desk) -> None:
    red.now = at("2026-10-26 10:00")
    answer(red)

    late = [(row.colour, row.status) for row in red.cards if row.rule == "W-13"]
    assert late == [("yellow", "closed"), ("red", "rectified")]
    assert red.orders[0].escalated


def test_numbers_have_no_gaps_when_transactions_fail(red: Desk) -> None:
    red.dies(lambda tx: dispatch_in(tx, red))
    for _ in range(2):
        with red.db.begin() as tx:
            dispatch_in(tx, red)

    numbers = [row.number for row in red.orders]
    assert numbers == [f"ZJDB-321100-2026-00000{n}" for n in (1, 2, 3)]


def test_numbers_begin_anew_with_the_year_of_the_place(red: Desk) -> None:
    red.now = at("2027-01-01 00:10")
    with red.db.begin() as tx:
        order = dispatch_in(tx, red)

    assert order.number == "ZJDB-321100-2027-000001"


def dispatch_in(tx: sa.Connection, desk: Desk, **more: Any) -> Any:
    wish = {
        "card_id": None,
        "case_id": CASE,
        "project_id": None,
        "lead_org": "",
        "lead_org_name": "",
        "co_orgs": (),
        "subject": "",
        "requirement": "请推办",
        "colour": "",
        "source": "meeting",
        **more,
    }
    who = wish.pop("who", D4)
    caller = Caller(who, Scope.of(who))
    return usecases.dispatch_work_order(Ledger(tx), Wish(**wish), caller, desk.occasion)


def test_a_card_has_one_order_under_way(red: Desk) -> None:
    card = red.card("W-01", "red")

    with pytest.raises(OrderUnderWay), red.db.begin() as tx:
        dispatch_in(tx, red, card_id=card.id, source="")

    check(red, answer(red))
    with red.db.begin() as tx:
        again = dispatch_in(tx, red, card_id=card.id, source="")
    assert again.card_id == card.id
    assert (again.lead_org, again.co_orgs) == ("321181:政务服务", ("321181:发改",))


# --- who may -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "error"),
    [
        pytest.param(OTHER_A4, OutOfScope, id="another department"),
        pytest.param(OTHER_D1, OutOfScope, id="another district"),
        pytest.param(E1, OutOfScope, id="the enterprise, of a department's card"),
        pytest.param(OTHER_E1, OutOfScope, id="another enterprise"),
        pytest.param(
            D1, NotResponsible, id="the dispatcher does not acknowledge for the department"
        ),
    ],
)
def test_only_the_responsible_body_acknowledges(
    red: Desk, who: Any, error: type[DomainError]
) -> None:
    card = red.card("W-01", "red")

    with pytest.raises(error):
        red.act(usecases.acknowledge_card, card.id, who)

    assert red.card("W-01", "red").status == "open"
    assert red.act(usecases.acknowledge_card, card.id, A4).status == "acknowledged"


@pytest.mark.parametrize("use_case", [usecases.sign_work_order])
def test_only_the_body_it_went_to_signs_for_an_order(
    red: Desk, use_case: Callable[..., Any]
) -> None:
    with pytest.raises(NotResponsible):
        red.act(use_case, red.orders[0].id, D1)


def test_the_body_checks_neither_its_order_nor_closes_its_card(desk: Desk) -> None:
    """The district's service department leads a project's order, and its own dispatcher may not check it."""
    desk.project(project_state())
    desk.sweep("2026-10-09 09:00")
    order = desk.orders[0].id
    desk.act(usecases.sign_work_order, order, D1)
    desk.act(usecases.answer_work_order, order, D1, feedback=feedback(desk))

    with pytest.raises(OwnOrder):
        check(desk, order, D1)
    with pytest.raises(OwnCard):
        desk.act(usecases.close_card, desk.card("W-09", "red").id, D1, note="", statement="")


def test_a_district_closes_the_red_card_of_its_own_project_but_not_who_answered(desk: Desk) -> None:
    """The city does not see district projects: the navigators' head answers, the dispatcher checks."""
    desk.project(project_state(level="区级"))
    desk.sweep("2026-10-09 09:00")
    order = desk.orders[0].id
    with pytest.raises(NotResponsible):
        desk.act(usecases.sign_work_order, order, D1)
    desk.act(usecases.sign_work_order, order, B3)
    desk.act(usecases.answer_work_order, order, B3, feedback=feedback(desk))
    desk.now = at("2026-10-12 10:00")
    desk.project(project_state(level="区级", version=2, actual_start="2026-10-12"))

    _, card = check(desk, order, D1)

    assert card.status == "closed"


def test_a_statutory_red_card_is_closed_with_a_written_statement_only(desk: Desk) -> None:
    desk.case(state())
    desk.sweep("2026-11-05 00:30")
    desk.now = at("2026-11-05 10:00")
    desk.case(state(version=2, status="decided", decided=desk.now))
    card = desk.card("W-02", "red_statutory")

    with pytest.raises(StatementMissing):
        desk.act(usecases.close_card, card.id, D5, note="", statement="")
    closed = desk.act(usecases.close_card, card.id, D5, note="", statement="公开说明理由")

    assert closed.status == "closed"


def test_an_enterprise_answers_for_its_own_cards(desk: Desk) -> None:
    desk.case(state(duty_bearer="enterprise"))
    desk.sweep("2026-10-22 00:30")

    with pytest.raises(OutOfScope):
        desk.act(usecases.sign_work_order, desk.orders[0].id, OTHER_E1)
    assert desk.act(usecases.sign_work_order, desk.orders[0].id, E1).status == "signed"


def test_an_order_can_go_to_the_projects_own_enterprise(red: Desk) -> None:
    with red.db.begin() as tx:
        order = dispatch_in(tx, red, lead_org="91321181000000027K")

    with pytest.raises(OutOfScope):
        red.act(usecases.sign_work_order, order.id, OTHER_E1)
    assert red.act(usecases.sign_work_order, order.id, E1).status == "signed"


def test_a_stale_version_changes_nothing(red: Desk) -> None:
    card = red.card("W-01", "red")

    with pytest.raises(Stale):
        red.act(usecases.acknowledge_card, card.id, A4, expected_version=card.version + 1)

    assert red.card("W-01", "red").version == card.version
    assert red.act(usecases.acknowledge_card, card.id, A4, expected_version=card.version)


# --- crashes and crowds ---------------------------------------------------------------------------


def test_a_sweep_that_dies_before_its_commit_loses_nothing_and_doubles_nothing(desk: Desk) -> None:
    desk.case(state())
    desk.now = at("2026-10-22 00:30")
    desk.dies(lambda tx: usecases.sweep(Ledger(tx), desk.occasion))
    assert desk.cards == []

    desk.sweep()

    assert len(desk.cards) == 2
    assert [row.number for row in desk.orders] == ["ZJDB-321100-2026-000001"]


def test_two_sweeps_at_once_share_the_work(desk: Desk) -> None:
    for _ in range(40):
        desk.case(case_state())
    desk.now = at("2026-10-22 00:30")
    threads = [threading.Thread(target=desk.sweep, kwargs={"batch": 5}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(desk.cards) == 80
    numbers = [int(row.number[-6:]) for row in desk.orders]
    assert numbers == list(range(1, 41))


def test_the_decision_and_the_sweep_at_the_same_moment_agree(desk: Desk) -> None:
    """Whoever comes first, the card is raised once and rectified."""
    cases = [uuid4() for _ in range(20)]
    for case in cases:
        desk.case(case_state(case_id=case))
    desk.now = at("2026-10-22 10:00")
    decided = at("2026-10-22 09:00")

    def decide() -> None:
        for case in reversed(cases):
            desk.case(
                case_state(case_id=case, version=2, status="decided", decided=decided),
                "2026-10-22 09:00",
            )

    threads = [
        threading.Thread(target=decide),
        threading.Thread(target=desk.sweep, kwargs={"batch": 3}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(desk.cards) == 40
    assert {(row.colour, row.status) for row in desk.cards} == {
        ("yellow", "closed"),
        ("red", "rectified"),
    }


def test_ten_thousand_due_moments_are_swept_in_small_transactions(desk: Desk) -> None:
    """The rows are put there directly; each batch is one transaction of at most fifty cards."""
    template, count = state(), 10_000
    ids = [new_id() for _ in range(count)]
    with desk.db.begin() as tx:
        reckoned = get_yardstick(Ledger(tx), desk.now).reckoned
        tx.execute(
            case_copies.insert(),
            [
                {
                    "id": case,
                    "version": 1,
                    "project_id": UUID(int=7),
                    "state": {**template, "case_id": str(case)},
                    "reckoned": reckoned,
                }
                for case in ids
            ],
        )
        tx.execute(
            dues.insert(),
            [
                {
                    "subject_type": "case",
                    "subject_id": case,
                    "rule": "W-01",
                    "colour": "yellow",
                    "period": "1",
                    "due_moment": at("2026-10-19 00:30") + timedelta(seconds=n % 60),
                }
                for n, case in enumerate(ids)
            ],
        )

    assert desk.sweep("2026-10-19 09:00") == count
    assert len(desk.cards) == count
    assert desk.dues == []
