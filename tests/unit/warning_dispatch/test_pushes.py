"""A visit is planned for later, happens once, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from support.clocks import at
from warning_dispatch.domain import Actor, Bearer
from warning_dispatch.domain.pushes import (
    Push,
    PushCancelled,
    PushDone,
    PushInFuture,
    PushInPast,
    PushNotPlanned,
    of_push,
)

NOW = at("2026-10-08 10:00")
D4 = Actor("d4", "市专班")
BEARER = Bearer(
    project_id=UUID(int=7),
    project_name="示例项目",
    region_path="321100/321181/321181113",
    level="市级",
    uscc="",
    agents=("b1",),
    org="321181:政务服务",
    org_name="丹阳市政务服务",
    duty_bearer="government",
)


def planned(planned_at: str = "2026-10-09 09:30") -> Push:
    return Push.plan(
        UUID(int=1),
        D4,
        BEARER,
        number="TB-321100-2026-000001",
        level=BEARER.level,
        case_id=None,
        order_id=None,
        escalation_id=None,
        subject="接电方案",
        place="丹北镇项目现场",
        bodies=("321181:发改",),
        people="张三",
        planned_at=at(planned_at),
        at=NOW,
    )


def finish(push: Push, went_on: date = date(2026, 10, 8)) -> None:
    push.finish(D4, went_on=went_on, outcome="已到场", agreed="月底前接电", orders=("o",), at=NOW)


def test_a_visit_is_done_with_what_was_agreed_and_what_follows() -> None:
    push = planned()
    finish(push)

    assert [each.step for each in push.steps] == ["planned", "done"]
    fact = push.events[-1]
    assert isinstance(fact, PushDone)
    assert (fact.push.agreed, fact.push.orders, fact.push.version) == ("月底前接电", ("o",), 2)


@pytest.mark.parametrize(
    "again",
    [finish, lambda push: push.cancel(D4, reason="重复", at=NOW)],
    ids=["finished", "cancelled"],
)
def test_it_ends_once(again: Callable[[Push], Any]) -> None:
    push = planned()
    push.cancel(D4, reason="改期", at=NOW)

    assert isinstance(push.events[-1], PushCancelled)
    with pytest.raises(PushNotPlanned):
        again(push)


def test_neither_is_it_planned_for_yesterday_nor_made_tomorrow() -> None:
    with pytest.raises(PushInPast):
        planned("2026-10-08 09:59")
    with pytest.raises(PushInFuture):
        finish(planned(), date(2026, 10, 9))


def test_who_comes_along_is_told_when_and_where() -> None:
    notice = of_push(planned())

    assert notice.orgs == ("321181:发改",)
    assert notice.body_zh == "2026-10-09 09:30 丹北镇项目现场"
