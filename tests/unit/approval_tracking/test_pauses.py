"""How long a procedure that stops the clock may last goes along with its pause."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import Actor
from approval_tracking.domain.clock import freeze
from chassis.calendar import SHANGHAI
from chassis.ids import new_id
from support.approval_data import calendar, catalogue

HANDLER, HEAD = Actor("handler", "321181:发改"), Actor("head", "321181:发改")


@pytest.mark.parametrize(
    ("code", "procedure", "days"),
    [
        ("S2-09", "技术评估", 15),
        # Twenty days as people count them, from Tuesday 2026-03-03: the last is 2026-03-23.
        ("S5-05", "招标文件至投标截止", 14),
    ],
)
def test_a_pause_lasts_no_longer_than_its_procedure(code: str, procedure: str, days: int) -> None:
    item, at = catalogue().items[code], datetime(2026, 3, 3, 10, tzinfo=SHANGHAI)
    case = Case(
        id=new_id(),
        receipt_number="321181-20260303-000001",
        project_id=new_id(),
        project_name="",
        item_code=item.code,
        item_name=item.name,
        stage=item.stage,
        duty_bearer=item.duty_bearer,
        org=HANDLER.org,
        org_name="",
        region_path="321100/321181",
        level="市级",
        uscc="",
        agents=(),
        mode="single",
        rules=freeze(item, statutory=item.statutory, committed=item.committed),
        procedures=item.procedures,
        prerequisites=item.prerequisites,
        catalogue=1,
        received_at=at,
    )
    case.submit(Actor("company"), at=at, at_window=False)
    case.accept(item.committed, HANDLER, at=at)
    case.ask_pause(
        procedure,
        HANDLER,
        starts_on=at.date(),
        expected_end=date(2026, 3, 12),
        reason="",
        calendar=calendar(),
        at=at,
    )
    case.decide_pause(True, HEAD, calendar=calendar(), at=at)

    assert case.happenings[-1].days == days
