"""What was invested, month by month: held against the plan, put right with a reason, never lost."""

from __future__ import annotations

from typing import Any

import pytest

from support.registry import (
    CITY,
    COMPANY,
    DANYANG,
    JURONG,
    NAVIGATOR,
    OTHER_COMPANY,
    Client,
    described,
)


@pytest.fixture
def project_id(call: Client) -> str:
    details = described(annual_plan_wan="1200")
    return str(call(CITY, "RegisterProject", details=details).project.project_id)


def report(call: Client, project_id: str, who: Any = DANYANG, **more: Any) -> Any:
    told = {"year": 2026, "month": 9, "completed_wan": "500.5", **more}
    return call(who, "ReportInvestment", project_id=project_id, **told).report


def facts(call: Client) -> list[dict[str, Any]]:
    return [data for kind, data in call.facts() if kind == "investment_reported.v1"]


def test_a_report_is_told_with_the_plan_it_is_held_against(call: Client, project_id: str) -> None:
    made = report(call, project_id, visual_progress="桩基施工")

    assert (made.version, made.planned_wan, made.told[0].completed_wan) == (1, "1200.00", "500.50")
    (told,) = facts(call)
    assert (told["year"], told["month"], told["version"]) == (2026, 9, 1)
    assert (told["completed_wan"], told["planned_wan"]) == ("500.50", "1200.00")
    assert told["visual_progress"] == "桩基施工"


def test_a_report_is_put_right_with_a_reason_and_the_wrong_one_stays(
    call: Client, project_id: str
) -> None:
    report(call, project_id)
    again: dict[str, Any] = {"year": 2026, "month": 9, "completed_wan": "600"}
    refused = call.refused(DANYANG, "ReportInvestment", project_id=project_id, **again)
    report(call, project_id, completed_wan="600", reason="漏报一笔设备款")
    (listed,) = call(COMPANY, "ListInvestment", project_id=project_id).reports

    assert (refused.reason, refused.fields) == ("FIELD_INVALID", ["reason"])
    assert [each.completed_wan for each in listed.told] == ["500.50", "600.00"]
    assert [each["version"] for each in facts(call)] == [1, 2]


@pytest.mark.parametrize(
    ("told", "fields"),
    [
        pytest.param({"month": 12}, ["month"], id="a month that has not begun"),
        pytest.param({"year": 2027, "month": 1}, ["month"], id="a year that has not begun"),
        pytest.param(
            {"month": 10, "completed_wan": "499"}, ["completed_wan"], id="a sum that falls"
        ),
    ],
)
def test_what_cannot_be_is_refused(
    call: Client, project_id: str, told: dict[str, Any], fields: list[str]
) -> None:
    report(call, project_id)
    whole = {"year": 2026, "month": 9, "completed_wan": "1", "project_id": project_id, **told}

    assert call.refused(DANYANG, "ReportInvestment", **whole).fields == fields


def test_a_project_without_a_plan_has_nothing_to_report_against(call: Client) -> None:
    made = call(CITY, "RegisterProject", details=described()).project.project_id
    told: dict[str, Any] = {
        "year": 2026,
        "month": 9,
        "completed_wan": "1",
        "project_id": made,
    }

    assert call.refused(DANYANG, "ReportInvestment", **told).reason == "NO_ANNUAL_PLAN"


def test_who_is_elsewhere_neither_reports_nor_reads(call: Client, project_id: str) -> None:
    told: dict[str, Any] = {
        "year": 2026,
        "month": 9,
        "completed_wan": "1",
        "project_id": project_id,
    }

    assert call.refused(JURONG, "ReportInvestment", **told).reason == "OUT_OF_SCOPE"
    assert call.refused(NAVIGATOR, "ReportInvestment", **told).reason == "OUT_OF_SCOPE"
    elsewhere = call.refused(OTHER_COMPANY, "ListInvestment", project_id=project_id)
    assert elsewhere.reason == "OUT_OF_SCOPE"
