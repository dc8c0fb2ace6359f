"""The month's report as .xlsx: a sheet per part, with cut-off and versions at the foot of each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter


def month_workbook(report: dict[str, Any], *, mark: str, digest: str) -> bytes:
    """Fill the workbook from the JSON of a Report. `mark` says who exported it and when."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    pen = _Pen(book, _foot(report, digest), mark)
    title = f"{report.get('region_name', '')} {report.get('period', '')} 月报"
    indicator = ["编号", "指标", "值", "单位", "分子", "分母", "口径"]
    keys = ["id", "name", "value", "unit", "numerator", "denominator", "definition"]
    pen.sheet("总体情况", title, indicator, _rows(report, "overview", keys))
    pen.sheet("六环节分布", title, ["环节", "项目数"], _rows(report, "by_stage", ["key", "count"]))
    pen.sheet(
        "本月流转",
        title,
        ["从", "到", "项目数"],
        _rows(report, "moves", ["from_stage", "to_stage", "count"]),
    )
    pen.sheet("时限与红黄牌", title, indicator, _rows(report, "limits", keys))
    pen.sheet(
        "部门",
        title,
        ["部门", "办结", "按时", "法定超期", "视为受理", "黄牌", "红牌"],
        _rows(
            report,
            "departments",
            [
                *("org_name", "decided", "on_time", "statutory_overdue"),
                *("deemed_accepted", "cards_yellow", "cards_red"),
            ],
        ),
    )
    pen.sheet("帮办服务", title, indicator, _rows(report, "service", keys))
    pen.sheet(
        "难点问题",
        title,
        ["日期", "项目", "问题"],
        _rows(report, "problems", ["on", "project_name", "text"]),
    )
    project = ["项目", "级别", "环节", "状态", "四库", "计划开工", "实际开工"]
    fields = ["name", "level", "stage", "status", "pool", "planned_start", "actual_start"]
    pen.sheet("下月计划开工", title, project, _rows(report, "starting_next", fields))
    pen.sheet("项目进度表", title, project, _rows(report, "projects", fields))
    pen.sheet(
        "工单清单",
        title,
        ["编号", "项目", "牵头单位", "牌色", "状态", "派发日期"],
        _rows(
            report,
            "orders",
            ["number", "project_name", "lead_org_name", "colour", "status", "issued_on"],
        ),
    )
    book.close()
    return out.getvalue()


def _rows(report: dict[str, Any], part: str, keys: Sequence[str]) -> list[list[Any]]:
    return [[_cell(key, row.get(key, "")) for key in keys] for row in report.get(part, [])]


def _cell(key: str, value: Any) -> Any:
    """A number stays one; a value without a denominator is a dash."""
    if key != "value":
        return value
    return float(value) if value else "—"


def _foot(report: dict[str, Any], digest: str) -> str:
    frozen = f"已发布, 数字摘要 {digest}" if digest else "未发布, 数字随数据变化"
    return (
        f"数据截止 {report.get('as_of', '')} · 口径版本 {report.get('definition_version', '')} · "
        f"日历版本 {report.get('calendar_version', '') or '—'} · {frozen}"
    )


class _Pen:
    """Writes sheets that look alike."""

    def __init__(self, book: Any, foot: str, mark: str) -> None:
        self._book, self._foot, self._mark = book, foot, mark
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._head = book.add_format({"bold": True, "bg_color": "#D9E2F3", "border": 1})
        self._cell = book.add_format({"border": 1, "text_wrap": True, "valign": "top"})
        self._grey = book.add_format({"font_color": "#808080", "font_size": 9})

    def sheet(
        self, name: str, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        page = self._book.add_worksheet(name)
        page.write_string(0, 0, f"{title} · {name}", self._title)
        for column, head in enumerate(heads):
            page.write_string(2, column, head, self._head)
            longest = max([len(head), *(len(str(row[column])) for row in rows)], default=8)
            page.set_column(column, column, min(60, 2 + 1.7 * longest))
        for line, row in enumerate(rows, start=3):
            for column, value in enumerate(row):
                if isinstance(value, int | float):
                    page.write_number(line, column, value, self._cell)
                else:
                    # As text always: a cell that begins with `=` is no formula of ours.
                    page.write_string(line, column, str(value), self._cell)
        page.freeze_panes(3, 0)
        page.write_string(len(rows) + 4, 0, self._foot, self._grey)
        page.write_string(len(rows) + 5, 0, self._mark, self._grey)
        page.set_footer("&C第 &P 页, 共 &N 页")
        page.set_paper(9)
        page.fit_to_pages(1, 0)
