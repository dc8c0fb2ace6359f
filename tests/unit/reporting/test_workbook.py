"""The workbook as its reader opens it."""

from __future__ import annotations

import io
from typing import Any

from openpyxl import load_workbook

from reporting.documents import month_workbook

REPORT: dict[str, Any] = {
    "region_name": "丹阳市",
    "period": "2026-11",
    "as_of": "2026-11-24T02:00:00Z",
    "definition_version": "2026-11-23",
    "calendar_version": "2026-11",
    "overview": [
        {"id": "I01", "name": "在库项目数", "value": "12", "unit": "个"},
        {"id": "I03", "name": "开工率", "value": "", "unit": "%"},
    ],
    "problems": [{"on": "2026-11-03", "project_name": "示例项目", "text": '=HYPERLINK("x")'}],
}


def opened(digest: str = "") -> Any:
    return load_workbook(io.BytesIO(month_workbook(REPORT, mark="导出人 示例", digest=digest)))


def cells(sheet: Any) -> list[Any]:
    return [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]


def test_a_number_is_a_number_and_no_value_is_a_dash() -> None:
    sheet = opened()["总体情况"]

    assert (sheet["C4"].value, sheet["C5"].value) == (12, "—")


def test_what_people_wrote_never_becomes_a_formula() -> None:
    cell = opened()["难点问题"]["C4"]

    assert (cell.value, cell.data_type) == ('=HYPERLINK("x")', "s")


def test_every_sheet_says_its_cut_off_its_versions_and_who_took_it() -> None:
    for sheet in opened("ab12"):
        said = cells(sheet)
        assert any("2026-11-24T02:00:00Z" in str(text) and "ab12" in str(text) for text in said)
        assert "导出人 示例" in said


def test_a_part_without_rows_has_its_sheet_and_its_heads() -> None:
    sheet = opened()["工单清单"]

    assert sheet["A3"].value == "编号"
    assert sheet["A4"].value is None
