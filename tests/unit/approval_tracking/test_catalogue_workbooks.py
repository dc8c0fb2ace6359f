"""Catalogues as workbooks: read as written, edited by hand, each fault with its sheet and row."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest

from approval_tracking.catalogue_workbooks import read_xlsx, write_xlsx
from approval_tracking.domain.catalogue_checks import check
from approval_tracking.domain.catalogue_versions import differences
from approval_tracking.domain.errors import CatalogueUnreadable
from support.approval_data import seed

THEMES = seed("themes.yaml")["themes"]
WRITTEN = write_xlsx(seed("catalog.yaml"), THEMES)


def edited(edit: Callable[[Any], None]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(WRITTEN))
    edit(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cell(book: Any, code: str, heading: str) -> Any:
    sheet = book["items"]
    column = next(each.column for each in sheet[1] if each.value == heading)
    row = next(each[0].row for each in sheet.iter_rows() if each[0].value == code)
    return sheet.cell(row, column)


def put(book: Any, code: str, heading: str, value: object) -> None:
    cell(book, code, heading).value = value


def test_what_is_written_is_read_again() -> None:
    read = read_xlsx(WRITTEN)

    assert (read.content, read.themes) == (seed("catalog.yaml"), THEMES)


def test_a_cell_changed_by_hand_changes_that_field_alone() -> None:
    read = read_xlsx(edited(lambda book: put(book, "S2-06", "committed_limit_days", 4)))

    assert [
        (each.path, each.before, each.after)
        for each in differences(seed("catalog.yaml"), read.content)
    ] == [("items[S2-06].committed_limit_days", "5", "4")]


def test_a_fault_has_its_sheet_and_row() -> None:
    def spoil(book: Any) -> None:
        put(book, "S2-06", "applicability.expr", "anual_energy_tce > 1.0")

    read = read_xlsx(edited(spoil))
    row = cell(openpyxl.load_workbook(io.BytesIO(WRITTEN)), "S2-06", "code").row
    [fault] = [read.placed(each) for each in check(read.content, read.themes)]

    assert fault.path == "items[S2-06].applicability.expr"
    assert fault.en.startswith(f"sheet items, row {row}: the rule is wrong: column 1")
    assert fault.zh.startswith(f"工作表 items 第 {row} 行: ")


def test_an_empty_cell_is_a_missing_value() -> None:
    read = read_xlsx(edited(lambda book: put(book, "S2-06", "name", None)))

    [fault] = check(read.content, read.themes)
    assert (fault.path, fault.en) == ("items[S2-06].name", "must be a text")


def test_a_text_that_looks_like_a_formula_stays_a_text() -> None:
    content = {**seed("catalog.yaml"), "department_note": "x", "departments": ["=1+1"]}

    assert read_xlsx(write_xlsx(content, THEMES)).content["departments"] == ["=1+1"]


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * 40_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"PK not a zip", "no .xlsx workbook"),
        (_bomb(), "too large"),
        (edited(lambda book: put(book, "S2-06", "name", date(2026, 1, 1))), "neither a text nor"),
        (edited(lambda book: book["other"].cell(2, 2, "{")), "sheet other, row 2: no JSON"),
        (
            edited(lambda book: book["items"].cell(5, 60, "x")),
            "sheet items, row 5: a value stands under no heading",
        ),
    ],
)
def test_what_is_no_catalogue_workbook_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(CatalogueUnreadable) as caught:
        read_xlsx(data)

    assert told in caught.value.message_en
    assert caught.value.violations[0].field == "file"


def test_a_workbook_without_items_is_a_catalogue_with_faults() -> None:
    book = openpyxl.Workbook()
    out = io.BytesIO()
    book.save(out)
    read = read_xlsx(out.getvalue())

    assert check(read.content, read.themes)
