"""The directory of agencies: shown whole, in a drawn order, kept by the configurator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chassis.uscc import check_digit
from support.approvals import COMPANY, CONFIGURATOR, REVIEWER
from support.servicers import Client


def uscc(number: int) -> str:
    first = f"913211008{number:08d}"
    return first + check_digit(first)


@pytest.fixture
def agencies(call: Client) -> Iterator[list[str]]:
    """Seven agencies, and nobody else."""
    codes = [uscc(number) for number in range(7)]
    for number, code in enumerate(codes):
        services = ["测绘", "工程设计"] if number % 2 else ["测绘"]
        put(call, code, f"示例测试机构{number}号", services)
    yield codes
    for code in codes:
        if code in [each.uscc for each in listed(call)]:
            call(CONFIGURATOR, "RemoveIntermediary", uscc=code, reason="测试结束")


def put(call: Client, code: str, name: str, services: list[str]) -> Any:
    return call(CONFIGURATOR, "SetIntermediary", uscc=code, name=name, services=services)


def listed(call: Client, **more: Any) -> list[Any]:
    return list(call(COMPANY, "ListIntermediaries", **more).intermediaries)


def test_pages_of_one_draw_show_everybody_once(call: Client, agencies: list[str]) -> None:
    first = call(COMPANY, "ListIntermediaries", page_size=3)
    seen, token = [each.uscc for each in first.intermediaries], first.next_page_token
    while token:
        page = call(COMPANY, "ListIntermediaries", page_size=3, page_token=token)
        assert page.seed == first.seed
        seen += [each.uscc for each in page.intermediaries]
        token = page.next_page_token

    assert sorted(seen) == sorted(agencies)
    assert [each.uscc for each in listed(call, seed=first.seed)] == seen
    assert first.total_size == 7
    assert "不作推荐" in first.note


def test_each_list_is_drawn_anew(call: Client, agencies: list[str]) -> None:
    orders = {tuple(each.uscc for each in listed(call)) for _ in range(10)}

    assert len(orders) > 5


def test_a_service_leaves_all_that_offer_it(call: Client, agencies: list[str]) -> None:
    found = {each.uscc for each in listed(call, service="工程设计")}

    assert found == {agencies[1], agencies[3], agencies[5]}


def test_an_agency_that_was_removed_is_not_shown_and_not_removed_twice(
    call: Client, agencies: list[str]
) -> None:
    one = {"uscc": agencies[0], "reason": "注销"}
    call(CONFIGURATOR, "RemoveIntermediary", **one)

    assert agencies[0] not in {each.uscc for each in listed(call)}
    refusal = call.refused(CONFIGURATOR, "RemoveIntermediary", **one)
    assert refusal == ("NOT_FOUND", "INTERMEDIARY_UNKNOWN", ["uscc"])


def test_only_a_real_code_and_a_known_service_get_in(call: Client) -> None:
    right: dict[str, Any] = {"uscc": uscc(99), "name": "示例机构", "services": ["测绘"]}
    wrong_code = {**right, "uscc": uscc(99)[:-1] + ("0" if uscc(99)[-1] != "0" else "1")}

    assert call.refused(CONFIGURATOR, "SetIntermediary", **wrong_code).fields == ["uscc"]
    refusal = call.refused(CONFIGURATOR, "SetIntermediary", **{**right, "services": ["包过"]})
    assert refusal == ("INVALID_ARGUMENT", "SERVICE_UNKNOWN", ["services[0]"])
    assert call.refused(COMPANY, "SetIntermediary", **right).code == "PERMISSION_DENIED"


def test_a_department_may_not_name_an_agency_to_an_applicant(
    call: Client, case: Any, agencies: list[str]
) -> None:
    entries = ["节能报告深度不足", "请由示例测试机构3号重新编制节能报告"]

    refusal = call.refused(REVIEWER, "RequestSupplement", case_id=case.case_id, entries=entries)

    assert refusal == ("FAILED_PRECONDITION", "INTERMEDIARY_NAMED", ["entries[1]"])
    assert call(REVIEWER, "GetCase", case_id=case.case_id).case.status == "received"
