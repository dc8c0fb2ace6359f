"""Workbooks: the annual list's file read with suspicion, and its template written."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
import xlsxwriter
from openpyxl.utils.exceptions import InvalidFileException

from project_registry.domain.columns import Column, columns, is_known, normal
from project_registry.domain.errors import (
    FileTooLarge,
    HeadingTwice,
    ListEmpty,
    NoHeadings,
    NotXlsx,
    TooManyRows,
)
from project_registry.domain.rows import Row, Sheet

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 5000
_MOST_UNPACKED = 80 * 1024 * 1024
_MOST_PARTS = 500
_MOST_COLUMNS = 200
_MOST_TEXT = 20_000_000
_LONGEST_CELL = 2000
# Lists often have a title and a line with the unit above the headings.
_HEADINGS_WITHIN = 10


def read_sheet(content: bytes) -> Sheet:
    """Read the first sheet: its row of headings and all rows below it that are not empty.

    The size is checked before anything is unpacked. Formulas are read as the values they had
    when the file was saved. A cell becomes text as a person reads it.
    """
    _refuse_bombs(content)
    try:
        workbook = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        rows = list(_rows(workbook))
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        ParseError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        OSError,
        EOFError,
    ) as error:
        raise NotXlsx(
            zh_why="内容已损坏或格式不符", en_why="its content is broken", field="file"
        ) from error
    return _sheet(rows)


def _refuse_bombs(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise FileTooLarge(
            zh_why=f"{len(content)} 字节, 上限 5 MB",
            en_why=f"{len(content)} bytes, the most is 5 MB",
            field="file",
        )
    if not content:
        raise NotXlsx(zh_why="文件为空", en_why="it is empty", field="file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            # The declared size bounds what zipfile hands out, so a lie about it is caught there.
            unpacked = sum(part.file_size for part in parts)
            if unpacked > _MOST_UNPACKED or len(parts) > _MOST_PARTS:
                raise FileTooLarge(
                    zh_why=f"解压后 {unpacked} 字节, {len(parts)} 个部件",
                    en_why=f"it unpacks to {unpacked} bytes in {len(parts)} parts",
                    field="file",
                )
            if "xl/workbook.xml" not in names:
                raise NotXlsx(
                    zh_why="压缩包中没有工作簿", en_why="it holds no workbook", field="file"
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as opened:
                        head = opened.read(1024)
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise NotXlsx(
                            zh_why="含有不允许的实体声明",
                            en_why="it declares entities",
                            field="file",
                        )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise NotXlsx(
            zh_why="不是 .xlsx (旧的 .xls、加密或其他格式请另存为 .xlsx)",
            en_why="save an .xls, an encrypted or another kind of file as .xlsx",
            field="file",
        ) from error


def _rows(workbook: Any) -> Iterator[Row]:
    """Yield the rows that say something, with a bound on rows, columns and text."""
    if not workbook.worksheets:
        return
    sheet = workbook.worksheets[0]
    # What the file says of its own extent may be wrong.
    sheet.reset_dimensions()
    found, characters, last = 0, 0, 0
    for number, cells in enumerate(
        sheet.iter_rows(max_col=_MOST_COLUMNS, values_only=True), start=1
    ):
        texts = tuple(show(cell) for cell in cells)
        if number - last > MOST_ROWS + _HEADINGS_WITHIN:
            return
        if not any(texts):
            continue
        last = number
        found += 1
        characters += sum(map(len, texts))
        if found > MOST_ROWS + _HEADINGS_WITHIN:
            raise TooManyRows(most=MOST_ROWS, field="file")
        if characters > _MOST_TEXT:
            raise FileTooLarge(zh_why="文字过多", en_why="it holds too much text", field="file")
        yield Row(number, texts)


def show(cell: object) -> str:
    """Return a cell as text: days as YYYY-MM-DD, numbers with the fifteen digits a cell keeps."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, datetime):
        midnight = cell.time() == time(0)
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < 1e15
        return str(int(cell)) if whole else format(cell, ".15g")
    return str(cell).strip()[:_LONGEST_CELL]


def _sheet(rows: list[Row]) -> Sheet:
    place = _headings_at(rows)
    headings = _trimmed(rows[place].cells)
    twice = next((each for each in headings if each and headings.count(each) > 1), None)
    if twice is not None:
        raise HeadingTwice(heading=twice, field="file")
    below = rows[place + 1 :]
    if not below:
        raise ListEmpty(field="file")
    if len(below) > MOST_ROWS:
        raise TooManyRows(most=MOST_ROWS, field="file")
    # Columns without a heading say nothing.
    kept = [index for index, heading in enumerate(headings) if heading]
    said = tuple(
        Row(row.number, tuple(row.cells[index] if index < len(row.cells) else "" for index in kept))
        for row in below
    )
    filled = tuple(row for row in said if any(row.cells))
    if not filled:
        raise ListEmpty(field="file")
    return Sheet(tuple(headings[index] for index in kept), filled)


def _headings_at(rows: list[Row]) -> int:
    """Return the row with most headings that we know; two of them make a row of headings."""
    best, known = -1, 1
    for place, row in enumerate(rows[:_HEADINGS_WITHIN]):
        hits = len({cell for cell in row.cells if is_known(cell)})
        if hits > known:
            best, known = place, hits
    if best < 0:
        raise NoHeadings(looked=_HEADINGS_WITHIN, field="file")
    return best


def _trimmed(cells: tuple[str, ...]) -> list[str]:
    return [normal(cell)[:200] for cell in cells]


# --- the template ------------------------------------------------------------------------------

_NOTES = (
    "年度重大项目清单导入说明",
    "1. 在“清单”表中填写, 一行一个项目; 橙色表头为必填。示例行请删除或覆盖。",
    "2. 列的顺序可以改变, 别处清单的列名不同时, 可在上传后对应到本模板的列。",
    "3. 日期填 YYYY-MM-DD 或 Excel 日期; 金额以万元计, 最多两位小数。",
    "4. 行政区划、管理载体填区划代码或全称; 管理载体空则同行政区划。",
    "5. 识别: 有项目代码的按代码; 没有的按年度、级别、名称。空单元格不改变已入库的值。",
    "6. 先预览, 后提交; 有一处错误则整份不提交。同一份清单提交两次不产生变化。",
    "7. 一份清单一个年度, 最多 5,000 行、5 MB。",
)


def write_template() -> bytes:
    """Return the workbook to fill in: headings, an example, choices to pick from, and notes."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet, notes = book.add_worksheet("清单"), book.add_worksheet("填写说明")
        look = {
            "bold": True,
            "border": 1,
            "text_wrap": True,
            "align": "center",
            "valign": "vcenter",
        }
        required = book.add_format({**look, "bg_color": "#F8CBAD"})
        optional = book.add_format({**look, "bg_color": "#DDEBF7"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        amount = book.add_format({"num_format": "0.00"})
        text = book.add_format({"num_format": "@"})
        for place, column in enumerate(columns()):
            sheet.write_string(0, place, column.heading, required if column.required else optional)
            sheet.set_column(
                place, place, max(12, 2 * len(column.heading)), _format(column, day, amount, text)
            )
            _example(sheet, place, column)
            if column.choices:
                sheet.data_validation(
                    1,
                    place,
                    MOST_ROWS,
                    place,
                    {
                        "validate": "list",
                        "source": list(column.choices),
                        "error_title": "取值不对",
                        "error_message": "请从下拉列表中选择",
                    },
                )
        sheet.set_row(0, 34)
        sheet.freeze_panes(1, 4)
        heading = book.add_format({"bold": True})
        for line, said in enumerate(_NOTES):
            notes.write_string(line, 0, said, heading if line == 0 else None)
        top = len(_NOTES) + 1
        for place, title in enumerate(("列", "必填", "规则")):
            notes.write_string(top, place, title, heading)
        for line, column in enumerate(columns(), start=top + 1):
            notes.write_string(line, 0, column.heading)
            notes.write_string(line, 1, "是" if column.required else "否")
            notes.write_string(line, 2, column.rule)
        notes.set_column(0, 0, 34)
        notes.set_column(2, 2, 60)
    return buffer.getvalue()


def _format(column: Column, day: Any, amount: Any, text: Any) -> Any:
    if column.field in ("sign_date", "planned_start", "planned_completion"):
        return day
    if column.field.endswith("_wan"):
        return amount
    return text if column.field in ("code", "uscc", "admin_region", "managing_region") else None


def _example(sheet: Any, place: int, column: Column) -> None:
    if not column.example:
        return
    if column.field.endswith("_wan") or column.field == "year":
        sheet.write_number(1, place, float(column.example))
    elif column.field in ("sign_date", "planned_start", "planned_completion"):
        sheet.write_datetime(1, place, datetime.fromisoformat(column.example))
    else:
        sheet.write_string(1, place, column.example)
