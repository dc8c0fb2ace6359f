"""The library of problems: class, lead, measures, and striking off; and records that a digest covers."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from chassis.calendar import read_calendar
from chassis.events import plain
from support.clocks import at, published_calendar
from warning_dispatch.domain import Actor, Bearer, Escalation, EscalationNotInState
from warning_dispatch.domain.events import DispatchRecord
from warning_dispatch.domain.library import (
    ClassMissing,
    DueInPast,
    MeasureDone,
    MeasureMissing,
    MeasuresOpen,
    check_record,
    classify,
    finish_measure,
    next_measure,
    plan_measure,
    strike_off,
)
from warning_dispatch.store.escalations import read_escalation

CALENDAR = read_calendar(published_calendar())
NOW = at("2026-10-08 10:00")
B2, D1 = Actor("b2", "b2"), Actor("d1", "d1")
FAGAI = {"org": "321181:发改", "org_name": "丹阳市发改"}
SAT_TOGETHER = DispatchRecord(
    kind="meeting",
    participants=("321181:发改", "321181:住建"),
    conclusion="分两段办理",
    responsible="321181:发改",
    responsible_name="丹阳市发改",
    in_charge="李四",
    due_on=date(2026, 10, 20),
    order="o-1",
)
# What the wording below hashed to before records had details.
DIGEST_OF_OLD = "1b8a136723a1efc53362c172c4539aa9dd4edb34477c5017b94941f2d238b825"


def opened() -> Escalation:
    return Escalation.open(
        UUID(int=1),
        B2,
        Bearer(
            project_id=UUID(int=7),
            project_name="示例项目",
            region_path="321100/321181/321181113",
            level="区级",
            uscc="",
            agents=(),
            org="321181:政务服务",
            org_name="丹阳市政务服务",
            duty_bearer="government",
        ),
        number="LD-321181113-2026-000001",
        holder="321181113",
        rung="L1",
        subject="跨市道路",
        problem="用地手续",
        days=3,
        calendar=CALENDAR,
        at=NOW,
    )


def drafted(**details: Any) -> Escalation:
    matter = opened()
    matter.record(B2, text="镇里会商未果", at=NOW)
    matter.raise_to_district(B2, note="", days=5, calendar=CALENDAR, at=NOW)
    matter.record(D1, text="区级会商未果", at=NOW, **details)
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


def classed(matter: Escalation, cause: str = "resources", lead: str = "321181:发改") -> None:
    classify(matter, D1, cause=cause, lead_org=lead, lead_org_name="丹阳市发改", at=NOW)


def test_words_without_details_hash_as_they_always_did_and_details_are_among_them() -> None:
    with_details = drafted(details=SAT_TOGETHER)

    assert drafted().content_sha256 == DIGEST_OF_OLD
    assert with_details.content_sha256 != DIGEST_OF_OLD


def test_neither_class_nor_measures_take_a_signature_off() -> None:
    matter = drafted()
    words = matter.content_sha256
    matter.sign(D1, on_behalf_of="", method="scan", document="x", sha256=words, note="", at=NOW)
    classed(matter)
    plan_measure(matter, D1, text="会签", due_on=date(2026, 10, 9), at=NOW, **FAGAI)

    assert matter.status == "signed"
    assert matter.signature is not None
    assert matter.content_sha256 == words


def test_a_matter_told_by_an_older_instance_is_read_and_a_newer_one_whole() -> None:
    matter = drafted(details=SAT_TOGETHER)
    classed(matter)
    plan_measure(matter, D1, text="会签", due_on=date(2026, 10, 9), at=NOW, **FAGAI)
    told = plain(matter.state())
    again = read_escalation(told)
    for name in ("cause", "lead_org", "lead_org_name", "measures"):
        del told[name]
    del told["tried"][0]["details"]
    older = read_escalation(told)

    assert again == matter
    assert (older.cause, older.measures) == ("", ())
    assert older.content_sha256 == matter.content_sha256


def test_a_class_is_given_and_a_lead_named_one_after_the_other() -> None:
    matter = opened()
    classed(matter, lead="")
    classed(matter, cause="")

    assert (matter.cause, matter.lead_org) == ("resources", "321181:发改")
    assert [each.note for each in matter.steps[-2:]] == ["要素", "要素 丹阳市发改"]


def test_what_has_no_class_or_a_measure_left_is_not_struck_off() -> None:
    matter = opened()
    with pytest.raises(ClassMissing):
        strike_off(matter, D1, conclusion="办结", cause="", at=NOW)
    plan_measure(matter, D1, text="会签", due_on=date(2026, 10, 9), at=NOW, **FAGAI)
    plan_measure(matter, D1, text="出证", due_on=date(2026, 10, 8), at=NOW, **FAGAI)
    assert next_measure(matter) == date(2026, 10, 8)
    finish_measure(matter, D1, 2, result="已出证", at=NOW)
    assert next_measure(matter) == date(2026, 10, 9)
    with pytest.raises(MeasuresOpen):
        strike_off(matter, D1, conclusion="办结", cause="policy", at=NOW)
    assert matter.cause == ""
    finish_measure(matter, D1, 1, result="已会签", at=NOW)
    strike_off(matter, D1, conclusion="办结", cause="policy", at=NOW)

    assert (matter.status, matter.cause, next_measure(matter)) == ("closed", "policy", None)
    with pytest.raises(EscalationNotInState):
        classed(matter)


def test_a_measure_is_done_once_and_must_be_there() -> None:
    matter = opened()
    plan_measure(matter, D1, text="会签", due_on=date(2026, 10, 9), at=NOW, **FAGAI)
    finish_measure(matter, D1, 1, result="已会签", at=NOW)

    with pytest.raises(MeasureDone):
        finish_measure(matter, D1, 1, result="又会签", at=NOW)
    for place in (0, 2):
        with pytest.raises(MeasureMissing):
            finish_measure(matter, D1, place, result="?", at=NOW)
    assert (matter.measures[0].done_on, matter.measures[0].result) == (date(2026, 10, 8), "已会签")


def test_nothing_falls_due_yesterday() -> None:
    with pytest.raises(DueInPast):
        plan_measure(opened(), D1, text="会签", due_on=date(2026, 10, 7), at=NOW, **FAGAI)
    with pytest.raises(DueInPast):
        check_record(SAT_TOGETHER, at("2026-10-21 09:00"))
