"""A card's life: raised once, never green again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from chassis.errors import DomainError
from support.clocks import at
from warning_dispatch.domain import (
    SYSTEM,
    Actor,
    Bearer,
    Card,
    CardCleared,
    CardFinished,
    CardNotOpen,
    CardNotRectified,
    Duty,
    NoObjection,
    ObjectionMade,
    ObjectionTooLate,
    StatementMissing,
    StatutoryCardNotWaivable,
    of_card,
)

CENTRE, BODY = Actor("d4", "市专班"), Actor("a4", "对接人")
NOW = at("2026-10-22 00:30")
BEARER = Bearer(
    UUID(int=7), "项目", "321100/321181", "市级", "9132", ("b1",), "321181:发改", "", "authority"
)


def duty(colour: str, period: str = "1") -> Duty:
    return Duty("W-01", 1, colour, period, NOW, zh=("到期",), en=("due",))


def card(colour: str = "red") -> Card:
    return Card.issue(
        UUID(int=1),
        duty(colour),
        subject_type="case",
        subject_id=UUID(int=2),
        bearer=BEARER,
        at=NOW,
    )


@pytest.mark.parametrize("colour", ["red", "red_statutory"])
def test_a_mended_card_shows_yellow_and_a_finished_one_nothing_but_green_never(colour: str) -> None:
    made = card(colour)
    shown = [made.shows]
    made.acknowledge(BODY, at=NOW)
    shown.append(made.shows)
    made.answered(BODY, at=NOW)
    shown.append(made.shows)
    made.rectify(at=NOW, why="已办结")
    shown.append(made.shows)
    made.close(CENTRE, note="", statement="说明", at=NOW)
    shown.append(made.shows)

    assert shown == [colour, colour, colour, "yellow", ""]
    assert [event.card.shows for event in made.events] == shown


def test_each_step_is_a_version_with_a_fact_of_its_own() -> None:
    made = card()
    made.acknowledge(BODY, at=NOW)
    made.rectify(at=NOW, why="已办结")

    assert [event.card.version for event in made.events] == [1, 2, 3]
    assert [event.card.status for event in made.events] == ["open", "acknowledged", "rectified"]


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(
            lambda made: made.close(CENTRE, note="", statement="", at=NOW),
            CardNotRectified,
            id="a card is not closed while its rule holds",
        ),
        pytest.param(
            lambda made: (made.acknowledge(BODY, at=NOW), made.acknowledge(BODY, at=NOW)),
            CardNotOpen,
            id="a card is acknowledged once",
        ),
    ],
)
def test_what_is_out_of_turn_is_refused(
    act: Callable[[Card], object], error: type[DomainError]
) -> None:
    with pytest.raises(error):
        act(card())


def test_a_statutory_card_is_neither_waived_nor_closed_without_a_statement() -> None:
    made = card("red_statutory")

    with pytest.raises(StatutoryCardNotWaivable):
        made.waive(CENTRE, reason="企业原因", at=NOW)
    made.rectify(at=NOW, why="已办结")
    with pytest.raises(StatementMissing):
        made.close(CENTRE, note="", statement="", at=NOW)

    assert made.status == "rectified"


def test_a_yellow_card_is_closed_by_the_fact_that_ends_its_cause_and_opens_again_with_it() -> None:
    made = card("yellow")
    made.rectify(at=NOW, why="已办结")
    last = made.steps[-1]

    assert (made.status, made.shows, made.closed_at) == ("closed", "", NOW)
    assert (last.by, last.note) == ("", "已办结")
    assert isinstance(made.events[-1], CardCleared)

    made.reopen(duty("yellow"), at=NOW)
    assert (made.status, made.closed_at) == ("open", None)


def test_a_yellow_card_that_its_rule_closed_can_be_excused_and_then_stays_so() -> None:
    made = card("yellow")
    made.rectify(at=NOW, why="已办结")
    with pytest.raises(CardFinished):
        made.close(CENTRE, note="", statement="", at=NOW)
    made.waive(CENTRE, reason="不可抗力", at=NOW)
    made.reopen(duty("yellow"), at=NOW)

    assert made.status == "waived"


@pytest.mark.parametrize("finish", ["waive", "revoke"])
def test_a_finished_card_stays_as_it_is(finish: str) -> None:
    made = card()
    getattr(made, finish)(CENTRE, reason="不可抗力", at=NOW)
    steps = list(made.steps)

    with pytest.raises(CardFinished):
        made.revoke(CENTRE, reason="再来", at=NOW)
    made.rectify(at=NOW, why="")
    made.reopen(duty("red"), at=NOW)

    assert made.steps == steps


def test_only_a_card_that_the_rule_rectified_opens_again() -> None:
    by_rule, by_hand = card(), card()
    by_rule.rectify(at=NOW, why="时限已变更")
    by_hand.rectify(at=NOW, why="复核通过", by=CENTRE)

    assert by_rule.was_ended_by_rule
    assert not by_hand.was_ended_by_rule
    assert SYSTEM.account == ""


@pytest.mark.parametrize(
    ("colour", "roles"),
    [
        ("yellow", ("B3", "D1")),
        ("red", ("B3", "D1", "D2", "D4")),
        ("red_statutory", ("B3", "D1", "D2", "D4", "D5", "D6")),
    ],
)
def test_the_redder_the_card_the_higher_it_is_told(colour: str, roles: tuple[str, ...]) -> None:
    notice = of_card(card(colour), None, kind="card_issued")

    assert notice.roles == roles
    assert (notice.accounts, notice.orgs, notice.uscc) == (("b1",), ("321181:发改",), "")


def test_an_objection_is_made_once_in_time_and_upheld_or_turned_down() -> None:
    until = at("2026-10-26 17:30")
    made = card()
    made.object_to(BODY, reason="补正未齐", evidence="通知书", until=until, at=until)
    with pytest.raises(ObjectionMade):
        made.object_to(BODY, reason="再次", evidence="通知书", until=until, at=until)
    made.turn_down(CENTRE, reason="与事实不符", at=until)
    with pytest.raises(NoObjection):
        made.uphold(CENTRE, waive=True, reason="改判", at=until)

    assert made.objection
    assert (made.status, made.objection.status, made.objection.decision) == (
        "open",
        "turned_down",
        "与事实不符",
    )
    with pytest.raises(ObjectionTooLate):
        card().object_to(
            BODY, reason="补正未齐", evidence="", until=NOW, at=NOW + timedelta(minutes=1)
        )


def test_a_refused_verdict_on_a_statutory_card_leaves_the_objection_waiting() -> None:
    made = card("red_statutory")
    made.object_to(BODY, reason="停表期间", evidence="通知书", until=NOW, at=NOW)
    with pytest.raises(StatutoryCardNotWaivable):
        made.uphold(CENTRE, waive=True, reason="属实", at=NOW)

    assert made.objection
    assert (made.objection.status, made.version) == ("raised", 2)


def test_merging_leaves_a_trace_on_both_cards() -> None:
    gone, kept = card("yellow"), replace_id(card("red"))
    gone.merge(CENTRE, into=kept, note="同一原因", at=NOW)

    assert (gone.status, gone.shows, gone.merged_into) == ("merged", "", kept.id)
    assert kept.steps[-1].step == "took_over"
    assert [len(gone.events), len(kept.events)] == [gone.version, kept.version]
    gone.rectify(at=NOW, why="已办结")
    gone.reopen(duty("yellow"), at=NOW)
    assert gone.status == "merged"


def replace_id(made: Card) -> Card:
    made.id = UUID(int=9)
    return made
