"""A project's items 一单清 as a workbook to hand on."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date

import xlsxwriter
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.domain.life import STATUSES

_STATES = {"not_started": "未申报", "in_progress": "办理中", "done": "已办结"}
_UNITS = {pb.DAY_UNIT_WORKING: "个工作日", pb.DAY_UNIT_CALENDAR: "日"}
_COLUMNS = (
    *(("环节", 12), ("事项编号", 10), ("事项", 34), ("状态", 10), ("实施机关", 24)),
    *(("承办科室", 16), ("负责人", 12), ("电话", 16), ("法定时限", 12), ("承诺时限", 12)),
    *(("法定到期", 12), ("承诺到期", 12), ("办结日期", 12), ("尚未办结的前置事项", 24)),
)


def write_items(
    project: str, items: Sequence[pb.ProjectItem], stages: Mapping[str, str], day: date
) -> bytes:
    """Return the .xlsx: a line for each item that the project needs, as of a day."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("一单清")
        head = book.add_format({"bold": True, "bg_color": "#DDE6F0", "text_wrap": True})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        sheet.write(0, 0, f"{project} 申报事项一单清 (截至 {day})", book.add_format({"bold": True}))
        for column, (name, width) in enumerate(_COLUMNS):
            sheet.set_column(column, column, width, wrap)
            sheet.write(1, column, name, head)
        for row, item in enumerate(items, start=2):
            sheet.write_row(row, 0, _cells(item, stages))
        sheet.freeze_panes(2, 3)
        sheet.autofilter(1, 0, 1 + len(items), len(_COLUMNS) - 1)
    return out.getvalue()


def _cells(item: pb.ProjectItem, stages: Mapping[str, str]) -> tuple[str, ...]:
    return (
        stages.get(item.stage, item.stage),
        item.item_code,
        item.item_name,
        STATUSES.get(item.case_status) or _STATES[item.state],
        item.org_name,
        item.section,
        item.head,
        item.phone,
        _limit(item.statutory),
        _limit(item.committed),
        item.statutory_due,
        item.committed_due,
        item.done_on,
        "、".join(item.open_prerequisites),
    )


def _limit(limit: pb.Limit) -> str:
    if not limit.days:
        return ""
    return f"{limit.days} {_UNITS.get(limit.unit, '')}".strip()
