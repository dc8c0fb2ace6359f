"""Services are picked from a menu, agreed on by both sides, and shown on the project."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import docx
import pytest
import sqlalchemy as sa

from approval_tracking.store.services import ServiceStore
from approval_tracking.usecases.services import load_menu
from chassis.db import Database
from support.approvals import (
    COMPANY,
    CONFIGURATOR,
    DISPATCHER,
    MONDAY,
    NAVIGATOR,
    REVIEWER,
    STRANGER,
    WINDOW,
    shanghai,
)
from support.servicers import Client


@pytest.fixture(autouse=True)
def menu(db: Database) -> None:
    with db.begin() as tx:
        load_menu(ServiceStore(tx), now=MONDAY)


def propose(call: Client, project_id: str, *codes: str, who: Any = COMPANY, **more: Any) -> Any:
    return call(
        who, "ProposeServiceAgreement", project_id=project_id, codes=codes, **more
    ).agreement


def sign(call: Client, agreement: Any, who: Any) -> Any:
    return call(who, "SignServiceAgreement", agreement_id=agreement.agreement_id).agreement


def agreed(call: Client, project_id: str, *codes: str, **more: Any) -> Any:
    made = propose(call, project_id, *codes, **more)
    sign(call, made, COMPANY)
    return sign(call, made, NAVIGATOR)


def test_the_menu_is_loaded_once_and_is_the_regions_from_then_on(db: Database) -> None:
    with db.begin() as tx:
        assert load_menu(ServiceStore(tx), now=MONDAY) is False


def test_two_signatures_make_an_agreement_with_a_number_a_day_and_a_file(
    call: Client, project_id: str
) -> None:
    made = propose(call, project_id, "ON-SITE", "AGENT-ALL", wishes="请先看现场")
    early = call.refused(COMPANY, "DownloadServiceAgreement", agreement_id=made.agreement_id)
    half = sign(call, made, NAVIGATOR)
    again = call.refused(NAVIGATOR, "SignServiceAgreement", agreement_id=made.agreement_id)
    whole = sign(call, made, COMPANY)

    assert early.reason == "AGREEMENT_NOT_SIGNED"
    assert (half.status, half.number) == ("proposed", "")
    assert again.reason == "SIDE_SIGNED_ALREADY"
    assert whole.status == "in_force"
    assert whole.number.startswith("ZJFW-321181-2026-")
    assert {each.offer.code: each.due_on for each in whole.services} == {
        "ON-SITE": "2026-03-05",
        "AGENT-ALL": "",
    }
    file = call(REVIEWER, "DownloadServiceAgreement", agreement_id=made.agreement_id).data
    assert hashlib.sha256(file).hexdigest() == whole.sha256
    document = docx.Document(io.BytesIO(file))
    text = "\n".join(each.text for each in document.paragraphs)
    cells = "\n".join(
        cell.text for table in document.tables for row in table.rows for cell in row.cells
    )
    assert whole.number in text
    assert "请先看现场" in text
    assert "2026-03-05 前" in cells
    menu = call(COMPANY, "GetServiceMenu", project_id=project_id)
    assert sorted(menu.agreed) == ["AGENT-ALL", "ON-SITE"]
    assert len(menu.offers) >= 10


def test_a_change_needs_both_again_and_replaces_what_was(call: Client, project_id: str) -> None:
    first = agreed(call, project_id, "ON-SITE")
    same = call.refused(
        COMPANY, "ProposeServiceAgreement", project_id=project_id, codes=["ON-SITE"]
    )
    second = propose(call, project_id, "ON-SITE", "POLICY")
    sign(call, second, COMPANY)

    def statuses() -> dict[str, str]:
        answer = call(COMPANY, "ListServiceAgreements", project_id=project_id)
        return {each.agreement_id: each.status for each in answer.agreements}

    assert same == ("ALREADY_EXISTS", "AGREED_ALREADY", ["codes"])
    assert statuses()[first.agreement_id] == "in_force"
    newer = sign(call, second, NAVIGATOR)
    assert statuses() == {first.agreement_id: "replaced", second.agreement_id: "in_force"}
    assert int(newer.number[-4:]) == int(first.number[-4:]) + 1


def test_what_was_proposed_before_falls_away_and_a_no_is_on_record(
    call: Client, project_id: str
) -> None:
    first = propose(call, project_id, "POLICY", who=NAVIGATOR)
    second = propose(call, project_id, "PLAN")

    gone = call.refused(COMPANY, "SignServiceAgreement", agreement_id=first.agreement_id)
    declined = call(
        NAVIGATOR, "DeclineServiceAgreement", agreement_id=second.agreement_id, reason="人手不足"
    ).agreement

    assert gone.reason == "AGREEMENT_NOT_OPEN"
    assert (declined.status, declined.reason) == ("declined", "人手不足")


@pytest.mark.parametrize("who", [WINDOW, REVIEWER, DISPATCHER])
def test_only_the_two_sides_agree(call: Client, project_id: str, who: Any) -> None:
    wanted: dict[str, Any] = {"project_id": project_id, "codes": ["POLICY"]}

    assert call.refused(who, "ProposeServiceAgreement", **wanted).code == "PERMISSION_DENIED"
    assert call.refused(STRANGER, "ProposeServiceAgreement", **wanted).reason == "OUT_OF_SCOPE"
    unknown = call.refused(COMPANY, "ProposeServiceAgreement", **{**wanted, "codes": ["LOAN"]})
    assert unknown == ("INVALID_ARGUMENT", "SERVICE_NOT_OFFERED", ["codes[0]"])


def test_a_district_adds_to_the_menu_and_may_only_be_quicker(
    call: Client, project_id: str, watch: Any
) -> None:
    extra: dict[str, Any] = {
        "region": "321181",
        "code": "DY-SHUTTLE",
        "name": "踏勘用车",
        "content": "安排踏勘车辆",
        "promised_days": 2,
    }
    quicker = {**extra, "code": "ON-SITE", "name": "上门服务", "promised_days": 1}
    call(CONFIGURATOR, "SetServiceOffer", **extra, effective_from="2026-03-04")
    call(CONFIGURATOR, "SetServiceOffer", **quicker, effective_from="2026-03-04")

    def menu() -> dict[str, int]:
        answer = call(COMPANY, "GetServiceMenu", project_id=project_id)
        return {each.code: each.promised_days for each in answer.offers}

    assert "DY-SHUTTLE" not in menu()
    watch.now = shanghai("2026-03-04T09:00:00")
    assert (menu()["DY-SHUTTLE"], menu()["ON-SITE"]) == (2, 1)
    slower = call.refused(CONFIGURATOR, "SetServiceOffer", **{**quicker, "promised_days": 9})
    assert slower == ("INVALID_ARGUMENT", "OFFER_TOO_SLOW", ["promised_days"])
    other = call.refused(DISPATCHER, "SetServiceOffer", **{**extra, "region": "321183"})
    assert other.reason == "REGION_NOT_YOURS"
    call(CONFIGURATOR, "SetServiceOffer", **extra, off=True)
    assert "DY-SHUTTLE" not in menu()


def test_each_move_is_told(
    call: Client, db: Database, project_id: str, new_project: Callable[[], str]
) -> None:
    agreed(call, project_id, "ON-SITE")

    with db.read() as connection:
        rows = connection.execute(
            sa.text(
                "select envelope from outbox where envelope->>'type'"
                " like '%service_agreement_moved.v1'"
                " and envelope->'data'->>'project_id' = :project_id order by position"
            ),
            {"project_id": project_id},
        )
        told = [row.envelope["data"]["status"] for row in rows]
    assert told == ["proposed", "in_force"]
