"""Catalogues as workbooks: a sheet per list, a row per entry, so that departments can edit them.

A heading `a.b` is the field b of the mapping a; `[]` a list with a line for each entry; `*` a list of
mappings that has a sheet of its own; `#` is JSON; `?` may be missing. An empty cell is nothing.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
import xlsxwriter

from approval_tracking.catalogue_files import CatalogueFile, Place, unreadable
from approval_tracking.domain.catalogue_shape import entry_key

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What is neither a list of mappings nor of texts stands in this sheet as JSON.
_REST, _PARENT, _ONLY = "other", "of", "value"
_MOST_UNPACKED, _MOST_PARTS, _MOST_ROWS, _MOST_COLUMNS = 30_000_000, 100, 5_000, 100
_WIDEST = 60
_HEADING = re.compile(r"(.+?)(\[\]|\*|#)?(\?)?")
_NOTHING = object()


# --- writing --------------------------------------------------------------------------------------


def write_xlsx(content: Mapping[str, Any], themes: Any) -> bytes:
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        head = book.add_format({"bold": True, "bg_color": "#DDE6F0"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        rest = []
        for name, value in {**content, "themes": themes}.items():
            if _is_entries(value):
                _write_entries(book, name, [("", each) for each in value], head, wrap)
            elif _is_texts(value):
                _write_rows(book, name, [_ONLY], [[each] for each in value], head, wrap)
            else:
                rest.append([name, json.dumps(value, ensure_ascii=False)])
        _write_rows(book, _REST, ["name", "json"], rest, head, wrap)
    return out.getvalue()


def _write_entries(
    book: Any, sheet: str, entries: Sequence[tuple[str, Any]], head: Any, wrap: Any
) -> None:
    flat = [_flat(each) for _, each in entries]
    names = list(dict.fromkeys(name for each in flat for name in each))
    headings, columns = [], []
    for name in names:
        values = [each.get(name, _NOTHING) for each in flat]
        told = [value for value in values if value is not _NOTHING and value is not None]
        mark = ""
        if told and all(isinstance(value, list) for value in told):
            mark = "[]" if all(_is_texts(value) for value in told) else "#"
            if all(value == [] or _is_entries(value) for value in told) and mark == "#":
                mark = "*"
        outer = name.rpartition(".")[0]
        missing = any(
            value is _NOTHING and not (outer and each.get(outer, 0) is None)
            for value, each in zip(values, flat, strict=True)
        )
        if name in {other.rpartition(".")[0] for other in names}:
            continue
        headings.append(f"{name}{mark}{'?' if missing else ''}")
        if mark == "#":
            values = [
                value if value is _NOTHING else json.dumps(value, ensure_ascii=False)
                for value in values
            ]
        columns.append(values if mark != "*" else [_NOTHING] * len(values))
        if mark == "*":
            inner = [
                (entry_key(entry, place), each)
                for place, ((_, entry), value) in enumerate(zip(entries, values, strict=True))
                if isinstance(value, list)
                for each in value
            ]
            _write_entries(book, f"{sheet}.{name}", inner, head, wrap)
    rows = [list(row) for row in zip(*columns, strict=True)]
    if any(parent for parent, _ in entries):
        headings = [_PARENT, *headings]
        rows = [[parent, *row] for (parent, _), row in zip(entries, rows, strict=True)]
    _write_rows(book, sheet, headings, rows, head, wrap)


def _write_rows(
    book: Any, name: str, headings: list[str], rows: list[list[Any]], head: Any, wrap: Any
) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 1)
    for column, heading in enumerate(headings):
        sheet.write_string(0, column, heading, head)
        sheet.set_column(column, column, min(max(len(heading), 12), _WIDEST))
        for line, row in enumerate(rows, start=1):
            value = row[column]
            if isinstance(value, bool):
                sheet.write_boolean(line, column, value, wrap)
            elif isinstance(value, int | float):
                sheet.write_number(line, column, value, wrap)
            elif isinstance(value, list):
                sheet.write_string(line, column, "\n".join(value), wrap)
            elif isinstance(value, str):
                sheet.write_string(line, column, value, wrap)


def _flat(entry: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in entry.items():
        if isinstance(value, dict):
            told |= _flat(value, f"{before}{name}.")
        else:
            told[before + name] = value
    return told


def _is_entries(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# --- reading --------------------------------------------------------------------------------------


def read_xlsx(data: bytes) -> CatalogueFile:
    """Read a workbook as `write_xlsx` writes it; formulas as the values they had."""
    sheets = _sheets(data)
    places: dict[str, Place] = {}
    content: dict[str, Any] = {}
    for name, rows in sheets.items():
        if name == _REST:
            for line, row in enumerate(rows[1:], start=2):
                content[str(row[0])] = _json(name, line, row[1] if len(row) > 1 else None)
        elif rows and rows[0][:1] == (_ONLY,):
            content[name] = [row[0] for row in rows[1:] if row[0] is not None]
        elif "." not in name:
            content[name] = [each for _, each in _entries(sheets, name, name, places)]
    themes = content.pop("themes", None)
    return CatalogueFile(content, themes, places)


def _entries(
    sheets: Mapping[str, list[tuple[Any, ...]]], name: str, path: str, places: dict[str, Place]
) -> list[tuple[Any, dict[str, Any]]]:
    """Return each row as an entry, with the key of the entry it belongs to."""
    rows = sheets.get(name)
    if not rows:
        return []
    headings = [_HEADING.fullmatch(str(each or "")) for each in rows[0]]
    inner = {
        match[1]: _entries(sheets, f"{name}.{match[1]}", "", places)
        for match in headings
        if match and match[2] == "*"
    }
    found = []
    for line, row in enumerate(rows[1:], start=2):
        if all(value is None for value in row):
            continue
        entry: dict[str, Any] = {}
        parent = None
        for match, value in zip(headings, row, strict=False):
            if match is None:
                if value is not None:
                    raise unreadable(
                        f"工作表 {name} 第 {line} 行: 有值的列没有标题",
                        f"sheet {name}, row {line}: a value stands under no heading",
                    )
                continue
            field, mark, optional = match.groups()
            if field == _PARENT:
                parent = value
            elif mark == "*" or (value is None and optional):
                continue
            elif mark == "#":
                entry[field] = _json(name, line, value)
            elif mark == "[]":
                entry[field] = [each for each in str(value or "").split("\n") if each]
            else:
                entry[field] = value
        key = entry_key(entry, line - 2)
        for match in headings:
            if match and match[2] == "*":
                own = [each for of, each in inner[match[1]] if of == key]
                if own or not match[3]:
                    entry[match[1]] = own
        if path:
            places[f"{path}[{key}]"] = Place(
                f"工作表 {name} 第 {line} 行", f"sheet {name}, row {line}"
            )
        found.append((parent, _nested(entry)))
    return found


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Put `a.b` back into a mapping; a mapping of nothing is nothing."""
    told: dict[str, Any] = {}
    for name, value in flat.items():
        outer, _, inner = name.partition(".")
        if inner:
            told.setdefault(outer, {})[inner] = value
        else:
            told[name] = value
    for name, value in told.items():
        if isinstance(value, dict):
            told[name] = None if all(each is None for each in value.values()) else _nested(value)
    return told


def _sheets(data: bytes) -> dict[str, list[tuple[Any, ...]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_UNPACKED:
                raise unreadable("工作簿过大", "the workbook is too large")
        book = openpyxl.load_workbook(
            io.BytesIO(data), read_only=True, data_only=True, keep_links=False
        )
        return {sheet.title: list(_rows(sheet)) for sheet in book.worksheets}
    except (
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
        raise unreadable("文件不是 .xlsx 工作簿", "the file is no .xlsx workbook") from error


def _rows(sheet: Any) -> Iterable[tuple[Any, ...]]:
    for line, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if line > _MOST_ROWS or len(row) > _MOST_COLUMNS:
            raise unreadable("工作簿过大", "the workbook is too large")
        for value in row:
            if not (value is None or isinstance(value, str | int | float)) or "\0" in str(value):
                raise unreadable(
                    f"工作表 {sheet.title} 第 {line} 行: {value} 既非文字也非数字",
                    f"sheet {sheet.title}, row {line}: {value} is neither a text nor a number",
                )
        yield tuple(value if value != "" else None for value in row)


def _json(sheet: str, line: int, text: Any) -> Any:
    try:
        return json.loads(str(text))
    except ValueError as error:
        raise unreadable(
            f"工作表 {sheet} 第 {line} 行: 不是 JSON", f"sheet {sheet}, row {line}: no JSON"
        ) from error
