"""The menu of services and its agreement: what is offered, who signs, and by when."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from approval_tracking.domain.service_errors import (
    AgreedAlready,
    AgreementNotOpen,
    ServiceNotOffered,
    SideSignedAlready,
)
from approval_tracking.domain.services import (
    Offer,
    ServiceAgreement,
    SideSigned,
    menu_of,
    numbered,
    picked,
)
from support.approval_data import calendar
from support.approvals import MONDAY

VISIT = Offer("ON-SITE", "上门服务", "on site", "到场", 3, "321100")
ALL = Offer("AGENT-ALL", "全程代办", "agency", "代办", 0, "321100")
QUICK = Offer("ON-SITE", "上门服务", "on site", "次日到场", 1, "321181")


def agreement(*offers: Offer, wishes: str = "") -> ServiceAgreement:
    menu = {each.code: each for each in offers}
    return ServiceAgreement(
        id=uuid4(),
        project_id=uuid4(),
        project_name="示例",
        company="示例公司",
        region_path="321100/321181",
        level="市级",
        uscc="",
        agents=(),
        services=picked(menu, list(menu), wishes, None),
        wishes=wishes,
        proposed_by="company",
        proposed_at=MONDAY,
    )


def signed(side: str) -> SideSigned:
    return SideSigned(side, f"account of {side}", side, MONDAY)


def test_a_districts_own_offer_goes_before_the_citys() -> None:
    menu = menu_of([QUICK, VISIT, ALL], ["321100", "321181"])

    assert list(menu) == ["AGENT-ALL", "ON-SITE"]
    assert menu["ON-SITE"] is QUICK


def test_only_what_is_on_the_menu_is_picked() -> None:
    with pytest.raises(ServiceNotOffered) as caught:
        picked({"ON-SITE": VISIT}, ["ON-SITE", "LOAN"], "", None)

    assert caught.value.violations[0].field == "codes[1]"


def test_what_is_agreed_already_is_not_agreed_again() -> None:
    now = agreement(VISIT, ALL)

    with pytest.raises(AgreedAlready):
        picked({"ON-SITE": VISIT, "AGENT-ALL": ALL}, ["AGENT-ALL", "ON-SITE"], "", now)
    assert picked({"ON-SITE": VISIT}, ["ON-SITE"], "", now)
    assert picked({"ON-SITE": QUICK, "AGENT-ALL": ALL}, ["ON-SITE", "AGENT-ALL"], "", now)


def test_it_is_in_force_with_both_signatures_and_promises_count_from_that_day() -> None:
    made = agreement(VISIT, ALL)

    assert not made.sign(signed("company"))
    with pytest.raises(SideSignedAlready):
        made.sign(signed("company"))
    assert made.sign(signed("navigator"))
    made.come_into_force(numbered("321181", 2026, 7), date(2026, 3, 6), calendar())

    assert (made.status, made.number) == ("in_force", "ZJFW-321181-2026-0007")
    # Friday and three working days: Wednesday.
    assert [each.due_on for each in made.services] == [date(2026, 3, 11), None]
    with pytest.raises(AgreementNotOpen, match="in force"):
        made.decline("不需要")
