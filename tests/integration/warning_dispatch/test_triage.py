"""Cards are objected to, sorted, ignored and merged, on a real database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from chassis.errors import DomainError
from support.clocks import at, case_state
from support.desk import A4, D1, D4, D5, OTHER_A4, Desk
from warning_dispatch import usecases
from warning_dispatch.domain import (
    CardFinished,
    CityCentreOnly,
    MergedIntoLesser,
    MergedWithItself,
    NoObjection,
    NotResponsible,
    ObjectionMade,
    ObjectionTooLate,
    OnlyYellowIgnored,
    OtherProject,
    OwnCard,
    StatutoryCardNotWaivable,
)

CASE, TWIN = UUID(int=11), UUID(int=12)
WORDS = {"reason": "企业补正未齐, 非部门原因", "evidence": "补正通知书 3 号"}


@pytest.fixture
def red(desk: Desk) -> Desk:
    """A desk with a case that turned red, and its work order."""
    desk.case(case_state(case_id=CASE))
    desk.sweep("2026-10-22 00:30")
    desk.now = at("2026-10-22 10:00")
    return desk


def objected(desk: Desk, colour: str = "red") -> Any:
    return desk.act(usecases.object_to_card, desk.card("W-01", colour).id, A4, **WORDS)


def decide(desk: Desk, card: UUID, decision: str, who: Any = D4) -> Any:
    given = {"decision": decision, "reason": "核实补正记录"}
    return desk.act(usecases.decide_objection, card, who, **given)


def test_an_objection_is_on_record_with_its_card_and_the_reviewers_are_told(red: Desk) -> None:
    card = objected(red)

    assert (card.status, card.objection.status) == ("open", "raised")
    told = red.notices[-1]
    assert (told.kind, told.roles) == ("card_objected", ["B3", "D1", "D2", "D4", "D5"])
    fact = red.published()[-1].data["card"]
    assert fact["objection"]["evidence"] == "补正通知书 3 号"
    assert fact["steps"][-1]["step"] == "objected"


def test_an_upheld_objection_takes_the_card_off_with_its_order(red: Desk) -> None:
    card = objected(red)
    decide(red, card.id, "revoke")

    row = red.card("W-01", "red")
    assert (row.status, row.objection["status"], row.objection["decided_by"]) == (
        "revoked",
        "upheld",
        D4.account_id,
    )
    steps = [step["step"] for step in row.steps]
    assert steps == ["open", "objected", "objection_upheld", "revoked"]
    assert red.orders[0].status == "closed"


def test_an_objection_that_was_turned_down_leaves_the_card_and_is_not_made_again(red: Desk) -> None:
    card = objected(red)
    decide(red, card.id, "turn_down")

    row = red.card("W-01", "red")
    assert (row.status, row.objection["status"]) == ("open", "turned_down")
    assert red.orders[0].status == "issued"
    with pytest.raises(ObjectionMade):
        objected(red)
    with pytest.raises(NoObjection):
        decide(red, card.id, "waive")


def test_the_time_to_object_counts_in_working_days_and_by_the_rules(red: Desk) -> None:
    """Issued on a Thursday, two working days end with the office on the Monday."""
    red.now = at("2026-10-26 17:31")
    with pytest.raises(ObjectionTooLate):
        objected(red)
    red.now = at("2026-10-26 17:30")
    assert objected(red).objection


def test_a_yellow_card_that_its_rule_closed_can_still_be_objected_to(red: Desk) -> None:
    red.sweep("2026-10-22 10:00")
    red.case(case_state(case_id=CASE, version=2, status="decided", decided=red.now))
    red.now = at("2026-10-20 10:00")
    card = objected(red, "yellow")

    assert decide(red, card.id, "waive").status == "waived"


@pytest.mark.parametrize(
    ("who", "error"),
    [
        pytest.param(D1, NotResponsible, id="a dispatcher does not object for a department"),
        pytest.param(OTHER_A4, DomainError, id="another department does not see it"),
    ],
)
def test_only_the_responsible_body_objects(red: Desk, who: Any, error: type[DomainError]) -> None:
    with pytest.raises(error):
        red.act(usecases.object_to_card, red.card("W-01", "red").id, who, **WORDS)


def test_the_body_does_not_decide_on_its_own_objection_nor_is_the_laws_limit_waived(
    red: Desk,
) -> None:
    red.sweep("2026-11-05 00:30")
    law = red.card("W-02", "red_statutory").id
    red.act(usecases.object_to_card, law, A4, **WORDS)

    with pytest.raises(OwnCard):
        decide(red, law, "revoke", A4)
    with pytest.raises(StatutoryCardNotWaivable):
        decide(red, law, "waive")
    assert decide(red, law, "revoke").status == "revoked"


def test_a_card_is_sorted_by_cause_and_the_newest_word_stands(red: Desk) -> None:
    card = red.card("W-01", "red").id
    red.act(usecases.sort_card, card, D4, cause="department", note="")
    red.act(usecases.sort_card, card, D4, cause="enterprise", note="补正未齐")

    row = red.card("W-01", "red")
    assert (row.cause, row.status) == ("enterprise", "open")
    assert [step["note"] for step in row.steps[1:]] == ["department", "enterprise: 补正未齐"]


def test_only_a_yellow_card_is_ignored_and_it_stays_on_record(red: Desk) -> None:
    with pytest.raises(OnlyYellowIgnored):
        red.act(usecases.ignore_card, red.card("W-01", "red").id, D4, reason="不影响")
    yellow = red.card("W-01", "yellow").id
    red.act(usecases.ignore_card, yellow, D1, reason="已转红牌处置")
    red.sweep("2026-10-23 00:30")

    row = red.card("W-01", "yellow")
    assert (row.id, row.status, row.steps[-1]["note"]) == (yellow, "ignored", "已转红牌处置")


def test_a_duplicate_is_merged_into_the_card_that_stays(red: Desk) -> None:
    red.case(case_state(case_id=TWIN))
    red.sweep()
    twin = next(row for row in red.cards if row.colour == "red" and row.subject_id == TWIN)
    kept = next(row for row in red.cards if row.colour == "red" and row.subject_id == CASE)

    with pytest.raises(CityCentreOnly):
        red.act(usecases.merge_card, twin.id, D1, into=kept.id, note="同一原因")
    merged = red.act(usecases.merge_card, twin.id, D4, into=kept.id, note="同一原因")

    assert (merged.status, merged.merged_into) == ("merged", kept.id)
    after = {row.id: row for row in red.cards}
    assert after[kept.id].steps[-1]["step"] == "took_over"
    orders = {row.card_id: row.status for row in red.orders}
    assert (orders[twin.id], orders[kept.id]) == ("closed", "issued")
    with pytest.raises(CardFinished):
        red.act(usecases.merge_card, kept.id, D4, into=twin.id, note="反向")


def test_a_card_is_not_merged_with_what_it_has_nothing_to_do_with(red: Desk) -> None:
    red.case(case_state(case_id=TWIN) | {"project_id": str(UUID(int=8))})
    red.sweep()
    mine, yellow = [
        next(r for r in red.cards if (r.colour, r.subject_id) == (c, CASE))
        for c in ("red", "yellow")
    ]
    other = next(row for row in red.cards if row.colour == "red" and row.subject_id == TWIN)

    for into, error in (
        (other.id, OtherProject),
        (yellow.id, MergedIntoLesser),
        (mine.id, MergedWithItself),
    ):
        with pytest.raises(error):
            red.act(usecases.merge_card, mine.id, D5, into=into, note="同一原因")
    assert {row.status for row in red.cards} == {"open"}
