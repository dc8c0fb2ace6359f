"""The ladder of linkage: one rung after the other, and no words but those that were signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from chassis.calendar import read_calendar
from support.clocks import at, published_calendar
from warning_dispatch.domain import (
    L1,
    L2,
    Actor,
    Bearer,
    ContentChanged,
    Escalation,
    EscalationNotInState,
    ReturnedBefore,
    SignatureMissing,
    TriedMissing,
    duties_of_escalation,
    home_of,
    instruction_of,
)
from warning_dispatch.domain.rules import RuleBook
from warning_dispatch.usecases import shipped_rules

CALENDAR = read_calendar(published_calendar())
BOOK = RuleBook.read(shipped_rules())
NOW = at("2026-10-08 10:00")
HEAD, D1, LEADER, CITY, MAYOR = (Actor(each, each) for each in ("b2", "d1", "d2", "d4", "d6"))
BEARER = Bearer(
    project_id=UUID(int=7),
    project_name="示例项目",
    region_path="321100/321181/321181113",
    level="区级",
    uscc="",
    agents=(),
    org="321181:政务服务",
    org_name="丹阳市政务服务",
    duty_bearer="government",
)


def opened(rung: str = L1) -> Escalation:
    return Escalation.open(
        UUID(int=1),
        HEAD,
        BEARER,
        number="LD-321181113-2026-000001",
        holder="321181113",
        rung=rung,
        subject="跨市道路",
        problem="用地手续",
        days=3,
        calendar=CALENDAR,
        at=NOW,
    )


def drafted() -> Escalation:
    matter = opened()
    matter.record(HEAD, text="镇里会商未果", at=NOW)
    matter.raise_to_district(HEAD, note="", days=5, calendar=CALENDAR, at=NOW)
    matter.record(D1, text="区级会商未果", at=NOW)
    matter.draft(
        D1,
        crosses=("region",),
        regions=("321183",),
        bodies=(),
        problem="",
        wanted="请市级协调",
        at=NOW,
    )
    return matter


def sign(matter: Escalation) -> None:
    matter.sign(
        LEADER,
        on_behalf_of="",
        method="electronic",
        document="",
        sha256=matter.content_sha256,
        note="",
        at=NOW,
    )


def submitted() -> Escalation:
    matter = drafted()
    sign(matter)
    matter.submit(D1, days=10, calendar=CALENDAR, at=NOW)
    return matter


def test_it_does_not_go_up_before_anything_was_tried() -> None:
    matter = opened()

    with pytest.raises(TriedMissing):
        matter.raise_to_district(HEAD, note="", days=5, calendar=CALENDAR, at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m: m.record(D1, text="又会商一次", at=NOW), id="another record"),
        pytest.param(
            lambda m: m.write_report(D1, title="专报", text="情况", at=NOW), id="a report"
        ),
        pytest.param(
            lambda m: m.draft(
                D1, crosses=("level",), regions=(), bodies=(), problem="", wanted="改", at=NOW
            ),
            id="another wording",
        ),
    ],
)
def test_other_words_take_the_signature_off(change: Callable[[Escalation], None]) -> None:
    matter = drafted()
    read = matter.content_sha256
    sign(matter)
    if matter.status == "signed":
        # A record is made while it waits for signature; the others rewrite what was signed.
        matter.status = "drafted"
    change(matter)

    assert matter.signature is None
    assert matter.content_sha256 != read
    with pytest.raises(SignatureMissing):
        matter.submit(D1, days=10, calendar=CALENDAR, at=NOW)


def test_the_leader_signs_what_he_read_or_nothing() -> None:
    matter = drafted()

    with pytest.raises(ContentChanged):
        matter.sign(
            LEADER,
            on_behalf_of="",
            method="electronic",
            document="",
            sha256="0" * 64,
            note="",
            at=NOW,
        )
    assert matter.signature is None


def test_it_is_sent_back_for_more_once_and_for_a_report_as_often_as_needed() -> None:
    matter = submitted()
    matter.send_back(CITY, reason="补充", for_report=False, days=5, calendar=CALENDAR, at=NOW)
    matter.draft(
        D1, crosses=("region",), regions=(), bodies=(), problem="", wanted="已补充", at=NOW
    )
    sign(matter)
    matter.submit(D1, days=10, calendar=CALENDAR, at=NOW)

    with pytest.raises(ReturnedBefore):
        matter.send_back(CITY, reason="再补", for_report=False, days=5, calendar=CALENDAR, at=NOW)
    matter.send_back(CITY, reason="需领导推进", for_report=True, days=5, calendar=CALENDAR, at=NOW)
    assert (matter.rung, matter.status) == (L2, "returned")


def test_a_report_goes_to_the_vice_mayor_and_his_word_is_executed_before_it_is_closed() -> None:
    matter = submitted()
    matter.send_back(CITY, reason="需领导推进", for_report=True, days=5, calendar=CALENDAR, at=NOW)
    matter.write_report(D1, title="专报", text="情况与建议", at=NOW)
    sign(matter)
    matter.submit(D1, days=5, calendar=CALENDAR, at=NOW)
    word = instruction_of(
        MAYOR, text="限期办结", lead_org="321181:政务服务", lead_org_name="", due_on=None, at=NOW
    )
    matter.instruct(MAYOR, word, order="o-1", at=NOW)

    with pytest.raises(EscalationNotInState):
        matter.close(MAYOR, conclusion="办结", at=NOW)
    matter.executed(note="", at=NOW)
    matter.close(MAYOR, conclusion="办结", at=NOW)
    assert [step.rung for step in matter.steps if step.step == "submitted"] == ["L3", "L4"]
    assert (matter.status, matter.closed_at) == ("closed", NOW)


def test_a_district_s_own_project_is_seen_by_the_city_once_it_was_reported() -> None:
    assert drafted().seen_at_level == "区级"
    assert submitted().seen_at_level == "市级"


def test_every_change_is_a_version_and_a_fact() -> None:
    matter = submitted()

    assert [event.escalation.version for event in matter.events] == list(
        range(1, matter.version + 1)
    )


@pytest.mark.parametrize(
    ("rung", "home"),
    [
        ("L1", "321100/321181/321181113"),
        ("L2", "321100/321181"),
        ("L3", "321100"),
        ("L4", "321100"),
    ],
)
def test_each_rung_is_at_home_in_its_region(rung: str, home: str) -> None:
    assert home_of(rung, "321100/321181/321181113") == home


def test_a_limit_that_passes_and_a_signature_that_is_missing_make_cards_due() -> None:
    handling = duties_of_escalation(opened(), BOOK, CALENDAR)
    unsigned = duties_of_escalation(drafted(), BOOK, CALENDAR)
    closed = submitted()
    closed.status = "closed"

    assert [(duty.colour, duty.period) for duty in handling] == [("red", "L1:1")]
    assert [(duty.colour, duty.period) for duty in unsigned] == [
        ("yellow", "L2:2:sign"),
        ("red", "L2:2:sign"),
    ]
    assert unsigned[0].due_moment > NOW + timedelta(days=1)
    assert duties_of_escalation(closed, BOOK, CALENDAR) == []
