"""Projects as people describe them, for the tests of the registry."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import xlsxwriter

from project_registry.domain.details import Details
from project_registry.domain.projects import Project

TODAY = date(2026, 11, 23)


def details(**changed: Any) -> Details:
    said = Details(
        name="示例智能装备项目",
        year=2026,
        level="市级",
        category="实施",
        enterprise_name="示例装备(丹阳)有限公司",
        admin_region="321181",
        managing_region="321181113",
        total_investment_wan=Decimal("80000"),
        sign_date=date(2026, 2, 2),
        planned_start=date(2026, 9, 30),
        planned_completion=date(2027, 12, 31),
    )
    return replace(said, **changed).settled()


def project(project_id: int = 1, **changed: Any) -> Project:
    return Project(UUID(int=project_id), details(**changed), "dispatch6", version=1)


# A good row of a list, by our headings.
ROW: Mapping[str, Any] = {
    "年度": 2026,
    "级别": "市级",
    "类别": "实施",
    "项目名称": "示例智能装备项目",
    "项目代码": "2603-321181-89-01-123456",
    "建设单位": "示例装备(丹阳)有限公司",
    "统一社会信用代码": "91321181000000027K",
    "行政区划": "丹阳市",
    "管理载体": "丹北镇",
    "总投资(万元)": 80000,
    "签约日期": "2026-02-02",
    "计划开工": "2026-09-30",
    "计划竣工": "2027-12-31",
}


def row(**changed: Any) -> dict[str, Any]:
    return {**ROW, **changed}


def workbook(rows: Sequence[Mapping[str, Any]], *, above: Iterable[str] = ()) -> bytes:
    """Return an .xlsx with every heading that a row has and, above them, some lines of text."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet, day = book.add_worksheet("清单"), book.add_format({"num_format": "yyyy-mm-dd"})
        top = 0
        for text in above:
            sheet.write_string(top, 0, text)
            top += 1
        headings = list(dict.fromkeys(heading for each in rows for heading in each))
        for place, heading in enumerate(headings):
            sheet.write_string(top, place, heading)
        for line, each in enumerate(rows, start=top + 1):
            for place, heading in enumerate(headings):
                value = each.get(heading)
                if isinstance(value, date):
                    sheet.write_datetime(line, place, value, day)
                elif value is not None:
                    sheet.write(line, place, value)
    return buffer.getvalue()
